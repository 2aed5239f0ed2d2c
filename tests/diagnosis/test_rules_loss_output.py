"""Areas loss and output: the faulty program gives the code, and the mended one is clear."""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from tests.oracles import diagnosis_tables as made
from torch import Tensor, nn
from torch.nn import functional as F

from profunda.diagnosis.anatomy import anatomy_of
from profunda.diagnosis.codes import CODES
from profunda.diagnosis.finding import Answer, Finding, Silence
from profunda.diagnosis.givens import Anatomy, Group, Loss, Optimiser, Targets
from profunda.diagnosis.losses import loss_of
from profunda.diagnosis.record import Record, Survey
from profunda.diagnosis.rules.loss import RULES as LOSS
from profunda.diagnosis.rules.output import RULES as OUTPUT
from profunda.diagnosis.rules.rule import Rule
from profunda.diagnosis.tasks import task_of

RULES = {rule.code: rule for rule in (*LOSS, *OUTPUT)}
DRAW = torch.Generator().manual_seed(5)
X = torch.randn(60, 4, generator=DRAW)
CLASS = torch.randint(0, 3, (60,), generator=DRAW)
TWO = torch.randint(0, 2, (60,), generator=DRAW).float()
REAL = torch.randn(60, generator=DRAW)
PAIR = torch.randn(60, 2, generator=DRAW)
LABELS = torch.randint(0, 2, (60, 3), generator=DRAW).float()


def net(*ends: nn.Module, outputs: int = 3) -> nn.Module:
    return nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, outputs), *ends)


class Tags(nn.Module):
    """Of each row six places with three numbers each."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Linear(4, 18)

    def forward(self, x: Tensor) -> Tensor:
        return self.inner(x).reshape(len(x), 6, 3)


WORDS = torch.randint(0, 3, (60, 6), generator=DRAW)


def likeness(z: Tensor, y: Tensor) -> Tensor:
    return F.cosine_similarity(z - z.mean(), y - y.mean(), dim=0).mean()


def targets_of(y: Tensor) -> Targets:
    wide = y.reshape(len(y), -1).numpy().astype(float)
    counts = np.bincount(y.numpy()) if y.dtype == torch.int64 and y.ndim == 1 else np.empty(0)
    ends = {"least": float(wide.min()), "most": float(wide.max())}
    return Targets(counts, wide.mean(0), wide.std(0), **ends)


def record(module: nn.Module, loss_fn: Callable[..., Any], y: Tensor) -> Record:
    torch.manual_seed(0)
    for part in module.modules():
        if isinstance(part, nn.Linear):
            part.reset_parameters()
    outputs = module(X)
    task = task_of(outputs, y, inputs=X)
    loss = loss_of(loss_fn, outputs, y, task)
    return Record(anatomy_of(module, (X,)), task, loss, targets=targets_of(y))


def flat(loss_fn: Callable[..., Any]) -> Callable[..., Any]:
    return lambda z, y: loss_fn(z.squeeze(1), y)


MSE, BCE, LOGITS = flat(F.mse_loss), flat(F.binary_cross_entropy), flat(F.binary_cross_entropy_with_logits)


class Bent(nn.Module):
    """A function as a module."""

    def __init__(self, bend: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.bend = bend

    def forward(self, z: Tensor) -> Tensor:
        return self.bend(z)


NEXT: tuple[tuple[str, str, Record, Record], ...] = (
    # code, severity, faulty, mended
    ("output-activation-twice", "fault", record(net(nn.Softmax(1)), F.cross_entropy, CLASS),
     record(net(), F.cross_entropy, CLASS)),
    ("output-activation-twice", "fault", record(net(nn.Sigmoid(), outputs=1), LOGITS, TWO),
     record(net(nn.Sigmoid(), outputs=1), BCE, TWO)),
    ("output-activation-twice", "fault", record(net(), lambda z, y: F.cross_entropy(z.softmax(1), y), CLASS),
     record(net(nn.LogSoftmax(1)), F.cross_entropy, CLASS)),
    ("output-activation-missing", "fault", record(net(), F.nll_loss, CLASS),
     record(net(nn.LogSoftmax(1)), F.nll_loss, CLASS)),
    ("output-activation-missing", "fault", record(net(nn.Softmax(1)), F.nll_loss, CLASS),
     record(net(nn.Softmax(1)), lambda p, y: F.nll_loss(torch.log(p), y), CLASS)),
    ("output-activation-missing", "fault", record(net(outputs=1), BCE, TWO),
     record(net(outputs=1), LOGITS, TWO)),
    ("output-activation-missing", "fault", record(net(nn.Tanh(), outputs=1), BCE, TWO),
     record(net(nn.Sigmoid(), outputs=1), BCE, TWO)),
    ("output-range", "fault", record(net(nn.ReLU(), outputs=1), MSE, REAL),
     record(net(outputs=1), MSE, REAL)),
    ("output-range", "fault", record(net(nn.Sigmoid(), outputs=1), MSE, 100.0 + 20.0 * REAL),
     record(net(nn.Sigmoid(), outputs=1), MSE, REAL.sigmoid())),
    ("output-range", "hint", record(net(nn.Tanh(), outputs=1), MSE, 0.55 * REAL),
     record(net(nn.Tanh(), outputs=1), MSE, 0.25 * REAL)),
    ("output-range", "fault", record(net(nn.Softmax(1), outputs=1), MSE, TWO),
     record(net(nn.Sigmoid(), outputs=1), MSE, TWO)),
    ("output-range", "fault", record(net(nn.ReLU(), outputs=1), LOGITS, TWO),
     record(net(outputs=1), LOGITS, TWO)),
    ("output-range", "hint", record(net(nn.ReLU()), F.cross_entropy, CLASS),
     record(net(nn.LeakyReLU()), F.cross_entropy, CLASS)),
    ("output-range", "fault", record(net(nn.LogSoftmax(1)), F.mse_loss, F.one_hot(CLASS, 3).float()),
     record(net(nn.Softmax(1)), F.mse_loss, F.one_hot(CLASS, 3).float())),
    ("output-range", "fault", record(net(Bent(torch.abs), outputs=1), MSE, REAL),
     record(net(Bent(torch.abs), outputs=1), MSE, REAL.abs())),
    ("output-range", "fault", record(net(Bent(lambda z: z.clamp(0.0, 1.0)), outputs=1), MSE, REAL),
     record(net(Bent(lambda z: z * 3.0), outputs=1), MSE, REAL)),
    ("output-range", "fault", record(net(nn.Sigmoid(), Bent(lambda z: 5.0 * z), outputs=1), MSE, REAL),
     record(net(nn.Sigmoid(), Bent(lambda z: 5.0 * z), outputs=1), MSE, 5.0 * REAL.sigmoid())),
    ("output-range", "fault", record(net(nn.Sigmoid(), nn.Sigmoid(), outputs=1), BCE, TWO),
     record(net(nn.LeakyReLU(), nn.Sigmoid(), outputs=1), BCE, TWO)),
    ("output-range", "hint", record(net(nn.ReLU(), nn.LogSoftmax(1)), F.nll_loss, CLASS),
     record(net(nn.ELU(), nn.LogSoftmax(1)), F.nll_loss, CLASS)),
    ("output-range", "fault", record(net(Bent(lambda z: F.normalize(z) / 3)), F.cross_entropy, CLASS),
     record(net(Bent(lambda z: F.normalize(z) * 9)), F.cross_entropy, CLASS)),
    ("output-range", "fault", record(net(Bent(lambda z: z[:, None].softmax(1)[:, 0])), F.nll_loss, CLASS),
     record(net(Bent(lambda z: z[:, None].log_softmax(2)[:, 0])), F.nll_loss, CLASS)),
    ("output-width", "fault", record(net(outputs=2), nn.CrossEntropyLoss(), CLASS),
     record(net(), nn.CrossEntropyLoss(), CLASS)),
    ("output-width", "hint", record(net(outputs=5), F.cross_entropy, CLASS),
     record(net(outputs=3), F.cross_entropy, CLASS)),
    ("output-width", "fault", record(net(outputs=3), lambda z, y: ((z - y) ** 2).mean(), REAL[:, None]),
     record(net(outputs=1), F.mse_loss, REAL[:, None])),
    ("output-width", "fault", record(net(outputs=1), lambda z, y: (F.softplus(z) - y * z).mean(), LABELS),
     record(net(), lambda z, y: (F.softplus(z) - y * z).mean(), LABELS)),
    ("output-dropout", "fault", record(net(nn.Dropout(0.5)), F.cross_entropy, CLASS),
     record(nn.Sequential(nn.Linear(4, 8), nn.Dropout(0.5), nn.Linear(8, 3)), F.cross_entropy, CLASS)),
    ("output-dropout", "fault", record(net(nn.Dropout(0.5), nn.LogSoftmax(1)), F.nll_loss, CLASS),
     record(net(nn.Dropout(0.0)), F.cross_entropy, CLASS)),
    ("loss-sign", "fault", record(net(), lambda z, y: -F.cross_entropy(z, y), CLASS),
     record(net(), F.cross_entropy, CLASS)),
    ("loss-sign", "fault",
     record(net(nn.LogSoftmax(1)), lambda z, y: z[torch.arange(len(y)), y].mean(), CLASS),
     record(net(nn.LogSoftmax(1)), lambda z, y: -z[torch.arange(len(y)), y].mean(), CLASS)),
    ("loss-sign", "fault", record(net(outputs=1), likeness, REAL[:, None]),
     record(net(outputs=1), lambda z, y: 1.0 - likeness(z, y), REAL[:, None])),
    ("loss-ignores-rows", "hint", record(Tags(), lambda z, y: F.cross_entropy(z[:, 0], y[:, 0]), WORDS),
     record(Tags(), lambda z, y: F.cross_entropy(z[:, :-1].flatten(0, 1), y[:, 1:].flatten()), WORDS)),
    ("loss-ignores-rows", "fault", record(net(outputs=1), lambda z, y: (z[:, 0] - y).mean() ** 2, REAL),
     record(net(outputs=1), MSE, REAL)),
    ("loss-detached", "fault", record(net(outputs=1), lambda z, y: MSE(z.detach(), y), REAL),
     record(net(outputs=1), MSE, REAL)),
    ("loss-broadcasts", "fault", record(net(outputs=1), lambda z, y: ((z - y) ** 2).mean(), REAL),
     record(net(outputs=1), MSE, REAL)),
    ("loss-unsuited", "hint", record(net(), lambda z, y: F.mse_loss(z, F.one_hot(y, 3).float()), CLASS),
     record(net(), F.cross_entropy, CLASS)),
    ("loss-unsuited", "fault", record(net(outputs=1), lambda z, y: MSE(z, y.float()), CLASS),
     record(net(), F.cross_entropy, CLASS)),
    ("loss-unsuited", "fault", record(net(outputs=1), LOGITS, 3.0 * REAL), record(net(outputs=1), MSE, REAL)),
    ("loss-unsuited", "fault", record(net(), F.cross_entropy, LABELS),
     record(net(), F.binary_cross_entropy_with_logits, LABELS)),
    ("loss-unsuited", "hint", record(net(nn.Sigmoid(), outputs=1), MSE, TWO),
     record(net(nn.Sigmoid(), outputs=1), BCE, REAL.sigmoid())),
    ("loss-unsuited", "hint",
     record(net(), F.binary_cross_entropy_with_logits, F.one_hot(CLASS, 3).float()),
     record(net(outputs=2), F.binary_cross_entropy_with_logits, F.one_hot(TWO.long(), 2).float())),
    ("loss-detached", "fault", record(net(outputs=1), lambda z, y: MSE(z.round(), y), REAL),
     record(net(outputs=1), lambda z, y: (z.squeeze(1) - y).clamp(min=0.0).mean(), REAL)),
    ("output-width", "hint", record(net(outputs=1000), F.cross_entropy, CLASS),
     record(net(outputs=3), F.cross_entropy, CLASS)),
    ("output-width", "hint", record(net(outputs=4), F.cross_entropy, CLASS + 1),
     record(net(outputs=4), F.cross_entropy, torch.arange(60) % 4)),
    ("loss-ignores-rows", "fault", record(net(outputs=1), lambda z, y: MSE(z[:20], y[:20]), REAL),
     record(net(outputs=1), MSE, REAL)),
    ("loss-ignores-rows", "hint", record(net(outputs=1), lambda z, y: MSE(z[:40], y[:40]), REAL),
     record(net(outputs=1), MSE, REAL)),
    ("loss-ignores-rows", "fault", record(net(outputs=2), lambda z, y: F.mse_loss(z[:, 0], y[:, 0]), PAIR),
     record(net(outputs=2), F.mse_loss, PAIR)),
)  # fmt: skip


def found(answer: Answer) -> Finding:
    assert not isinstance(answer, Silence), answer
    assert len(answer) == 1
    return answer[0]


@pytest.mark.parametrize(("code", "severity", "faulty", "mended"), NEXT)
def test_the_fault_is_found_and_the_mended_program_is_clear(
    code: str, severity: str, faulty: Record, mended: Record
) -> None:
    one = found(RULES[code](faulty))
    assert (one.code, one.severity) == (code, severity)
    assert one.evidence
    assert one.cause.endswith(".")
    assert one.remedy.endswith(".")
    silence = RULES[code](mended)
    assert isinstance(silence, Silence), silence
    assert silence.why == "clear"


def test_a_loss_of_finite_numbers_that_is_not_finite(survey: Any) -> None:
    def with_outputs(loss: float, size: float) -> Answer:
        seen = record(net(outputs=1), MSE, REAL)
        assert seen.loss is not None
        loss_seen = dataclasses.replace(seen.loss, value=loss)
        looked = dataclasses.replace(survey, output_size=size)
        return RULES["loss-not-finite"](dataclasses.replace(seen, loss=loss_seen, surveys=(looked,)))

    assert found(with_outputs(float("inf"), 1.0)).severity == "fault"
    silences = [with_outputs(1.0, 1.0), with_outputs(float("nan"), float("nan"))]
    assert [one.why for one in silences if isinstance(one, Silence)] == ["clear", "not enough evidence"]


def test_a_loss_that_is_constant_because_it_does_not_fit_explains_that_no_gradient_flows() -> None:
    seen = record(net(outputs=1), nn.CrossEntropyLoss(), REAL[:, None])
    assert found(RULES["loss-detached"](seen)).severity == "fault"
    assert "loss-detached" in found(RULES["loss-unsuited"](seen)).explains


@pytest.mark.parametrize(
    ("width", "labels", "why"),
    [
        (1000, [0] * 50 + [1] * 9, "not enough evidence"),  # a class of few rows is not yet all there are
        (1000, list(range(60)), "not enough evidence"),
        (6, [0, 1, 2, 4, 5] * 12, "clear"),  # one that is missing amid others
        (6, [1] * 30 + [2] * 25 + [3] * 3 + [4, 5], "not enough evidence"),
    ],
)
def test_outputs_of_classes_that_may_not_have_occurred_are_left_alone(
    width: int, labels: list[int], why: str
) -> None:
    seen = record(net(outputs=width), F.cross_entropy, torch.tensor((labels + labels)[:60]))
    silence = RULES["output-width"](seen)
    assert isinstance(silence, Silence), silence
    assert silence.why == why


@pytest.mark.parametrize(
    ("labels", "order", "why"),
    [
        (CLASS.float(), 0.5, "fault"),
        (CLASS.float(), 0.02, "clear"),  # counts and grades
        (REAL, float("nan"), "clear"),
        (CLASS, 0.02, "clear"),
        (CLASS, 0.5, "fault"),
        (CLASS, float("nan"), "fault"),
    ],
)
def test_squared_errors_of_whole_numbers_are_judged_by_whether_they_are_amounts(
    labels: Tensor, order: float, why: str
) -> None:
    seen = record(net(outputs=1), lambda z, y: MSE(z, y.float()), labels)
    assert seen.task is not None
    assert seen.targets is not None
    kind = "values" if labels.is_floating_point() else "classes"
    seen = dataclasses.replace(
        seen,
        task=dataclasses.replace(seen.task, kind=kind),
        targets=dataclasses.replace(seen.targets, order=order),
    )
    answer = RULES["loss-unsuited"](seen)
    assert (answer.why if isinstance(answer, Silence) else answer[0].severity) == why


def test_a_loss_that_was_not_finite_in_one_batch_explains_no_broken_weights(survey: Any) -> None:
    """A mean over no rows in a last batch that is too small: the network goes on learning."""
    given = record(net(outputs=1), MSE, REAL)
    course = made.course([1.0] * 20 + [np.nan] + [0.5] * 20, broken_step=20, broken_at="loss")
    for loss, outlived in ((0.4, True), (float("nan"), False)):
        last = dataclasses.replace(survey, step=41, train_loss=loss)
        seen = dataclasses.replace(given, surveys=(last,), course=course)
        assert ("rate-too-high" in found(RULES["loss-not-finite"](seen)).explains) is outlived


@pytest.fixture
def survey() -> Any:
    blank = {
        field.name: np.empty(0) if field.type in ("np.ndarray", np.ndarray) else 0.0
        for field in dataclasses.fields(Survey)
        if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
    }
    return Survey(**blank)  # type: ignore[arg-type]


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_without_its_input_a_rule_does_not_apply(rule: Rule) -> None:
    silence = rule(Record(Anatomy(why="RuntimeError: no")))
    assert isinstance(silence, Silence)
    assert (silence.why, bool(silence.words)) == ("not applicable", True)


def test_every_code_of_both_areas_has_a_rule_and_a_test() -> None:
    codes = {name for name, code in CODES.items() if code.area in ("loss", "output")}
    assert set(RULES) == codes
    assert {one[0] for one in NEXT} | {"loss-not-finite"} == codes


HEALTHY: tuple[tuple[nn.Module, Callable[..., Any], Tensor], ...] = (
    (net(), F.cross_entropy, CLASS),
    (net(), lambda z, y: F.cross_entropy(z, y, label_smoothing=0.1), CLASS),
    (net(), lambda z, y: F.cross_entropy(z, y, weight=torch.tensor([1.0, 0.5, 3.0])), CLASS),
    (net(nn.LogSoftmax(1)), F.nll_loss, CLASS),
    (net(outputs=1), LOGITS, TWO),
    (net(nn.Sigmoid(), outputs=1), BCE, TWO),
    (net(), nn.BCEWithLogitsLoss(), LABELS),
    (net(nn.Sigmoid()), nn.BCELoss(), LABELS),
    (net(outputs=1), MSE, REAL),
    (net(outputs=1), flat(F.smooth_l1_loss), 50.0 + 9.0 * REAL),
    (net(outputs=2), F.l1_loss, PAIR),
    (net(nn.Softplus(), outputs=1), MSE, REAL.exp()),
    (net(nn.Sigmoid(), outputs=4), F.mse_loss, X.sigmoid()),
    (nn.Sequential(nn.Linear(4, 2), nn.ReLU(), nn.Linear(2, 4)), F.mse_loss, X),
    (net(outputs=1), lambda z, y: MSE(z, y) + 1e-3 * z.abs().mean(), REAL),
    (net(outputs=1), lambda z, y: torch.log(torch.cosh(z[:, 0] - y)).mean(), REAL),
)


@pytest.mark.parametrize(("module", "loss_fn", "y"), HEALTHY)
def test_healthy_programs_are_clear_everywhere(
    module: nn.Module, loss_fn: Callable[..., Any], y: Tensor
) -> None:
    seen = record(module, loss_fn, y)
    answers = [rule(seen) for rule in RULES.values()]
    assert [one for one in answers if not isinstance(one, Silence)] == []


@pytest.mark.parametrize(
    ("sign", "turned", "ascends", "expected"),
    [
        (1, 0.0, False, False),
        (-1, 0.0, False, True),
        (1, 1.0, False, True),  # (-loss).backward()
        (-1, 1.0, False, False),  # a likelihood, turned round in the loop
        (1, 0.0, True, True),
        (-1, 0.0, True, False),  # a score, and maximize=True
        (1, 1.0, True, False),
        (1, 0.5, False, False),  # two players
    ],
)
def test_of_the_loss_the_loop_and_the_optimiser_an_odd_number_turns_the_sign(
    sign: int, turned: float, ascends: bool, expected: bool
) -> None:
    group = Group(0.1, 0.0, (np.nan, np.nan), np.nan, 0.0, 10, ascends)
    given = made.record(
        0.5, None, loss=Loss("", "mse", "values", sign, value=1.0), optimiser=Optimiser("SGD", (group,))
    )
    assert given.course is not None
    given = dataclasses.replace(given, course=dataclasses.replace(given.course, turned=turned))
    assert (not isinstance(RULES["loss-sign"](given), Silence)) is expected


def test_a_network_that_cuts_its_own_gradient_is_detached() -> None:
    class Cut(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.deep = nn.Linear(4, 1)

        def forward(self, x: Tensor) -> Tensor:
            return self.deep(x).detach().requires_grad_()

    seen = Record(anatomy_of(Cut(), (X,)), loss=record(net(outputs=1), MSE, REAL).loss)
    assert "within the network" in found(RULES["loss-detached"](seen)).cause


def test_a_scaled_tanh_is_not_judged_by_the_ends_of_tanh() -> None:
    class Scaled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.deep = nn.Linear(4, 1)

        def forward(self, x: Tensor) -> Tensor:
            return 10.0 * torch.tanh(self.deep(x))

    silence = RULES["output-range"](record(Scaled(), MSE, 3.0 * REAL))
    assert isinstance(silence, Silence)
    assert silence.why == "clear"


def test_dropout_in_front_of_an_average_deletes_no_answer() -> None:
    class Averaged(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.deep, self.drop = nn.Linear(1, 3), nn.Dropout(0.5)

        def forward(self, x: Tensor) -> Tensor:
            return self.drop(self.deep(x[:, :, None])).mean(1)

    assert isinstance(RULES["output-dropout"](record(Averaged(), F.cross_entropy, CLASS)), Silence)

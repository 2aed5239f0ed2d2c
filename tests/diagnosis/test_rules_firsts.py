"""First weights of every kind of layer against what is usual for it."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from tests.oracles.diagnosis_rules import anatomy, became, ended, failed, healthy, trial, with_trials
from torch import Tensor, nn

from profunda.diagnosis.anatomy import anatomy_of
from profunda.diagnosis.givens import First
from profunda.diagnosis.judging import judge
from profunda.diagnosis.record import Record
from profunda.diagnosis.rules.all import RULES
from profunda.diagnosis.rules.doubts import doubts
from profunda.diagnosis.rules.firsts import far_large, far_small, shut


class Reader(nn.Module):
    """Embedded tokens, a recurrent layer, attention, and a product written by hand."""

    def __init__(self, body: type[nn.RNNBase] = nn.GRU) -> None:
        super().__init__()
        self.embed, self.body = nn.Embedding(40, 24), body(24, 32, batch_first=True)
        self.attend = nn.MultiheadAttention(32, 2, batch_first=True)
        self.place = nn.Parameter(torch.randn(12, 32))
        self.value = nn.Parameter(torch.randn(32, 32) / 32**0.5)
        self.head = nn.Linear(32, 5)

    def forward(self, x: Tensor) -> Tensor:
        h = self.body(self.embed(x))[0] + self.place
        return self.head((self.attend(h, h, h)[0] @ self.value).mean(1))


def read(change: Callable[[nn.Module], object], body: type[nn.RNNBase] = nn.GRU) -> Record:
    torch.manual_seed(0)
    net = Reader(body)
    with torch.no_grad():
        change(net)
    found = anatomy_of(net, (torch.zeros(2, 12, dtype=torch.long),))
    assert not found.why
    record = healthy()
    assert record.rows is not None
    return replace(
        record,
        anatomy=replace(record.anatomy, firsts=found.firsts),
        rows=replace(record.rows, shape=(12,), kind="tokens"),
    )


@pytest.mark.parametrize("body", [nn.RNN, nn.GRU, nn.LSTM])
def test_usual_laws_are_not_far_out(body: type[nn.RNNBase]) -> None:
    def each(draw: Callable[[Tensor], object]) -> Callable[[nn.Module], object]:
        return lambda net: [draw(one) for one in net.parameters() if one.ndim > 1]

    laws: tuple[Callable[[Tensor], object], ...] = (
        lambda w: None,
        nn.init.xavier_normal_,
        nn.init.kaiming_normal_,
        lambda w: nn.init.kaiming_uniform_(w, mode="fan_out"),
        nn.init.orthogonal_,
        lambda w: nn.init.trunc_normal_(w, std=0.02),
        lambda w: nn.init.uniform_(w, -0.08, 0.08),
    )
    for law in laws:
        record = read(each(law), body)
        assert (far_large(record), far_small(record), shut(record)) == (None, None, None)


def gates(at: slice, bias: float) -> Callable[[Reader], object]:
    return lambda net: net.body.bias_ih_l0[at].fill_(bias)


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        (lambda net: nn.init.normal_(net.attend.in_proj_weight), "projections"),
        (lambda net: nn.init.normal_(net.value), "weights"),
        (lambda net: nn.init.normal_(net.head.weight, 0.0, 15.0), "weights"),
        (lambda net: nn.init.normal_(net.body.weight_hh_l0), "gated state"),
        (lambda net: nn.init.normal_(net.embed.weight, 0.0, 30.0), "embedding"),
    ],
)
def test_what_is_far_too_large_is_told_whatever_its_kind(change: Callable[..., object], kind: str) -> None:
    one = far_large(read(change))
    assert one is not None
    assert one.kind == kind


def test_what_is_next_to_nothing_is_told_but_for_an_end() -> None:
    tiny = far_small(read(lambda net: nn.init.normal_(net.body.weight_hh_l0, 0.0, 1e-3), nn.RNN))
    assert tiny is not None
    assert tiny.kind == "state"
    assert far_small(read(lambda net: nn.init.zeros_(net.value))) is None
    ends = read(lambda net: nn.init.normal_(net.head.weight, 0.0, 1e-4))
    last = replace(ends.anatomy.layers[-1], name="head")
    assert (
        far_small(replace(ends, anatomy=replace(ends.anatomy, layers=(*ends.anatomy.layers[:-1], last))))
        is None
    )


def test_gates_that_are_shut_are_told_and_those_that_keep_are_not() -> None:
    closed = shut(read(gates(slice(0, 32), -12.0), nn.LSTM))
    assert closed is not None
    assert closed.kind == "input gate"
    assert shut(read(gates(slice(32, 64), 12.0), nn.LSTM)) is None  # the forget gate keeps
    assert shut(read(gates(slice(32, 64), -12.0), nn.LSTM)) is not None
    assert shut(read(gates(slice(0, 32), -2.5), nn.LSTM)) is None  # about log of the places
    assert shut(read(gates(slice(32, 64), 12.0), nn.GRU)) is not None  # nothing is ever let in


def test_what_was_learnt_is_not_as_drawn() -> None:
    def learnt(net: Reader) -> None:
        net.value.add_(3.0 * torch.outer(torch.randn(32), torch.randn(32)))

    assert far_large(read(learnt)) is None


# Rules ------------------------------------------------------------------------------------------------

FAR = {
    "weights-too-large": First("0", "state", 19.0, 19.0),
    "weights-too-small": First("0", "state", 0.005, 0.005),
    "saturated-units": First("0", "input gate", -12.0, -12.0),
}


def told(record: Record) -> list[tuple[str, str]]:
    return [(one.code, one.severity) for one in judge(record, RULES).findings]


@pytest.mark.parametrize("code", FAR)
def test_it_is_a_hint_first_a_fault_where_it_fails_and_taken_back_where_it_learns(code: str) -> None:
    record = healthy(anatomy(firsts=(FAR[code],)))
    assert told(replace(record, course=None, surveys=record.surveys[:1])) == [(code, "hint")]
    assert told(record) == []
    assert told(failed(record)) == [(code, "fault")]
    late = became(ended(record, 0.1, 0.93), valid_loss=0.1)
    assert [one.kind for one in doubts(late)] == ["initialisation"]
    assert told(with_trials(late, trial("initialisation", 0.12, 0.6, word="critical"))) == [(code, "hint")]
    assert told(with_trials(late, trial("initialisation", 0.12, 0.13, word="critical"))) == []
    assert told(with_trials(late, trial("initialisation", 0.03, 0.13, word="critical"))) == [(code, "hint")]


def test_a_norm_behind_it_makes_any_size_usual() -> None:
    record = healthy(anatomy(firsts=(First("0", "weights", 9.0, 9.0),)))
    layers = (replace(record.anatomy.layers[0], norm="layer_norm"), *record.anatomy.layers[1:])
    assert far_large(record) is not None
    assert far_large(replace(record, anatomy=replace(record.anatomy, layers=layers))) is None

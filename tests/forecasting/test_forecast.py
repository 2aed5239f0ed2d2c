"""Forecasts of reference networks agree with what they show; wrong use is told; nothing is changed."""

import copy
import json
import math

import numpy as np
import pytest
import torch
from torch import nn

import profunda
from profunda import ArgumentError, DataError, Design
from profunda.data.dataset import Dataset
from profunda.data.inputs import Inputs
from profunda.data.layout import lay_out
from profunda.data.reading import read
from profunda.forecasting.forecast import forecast
from profunda.forecasting.lines import HEADS, Line
from profunda.forecasting.values import Forecast

REFERENCE = {
    "relu, beta 1/16": Design(widths=(128,) * 8),
    "relu, beta 1/4": Design(widths=(32,) * 8),
    "tanh, lecun": Design(widths=(128,) * 10, activation="tanh", initialisation="lecun"),
    "gelu, critical": Design(widths=(128,) * 8, activation="gelu", initialisation="critical"),
    "torch's default": Design(widths=(128,) * 8, initialisation="torch"),
    "selu": Design(widths=(128,) * 8, activation="selu", initialisation="lecun"),
}
CODES = [f"T{number}" for number in range(1, 25)]


def rows(n: int = 60, d: int = 8, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, d))
    return x, x[:, 0] - x[:, 1] * x[:, 2]


@pytest.fixture(scope="module")
def plain() -> nn.Module:
    torch.manual_seed(1)
    return nn.Sequential(nn.Linear(8, 64), nn.Tanh(), nn.Linear(64, 64), nn.Tanh(), nn.Linear(64, 1))


# Right ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", REFERENCE)
def test_reference_networks_show_what_was_predicted(name: str) -> None:
    found = forecast(REFERENCE[name], rows())
    judged = [line for line in found.lines if line.agrees is not None and line.valid == "ok"]
    sure = ("T4", "T8")
    judged += [line for line in found.lines if line.code in sure and line.agrees is not None]
    assert {"T4", "T8"} <= {line.code for line in judged}
    assert [(line.code, line.name, line.distance) for line in judged if not line.agrees] == []


def test_a_wrong_prediction_would_be_seen() -> None:
    right = forecast(REFERENCE["tanh, lecun"], rows()).line("T4")
    wrong = Line("T4", right.name, right.head, 3.0 * right.value, "", "", right.predicted_sd, right.measured,
                 right.measured_se, right.networks)  # fmt: skip
    assert right.agrees
    assert wrong.agrees is False


def test_every_line_of_the_table_is_there_or_says_why_not() -> None:
    found = forecast(Design(widths=(16, 16), dropout=0.2), rows())
    assert sorted({line.code for line in found.lines}, key=lambda code: int(code[1:])) == CODES
    for line in found.lines:
        assert line.reason or line.valid == "ok"
        assert (
            line.valid == "not applicable"
            or math.isfinite(line.value)
            or math.isfinite(line.measured)
            or math.isinf(line.value)
        )


@pytest.mark.parametrize(
    ("widths", "beta"), [((128, 64, 32), 0.0547), ((512, 256, 128, 64), 0.0293), ((64, 32, 16), 0.1094)]
)
def test_pyramids_have_their_beta(widths: tuple[int, ...], beta: float) -> None:
    found = forecast(Design(widths=widths), inputs=20)
    assert found.line("T2", "β").value == pytest.approx(beta, abs=5e-5)
    assert found.recommendation.width == 5 * len(widths) + 1


def test_torchs_default_law_is_recognised_and_forgets_its_inputs() -> None:
    torch.manual_seed(0)
    layers: list[nn.Module] = []
    for _ in range(30):
        layers += [nn.Linear(256, 256), nn.ReLU()]
    found = forecast(nn.Sequential(*layers, nn.Linear(256, 1)))
    assert "law: torch" in found.line("T3").reason
    assert found.line("T3").value == pytest.approx(1.0 / 3.0, rel=0.01)
    assert found.line("T4").value == pytest.approx(1.0 / (2.5 * 256), rel=0.05)  # C_b/(1 − 1/6)
    assert found.line("T4").agrees
    assert found.line("T7").value < 1e-6
    assert "equal in float32" in found.line("T7").reason
    assert not found.trainable


def test_gelu_dies_under_he_and_lives_at_criticality() -> None:
    dying = forecast(Design(widths=(64,) * 50, activation="gelu"), inputs=64)
    kept = forecast(Design(widths=(64,) * 50, activation="gelu", initialisation="critical"), inputs=64)
    assert dying.line("T4").value < 1e-10
    assert 1.0 < kept.line("T4").value < 3.5616  # K* attracts from below, and slowly
    assert dying.recommendation.weight_variance == pytest.approx(1.98305825744, rel=1e-9)
    assert dying.recommendation.bias_variance == pytest.approx(0.172922390756, rel=1e-9)
    assert any("Draw the first weights critically" in words for words in dying.recommendation.words)


def test_a_design_and_its_module_are_told_the_same(plain: nn.Module) -> None:
    of_module = forecast(plain, rows())
    assert of_module.networks == 1
    assert of_module.line("T1", "parameters P").value == sum(p.numel() for p in plain.parameters())
    own = plain[0].weight.detach().square().mean().item() * 8
    assert of_module.layers[0].q == pytest.approx(
        own * float((rows()[0] ** 2).mean()) + plain[0].bias.detach().square().mean().item(), rel=1e-4
    )


def test_batch_norm_grows_gradients_as_predicted() -> None:
    found = forecast(Design(widths=(256,) * 12, norm="batch"), rows(n=200)).line("T22")
    assert found.value == pytest.approx(math.pi / (math.pi - 1.0), rel=0.05)
    assert found.measured == pytest.approx(found.value, rel=0.08)


def test_the_same_seed_gives_the_same_forecast_and_leaves_the_stream_alone(plain: nn.Module) -> None:
    torch.manual_seed(3)
    before = torch.get_rng_state()
    first = forecast(Design(widths=(16,) * 3), rows()).json()
    assert torch.equal(torch.get_rng_state(), before)
    assert forecast(Design(widths=(16,) * 3), rows()).json() == first
    assert forecast(Design(widths=(16,) * 3), rows(), seed=1).json() != first


def test_a_module_is_left_as_it_was(plain: nn.Module) -> None:
    module = nn.Sequential(copy.deepcopy(plain), nn.BatchNorm1d(1), nn.Dropout(0.3)).train()
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    forecast(module, rows())
    assert module.training
    assert all(part.training for part in module.modules())
    assert all(torch.equal(before[name], tensor) for name, tensor in module.state_dict().items())
    assert all(p.grad is None for p in module.parameters())


def test_json_and_text_hold_every_line() -> None:
    found = forecast(Design(widths=(16,) * 3), rows())
    data = json.loads(found.json())
    assert len(data["lines"]) == len(found.lines)
    assert data["trainable"] is True
    assert data["trainability"]["score"] is None or 0.0 <= found.trainability.score <= 1.0
    assert all(line.name in " ".join(found.text().split()) for line in found.lines)
    for head, question in HEADS:
        assert f"{head.capitalize()}: {question}" in str(found)


def test_the_names_are_public() -> None:
    assert profunda.forecast is forecast
    assert profunda.Forecast is Forecast
    with pytest.raises(KeyError, match="no line T99"):
        forecast(Design(widths=())).line("T99")


def test_the_linear_model_has_no_layers_to_forecast() -> None:
    found = forecast(Design(widths=()), rows())
    assert found.layers == ()
    assert "no hidden layer" in found.line("T4").reason
    assert found.line("T13").agrees


# What is not understood ------------------------------------------------------------------------------


class Convolutional(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(1, 3, 3)
        self.last = nn.Linear(3 * 16, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.last(torch.relu(self.convolution(x)).flatten(1))


def test_what_is_no_chain_is_named_and_its_lines_do_not_apply() -> None:
    torch.manual_seed(0)
    found = forecast(Convolutional(), np.random.default_rng(0).normal(size=(20, 1, 6, 6)))
    assert any(note.startswith("Understood: last (48 → 2)") for note in found.notes)
    assert any("convolution (Conv2d)" in note for note in found.notes)
    for code in ("T2", "T3", "T4", "T8", "T10", "T17", "T24"):
        line = found.line(code)
        assert line.valid == "not applicable"
        assert math.isnan(line.value)
        assert "no plain chain" in line.reason
    assert found.line("T15", "rank of the Jacobian").measured == 40
    assert math.isnan(found.trainability.score)
    assert found.trainability.verdict == "not judged"


# Wrong use ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "error", "told"),
    [
        (np.full((5, 8), np.nan), DataError, "X holds 40 numbers of 40 that are NaN or infinite"),
        (np.zeros((0, 8)), DataError, r"shape \(0, 8\), so there is no row"),
        (np.zeros(8), DataError, r"shape \(8,\), so there is no row"),
        ((np.ones((5, 8)), np.ones(4)), DataError, "X has 5 rows and y 4"),
        ((np.ones((5, 8)), np.full(5, np.inf)), DataError, "y holds 5 numbers of 5"),
        (np.ones((5, 3)), DataError, "The rows have 3 columns, the module's first layer takes 8"),
        ("words", DataError, "X is a str of <U5"),
        (
            torch.empty(5, 8, device="meta"),
            DataError,
            "X is a tensor on the meta device, which holds no numbers",
        ),
    ],
)
def test_bad_rows_are_told(plain: nn.Module, data: object, error: type[Exception], told: str) -> None:
    with pytest.raises(error, match=told):
        forecast(plain, data)


def test_modules_that_cannot_be_forecast_are_told(plain: nn.Module) -> None:
    with pytest.raises(ArgumentError, match=r"ReLU has no parameters to train \(0 tensors"):
        forecast(nn.ReLU(), rows())
    frozen = copy.deepcopy(plain).requires_grad_(False)
    with pytest.raises(ArgumentError, match=r"no parameters to train \(6 tensors"):
        forecast(frozen, rows())
    with pytest.raises(ArgumentError, match="has parameters of float16"):
        forecast(copy.deepcopy(plain).half(), rows())
    with pytest.raises(ArgumentError, match="lies on meta"):
        forecast(nn.Linear(3, 1, device="meta"), rows())
    with pytest.raises(ArgumentError, match=r"a forecast is of a Design or an nn\.Module, not of a str"):
        forecast("network")  # type: ignore[arg-type]
    with pytest.raises(DataError, match="Which rows a Convolutional takes cannot be seen"):
        forecast(Convolutional())


def test_contradictions_are_told(plain: nn.Module) -> None:
    with pytest.raises(ArgumentError, match="inputs=3 and outputs=None are for a Design without data"):
        forecast(Design(), rows(), inputs=3)
    with pytest.raises(ArgumentError, match="a module has its own"):
        forecast(plain, inputs=3)
    with pytest.raises(ArgumentError, match="inputs=0 must be a whole number"):
        forecast(Design(), inputs=0)


class Averaged(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(8, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layer(x).mean()


def test_one_layer_is_not_told_in_the_plural() -> None:
    for depth, words in ((1, "After one layer two rows'"), (2, "After 2 layers two rows'")):
        told = " ".join(forecast(Design(widths=(16,) * depth, activation="tanh"), rows()).text().split())
        assert words in told


def test_what_breaks_on_the_way_is_told_before(plain: nn.Module) -> None:
    x, _ = rows()
    with pytest.raises(ArgumentError, match=r"Averaged makes shape \(\) of 60 rows"):
        forecast(Averaged(), x)
    with pytest.raises(ArgumentError, match="LazyLinear has layers that do not know their size yet"):
        forecast(nn.LazyLinear(3), x)
    spoilt = copy.deepcopy(plain)
    nn.init.constant_(spoilt[2].bias, math.nan)
    with pytest.raises(ArgumentError, match=r"Parameter '2\.bias' of Sequential holds NaN"):
        forecast(spoilt, x)
    with pytest.raises(DataError, match="batch norm needs a batch: hand over at least 2 rows"):
        forecast(nn.Sequential(nn.Linear(8, 4), nn.BatchNorm1d(4), nn.ReLU(), nn.Linear(4, 1)), x[:1])
    with pytest.raises(DataError, match="y is one number"):
        forecast(plain, (x, np.array(3.0)))
    for seed in (-1, 0.5, True):
        with pytest.raises(ArgumentError, match=f"seed={seed} must be a whole number"):
            forecast(plain, x, seed=seed)  # type: ignore[arg-type]


def test_kernels_that_overflow_cost_their_lines_only(plain: nn.Module) -> None:
    found = forecast(nn.Linear(8, 1), rows()[0] * 1e25)
    assert math.isnan(found.line("T13").measured)
    assert found.line("T1", "parameters P").value == 9


def test_the_stable_step_of_infinite_widths_is_not_promised_to_narrow_ones() -> None:
    narrow, wide = (forecast(Design(widths=(width,) * 3)).line("T14") for width in (1, 1024))
    assert (narrow.valid, wide.valid) == ("extrapolated", "ok")


class Looked(nn.Module):
    """A table of whole numbers, beside what reads them as numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.table, self.first, self.last = nn.Embedding(7, 3), nn.Linear(2, 6), nn.Linear(12, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.last(
            torch.cat([self.table(x).flatten(1), torch.relu(self.first(x.to(self.first.weight)))], 1)
        )


def test_tables_are_named_and_measured_on_the_whole_numbers_they_look_up() -> None:
    x = np.random.default_rng(0).integers(0, 7, (40, 2))
    for module in (nn.Sequential(nn.Embedding(7, 3), nn.Flatten(), nn.Linear(6, 1)), Looked()):
        found = forecast(module, (x, x[:, 0] * 1.0))
        assert any("a table is looked up" in note for note in found.notes)
        assert found.line("T13").measured > 0.0
        assert found.line("T15", "rank of the Jacobian").measured > 1
        assert found.line("T4").valid == "not applicable"


# Bodies ---------------------------------------------------------------------------------------------


BODIES = {
    "conv": ("fashion", "1 convolution from 4 channels on"),
    "lstm": ("sms", "1 LSTM layer of 4 units each way"),
}


@pytest.mark.parametrize("body", BODIES)
def test_a_body_is_named_and_only_measured(body: str) -> None:
    table, words = BODIES[body]
    data = read(f"bundled:{table}")
    design = Design(widths=(8,), body=body, body_width=4, body_depth=1)
    found = forecast(design, data)
    assert found.subject == f"relu network of 8 behind {words}, he"
    assert {line.code for line in found.lines} == set(CODES)
    counted = found.line("T1", "parameters P")
    assert counted.value == design.parameters(data_inputs(data, design), data.task.n_outputs)
    theory = [line for line in found.lines if line.code not in ("T1", "T15", "T16", "T20", "T22")]
    assert all(line.valid == "not applicable" and math.isnan(line.value) for line in theory)
    assert f"its layers stand behind {words}" in found.line("T4").reason
    for code in ("T4", "T7", "T13", "T14"):
        assert math.isfinite(found.line(code).measured)
    assert math.isnan(found.trainability.score)
    assert found.trainable
    assert found.notes[0].startswith(f"Measured on 16 of {data.n_rows:,} rows and 3 draws")


def data_inputs(data: Dataset, design: Design) -> Inputs:
    return lay_out(data.schema, design.encoding, "onehot").entering


def test_what_a_body_shows_grows_with_its_first_weights() -> None:
    """The measured variance is that of the layer behind the body, not of the pixels."""
    data = read("bundled:fashion")
    quiet, loud = (
        forecast(Design(widths=(8,), body="conv", body_width=4, body_depth=1, initialisation=law), data)
        for law in ("torch", "he")
    )
    assert loud.line("T4").measured > 5.0 * quiet.line("T4").measured


def test_bodies_without_data_are_told() -> None:
    with pytest.raises(
        ArgumentError, match='body = "conv" reads pictures or texts, and no numbers can stand'
    ):
        forecast(Design(body="conv"))

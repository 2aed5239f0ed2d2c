"""What a survey measures, against loops, known networks and both engines that take the same signs."""

import itertools
import math

import numpy as np
import pytest
import torch
from tests.oracles import diagnosis_surveys as naive
from torch import Tensor, nn
from torch.nn import functional as F

from profunda.diagnosis.anatomy import anatomy_of
from profunda.diagnosis.record import Survey
from profunda.diagnosis.surveys import survey

CROSS = nn.CrossEntropyLoss()


def look(module: nn.Module, x: object, y: object, loss=CROSS, step: int = 0, **more: object) -> Survey:
    inputs = x if isinstance(x, tuple) else (x,)
    return survey(module, anatomy_of(module, inputs), inputs, y, loss, step=step, **more)


def rows(n: int = 64, d: int = 6, c: int = 3, seed: int = 0) -> tuple[Tensor, Tensor]:
    drawn = torch.Generator().manual_seed(seed)
    x = torch.randn(n, d, generator=drawn)
    return x, (x[:, :c] + 0.3 * torch.randn(n, c, generator=drawn)).argmax(1)


def net(*widths: int, activation: type[nn.Module] = nn.Tanh, seed: int = 0) -> nn.Sequential:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        parts: list[nn.Module] = []
        for entering, leaving in itertools.pairwise(widths):
            parts += [nn.Linear(entering, leaving), activation()]
        return nn.Sequential(*parts[:-1])


class Pair(nn.Module):
    """Two inputs, tied weights, a frozen part, a part that is not used, a buffer that counts."""

    def __init__(self) -> None:
        super().__init__()
        self.words, self.mix = nn.Embedding(7, 6), nn.Linear(6, 6)
        self.frozen, self.spare = nn.Linear(6, 6).requires_grad_(False), nn.Linear(2, 2)
        self.out = nn.Linear(6, 7, bias=False)
        self.out.weight = self.words.weight
        self.norm = nn.BatchNorm1d(6)
        self.register_buffer("calls", torch.zeros(()))

    def forward(self, tokens: Tensor, extra: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        self.calls += 1
        h = F.dropout(self.norm(self.mix(self.words(tokens).mean(1)) + extra), 0.5, self.training)
        return self.out(torch.relu(self.frozen(h))), {"hidden": h}


# By layer ---------------------------------------------------------------------------------------------


def test_signals_forwards_and_backwards():
    made, (x, y) = net(6, 9, 8, 3), rows()
    found = look(made, x, y)
    h, outs = x, []
    for part in made:
        h = part(h)
        if isinstance(part, nn.Linear):
            h.retain_grad()
            outs.append(h)
    CROSS(h, y).backward()
    for layer, out in enumerate(outs):
        assert np.isclose(found.signal[layer], float(out.detach().square().mean()) ** 0.5, rtol=1e-5)
        assert np.isclose(found.backward[layer], 64 * float(out.grad.square().mean()) ** 0.5, rtol=1e-4)
        assert np.isclose(found.apart[layer], naive.apart(out.detach().numpy()), rtol=1e-5)
    linear = [part for part in made if isinstance(part, nn.Linear)]
    for layer, part in enumerate(linear):
        size = math.sqrt(sum(float(each.detach().square().sum()) for each in part.parameters()))
        slope = math.sqrt(sum(float(each.grad.square().sum()) for each in part.parameters()))
        assert np.isclose(found.weight[layer], size, rtol=1e-5)
        assert np.isclose(found.gradient_norm[layer], slope, rtol=1e-4)


def test_a_relu_in_place_does_not_hide_what_left_the_layer():
    made, (x, y) = net(6, 9, 3, activation=nn.ReLU), rows()
    copy = nn.Sequential(made[0], nn.ReLU(inplace=True), made[2])
    one, other = look(made, x, y), look(copy, x, y)
    for name in ("signal", "apart", "backward", "activation_mean", "dead", "gradient_norm"):
        assert np.allclose(getattr(one, name), getattr(other, name), rtol=1e-6), name


def test_nearly_equal_rows_are_told_apart():
    """1 − cosine of rows that differ by a millionth: differences of near numbers would lose it."""
    made = nn.Sequential(nn.Linear(6, 5, bias=False), nn.Linear(5, 2)).double()
    x = torch.ones(16, 6, dtype=torch.float64) + 1e-6 * torch.randn(16, 6, dtype=torch.float64)
    found = look(made, x, torch.arange(16) % 2)
    assert np.isclose(found.apart[0], naive.apart(made[0](x).detach().numpy()), rtol=1e-2)
    assert 0.0 < found.apart[0] < 1e-10


def test_one_number_a_row_differs_by_its_spread_and_not_by_its_sign():
    """The cosine of two numbers of one sign is 1, however much they differ."""
    made, (x, y) = net(6, 9, 1), rows()
    with torch.no_grad():
        made[-1].bias.fill_(5.0)
    found = look(made, x, y.float().unsqueeze(1), nn.functional.mse_loss)
    out = made(x[:64]).detach().double()
    assert bool((out > 0).all())
    assert np.isclose(found.apart[-1], float(out.var() / out.square().mean()), rtol=1e-5)
    assert np.isclose(found.signal[-1] * found.apart[-1] ** 0.5, float(out.std()), rtol=0.05)


def test_noise_is_that_of_single_rows():
    made, (x, y) = net(6, 9, 3), rows(16)
    found = look(made, x, y)
    single = naive.row_gradients(made, x, y, CROSS)
    for layer, names in enumerate((["0.weight", "0.bias"], ["2.weight", "2.bias"])):
        assert np.isclose(found.noise[layer], naive.noise(single, names), rtol=1e-3)
    assert not np.isclose(found.noise[0], found.noise[1], rtol=1e-3)  # control


def test_noise_of_parts_is_about_that_of_rows():
    made, (x, y) = net(6, 9, 3), rows(256)
    found = look(made, x, y)
    single = naive.row_gradients(made, x, y, CROSS)
    want = naive.noise(single, ["2.weight", "2.bias"])
    assert 0.4 * want < found.noise[1] < 2.5 * want


def test_moved_by_name_or_as_one_vector():
    made, (x, y) = net(6, 9, 3), rows()
    start = {name: each.detach().clone() for name, each in made.named_parameters()}
    flat = torch.cat([each.reshape(-1) for each in start.values()])
    with torch.no_grad():
        made[2].weight.mul_(1.5)
        made[2].bias.mul_(1.5)
    for given in (start, flat):
        assert np.allclose(look(made, x, y, start=given).moved, [0.0, 0.5], atol=1e-6)
    assert np.isnan(look(made, x, y).moved).all()


def test_copies_are_units_that_stay_equal():
    x, y = rows()
    made = net(6, 8, 3)
    assert look(made, x, y).copies.tolist() == [0.0, 0.0]
    with torch.no_grad():
        made[0].weight[3], made[0].bias[3] = made[0].weight[5], made[0].bias[5]
    assert look(made, x, y).copies[0] == 0.0  # they lead to different outputs: one step parts them
    with torch.no_grad():
        made[2].weight[:, 3] = made[2].weight[:, 5]
    assert look(made, x, y).copies[0] == 2 / 8
    for part in (made[0], made[2]):
        nn.init.constant_(part.weight, 0.1)
        nn.init.zeros_(part.bias)
    assert look(made, x, y).copies[0] == 1.0


def test_a_last_layer_of_zeros_is_no_copy():
    """As residual branches and output layers often begin: the targets part its units in one step."""
    made, (x, y) = net(6, 8, 3), rows()
    nn.init.zeros_(made[2].weight)
    nn.init.zeros_(made[2].bias)
    assert look(made, x, y).copies.tolist() == [0.0, 0.0]


def test_recurrent_units_can_be_copies():
    class Last(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.r, self.o = nn.GRU(3, 5, batch_first=True), nn.Linear(5, 2)

        def forward(self, x: Tensor) -> Tensor:
            return self.o(self.r(x)[0][:, -1])

    made, x, y = Last(), torch.randn(12, 4, 3), torch.arange(12) % 2
    assert look(made, x, y).copies[0] == 0.0
    for each in made.parameters():
        nn.init.constant_(each, 0.2)
    assert look(made, x, y).copies[0] == 1.0


# Outputs ----------------------------------------------------------------------------------------------


def test_what_outputs_are():
    made, (x, y) = net(6, 9, 3), rows()
    found, out = look(made, x, y), made(x).detach().double()
    assert np.allclose(found.output_mean, out.mean(0).numpy(), rtol=1e-5)
    assert np.isclose(found.output_spread, float(out.var(0, correction=0).mean()) ** 0.5, rtol=1e-6)
    assert np.isclose(found.output_size, float(out.square().mean()) ** 0.5, rtol=1e-6)
    assert np.isclose(found.train_loss, float(CROSS(out, y)), rtol=1e-5)
    assert found.train_score == float((out.argmax(1) == y).double().mean())
    assert len(found.recall) == 3
    assert np.isclose(found.recall[1], float((out.argmax(1) == y)[y == 1].double().mean()))


def test_sensitivity_of_a_linear_model_is_its_weights():
    made, x = nn.Linear(5, 1, bias=False), torch.randn(256, 5) * torch.tensor([1.0, 2.0, 3.0, 4.0, 0.0])
    with torch.no_grad():
        made.weight.copy_(torch.tensor([[1.0, 0.5, 0.0, -1.0, 7.0]]))
    found = look(made, x, x.sum(1, keepdim=True), nn.MSELoss()).sensitivity
    assert np.allclose(found[:4], [1.0, 1.0, 0.0, 4.0], rtol=0.35)
    assert found[2] == 0.0
    assert math.isnan(found[4])  # a constant column: it cannot be told


def test_sensitivity_of_blocks_tokens_and_several_inputs():
    wide = nn.Linear(100, 1, bias=False)
    with torch.no_grad():
        wide.weight[:, 50:] = 0.0
    found = look(wide, torch.randn(64, 100), torch.randn(64, 1), nn.MSELoss()).sensitivity
    assert (found[:48] > 0).all()
    assert (found[56:] == 0).all()

    class First(nn.Module):
        """Reads the first token and the second input, and nothing else."""

        def __init__(self) -> None:
            super().__init__()
            self.words, self.out = nn.Embedding(9, 4), nn.Linear(4, 2)

        def forward(self, tokens: Tensor, given: dict[str, Tensor]) -> Tensor:
            return self.out(self.words(tokens[:, 0])) + given["shift"]

    tokens, shift = torch.randint(0, 9, (64, 3)), torch.randn(64, 2)
    found = look(First(), (tokens, {"shift": shift}), torch.arange(64) % 2).sensitivity
    assert found.shape == (5,)
    assert found[0] > 0
    assert found[1] == found[2] == 0.0
    assert (found[3:] > 0).all()


class Mixer(nn.Module):
    """Rows see each other, by what `how` says."""

    def __init__(self, how: str) -> None:
        super().__init__()
        self.how, self.layer = how, nn.Linear(6, 3)

    def forward(self, x: Tensor) -> Tensor:
        out = self.layer(x)
        if self.how == "softmax":
            return out.softmax(0)
        if self.how == "before":  # each row sees the rows before it alone
            return out.cumsum(0)
        return out - out.mean(0) if self.how == "mean" else out


@pytest.mark.parametrize(("how", "mixed"), [("softmax", True), ("before", True), ("mean", True), ("", False)])
def test_rows_that_see_each_other_are_seen(how, mixed):
    x, y = rows()
    apart = look(Mixer(how), x, y).mixing
    assert (min(apart) > 1e-2) if mixed else (apart == (0.0, 0.0))


def test_batch_norm_mixes_in_training_mode_only():
    x, y = rows()
    made = nn.Sequential(nn.Linear(6, 5), nn.BatchNorm1d(5), nn.Dropout(0.5), nn.Linear(5, 3))
    evaluated, trained = look(made, x, y).mixing
    assert evaluated == 0.0
    assert trained > 1e-2
    dropped = nn.Sequential(nn.Linear(6, 5), nn.Dropout(0.5), nn.Linear(5, 3))
    assert look(dropped, x, y).mixing == (0.0, 0.0)


def test_sequences_with_time_first_do_not_mix():
    class Last(nn.Module):
        def __init__(self, batch_first: bool) -> None:
            super().__init__()
            self.first = batch_first
            self.r, self.o = nn.LSTM(3, 5, batch_first=batch_first), nn.Linear(5, 2)

        def forward(self, x: Tensor) -> Tensor:
            left = self.r(x)[0]
            return self.o(left[:, -1] if self.first else left[-1])

    x, y = torch.randn(24, 7, 3), torch.arange(24) % 2
    assert look(Last(True), x, y).mixing == (0.0, 0.0)
    assert look(Last(False), x.movedim(0, 1), y).mixing == (0.0, 0.0)
    wrong = Last(True)
    wrong.r.batch_first = False  # time and rows are taken for each other
    assert min(look(wrong, x, y).mixing) > 1e-3


def test_where_numbers_cease_to_be_finite():
    class Log(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = nn.Linear(6, 4), nn.Linear(4, 3)

        def forward(self, x: Tensor) -> Tensor:
            return self.b(torch.log(torch.relu(self.a(x))))

    x, y = rows()
    found = look(Log(), x, y)
    assert "log" in found.broken
    assert math.isnan(found.output_spread)
    made = net(6, 5, 3)
    assert look(made, x, y).broken == ""
    with torch.no_grad():
        made[0].weight[0, 0] = math.nan
    ruined = look(made, x, y)
    assert ruined.broken == "0"
    assert math.isnan(ruined.gradient_norm[0])


# Losses and scores ------------------------------------------------------------------------------------


def test_sums_are_scaled_to_a_batch():
    made, (x, y) = net(6, 9, 3), rows()
    mean = look(made, x, y)
    summed = look(made, x, y, nn.CrossEntropyLoss(reduction="sum"), batch_size=20)
    single = look(made, x, y, nn.CrossEntropyLoss(reduction="none"))
    assert np.isclose(summed.train_loss, 20 * mean.train_loss, rtol=1e-5)
    assert np.allclose(summed.gradient_norm, 20 * mean.gradient_norm, rtol=1e-4)
    assert np.allclose(summed.backward, mean.backward * 20 / 20, rtol=1e-4)
    assert np.isclose(single.train_loss, mean.train_loss, rtol=1e-5)
    assert np.allclose(summed.noise, mean.noise, rtol=1e-3)


def test_scores_of_tasks():
    x = torch.randn(100, 1)
    line = nn.Linear(1, 1)
    with torch.no_grad():
        line.weight.fill_(1.0)
        line.bias.fill_(0.0)
    values = look(line, x, x + 0.1 * torch.randn(100, 1), nn.MSELoss())
    assert 0.9 < values.train_score < 1.0
    assert values.recall.size == 0
    labels = (x[:, 0] > 0).float()
    signs = look(nn.Sequential(line, nn.Flatten(0)), x, labels, nn.BCEWithLogitsLoss())
    assert signs.train_score == 1.0
    odds = look(nn.Sequential(line, nn.Sigmoid(), nn.Flatten(0)), x, labels, nn.BCELoss())
    assert odds.train_score == 1.0
    assert odds.recall.tolist() == [1.0, 1.0]
    worse = look(line, x, -x, nn.MSELoss())
    assert worse.train_score < 0.0


def test_validation_is_measured_on_its_own_rows():
    made, (x, y) = net(6, 9, 3), rows()
    u, v = rows(40, seed=1)
    found = look(made, x, y, validation=((u,), v))
    assert np.isclose(found.valid_loss, float(CROSS(made(u), v).detach()), rtol=1e-5)
    assert found.valid_score == float((made(u).argmax(1) == v).double().mean())
    assert math.isnan(look(made, x, y).valid_loss)


def test_losses_that_raise_or_are_cut_off_leave_the_rest():
    made, (x, y) = net(6, 9, 3), rows()

    def refuses(out: Tensor, y: Tensor) -> Tensor:
        raise ValueError("no")

    found = look(made, x, y, refuses)
    assert math.isnan(found.train_loss)
    assert np.isnan(found.gradient_norm).all()
    assert np.isfinite(found.signal).all()
    cut = look(made, x, y, lambda out, y: CROSS(out.detach(), y))
    assert cut.gradient_norm.tolist() == [0.0, 0.0]
    assert cut.backward.tolist() == [0.0, 0.0]


class Pairs(nn.Module):
    """Compares each row of a batch with each, or `wide` with as many fixed rows."""

    def __init__(self, wide: int = 0) -> None:
        super().__init__()
        self.enter, self.wide = nn.Linear(3, 8), wide

    def forward(self, x: Tensor) -> Tensor:
        inner = self.enter(x)
        mixed = inner + inner.mean(0)
        return mixed @ (torch.ones(self.wide, 8) if self.wide else inner).T


def test_outputs_that_compare_rows_are_no_rows_mixed() -> None:
    x, y = torch.randn(96, 3), torch.zeros(96, dtype=torch.long)
    assert math.isnan(look(Pairs(), x, y).mixing[0])
    wide = look(Pairs(wide=64), x, y)  # as wide as a batch, but not with the batch
    assert wide.mixing[0] > 1e-3

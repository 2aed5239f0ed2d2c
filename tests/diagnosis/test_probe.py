"""What a probe sees of loops that are right, and of loops that are silently wrong."""

import itertools
from collections.abc import Callable

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from profunda.diagnosis.batches import fingerprint
from profunda.diagnosis.record import Course
from profunda.diagnosis.snapshots import Snapshots
from profunda.diagnosis.watching import Watch, watch

STEPS = 24


@pytest.fixture(autouse=True)
def seed() -> None:
    torch.manual_seed(0)


def net(*last: nn.Module) -> nn.Sequential:
    return nn.Sequential(nn.Linear(5, 8), nn.ReLU(), nn.Dropout(0.1), nn.Linear(8, 3), *last)


def opened(model: nn.Module, lr: float = 0.05, **words: object) -> tuple[Watch, torch.optim.Optimizer]:
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    return Watch(model, optimizer, F.cross_entropy, hurried=False, **words), optimizer  # type: ignore[arg-type]


def batch(n: int = 16) -> tuple[Tensor, Tensor]:
    return torch.randn(n, 5), torch.randint(0, 3, (n,))


Act = Callable[[nn.Module, torch.optim.Optimizer, Watch, int], None]


def course(act: Act, model: nn.Module | None = None, steps: int = STEPS, **words: object) -> Course:
    model = net() if model is None else model
    w, optimizer = opened(model, **words)
    with w:
        for step in range(steps):
            act(model, optimizer, w, step)
    assert not w._probe.broken, w.notes
    return w.course()


def learn(model: nn.Module, optimizer: torch.optim.Optimizer, w: Watch, step: int) -> None:
    x, y = batch()
    optimizer.zero_grad()
    w.loss(model(x), y).backward()
    optimizer.step()


# Numbers --------------------------------------------------------------------------------------------


def test_numbers_are_those_of_a_naive_loop() -> None:
    """Losses, rates, rows, ‖g‖, ‖Δθ‖/‖θ‖ and cosines against a loop that computes them itself."""
    model = net()
    w, optimizer = opened(model)
    scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.9)
    losses, rates, norms, moves, flat = [], [], [], [], []
    with w:
        for _ in range(STEPS):
            x, y = batch()
            optimizer.zero_grad()
            loss = w.loss(model(x), y)
            loss.backward()
            old = [each.detach().clone() for each in model[0].parameters()]
            losses.append(loss.item())
            rates.append(scheduler.get_last_lr()[0])
            own = [each.grad.flatten() for each in model[0].parameters()]
            norms.append(torch.cat(own).norm().item())
            flat.append(torch.cat([each.grad.flatten() for each in model.parameters()]))
            optimizer.step()
            steps = [new - was for new, was in zip(model[0].parameters(), old, strict=True)]
            moves.append(
                torch.cat([each.flatten() for each in steps]).norm().item()
                / torch.cat([each.flatten() for each in old]).norm().item()
            )
            scheduler.step()
    seen = w.course(("3", "0"))
    at = seen.sampled
    np.testing.assert_allclose(seen.loss, losses, rtol=1e-6)
    np.testing.assert_allclose(seen.rate, rates)
    assert (seen.rows == 16).all()
    np.testing.assert_allclose(seen.gradient[:, 1], np.array(norms)[at], rtol=1e-5)
    np.testing.assert_allclose(seen.update[:, 1], np.array(moves)[at], rtol=1e-4)
    pairs = [F.cosine_similarity(flat[a], flat[b], dim=0).item() for a, b in itertools.pairwise(at)]
    np.testing.assert_allclose(seen.agreement[1:], pairs, rtol=1e-4, atol=1e-6)
    assert list(at[:5]) == [0, 1, 2, 3, 4]
    assert (np.diff(at)[4:] > 1).any()
    assert (seen.steps, seen.forwards, seen.backwards) == (STEPS, STEPS, STEPS)
    assert seen.finished
    assert seen.clipped == pytest.approx(1.0)


@pytest.mark.parametrize(("factor", "turned"), [(1.0, 0.0), (-1.0, 1.0), (0.5, 0.0)])
def test_a_loss_that_is_turned_round_in_the_loop_is_counted(factor: float, turned: float) -> None:
    def act(model: nn.Module, optimizer: torch.optim.Optimizer, w: Watch, step: int) -> None:
        x, y = batch()
        optimizer.zero_grad()
        (factor * w.loss(model(x), y)).backward()
        optimizer.step()

    assert course(act).turned == turned


def test_tied_and_frozen_parameters_have_their_columns() -> None:
    class Tied(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.one, self.two = nn.Linear(5, 5, bias=False), nn.Linear(5, 5, bias=False)
            self.two.weight = self.one.weight
            self.frozen = nn.Linear(5, 3).requires_grad_(False)

        def forward(self, x: Tensor) -> Tensor:
            return self.frozen(self.two(self.one(x)))

    seen = course(learn, Tied(), steps=4)
    assert np.array_equal(seen.gradient[:, 0], seen.gradient[:, 1])
    assert np.isnan(seen.gradient[:, 2]).all()
    assert np.isnan(seen.update[:, 2]).all()
    assert (seen.update[:, 0] > 0).all()


def test_a_layer_takes_in_parts_that_have_no_name_of_their_own() -> None:
    """A parametrised layer and attention own parameters in inner modules."""
    model = nn.Sequential(nn.utils.parametrizations.weight_norm(nn.Linear(5, 3)))
    w, _ = opened(model)
    w._probe.weights.settle()
    assert w._probe.weights.columns(("0",)) == ((0, 1, 2),)
    attention = nn.ModuleDict({"a": nn.MultiheadAttention(4, 2), "b": nn.Linear(4, 4)})
    w, _ = opened(attention)
    w._probe.weights.settle()
    assert w._probe.weights.columns(("a", "b")) == ((0, 1, 2, 3), (4, 5))


def test_accumulated_micro_batches_are_one_step() -> None:
    def divided(model: nn.Module, optimizer: torch.optim.Optimizer, w: Watch, step: int) -> None:
        optimizer.zero_grad()
        for _ in range(4):
            x, y = batch(8)
            loss = w.loss(model(x), y)
            values.append(loss.item())
            (loss / 4).backward()
        optimizer.step()

    def whole(model: nn.Module, optimizer: torch.optim.Optimizer, w: Watch, step: int) -> None:
        optimizer.zero_grad()
        for _ in range(4):
            x, y = batch(8)
            w.loss(model(x), y).backward()
        optimizer.step()

    values: list[float] = []
    seen = course(divided, accumulate=4)
    np.testing.assert_allclose(seen.loss, np.reshape(values, (-1, 4)).mean(1), rtol=1e-6)
    assert (seen.rows == 32).all()
    assert (seen.summed, seen.uncleared, seen.dropped) == (1, 0, 0)
    assert seen.clipped == pytest.approx(1.0)
    assert course(whole, accumulate=4).summed == 4


@pytest.mark.parametrize("divided", [True, False])
@pytest.mark.parametrize("limit", [None, 0.01])
def test_a_scaler_is_told_from_clipping_and_from_sums(divided: bool, limit: float | None) -> None:
    scaler = torch.amp.GradScaler("cpu", init_scale=1024.0, growth_interval=7)

    def act(model: nn.Module, optimizer: torch.optim.Optimizer, w: Watch, step: int) -> None:
        optimizer.zero_grad()
        for _ in range(2):
            x, y = batch()
            with torch.autocast("cpu", dtype=torch.bfloat16):
                loss = w.loss(model(x), y)
            scaler.scale(loss / 2 if divided else loss).backward()
        scaler.unscale_(optimizer)
        if limit is not None:
            nn.utils.clip_grad_norm_(model.parameters(), limit)
        scaler.step(optimizer)
        scaler.update()

    seen = course(act, accumulate=2)
    assert (seen.skipped, seen.broken_step) == (0, -1)
    assert np.isfinite(seen.loss).all()
    assert (seen.loss < 3).all()  # freed of the scale
    if limit is None:
        assert seen.clipped == pytest.approx(1.0, rel=1e-3)
        assert seen.summed == (1 if divided else 2)
    else:
        assert seen.clipped < 0.1


# Loops that are silently wrong ----------------------------------------------------------------------


def test_gradients_that_are_never_cleared() -> None:
    def act(model: nn.Module, optimizer: torch.optim.Optimizer, w: Watch, step: int) -> None:
        x, y = batch()
        w.loss(model(x), y).backward()
        optimizer.step()

    assert course(act).uncleared == STEPS - 1


@pytest.mark.parametrize("way", ["none", "zero", "data", "model", "after", "by hand"])
def test_every_way_to_clear_gradients_counts(way: str) -> None:
    def clear(model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
        if way in ("none", "after"):
            optimizer.zero_grad()
        elif way == "zero":
            optimizer.zero_grad(set_to_none=False)
        elif way == "model":
            model.zero_grad(set_to_none=False)
        for each in model.parameters():
            if way == "data" and each.grad is not None:
                each.grad.data.zero_()
            if way == "by hand":
                each.grad = None

    def act(model: nn.Module, optimizer: torch.optim.Optimizer, w: Watch, step: int) -> None:
        x, y = batch()
        if way != "after":
            clear(model, optimizer)
        w.loss(model(x), y).backward()
        optimizer.step()
        if way == "after":
            clear(model, optimizer)

    seen = course(act)
    assert (seen.uncleared, seen.dropped) == (0, 0)


def test_gradients_cleared_before_each_micro_batch_are_thrown_away() -> None:
    def act(model: nn.Module, optimizer: torch.optim.Optimizer, w: Watch, step: int) -> None:
        for _ in range(3):
            x, y = batch()
            optimizer.zero_grad()
            w.loss(model(x), y).backward()
        optimizer.step()

    seen = course(act)
    assert (seen.dropped, seen.skipped) == (2 * STEPS, 0)


def test_no_step_no_backward_and_a_loss_that_is_cut_off() -> None:
    def no_step(model: nn.Module, optimizer: torch.optim.Optimizer, w: Watch, step: int) -> None:
        x, y = batch()
        optimizer.zero_grad()
        w.loss(model(x), y).backward()

    def no_backward(model: nn.Module, optimizer: torch.optim.Optimizer, w: Watch, step: int) -> None:
        x, y = batch()
        optimizer.zero_grad()
        w.loss(model(x), y)
        optimizer.step()

    def cut(model: nn.Module, optimizer: torch.optim.Optimizer, w: Watch, step: int) -> None:
        x, y = batch()
        optimizer.zero_grad()
        loss = w.loss(model(x).detach(), y)
        loss.requires_grad_().backward()
        optimizer.step()

    seen = course(no_step)
    assert (seen.steps, seen.backwards, seen.forwards) == (0, STEPS, STEPS)
    seen = course(no_backward)
    assert (seen.steps, seen.backwards, seen.detached) == (STEPS, 0, 0)
    seen = course(cut)
    assert (seen.steps, seen.backwards, seen.detached) == (STEPS, 0, STEPS)


def test_a_loss_for_the_eyes_only_is_not_cut_off() -> None:
    def act(model: nn.Module, optimizer: torch.optim.Optimizer, w: Watch, step: int) -> None:
        x, y = batch()
        optimizer.zero_grad()
        out = model(x)
        w.loss(out, y).backward()
        w.loss(out.detach(), y)
        optimizer.step()

    assert course(act).detached == 0


def test_wrong_modes() -> None:
    def evaluating(model: nn.Module, optimizer: torch.optim.Optimizer, w: Watch, step: int) -> None:
        learn(model, optimizer, w, step)
        with torch.no_grad():
            model(batch()[0])

    model = net().eval()
    assert course(learn, model).in_evaluation == STEPS
    model = net()
    model[2].eval()
    seen = course(learn, model)
    assert (seen.in_evaluation, seen.stuck) == (STEPS, ("2",))
    assert course(evaluating).evaluated_in_training == STEPS
    assert course(learn).in_evaluation == 0


def test_a_frozen_part_may_rest() -> None:
    """Frozen batch norms in evaluation mode are what fine-tuning asks for."""
    norm = nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3), nn.Dropout(0.5)).requires_grad_(False).eval()
    model = net(norm)
    seen = course(learn, model)
    assert (seen.in_evaluation, seen.stuck) == (0, ())


def test_evaluation_that_forgets_both_no_grad_and_eval() -> None:
    def act(model: nn.Module, optimizer: torch.optim.Optimizer, w: Watch, step: int) -> None:
        learn(model, optimizer, w, step)
        if step % 6 == 5:
            for _ in range(3):
                w.loss(model(batch()[0]), batch()[1])

    def targets(model: nn.Module, optimizer: torch.optim.Optimizer, w: Watch, step: int) -> None:
        """Two forwards a step, one of them without a gradient: a learner's own targets."""
        x, y = batch()
        optimizer.zero_grad()
        kept = model(x).detach()
        (w.loss(model(x), y) + (model(x) - kept).square().mean()).backward()
        optimizer.step()

    assert course(act).evaluated_in_training == 9  # what follows the last step is not seen to be over
    assert course(targets).evaluated_in_training == 0


def test_the_same_batch_again_and_again() -> None:
    x, y = batch()

    def act(model: nn.Module, optimizer: torch.optim.Optimizer, w: Watch, step: int) -> None:
        optimizer.zero_grad()
        w.loss(model(x), y).backward()
        optimizer.step()

    assert course(act).repeated == STEPS - 1
    assert course(learn).repeated == 0


@pytest.mark.parametrize("silent", [True, False])
def test_weights_that_something_sets_back(silent: bool) -> None:
    model = net()
    first = {name: each.clone() for name, each in model.state_dict().items()}

    def act(model: nn.Module, optimizer: torch.optim.Optimizer, w: Watch, step: int) -> None:
        learn(model, optimizer, w, step)
        if silent:
            for name, each in model.named_parameters():
                each.data.copy_(first[name])
        else:
            model.load_state_dict(first)

    assert course(act, model, steps=60).overwritten >= 58


def test_swapped_averages_and_projections_are_no_overwriting() -> None:
    model = net()

    def swapping(model: nn.Module, optimizer: torch.optim.Optimizer, w: Watch, step: int) -> None:
        learn(model, optimizer, w, step)
        own = {name: each.clone() for name, each in model.state_dict().items()}
        model.load_state_dict({name: 0.5 * each for name, each in own.items()})
        model.load_state_dict(own)
        with torch.no_grad():
            model[0].weight.mul_(1 - 1e-5)

    assert course(swapping, model).overwritten == 0


def test_clipping_is_measured() -> None:
    def act(model: nn.Module, optimizer: torch.optim.Optimizer, w: Watch, step: int) -> None:
        x, y = batch()
        optimizer.zero_grad()
        w.loss(model(x), y).backward()
        whole = nn.utils.clip_grad_norm_(model.parameters(), 1e-3)
        factors.append(1e-3 / whole.item())
        optimizer.step()

    factors: list[float] = []
    assert course(act).clipped == pytest.approx(np.median(factors), rel=0.2)


def test_steps_that_a_scaler_skips() -> None:
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**20)

    def act(model: nn.Module, optimizer: torch.optim.Optimizer, w: Watch, step: int) -> None:
        x, y = batch()
        optimizer.zero_grad()
        loss = w.loss(model(x), y)
        scaler.scale(loss * (float("inf") if step % 3 == 1 else 1.0)).backward()
        scaler.step(optimizer)
        scaler.update()

    seen = course(act)
    assert seen.steps == 16
    assert seen.skipped == 7 or seen.skipped == 8
    assert seen.broken_step == -1


# What breaks ----------------------------------------------------------------------------------------


class Logs(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(5, 4), nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(torch.log(self.first(x) * 0 + x.sum(1, keepdim=True)))


def test_the_function_that_first_gives_nan_is_named() -> None:
    def act(model: nn.Module, optimizer: torch.optim.Optimizer, w: Watch, step: int) -> None:
        optimizer.zero_grad()
        x = torch.rand(16, 5) - (3.0 if step == 5 else 0.0)
        w.loss(model(x), batch()[1]).backward()
        optimizer.step()

    seen = course(act, Logs())
    assert (seen.broken_step, seen.broken_at) == (5, "log")


def test_inputs_and_losses_that_are_not_finite_are_named() -> None:
    def inputs(model: nn.Module, optimizer: torch.optim.Optimizer, w: Watch, step: int) -> None:
        optimizer.zero_grad()
        x, y = batch()
        x[0, 0] = float("nan") if step == 3 else 0.0
        w.loss(model(x), y).backward()
        optimizer.step()

    seen = course(inputs)
    assert (seen.broken_step, seen.broken_at) == (3, "input")
    model = net()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.0)
    with watch(model, optimizer, lambda outputs, targets: (outputs - outputs).sum().log()) as w:
        w.loss(model(batch()[0]), None).backward()
        optimizer.step()
    assert (w.course().broken_step, w.course().broken_at) == (0, "loss")


def test_a_gradient_that_is_not_finite_is_traced_to_the_layer_whose_backward_gave_it() -> None:
    class Root(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return (x * self.off).sqrt()

        off = 1.0

    root = Root()
    model = nn.Sequential(nn.Linear(5, 4), nn.Softplus(), root, nn.Linear(4, 3))

    def act(model: nn.Module, optimizer: torch.optim.Optimizer, w: Watch, step: int) -> None:
        root.off = 0.0 if step == 4 else 1.0
        learn(model, optimizer, w, step)

    seen = course(act, model)
    assert (seen.broken_step, seen.broken_at) == (4, "2")


# Rows -----------------------------------------------------------------------------------------------


def test_the_first_rows_and_the_order_of_labels_are_kept() -> None:
    x, y = torch.randn(96, 5), torch.arange(96) // 32
    loader = DataLoader(TensorDataset(x, y), batch_size=16)
    model = net()
    w, optimizer = opened(model, data=loader)
    with w:
        for _ in range(3):
            for rows, labels in loader:
                optimizer.zero_grad()
                w.loss(model(rows), labels).backward()
                optimizer.step()
                rows.zero_()  # a loop may reuse its buffers
            with torch.no_grad():
                model(torch.zeros(4, 5))
    assert w.first_batch is w.kept[0]
    assert torch.equal(torch.cat([each.inputs[0] for each in w.kept])[:96], x)
    assert torch.equal(torch.cat([each.targets for each in w.kept])[:96], y)
    assert w.labels is not None
    assert torch.equal(w.labels[:96], y)
    assert [each.step for each in w.snapshots] == [0, 6, 12, 18]
    assert torch.equal(dict(w.snapshots[-1].state)["0.weight"], model[0].weight)


def test_no_more_rows_are_kept_than_there_is_room_for() -> None:
    model = net()
    w, optimizer = opened(model)
    with w:
        for _ in range(3):
            x, y = torch.randn(1500, 5), torch.randint(0, 3, (1500,))
            optimizer.zero_grad()
            w.loss(model(x), y).backward()
            optimizer.step()
    assert [each.rows for each in w.kept] == [1500, 548]
    assert [len(each.targets) for each in w.kept] == [1500, 548]
    w._probe.keeper.size = 5 * 4 * 10
    w._probe.keeper.rows = w._probe.keeper.bytes = 0
    assert len(w._probe.keeper.copied((x,), {}).inputs[0]) == 10


def test_snapshots_without_a_loader_thin_out() -> None:
    model = net()
    w, optimizer = opened(model)
    with w:
        for step in range(70):
            learn(model, optimizer, w, step)
    assert [each.step for each in w.snapshots] == [0, 1, 2, 4, 8, 16, 32, 64]
    later = Snapshots(model, every=2)
    later.begin()
    for step in range(1, 400):
        if step == later.following:
            later.take(step)
    steps = [each.step for each in later.kept]
    assert len(steps) <= 12
    assert steps[0] == 0
    assert steps[-1] > 300
    assert len(set(np.diff(steps))) <= 2


def test_large_rows_are_copied_into_one_block() -> None:
    model = nn.Linear(600, 3)
    w, optimizer = opened(model)
    first = torch.randn(40, 600)
    with w:
        for step in range(3):
            optimizer.zero_grad()
            x = first + step
            w.loss(model(x), torch.zeros(40, dtype=torch.long)).backward()
            optimizer.step()
            x.zero_()
    kept = [each.inputs[0] for each in w.kept]
    assert all(torch.equal(each, first + step) for step, each in enumerate(kept))
    assert len({each.untyped_storage().data_ptr() for each in kept}) == 1


def test_batches_of_images_with_empty_corners_are_told_apart() -> None:
    """Columns 0 and 32 of 8 × 8 digits are always 0: marks at equal distances saw nothing else."""
    images = torch.rand(2, 32, 64, generator=torch.Generator().manual_seed(0))
    images[..., ::32] = 0.0
    one, other = fingerprint(images[0]), fingerprint(images[1])
    assert not torch.equal(one, other)
    assert torch.equal(one, fingerprint(images[0].clone()))
    assert torch.equal(fingerprint(torch.arange(5)), torch.arange(5))

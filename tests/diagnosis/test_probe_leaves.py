"""A watch leaves nothing behind, and answers misuse with words."""

import copy
import gc
import io
import pickle
import time
import weakref
from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim.optimizer import _global_optimizer_post_hooks
from torch.utils.data import DataLoader, TensorDataset

from profunda.diagnosis import pacing
from profunda.diagnosis.watching import Watch, watch
from profunda.diagnosis.weights import Weights
from profunda.errors import ArgumentError, DataError


def pair() -> tuple[nn.Sequential, torch.optim.Optimizer]:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 2))
    return model, torch.optim.Adam(model.parameters(), lr=1e-2)


def learn(
    model: Callable[..., Tensor], optimizer: torch.optim.Optimizer, loss: Callable[..., Tensor]
) -> Tensor:
    optimizer.zero_grad()
    value = loss(model(torch.randn(8, 4)), torch.randint(0, 2, (8,)))
    value.backward()
    optimizer.step()
    return value


def hooks_of(model: nn.Module, optimizer: torch.optim.Optimizer) -> int:
    parts = [each for part in model.modules() for each in (part._forward_hooks, part._forward_pre_hooks)]
    steps = [optimizer._optimizer_step_pre_hooks, optimizer._optimizer_step_post_hooks]
    named = [part._forward_hooks_with_kwargs for part in model.modules()]
    held = [each._backward_hooks or {} for each in model.parameters()]
    return sum(len(each) for each in (*parts, *steps, *named, *held, _global_optimizer_post_hooks))


def test_no_hooks_are_left_whether_or_not_the_loop_raises() -> None:
    model, optimizer = pair()
    criterion = nn.CrossEntropyLoss()
    with watch(model, optimizer, criterion) as w:
        assert hooks_of(model, optimizer) > 0
        learn(model, optimizer, criterion)
    assert hooks_of(model, optimizer) == len(criterion._forward_hooks) == 0
    assert w.course().finished
    broken = watch(model, optimizer, criterion)

    def raising() -> None:
        with broken:
            learn(model, optimizer, criterion)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        raising()
    assert hooks_of(model, optimizer) == len(criterion._forward_hooks) == 0
    assert not broken.course().finished
    assert broken.course().steps == 1


def test_a_module_that_raises_within_a_pass_is_seen_up_to_there() -> None:
    model, optimizer = pair()
    w = watch(model, optimizer, F.cross_entropy)

    def raising() -> None:
        with w:
            learn(model, optimizer, w.loss)
            model(torch.randn(8, 5))

    with pytest.raises(RuntimeError, match="shapes"):
        raising()
    assert (w.course().steps, w.course().forwards, w.notes) == (1, 2, ())


def test_nothing_is_kept_alive() -> None:
    """Without the cycle collector: model, inputs, outputs and the watch go when their last name goes."""
    model, optimizer = pair()
    gc.collect()
    gc.disable()
    try:
        w = watch(model, optimizer, F.cross_entropy)
        with w:
            for _ in range(40):
                x, y = torch.randn(8, 4), torch.randint(0, 2, (8,))
                optimizer.zero_grad()
                outputs = model(x)
                loss = w.loss(outputs, y)
                loss.backward()
                optimizer.step()
            seen = [weakref.ref(each) for each in (x, y, outputs, loss)]
        del x, y, outputs, loss
        assert [each() for each in seen] == [None] * 4
        probe, kept = weakref.ref(w._probe), weakref.ref(w.kept[0].inputs[0])
        gone = weakref.ref(model)
        del w
        assert probe() is None
        assert kept() is None
        del model
        optimizer.param_groups.clear()
        optimizer.state.clear()
        assert gone() is None
    finally:
        gc.enable()


def test_a_graph_that_outlives_the_watch_is_free_of_it() -> None:
    model, optimizer = pair()
    w = watch(model, optimizer, F.cross_entropy)
    with w:
        outputs = model(torch.randn(8, 4))
        loss = w.loss(outputs, torch.zeros(8, dtype=torch.long))
    before = w.course().backwards
    loss.backward(retain_graph=True)
    assert w.course().backwards == before == 0
    probe = weakref.ref(w._probe)
    del w
    gc.collect()
    assert probe() is None
    loss.backward()


def test_copies_and_pickles_of_a_watched_module_are_free_of_it() -> None:
    """They load where no Profunda is, and what they compute is unseen."""
    model, optimizer = pair()
    with watch(model, optimizer, F.cross_entropy) as w:
        twin = copy.deepcopy(model)
        raw = pickle.dumps(model)
        outputs = model(torch.randn(8, 4))
        torch.save(outputs, io.BytesIO())
        for each in (twin, pickle.loads(raw)):
            x = torch.randn(3, 4)
            assert torch.equal(each(x), model(x))
        learn(model, optimizer, w.loss)
    assert b"profunda" not in raw
    assert w.course().forwards == 4
    assert w.notes == ()


def test_workers_and_an_epoch_of_a_loader() -> None:
    data = TensorDataset(torch.randn(32, 4), torch.randint(0, 2, (32,)))
    loader = DataLoader(data, batch_size=8, num_workers=1)
    model, optimizer = pair()
    with watch(model, optimizer, F.cross_entropy, loader) as w:
        for x, y in loader:
            optimizer.zero_grad()
            w.loss(model(x), y).backward()
            optimizer.step()
    assert w.course().steps == 4
    assert [each.step for each in w.snapshots] == [0, 4]


def test_a_compiled_model_is_seen_from_outside() -> None:
    model, optimizer = pair()
    compiled = torch.compile(model, backend="eager")
    with watch(compiled, optimizer, F.cross_entropy) as w:  # type: ignore[arg-type]
        for _ in range(3):
            learn(compiled, optimizer, w.loss)
    seen = w.course(("_orig_mod.0", "_orig_mod.2"))
    assert (seen.steps, seen.forwards, seen.backwards, seen.gradient.shape) == (3, 3, 3, (3, 2))
    assert any("wrapped (OptimizedModule)" in note for note in w.notes)


def test_a_model_watched_inside_of_its_compiled_self_says_so() -> None:
    model, optimizer = pair()
    compiled = torch.compile(model, backend="eager")
    learn(compiled, optimizer, F.cross_entropy)
    with watch(model, optimizer, F.cross_entropy) as w:
        for _ in range(3):
            learn(compiled, optimizer, w.loss)
    seen = w.course()
    assert (seen.steps, seen.backwards) == (3, 3)
    assert len(w.notes) == (0 if seen.forwards else 1)


def test_a_data_parallel_model_is_seen_from_outside() -> None:
    model, optimizer = pair()
    wrapped = nn.DataParallel(model)
    with watch(wrapped, optimizer, F.cross_entropy) as w:
        learn(wrapped, optimizer, w.loss)
    assert w.course().forwards == 1
    assert any("wrapped (DataParallel)" in note for note in w.notes)


def test_a_model_called_by_another_way_is_noted_and_its_backward_passes_count() -> None:
    model, optimizer = pair()
    with watch(model, optimizer, F.cross_entropy) as w:
        for _ in range(5):
            optimizer.zero_grad()
            F.cross_entropy(model.forward(torch.randn(8, 4)), torch.zeros(8, dtype=torch.long)).backward()
            optimizer.step()
    assert (w.course().backwards, w.course().steps) == (5, 5)
    assert any("model(...) was never called" in note for note in w.notes)
    assert any("w.loss(outputs, targets) was never called" in note for note in w.notes)


def test_another_optimiser_is_no_overwriting() -> None:
    model, optimizer = pair()
    other = torch.optim.SGD(model[0].parameters(), lr=10.0)
    with watch(model, optimizer, F.cross_entropy) as w:
        for _ in range(6):
            learn(model, optimizer, w.loss)
            other.step()
    assert w.course().overwritten == 0
    assert any("Another optimiser, SGD" in note for note in w.notes)


def test_a_watch_is_entered_once() -> None:
    model, optimizer = pair()
    w = watch(model, optimizer, F.cross_entropy)
    with w, pytest.raises(ArgumentError, match="entered before"):
        w.__enter__()
    with pytest.raises(ArgumentError, match="entered before"), w:
        pass


def test_a_loop_that_never_runs_is_told() -> None:
    model, optimizer = pair()
    with watch(model, optimizer, F.cross_entropy) as w:
        for _ in ():
            learn(model, optimizer, w.loss)
    with pytest.raises(DataError, match=r"The loop never ran: 0 forward passes"):
        w.course()
    assert w.first_batch is w.labels is None


class Custom:
    def step(self) -> None: ...


class Unready(torch.optim.Optimizer):
    def __init__(self) -> None: ...

    def step(self, closure: object = None) -> None: ...  # type: ignore[override]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"model": F.relu}, "takes a torch.nn.Module"),
        ({"model": nn.Sequential(nn.ReLU())}, "0 parameters, so there is nothing to train"),
        ({"optimizer": Custom()}, "optimizer is a Custom; its steps can be seen only on"),
        ({"optimizer": [1, 2]}, "2 optimisers were given"),
        ({"loss_fn": "mse"}, "loss_fn is a str and cannot be called"),
        ({"accumulate": 0}, "accumulate is 0"),
        ({"accumulate": True}, "accumulate is True"),
    ],
)
def test_arguments_that_cannot_be_used(change: dict[str, object], words: str) -> None:
    model, optimizer = pair()
    given = {"model": model, "optimizer": optimizer, "loss_fn": F.cross_entropy, **change}
    with pytest.raises(ArgumentError, match=words):
        watch(**given)  # type: ignore[arg-type]


def test_an_optimiser_that_cannot_take_hooks() -> None:
    model, _ = pair()
    with (
        pytest.raises(ArgumentError, match=r"must call super\(\).__init__"),
        Watch(model, Unready(), F.cross_entropy),
    ):
        pass
    assert not model._forward_hooks
    assert not model._forward_pre_hooks


def tensors_alive() -> int:
    gc.collect()
    return sum(issubclass(type(each), Tensor) for each in gc.get_objects())


def test_many_watches_leave_no_tensor_and_no_object() -> None:
    """Also where the loop raised, and where a diagnosis was asked for."""
    model, optimizer = pair()

    def turn(number: int) -> None:
        w = watch(model, optimizer, F.cross_entropy)
        try:
            with w:
                for _ in range(3):
                    learn(model, optimizer, w.loss)
                if number % 2:
                    raise ZeroDivisionError
        except ZeroDivisionError:
            pass
        if number % 20 == 0:
            w.diagnosis()

    for number in range(21):
        turn(number)
    optimizer.zero_grad()
    before, objects = tensors_alive(), len(gc.get_objects())
    for number in range(60):
        turn(number)
    optimizer.zero_grad()
    assert tensors_alive() == before
    assert len(gc.get_objects()) - objects < 60
    assert hooks_of(model, optimizer) == 0


def test_waiting_pays_for_no_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """A loaded machine, or a slow disk, makes steps longer that the processor does not work in."""
    clocks = {"wall": 0.0, "work": 0.0}
    monkeypatch.setattr(pacing, "perf_counter", lambda: clocks["wall"])
    monkeypatch.setattr(pacing, "process_time", lambda: clocks["work"])

    def pace(wall: float, work: float) -> float:
        clocks.update(wall=0.0, work=0.0)
        made = pacing.Pace()
        made.begin()
        clocks.update(wall=100 * wall, work=100 * work)
        return made.seconds(101)

    assert pace(0.2, 0.002) == pytest.approx(0.002)
    assert pace(0.002, 0.016) == pytest.approx(0.002)


def test_looks_that_cost_more_than_a_loop_worked_do_not_end_the_watch(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = pacing.Pace()
    made.begin()
    made.paid(3600.0)
    assert made.seconds(100) == 0.0
    assert any(made.followed(step) for step in range(100, 300))

    before = Weights.before

    def waits(self: Weights, closure: bool) -> None:
        time.sleep(0.03)
        before(self, closure)

    monkeypatch.setattr(Weights, "before", waits)
    model = nn.Linear(3, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    w = Watch(model, optimizer, F.mse_loss)
    with w:
        for _ in range(40):
            optimizer.zero_grad()
            w.loss(model(torch.ones(4, 3)), torch.zeros(4, 1)).backward()
            optimizer.step()
    assert w.course().steps == 40
    assert not w.notes
    assert w._probe.pace.spent < 0.03  # another's time upon the processor is no cost of looks

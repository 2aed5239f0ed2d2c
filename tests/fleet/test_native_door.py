"""What the compiled module takes and refuses: it trains or says what is wrong; no other memory is touched."""

import itertools
import threading
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

SENTINEL = 7.25
MARGIN = 64


def guarded(shape, dtype, value=0.0):
    """An array inside a larger one that is filled with sentinels: (array, its surroundings)."""
    count = int(np.prod(shape))
    whole = np.full(count + 2 * MARGIN, SENTINEL, dtype)
    inner = whole[MARGIN : MARGIN + count].reshape(shape)
    inner[...] = value
    return inner, whole


def untouched(whole):
    return (whole[:MARGIN] == SENTINEL).all() and (whole[-MARGIN:] == SENTINEL).all()


class Job:
    """Arguments of a Table, a Recipe and a Task that fit together; tests spoil them one by one."""

    def __init__(
        self, compiled, *, classes=True, dtype=np.float32, widths=(4, 9), norm=0, epochs=2, optimiser=1
    ):
        self.compiled, rng = compiled, np.random.default_rng(0)
        outputs = 2
        y = np.arange(10) % 2 if classes else rng.normal(size=(10, outputs)).astype(dtype)
        self.table = {
            "x": rng.normal(size=(10, 3)).astype(dtype),
            "y": y,
            "weight": None,
            "train": np.arange(8),
            "valid": np.arange(8, 10),
            "classes": classes,
            "outputs": outputs,
        }
        self.recipe = {
            "dropping": 0,
            "dropout": 0.3,
            "input_dropout": 0.1,
            "l1": 1e-4,
            "l2": 1e-4,
            "decoupled": True,
            "label_smoothing": 0.1 if classes else 0.0,
            "huber": False,
            "optimiser": optimiser,
            "momentum": 0.9,
            "lr": 1e-2,
            "schedule": 0,
            "batch": 3,
            "epochs": 5,
            "patience": 0,
            "clip": 0.0,
            "order_stream": 1,
            "dropout_stream": 2,
            "dropconnect_stream": 3,
            "beta2": 0.999,
            "bias_lr": 1.0,
            "ntk": False,
            "subgradient": False,
            "group_lasso": 0.0,
            "max_norm": 0.0,
            "averaging": False,
            "noise": 0.0,
            "mixup": False,
            "noise_stream": 4,
            "mixup_stream": 5,
        }
        sizes, vectors = (3, *widths, outputs), (1, 5, 3)[norm]
        count = sum((a + 1) * b for a, b in itertools.pairwise(sizes))
        self.parameters = count + (vectors - 1) * sum(widths)
        self.walls = []
        moments = 2 if optimiser == 1 else 1
        params = [self.array(self.parameters, dtype, 0.1), self.array(self.parameters, dtype, 0.1)]
        self.task = {
            "widths": list(widths),
            "canonical": [-(-width // 8) * 8 for width in widths],
            "activation": 0,
            "norm": norm,
            "norm_after": False,
            "parametric": False,
            "skip": False,
            "front": compiled.Front([], [], False),
            "vectors": params + [self.array(self.parameters, dtype) for _ in range(moments)],
            "epochs": (0, epochs),
            "best": (0, 0),
            "best_loss": float("inf"),
            "sign_every": 1,
            "saturation": (-1.0, 1.0),
            "quantiles": np.zeros(65536, dtype),
            "ingredients": None,
            "curves": [
                self.array(epochs, np.float64),
                self.array(epochs, np.float64),
                self.array((epochs, 6, len(widths) + 1), np.float64),
            ],
        }
        self.twice = dtype == np.float64

    def array(self, shape, dtype, value=0.0):
        inner, whole = guarded(shape, dtype, value)
        self.walls.append(whole)
        return inner

    def made(self):
        """The compiled task."""
        table = self.compiled.Table(**self.table)
        return self.compiled.Task(table=table, recipe=self.compiled.Recipe(**self.recipe), **self.task)

    def trained(self):
        """The compiled task after its training."""
        team = self.compiled.Team(1, self.twice)
        made = self.made()
        team.open(5, 1)
        team.submit(5, made)
        try:
            while team.wait(1.0, 0) != 5:
                pass
        finally:
            team.close()
        assert all(untouched(whole) for whole in self.walls)
        return made


@pytest.mark.parametrize("norm", [0, 1, 2])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("classes", [True, False])
def test_what_fits_trains(compiled, classes, dtype, norm):
    job = Job(compiled, classes=classes, dtype=dtype, norm=norm)
    made = job.trained()
    assert (made.epoch, made.ending) == (2, 0)
    assert made.seconds > 0
    assert made.best_epoch in (1, 2)
    assert all(np.isfinite(curve).all() for curve in job.task["curves"])
    assert (job.task["vectors"][0] != 0.1).any()


def test_control_the_sentinels_see_a_write_outside(compiled):
    job = Job(compiled)
    assert all(untouched(whole) for whole in job.walls)
    job.walls[1][MARGIN - 1] = 0
    assert not all(untouched(whole) for whole in job.walls)


# One thing wrong at a time --------------------------------------------------------------------------


def named(value):
    """A short name of a test's case."""
    return str(value) if isinstance(value, str | int | float) else type(value).__name__


NAN, INF = float("nan"), float("inf")
BAD_TABLE = [
    ("x", np.ones(10, np.float32), "x must be"),
    ("x", np.ones((10, 3, 1), np.float32), "x must be"),
    ("x", np.ones((10, 0), np.float32), "x must be"),
    ("x", np.ones((0, 3), np.float32), "training rows must lie"),
    ("x", np.ones((9, 3), np.float32), "validation rows must lie"),
    ("x", np.ones((10, 3), np.int64), "float32 or float64"),
    ("x", np.ones((10, 3), np.float16), "float32 or float64"),
    ("x", np.ones((10, 3), np.complex64), "float32 or float64"),
    ("x", np.ones((10, 3), ">f4"), "incompatible function arguments"),
    ("x", np.ones((10, 3), object), "incompatible function arguments"),
    ("x", None, "incompatible function arguments"),
    ("y", np.zeros(9, np.int64), "labels must be"),
    ("y", np.zeros(11, np.int64), "labels must be"),
    ("y", np.zeros(10, np.int32), "labels must be"),
    ("y", np.zeros(10, np.float32), "labels must be"),
    ("y", np.full(10, 2), "labels must lie"),
    ("y", np.full(10, -1), "labels must lie"),
    ("y", np.full(10, 2**62), "labels must lie"),
    ("weight", np.ones(9, np.float32), "weight must be"),
    ("weight", np.ones(10, np.float64), "weight must be"),
    ("train", np.zeros(0, np.int64), "no training rows"),
    ("train", np.array([10]), "training rows must lie"),
    ("train", np.array([-1]), "training rows must lie"),
    ("train", np.array([2**62]), "training rows must lie"),
    ("train", np.zeros((2, 2), np.int64), "incompatible function arguments"),
    ("valid", np.zeros(0, np.int64), "no validation rows"),
    ("valid", np.array([10]), "validation rows must lie"),
    ("valid", np.array([-1]), "validation rows must lie"),
    ("outputs", 0, "at least one output"),
    ("outputs", -3, "at least one output"),
    ("outputs", 2**31 - 1, "not too many"),
    ("outputs", 2**40, "incompatible function arguments"),
    ("outputs", 1, "labels must lie"),
]
BAD_RECIPE = [
    ("dropping", 3, "dropout_kind is not"),
    ("dropping", -1, "dropout_kind is not"),
    ("optimiser", 3, "optimiser is not"),
    ("optimiser", -1, "optimiser is not"),
    ("schedule", 5, "schedule is not"),
    ("schedule", -1, "schedule is not"),
    ("dropout", 1.0, "rates must lie"),
    ("dropout", -0.1, "rates must lie"),
    ("dropout", NAN, "rates must lie"),
    ("dropout", INF, "rates must lie"),
    ("input_dropout", 1.0, "rates must lie"),
    ("input_dropout", NAN, "rates must lie"),
    ("batch", 0, "a batch must have"),
    ("batch", -4, "a batch must have"),
    ("batch", 9, "a batch must have"),
    ("batch", 2**31 - 1, "a batch must have"),
    ("batch", 2**40, "incompatible function arguments"),
    ("epochs", 0, "epochs must be"),
    ("epochs", -1, "epochs must be"),
    ("patience", -1, "patience at least 0"),
    ("epochs", 2**62, "too many epochs"),
    ("beta2", 1.0, "beta2 must lie"),
    ("beta2", -0.1, "beta2 must lie"),
    ("beta2", NAN, "beta2 must lie"),
    ("bias_lr", -1.0, "finite and not negative"),
    ("bias_lr", NAN, "finite and not negative"),
    ("group_lasso", INF, "finite and not negative"),
    ("max_norm", -1e-9, "finite and not negative"),
    ("noise", NAN, "finite and not negative"),
    ("noise", 0.1, "noise needs the numeric inputs"),
    ("mixup", True, "mixup needs its 4,096 shares"),
    ("group_lasso", 0.1, "group lasso needs the group"),
    ("averaging", True, "where weights are averaged their mean"),
    ("order_stream", -1, "incompatible function arguments"),
    ("order_stream", 2**64, "incompatible function arguments"),
    ("lr", "fast", "incompatible function arguments"),
]
BAD_TASK = [
    ("widths", [4], "as many"),
    ("widths", [0, 9], "at least one unit"),
    ("widths", [-4, 9], "at least one unit"),
    ("widths", [2**31 - 1, 9], "room for all"),
    ("widths", [4, 17], "room for all"),
    ("widths", [4, 8], r"must be \[P\]"),
    ("canonical", [8], "as many"),
    ("canonical", [3, 16], "room for all"),
    ("canonical", [8, 0], "room for all"),
    ("activation", 10, "activation is not"),
    ("activation", -1, "activation is not"),
    ("norm", 3, "norm is not"),
    ("norm", -1, "norm is not"),
    ("norm", 1, r"must be \[P\]"),
    ("vectors", [], "moments are needed"),
    ("vectors", [np.zeros(3, np.float32)] * 3, "moments are needed"),
    ("vectors", [np.zeros(3, np.float32)] * 4, r"must be \[P\]"),
    ("vectors", [np.zeros(81)] * 4, r"must be \[P\]"),
    ("vectors", [np.zeros(81, np.int32)] * 4, "float32 or float64"),
    ("vectors", [np.zeros(162, np.float32)[::2]] * 4, "incompatible function arguments"),
    ("vectors", [np.broadcast_to(np.float32(0), 81)] * 4, "incompatible function arguments"),
    ("vectors", None, "incompatible function arguments"),
    ("epochs", (2, 1), "trains forward"),
    ("epochs", (-1, 1), "trains forward"),
    ("epochs", (0, 3), "curves are too short"),
    ("epochs", (0, 2**62), "curves are too short"),
    ("epochs", (-(2**63), 2**63 - 1), "trains forward"),
    ("sign_every", 0, "every so many epochs"),
    ("sign_every", -1, "every so many epochs"),
    ("curves", [], "validation loss and signs are needed"),
    ("curves", [np.zeros(1), np.zeros(2), np.zeros(36)], "curves are too short"),
    ("curves", [np.zeros(2), np.zeros(1), np.zeros(36)], "curves are too short"),
    ("curves", [np.zeros(2), np.zeros(2), np.zeros(35)], "signs are too short"),
    ("curves", [np.zeros(2, np.float32), np.zeros(2), np.zeros(36)], "incompatible function arguments"),
    ("curves", [np.zeros(4)[::2], np.zeros(2), np.zeros(36)], "incompatible function arguments"),
    ("quantiles", np.zeros(65536, np.float32).reshape(2, -1)[:1], "quantiles"),
    ("quantiles", np.zeros(65536), "quantiles"),
    ("quantiles", None, "quantiles"),
    ("ingredients", object(), "must be Tables"),
]


def spoilt(job, part, name, value):
    """The job with one argument changed."""
    getattr(job, part)[name] = value
    return job


@pytest.mark.parametrize(("name", "value", "says"), BAD_TABLE, ids=named)
def test_a_table_that_does_not_fit_is_refused(compiled, name, value, says):
    with pytest.raises((ValueError, TypeError), match=says):
        spoilt(Job(compiled), "table", name, value).made()


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (np.zeros((10, 3), np.float32), r"\[N, C\]"),
        (np.zeros((9, 2), np.float32), r"\[N, C\]"),
        (np.zeros(20, np.float32), r"\[N, C\]"),
        (np.zeros((10, 2), np.float64), "of one type"),
        (np.zeros((10, 2), np.int64), "float32 or float64"),
    ],
)
def test_numbers_that_do_not_fit_are_refused(compiled, value, says):
    with pytest.raises(ValueError, match=says):
        spoilt(Job(compiled, classes=False), "table", "y", value).made()


@pytest.mark.parametrize(("name", "value", "says"), BAD_RECIPE, ids=named)
def test_a_recipe_that_does_not_fit_is_refused(compiled, name, value, says):
    with pytest.raises((ValueError, TypeError), match=says):
        spoilt(Job(compiled), "recipe", name, value).made()


@pytest.mark.parametrize(("name", "value", "says"), BAD_TASK, ids=named)
def test_a_task_that_does_not_fit_is_refused(compiled, name, value, says):
    job = Job(compiled)
    assert job.parameters == 81
    job.recipe["dropping"] = 1  # asks for the quantiles
    with pytest.raises((ValueError, TypeError), match=says):
        spoilt(job, "task", name, value).made()


def test_read_only_arrays_are_refused_where_results_go(compiled):
    for name, n in (("vectors", 0), ("vectors", 3), ("curves", 2)):
        job = Job(compiled)
        job.task[name][n].flags.writeable = False
        with pytest.raises(TypeError, match="incompatible function arguments"):
            job.made()


@pytest.mark.parametrize(
    ("table", "says"), [(None, "incompatible"), (object(), "must be a Table"), ("rows", "must be a Table")]
)
def test_a_task_needs_a_table(compiled, table, says):
    job = Job(compiled)
    with pytest.raises(TypeError, match=says):
        compiled.Task(table=table, recipe=compiled.Recipe(**job.recipe), **job.task)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("x", np.asfortranarray(np.ones((10, 3), np.float32))),
        ("x", np.ones((10, 6), np.float32)[:, ::2]),
        ("x", np.full((10, 3), NAN, np.float32)),
        ("x", np.full((10, 3), 3e38, np.float32)),
        ("x", np.zeros((10, 3), np.float32)),
        ("train", np.arange(8, dtype=np.int32)),
        ("train", np.zeros(8, np.int64)),
        ("train", np.arange(16)[::2] // 2),
        ("weight", np.zeros(10, np.float32)),
        ("weight", np.full(10, -1e30, np.float32)),
    ],
)
def test_odd_tables_train(compiled, name, value):
    made = spoilt(Job(compiled), "table", name, value).trained()
    assert made.ending in (0, 2)


@pytest.mark.parametrize("value", [NAN, INF, -INF, -1.0, 1e300])
@pytest.mark.parametrize("name", ["l1", "l2", "label_smoothing", "momentum", "lr", "clip"])
def test_senseless_numbers_train_or_diverge(compiled, name, value):
    made = spoilt(Job(compiled), "recipe", name, value).trained()
    assert made.ending in (0, 2)
    assert made.epoch in (1, 2)


def test_buffer_bytes_refuses_the_same(compiled):
    job = Job(compiled)
    table, recipe = compiled.Table(**job.table), compiled.Recipe(**job.recipe)
    plain = (False, False, False, job.task["front"])

    def ask(widths=(4,), canonical=(8,), activation=0, norm=0, recipe=recipe):
        return compiled.buffer_bytes(table, list(widths), list(canonical), activation, norm, *plain, recipe)

    assert ask() > 0
    for fields, says in (
        ({"widths": (0,)}, "at least one unit"),
        ({"widths": (2**31 - 1,), "canonical": (2**31 - 1,)}, "too many units"),
        ({"canonical": ()}, "as many"),
        ({"activation": 77}, "activation is not"),
        ({"norm": 5}, "norm is not"),
        ({"recipe": compiled.Recipe(**job.recipe | {"batch": 9})}, "a batch must have"),
    ):
        with pytest.raises(ValueError, match=says):
            ask(**fields)


# Anything at all -----------------------------------------------------------------------------------

numbers = st.sampled_from([0.0, 0.5, 1.0, -1.0, 1e-300, 1e300, NAN, INF])
counts = st.sampled_from([-(2**63), -1, 0, 1, 2, 3, 8, 9, 2**31 - 1, 2**31, 2**62])
SHAPES = [(0,), (1,), (2,), (10,), (81,), (10, 3), (3, 10), (10, 20), (2, 6, 3), (65536,), (1, 1, 1)]


def array_of(shape, dtype, step, value):
    """An array of `shape`, of every second row of another where `step` is 2."""
    return np.full((2 * shape[0], *shape[1:]), value).astype(dtype)[: shape[0] * step : step]


arrays = st.builds(
    array_of,
    st.sampled_from(SHAPES),
    st.sampled_from(["f4", "f8", "i8", "i4", "?", "c8"]),
    st.sampled_from([1, 2]),
    st.sampled_from([0, 1, 7, -1]),
)
anything = st.one_of(
    numbers,
    counts,
    arrays,
    st.none(),
    st.booleans(),
    st.text(max_size=3),
    st.lists(counts, max_size=4),
    st.lists(arrays, max_size=4),
    st.tuples(counts, counts),
    st.tuples(numbers, numbers),
)
NAMES = [
    (part, name)
    for part, names in (
        ("table", "x y weight train valid classes outputs"),
        (
            "recipe",
            "dropping dropout input_dropout l1 l2 decoupled label_smoothing huber optimiser momentum lr "
            "schedule batch epochs patience clip order_stream dropout_stream dropconnect_stream "
            "beta2 bias_lr ntk subgradient group_lasso max_norm averaging noise mixup noise_stream "
            "mixup_stream",
        ),
        (
            "task",
            "widths canonical activation norm norm_after parametric skip front vectors epochs best best_loss "
            "sign_every saturation quantiles ingredients curves",
        ),
    )
    for name in names.split()
]
LARGE = ("canonical",)
"""May ask for more memory than there is: MemoryError then."""


@settings(max_examples=400, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(NAMES), anything), min_size=1, max_size=3),
    st.booleans(),
    st.sampled_from([np.float32, np.float64]),
    st.integers(0, 2),
    st.sampled_from([(), (1,), (4, 9), (17,)]),
    st.integers(0, 2),
)
@pytest.mark.filterwarnings("ignore:.*ComplexWarning|Casting complex")
def test_whatever_comes_is_trained_or_refused(compiled, changes, classes, dtype, norm, widths, optimiser):
    job = Job(compiled, classes=classes, dtype=dtype, norm=norm, widths=widths, optimiser=optimiser)
    for (part, name), value in changes:
        spoilt(job, part, name, value)
    error = ending = None
    try:
        ending = job.trained().ending
    except (ValueError, TypeError, MemoryError) as caught:
        error = caught
    if isinstance(error, MemoryError):
        assert any(name in LARGE for (_, name), _ in changes)
    else:
        assert ending in (0, 1, 2) or len(str(error)) > 10
    assert all(untouched(whole) for whole in job.walls)


# Teams ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("threads", "isa", "says"),
    [
        (0, None, "at least one thread"),
        (-1, None, "at least one thread"),
        (10**6, None, "too many threads"),
        (1, "sse9", "no instruction set sse9"),
    ],
)
def test_a_team_that_cannot_be_is_refused(compiled, threads, isa, says):
    with pytest.raises(ValueError, match=says):
        compiled.Team(threads, False, isa)


def test_a_team_takes_what_it_was_told_of(compiled):
    team, job = compiled.Team(1, False), Job(compiled)
    made = job.made()
    for refused, says in (
        (lambda: team.submit(1, made), "the pack is not open"),
        (lambda: team.open(1, -1), "fewer than no tasks"),
        (lambda: team.submit(1, object()), "must be a Task"),
        (lambda: team.submit(1, None), "incompatible function arguments"),
        (lambda: team.wait(NAN, 0), "a wait takes"),
        (lambda: team.wait(-1.0, 0), "a wait takes"),
        (lambda: team.wait(1e300, 0), "a wait takes"),
    ):
        with pytest.raises((ValueError, TypeError), match=says):
            refused()
    team.open(1, 1)
    with pytest.raises(ValueError, match="open already"):
        team.open(1, 1)
    with pytest.raises(ValueError, match="not of the team's type"):
        team.submit(1, Job(compiled, dtype=np.float64).made())
    team.submit(1, made)
    with pytest.raises(ValueError, match="all the tasks that it was opened for"):
        team.submit(1, Job(compiled).made())
    team.open(2, 1)
    with pytest.raises(ValueError, match="was submitted before"):
        team.submit(2, made)
    assert team.wait(10.0, 0) == 1
    assert team.steps == 2 * 3
    assert team.wait(0.0, 0) == -1
    team.open(3, 0)
    assert team.wait(10.0, 0) == 3
    team.close()
    team.close()
    for refused in (lambda: team.open(4, 1), lambda: team.wait(0.1, 0), lambda: team.steps, team.cancel):
        with pytest.raises(ValueError, match="the team is closed"):
            refused()


def endless(compiled):
    """A job of a million epochs."""
    job = Job(compiled, epochs=1)
    job.recipe["epochs"] = 10**9
    job.task["epochs"] = (0, 10**6)
    job.task["sign_every"] = 10**7
    job.task["curves"] = [np.zeros(10**6), np.zeros(10**6), np.zeros(18)]
    return job


def test_a_team_closes_with_work_that_runs_and_work_that_waits(compiled):
    team, jobs = compiled.Team(2, False), [endless(compiled) for _ in range(6)]
    tasks = [job.made() for job in jobs]
    team.open(1, 6)
    for task in tasks:
        team.submit(1, task)
    while not team.steps or team.waiting > 4:
        time.sleep(0.001)
    assert team.waiting == 4
    begun = time.monotonic()
    team.close()
    assert time.monotonic() - begun < 1
    assert {task.ending for task in tasks} == {3}
    assert [task.epoch > 0 for task in tasks[2:]] == [False] * 4
    assert all((job.task["vectors"][0] == np.float32(0.1)).all() for job in jobs[2:])


def test_a_team_that_is_dropped_stops_before_its_arrays_go(compiled):
    for _ in range(5):
        team = compiled.Team(2, False)
        team.open(1, 3)
        for _ in range(3):
            team.submit(1, endless(compiled).made())
        del team


def test_a_team_closes_while_another_thread_waits_for_it(compiled):
    team, found = compiled.Team(1, False), []
    team.open(1, 1)
    team.submit(1, endless(compiled).made())
    waiter = threading.Thread(target=lambda: found.append(team.wait(5.0, 0)))
    waiter.start()
    while not team.steps:
        time.sleep(0.001)
    team.close()
    waiter.join(4.0)
    assert not waiter.is_alive()
    assert found == [1]


def test_an_error_inside_a_thread_comes_out_where_results_do(compiled):
    """Masks of 2⁵² bytes: no machine has them. The team goes on with the next member."""
    job, rows = Job(compiled, widths=(4,)), 2**20
    job.table["train"] = np.zeros(rows, np.int64)
    job.recipe["batch"] = rows
    job.task["canonical"] = [2**31 - 1]
    team, made = compiled.Team(1, False), job.made()
    team.open(1, 1)
    team.submit(1, made)
    with pytest.raises(MemoryError):
        team.wait(60.0, 0)
    assert team.wait(10.0, 0) == 1
    assert (made.ending, made.epoch) == (3, 0)
    assert (job.task["vectors"][0] == np.float32(0.1)).all()
    after = Job(compiled).made()
    team.open(2, 1)
    team.submit(2, after)
    assert team.wait(10.0, 0) == 2
    assert after.ending == 0
    team.close()

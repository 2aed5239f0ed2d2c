"""What recipes add to a training, natively: against the naive twin, and what the module refuses of it."""

from dataclasses import replace

import numpy as np
import pytest
from tests.fleet import cases
from tests.fleet.cases import table
from tests.fleet.test_native_door import Job
from tests.fleet.test_native_twin import OPTIMISERS, apart, relative
from tests.oracles import fleet as oracle

from profunda.data.inputs import Inputs
from profunda.fleet import native_engine
from profunda.fleet.history import Status
from profunda.fleet.member import Member
from profunda.fleet.state import n_moments, pack_arrays, unpack
from profunda.space.design import Design

FIELDS = {"widths": (13, 9), "activation": "tanh", "lr": 2e-3, "batch_size": 16, "epochs": 25}


def made_of(fields, fold=0):
    """A member of `FIELDS` and `fields`."""
    return Member(Design(**FIELDS | fields), fold, 3)


def rows(*, classes=True, outputs=3, features=5, inputs=None, weighted=False):
    """The table of the tests in float64, with `inputs` and weights of rows."""
    made = table(features=features, outputs=outputs, classes=classes, dtype=np.float64)
    weight = np.linspace(0.2, 3.0, 90) if weighted else None
    return replace(
        made,
        sources={
            place: replace(source, weight=weight, inputs=inputs or source.inputs)
            for place, source in made.sources.items()
        },
    )


def worst(state, twin):
    """The largest relative difference of weights, of those that are kept, and of losses."""
    assert state.best_epoch == twin.best_epoch
    return max(
        relative(state.params, twin.params[len(state.train_loss) - 1]),
        relative(state.best_params, twin.kept[twin.best_epoch - 1]),
        float(np.abs(state.train_loss / twin.train_loss - 1).max()),
        float(np.abs(state.valid_loss / twin.valid_loss - 1).max()),
    )


def agree(native, fields, made):
    """Hold a member trained in float64, over a hundred steps, against the twin."""
    member = made_of(fields)
    state = native([member], made, dtype="float64").states[0]
    assert state.step >= 100
    twin = oracle.train(member, made)
    assert worst(state, twin) <= 1e-9
    if member.design.averaging:
        assert relative(state.moments[-1], twin.kept[-1]) <= 1e-9
    return state


# Rates ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("optimiser", OPTIMISERS)
@pytest.mark.parametrize("schedule", ["restarts", "coslog"])
def test_schedules(native, schedule, optimiser):
    agree(native, {"schedule": schedule, "optimiser": optimiser, "epochs": 28}, rows())


@pytest.mark.parametrize("optimiser", OPTIMISERS)
@pytest.mark.parametrize("widths", [(), (13, 9)])
@pytest.mark.parametrize(("bias_lr", "beta2"), [(1.0, 0.999), (0.0, 0.5)])
def test_paces(native, bias_lr, beta2, widths, optimiser):
    fields = {"widths": widths, "bias_lr": bias_lr, "beta2": beta2, "optimiser": optimiser, "norm": "layer"}
    agree(native, fields | {"parametrisation": "ntk", "l1": 1e-3, "l2": 0.02}, rows())


@pytest.mark.parametrize("optimiser", OPTIMISERS)
@pytest.mark.parametrize("field", [{"bias_lr": 0.3}, {"beta2": 0.9}, {"parametrisation": "ntk"}])
def test_one_pace_alone(native, field, optimiser):
    agree(native, field | {"optimiser": optimiser, "dropout": 0.2, "clip": 0.5}, rows())


# Penalties -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("optimiser", OPTIMISERS)
@pytest.mark.parametrize("decoupled", [False, True])
def test_subgradients(native, decoupled, optimiser):
    fields = {"l1": 0.01, "l1_update": "subgradient", "l2": 0.05, "decoupled": decoupled}
    state = agree(native, fields | {"optimiser": optimiser, "clip": 0.4}, rows())
    assert state.params.all()  # which soft thresholds would not leave


GROUPED = Inputs((0, 1, 0, 2, 1, 4, 4), (0, 3))


@pytest.mark.parametrize("optimiser", OPTIMISERS)
@pytest.mark.parametrize("widths", [(), (13, 9)])
@pytest.mark.parametrize("ntk", ["standard", "ntk"])
def test_group_lasso(native, ntk, widths, optimiser):
    fields = {"group_lasso": 0.1, "widths": widths, "optimiser": optimiser, "parametrisation": ntk}
    agree(native, fields | {"l1": 1e-3}, rows(features=7, inputs=GROUPED))


def test_group_lasso_takes_out_whole_columns(native):
    member = made_of({"group_lasso": 0.2, "optimiser": "sgd", "momentum": 0.0, "lr": 0.05, "epochs": 150})
    made = rows(features=7, inputs=GROUPED)
    state = native([member], made, dtype="float64").states[0]
    first = state.params[: 7 * 13].reshape(7, 13)
    zeros = (first == 0).all(axis=1)
    assert 0 < zeros.sum() < 7
    for column in set(GROUPED.columns):
        assert len({bool(out) for out, its in zip(zeros, GROUPED.columns, strict=True) if its == column}) == 1
    assert (first[~zeros] != 0).all()


@pytest.mark.parametrize("optimiser", OPTIMISERS)
@pytest.mark.parametrize("widths", [(), (13,), (13, 9)])
def test_max_norm(native, widths, optimiser):
    state = agree(native, {"max_norm": 0.8, "widths": widths, "optimiser": optimiser, "l1": 1e-3}, rows())
    if widths:
        first = state.params[: 5 * 13].reshape(5, 13)
        lengths = np.linalg.norm(first, axis=0)
        assert lengths.max() == pytest.approx(0.8, rel=1e-12)


# Averages ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("optimiser", OPTIMISERS)
@pytest.mark.parametrize("norm", ["none", "batch", "layer"])
def test_averages(native, norm, optimiser):
    fields = {"averaging": True, "norm": norm, "optimiser": optimiser, "norm_place": "after", "epochs": 27}
    state = agree(native, fields, rows())
    assert len(state.moments) == (3 if optimiser == "adam" else 2)


@pytest.mark.parametrize(("epochs", "until"), [(8, 5), (8, 6), (8, 7), (1, 1), (5, 4)])
def test_averages_resume_to_the_bit(native, epochs, until):
    made, member = rows(), made_of({"averaging": True, "epochs": epochs, "norm": "batch", "dropout": 0.2})
    whole = native([member], made).states
    part = native([member], made, until=until)
    assert part.states[0].epoch == until
    again = native([member], made, states=part.states)
    assert cases.same(again.states[0], whole[0])


def test_patience_looks_at_what_is_validated(native):
    made, member = rows(), made_of({"averaging": True, "patience": 2, "lr": 0.05, "epochs": 40})
    state = native([member], made, dtype="float64").states[0]
    assert state.status is Status.EARLY_STOPPED
    assert worst(state, oracle.train(member, made)) <= 1e-9


# Noise, mixtures, balance --------------------------------------------------------------------------


@pytest.mark.parametrize("numeric", [(0, 1, 2, 3, 4), (1, 4), ()])
def test_noise(native, numeric):
    inputs = Inputs((0, 1, 2, 3, 4), numeric)
    agree(native, {"noise": 0.3, "input_dropout": 0.1, "norm": "batch"}, rows(inputs=inputs))


@pytest.mark.parametrize("features", [5, 40])
@pytest.mark.parametrize("alpha", [0.2, 2.0])
@pytest.mark.parametrize("batch", [1, 7, 60])
def test_mixtures(native, batch, alpha, features):
    """40 features are mostly zero, and reach the first layer as lists."""
    made = rows(features=features, weighted=True)
    if features > 5:
        made = sparse(made)
    fields = {"widths": (40,), "batch_size": batch, "epochs": 2 if batch == 1 else 12 if batch == 7 else 100}
    agree(native, fields | {"mixup": alpha, "label_smoothing": 0.1, "input_dropout": 0.2}, made)


def sparse(made):
    """`made` with most inputs 0."""
    rng = np.random.default_rng(1)

    def thinned(source):
        return replace(source, x=source.x * (rng.random(source.x.shape) < 0.1))

    return replace(made, sources={place: thinned(source) for place, source in made.sources.items()})


def test_mixtures_list_inputs_where_two_rows_have_few(native):
    thin = np.random.default_rng(0).random((90, 200))

    def listed(share, **fields):
        """Whether inputs of which `share` are not zero are listed, as they never are under noise."""
        made = table(features=200)
        thinned = {place: replace(s, x=s.x * (thin < share)) for place, s in made.sources.items()}
        made, fields = replace(made, sources=thinned), fields | {"widths": (64,), "input_dropout": 0.1}
        plain, noisy = (
            native_engine.buffer_bytes(made_of(fields | {"noise": noise}), made) for noise in (0.0, 0.1)
        )
        return plain != noisy

    assert listed(0.1)
    assert listed(0.1, mixup=0.4)
    assert listed(0.4)
    assert not listed(0.4, mixup=0.4)


@pytest.mark.parametrize("loss", ["likelihood", "huber"])
def test_mixtures_of_numbers(native, loss):
    made = rows(classes=False, outputs=2, weighted=True)
    agree(native, {"mixup": 0.5, "loss": loss, "noise": 0.1}, made)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("beta", [0.9, 0.999])
def test_balanced_classes(native, beta, weighted):
    agree(native, {"class_balance": beta, "label_smoothing": 0.1}, rows(weighted=weighted))


def test_balance_with_mixtures(native):
    agree(native, {"class_balance": 0.99, "mixup": 0.4}, rows(weighted=True))


def test_balance_of_numbers_is_none(native):
    made, fields = rows(classes=False, outputs=2), {"epochs": 3}
    plain, balanced = made_of(fields), made_of(fields | {"class_balance": 0.9})
    balanced.__dict__["key"] = plain.key
    a, b = (native([member], made).states[0] for member in (plain, balanced))
    assert np.array_equal(a.params, b.params)


ALL = {
    "parametrisation": "ntk",
    "bias_lr": 0.5,
    "beta2": 0.95,
    "schedule": "coslog",
    "l1": 1e-3,
    "l1_update": "subgradient",
    "group_lasso": 0.02,
    "max_norm": 0.9,
    "averaging": True,
    "noise": 0.1,
    "mixup": 0.4,
    "class_balance": 0.9,
}


@pytest.mark.parametrize("place", range(3))
@pytest.mark.parametrize("norm", range(3))
def test_all_at_once(native, norm, place):
    """Every pair of a norm, a kind of dropout and an optimiser: a Latin square of the three."""
    optimiser, norm = OPTIMISERS[(norm + place) % 3], ("none", "batch", "layer")[norm]
    kind = ("bernoulli", "gaussian", "dropconnect")[place]
    fields = {"optimiser": optimiser, "norm": norm, "dropout": 0.2, "dropout_kind": kind, "clip": 1.0}
    agree(native, ALL | fields, rows(weighted=True))


CHANGES = [
    {"parametrisation": "standard"},
    {"bias_lr": 0.501},
    {"beta2": 0.951},
    {"schedule": "restarts"},
    {"l1_update": "proximal"},
    {"group_lasso": 0.0201},
    {"max_norm": 0.901},
    {"averaging": False},
    {"noise": 0.1001},
    {"mixup": 0.41},
    {"class_balance": 0.91},
]


@pytest.fixture(scope="module")
def full(native):
    """A member of `ALL`, its table, and its state after a training that agrees with the twin."""
    member, made = made_of(ALL | {"epochs": 12, "lr": 0.02}), rows(weighted=True)
    state = native([member], made, dtype="float64").states[0]
    assert worst(state, oracle.train(member, made)) <= 1e-9
    return member, made, state


@pytest.mark.parametrize("change", CHANGES, ids=str)
def test_control_another_recipe_of_the_same_draws_disagrees(full, change):
    member, made, state = full
    other = made_of(ALL | {"epochs": 12, "lr": 0.02} | change)
    other.__dict__["key"] = member.key
    twin = oracle.train(other, made)
    assert relative(state.valid_loss, twin.valid_loss) > 3e-8


def test_threads_and_packs_do_not_change_bits(native):
    made = rows(weighted=True)
    members = [
        Member(Design(**FIELDS | ALL | {"epochs": 4, "mixup": 0.1 * (i + 1)}), i % 2, i) for i in range(6)
    ]
    together = native(members, made, workers=2).states
    for member, state in zip(members, together, strict=True):
        assert cases.same(state, native([member], made, workers=1).states[0])


# With what stands before the layers ----------------------------------------------------------------

NAMES = [name for name in cases.RECIPES if not cases.recipe(name).design.torch_only]


@pytest.mark.parametrize("name", NAMES)
def test_rows_of_recipes_on_coded_columns(native, name):
    member, made, twin = cases.with_twin(name)
    state = native([member], made, dtype="float64").states[0]
    assert state.step >= 100
    assert worst(state, twin) <= 1e-9
    assert len(state.moments) == n_moments(member.design)


@pytest.mark.parametrize("name", NAMES)
def test_rows_of_recipes_resume_to_the_bit(native, name):
    made, members = cases.coded_table(), [cases.recipe(name, epochs=8)]
    whole = native(members, made)
    for cut in (3, 6):
        part = unpack(pack_arrays(native(members, made, until=cut).states))
        assert all(cases.same_members(native(members, made, states=part), whole))


FRONTED = Inputs((0, 1, 1, 2, 3, 4), (0, 3, 5), ((2, 4),))


def coded():
    """Six inputs in float64, of which the third holds codes 0 to 3."""
    made = rows(features=6, weighted=True)

    def filled(source):
        x = source.x.copy()
        x[:, 2] = np.arange(len(x)) % 4
        return replace(source, x=x, inputs=FRONTED)

    return replace(made, sources={place: filled(source) for place, source in made.sources.items()})


@pytest.mark.parametrize("optimiser", OPTIMISERS)
@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"input_scaling": True},
        {"parametric": True, "norm": "batch"},
        {"input_scaling": True, "numeric_embedding": "periodic", "parametric": True, "skip": True},
        {"widths": (), "numeric_embedding": "periodic", "input_scaling": True},
    ],
    ids=str,
)
def test_fronts_in_every_recipe(native, fields, optimiser):
    own = {"optimiser": optimiser, "dropout": 0.1, "input_dropout": 0.1, "label_smoothing": 0.1, "clip": 2.0}
    members, made = [made_of(ALL | {"widths": (9, 9), "l1_update": "proximal"} | own | fields)], coded()
    (a,), (b,) = (train(members, made, dtype="float64").states for train in (native, cases.train))
    assert a.step >= 100
    assert apart(a, b) <= 1e-9
    for own_vector, other in zip(a.moments, b.moments, strict=True):
        assert relative(own_vector, other) <= 1e-8


UNUSED = [
    {"norm": "group", "widths": ()},
    {"dropout_kind": "alpha", "dropout": 0.3, "widths": ()},
    {"dropout_kind": "alpha", "dropout": 0.0},
]


@pytest.mark.parametrize("fields", UNUSED, ids=str)
def test_kinds_that_only_torch_knows_train_where_they_are_not_used(native, fields):
    made, member, plain = rows(), made_of(fields), made_of({"widths": fields.get("widths", (13, 9))})
    plain.__dict__["key"] = member.key
    assert native_engine.buffer_bytes(member, made) == native_engine.buffer_bytes(plain, made)
    assert cases.same(*native([member, plain], made, until=3).states)


# The door ------------------------------------------------------------------------------------------

TABLES = {
    "numeric": np.arange(3),
    "mixtures": np.linspace(0, 1, 4096),
    "groups": np.array([0, 2, 0]),
    "class_weight": np.array([0.5, 2.0]),
}
NAN = float("nan")


def equipped(compiled, tables=TABLES, **job):
    """A Job whose recipe asks for everything."""
    made = Job(compiled, **job)
    made.recipe |= {"noise": 0.1, "mixup": True, "group_lasso": 0.1, "max_norm": 1.0, "averaging": True}
    made.recipe |= {"ntk": True, "subgradient": True, "bias_lr": 0.5, "beta2": 0.9, "schedule": 4}
    made.task["vectors"].append(made.array(made.parameters, made.task["vectors"][0].dtype))
    made.task["ingredients"] = compiled.Tables(**tables)
    return made


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("widths", [(), (1,), (4, 9)])
@pytest.mark.parametrize("norm", [0, 1, 2])
def test_all_tables_train(compiled, norm, widths, dtype):
    job = equipped(compiled, norm=norm, widths=widths, dtype=dtype)
    made = job.trained()
    assert (made.epoch, made.ending) == (2, 0)
    assert all(np.isfinite(curve).all() for curve in job.task["curves"][:2])


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("numeric", np.array([3]), "numeric input lies"),
        ("numeric", np.array([-1]), "numeric input lies"),
        ("numeric", np.array([2**40]), "numeric input lies"),
        ("numeric", np.zeros(0, np.int64), "noise needs"),
        ("numeric", np.zeros((1, 3), np.int64), "incompatible function arguments"),
        ("mixtures", np.linspace(0, 1, 4095), "4,096 shares"),
        ("mixtures", np.full(4096, 1.01), r"shares of mixup lie in \[0, 1\]"),
        ("mixtures", np.full(4096, NAN), r"shares of mixup lie in \[0, 1\]"),
        ("mixtures", np.zeros(0), "mixup needs"),
        ("mixtures", None, "incompatible function arguments"),
        ("groups", np.array([0, 1]), "group lasso needs"),
        ("groups", np.array([0, 1, 3]), "group lasso needs"),
        ("groups", np.array([0, -1, 1]), "group lasso needs"),
        ("groups", np.array([0, 1, 2, 0]), "group lasso needs"),
        ("class_weight", np.ones(3), "one for each class"),
        ("class_weight", np.array([1.0, NAN]), "finite and not negative"),
        ("class_weight", np.array([1.0, -1.0]), "finite and not negative"),
    ],
    ids=str,
)
def test_tables_that_do_not_fit_are_refused(compiled, name, value, says):
    with pytest.raises((ValueError, TypeError), match=says):
        equipped(compiled, TABLES | {name: value}).made()


def test_numbers_have_no_weights_of_classes(compiled):
    with pytest.raises(ValueError, match="one for each class"):
        equipped(compiled, classes=False).made()


def test_noise_needs_quantiles(compiled):
    job = equipped(compiled)
    job.recipe["dropout"], job.task["quantiles"] = 0.0, None
    with pytest.raises(ValueError, match=r"noise need their 65,536 quantiles"):
        job.made()


def test_buffers_are_counted(compiled):
    def ask(**recipe):
        job = Job(compiled)
        shape = ([4, 4], [8, 8], 0, 0, False, False, False, compiled.Front([], [], False))
        return compiled.buffer_bytes(
            compiled.Table(**job.table), *shape, compiled.Recipe(**job.recipe | recipe)
        )

    plain = ask()
    for change in ({"averaging": True}, {"mixup": True}, {"group_lasso": 0.1}, {"max_norm": 1.0}):
        assert ask(**change) > plain
    assert ask(noise=0.1, input_dropout=0.0, dropout=0.0) > ask(input_dropout=0.0, dropout=0.0)
    assert ask(bias_lr=2.0, ntk=True, beta2=0.5) == plain

"""The default space of tables and the way to a Design."""

import numpy as np
import pytest

from profunda.errors import SpaceError
from profunda.space.design import DOMAINS, Design
from profunda.space.domain import Choice
from profunda.space.space import Space
from profunda.space.table import NAMES, design_from, table_space

KINDS = [("binary", 2), ("multiclass", 7), ("regression", 1)]


def draws(space: Space, n: int = 400, seed: int = 0):
    return space.sample(np.random.default_rng(seed).random((n, space.dimensions)))


@pytest.mark.parametrize(("kind", "n_outputs"), KINDS)
@pytest.mark.parametrize("n_rows", [20, 800, 5000, 40_000, 1_000_000])
@pytest.mark.parametrize("n_features", [1, 20, 5000])
def test_every_draw_is_a_design_of_the_right_kind(kind, n_outputs, n_rows, n_features):
    space = table_space(kind, n_rows, n_features, n_outputs)
    for params in draws(space, 100):
        design = design_from(params)
        assert design.depth == params["depth"] <= 4
        assert design.loss == "likelihood" or kind == "regression"
        assert design.label_smoothing == 0.0 or kind != "regression"
        assert design.batch_size <= max(32, n_rows)


def test_the_linear_model_is_always_there():
    designs = [design_from(params) for params in draws(table_space("binary", 800, 20, 2))]
    assert any(design.widths == () for design in designs)
    assert all(design.dropout == 0.0 for design in designs if design.widths == ())


def test_networks_of_equal_shape_are_common_enough_to_be_packed():
    designs = [design_from(params) for params in draws(table_space("binary", 800, 20, 2))]
    assert len({(design.widths, design.batch_size) for design in designs}) < len(designs) / 4


def test_no_first_layer_is_narrower_than_the_outputs():
    assert table_space("multiclass", 800, 20, 26).domains["width"].values == (32, 64, 128)
    assert table_space("multiclass", 800, 20, 1000).domains["width"].values == (128,)


def test_off_is_really_off_and_common():
    space = table_space("binary", 800, 20, 2, n_numeric=20)
    designs = [design_from(params) for params in draws(space)]
    for name in (
        *("dropout", "input_dropout", "l1", "l2", "group_lasso", "max_norm", "noise", "mixup", "clip"),
        *("parametric", "skip", "input_scaling", "averaging"),
    ):
        share = np.mean([getattr(design, name) == 0.0 for design in designs])
        assert 0.1 < share < 0.95, name


def test_either_engine_trains_every_draw():
    space = table_space("binary", 800, 20, 2, n_numeric=20, n_coded=2)
    assert not any(design_from(params).torch_only for params in draws(space, 2000))


def test_embeddings_are_searched_where_there_is_something_to_embed():
    def found(name, **counts):
        drawn = draws(table_space("binary", 800, 20, 2, **counts))
        return {getattr(design_from(params), name) for params in drawn}

    assert found("numeric_embedding") == {"none"} == found("numeric_embedding", n_numeric=500)
    assert found("numeric_embedding", n_numeric=5) == {"none", "periodic"}
    assert table_space("binary", 80, 9).names == table_space("binary", 800, 20, n_numeric=5).names
    assert "embedded" not in found("encoding")
    assert "embedded" in found("encoding", n_coded=1)


def test_steps_an_epoch_stay_reasonable():
    for n_rows in (100, 1000, 10_000, 100_000):
        for size in table_space("binary", n_rows, 20, 2).domains["batch_size"].values:
            assert 16 <= size <= 512
            assert n_rows / size >= 3


def test_long_tailed_targets_get_the_robust_loss_more_often():
    def share(skewed):
        space = table_space("regression", 800, 20, skewed=skewed)
        return np.mean([params["loss"] == "huber" for params in draws(space, 1000)])

    assert share(True) > share(False) + 0.15


def test_the_suited_initialisation_follows_the_activation():
    assert design_from({"activation": "tanh", "initialisation": "suited"}).initialisation == "glorot"
    assert design_from({"activation": "selu", "initialisation": "suited"}).initialisation == "lecun"
    assert design_from({"activation": "gelu", "initialisation": "suited"}).initialisation == "he"
    assert design_from({"initialisation": "suited"}).initialisation == "he"
    assert design_from({"activation": "tanh", "initialisation": "he"}).initialisation == "he"


@pytest.mark.parametrize(
    ("params", "widths"),
    [
        ({}, (64, 64)),
        ({"depth": 0}, ()),
        ({"depth": 3, "width": 128}, (128, 128, 128)),
        ({"depth": 3, "width": 128, "shape": "pyramid"}, (128, 64, 32)),
        ({"depth": 4, "width": 16, "shape": "pyramid"}, (16, 8, 8, 8)),
        ({"width": 32}, (32, 32)),
        ({"widths": (64, 32, 16)}, (64, 32, 16)),
        ({"widths": ()}, ()),
    ],
)
def test_depth_width_and_shape_become_widths(params, widths):
    assert design_from(params).widths == widths


def test_a_users_space_may_name_any_field():
    space = Space.from_user(
        {
            "widths": [(64, 32), ()],
            **{
                name: list(domain.levels(2))[:2]
                for name, domain in DOMAINS.items()
                if isinstance(domain, Choice)
            },
        }
    )
    for params in draws(space, 20):
        assert isinstance(design_from(params), Design)


def test_every_name_of_the_default_space_is_a_name_or_a_switch():
    names = set(table_space("binary", 800, 20, 2).names) | set(table_space("regression", 800, 20).names)
    assert names - set(NAMES) == {"dropping", "input_dropping", "sparse", "decaying"}


@pytest.mark.parametrize(
    ("params", "text"),
    [
        ({"learning_rate": 0.1}, "no hyperparameter 'learning_rate'.* It has: depth, width, shape, widths"),
        ({"dropuot": 0.1}, "Did you mean dropout"),
        ({"widths": (8,), "depth": 1}, "widths and depth both say how large the network is"),
        ({"depth": 2, "shape": "funnel"}, "shape = 'funnel' is unknown: it is constant or pyramid"),
    ],
)
def test_refuses(params, text):
    with pytest.raises(SpaceError, match=text):
        design_from(params)


@pytest.mark.parametrize(
    "text",
    [
        "depth=1",
        "epochs=20",
        "dropout=0.2",
        "optimiser=sgd",
        "momentum=0.5",
        "decoupled=False",
        "norm=batch",
        "norm_place=after",
        "dropout_kind=gaussian",
        "clip=0.5",
        "norm=group",
        "dropout_kind=alpha",
        "max_norm=2.0",
        "noise=0.05",
        "cutmix=0.5",
        "class_balance=0.99",
        "l1_update=subgradient",
        "numeric_embedding=periodic",
        "averaging=True",
        "encoding=embedded",
    ],
)
def test_the_command_lines_words_hold(text):
    name, value = text.split("=")
    space = table_space("binary", 800, 20, 2, n_numeric=5, n_coded=1)
    for params in draws_of_fixed(space.fix(name, value, within=DOMAINS.get(name))):
        assert str(params.get(name, value)) == value
        assert name not in DOMAINS or name not in params or getattr(design_from(params), name) == params[name]


def draws_of_fixed(space: Space):
    return draws(space, 50)

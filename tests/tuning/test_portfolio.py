"""Linear elastic nets that every search tries, and the limits that keep designs out."""

import pytest

from profunda.data.inputs import Inputs
from profunda.errors import ArgumentError
from profunda.fleet.cost import TORCH
from profunda.space.design import Design
from profunda.space.domain import Float, LogFloat
from profunda.space.space import Space
from profunda.space.table import design_from, table_space
from profunda.tuning.limits import Gate, Limits, latency
from profunda.tuning.portfolio import portfolio


@pytest.mark.parametrize("kind", ["binary", "multiclass", "regression"])
def test_the_tables_space_has_networks_and_three_elastic_nets(kind: str) -> None:
    space = table_space(kind, 500, 10, 3 if kind == "multiclass" else 1, n_numeric=5)  # type: ignore[arg-type]
    designs = [design_from(params) for params in portfolio(space)]
    linear = [design for design in designs if design.widths == ()]
    assert len(linear) == 3
    assert len({(design.l1, design.l2) for design in linear}) == 3
    assert any(design.l1 > 0 and design.l2 > 0 for design in linear)
    assert {design.dropout for design in linear} == {0.0}
    assert len(set(designs)) == len(designs) == 15
    assert [bool(design.widths) for design in designs[:2]] == [True, False]  # two trials have one of each


def test_networks_are_only_tried_where_the_space_has_their_depth() -> None:
    space = table_space("binary", 500, 10, n_numeric=5)
    deep = [design_from(params) for params in portfolio(space.fix("depth", 3))]
    assert deep
    assert {design.depth for design in deep} == {3}
    # A value that the space has not takes what lies nearest.
    assert {design.lr for design in map(design_from, portfolio(space.fix("lr", 3e-3)))} == {3e-3}


def test_switches_are_off_and_the_rest_is_plain() -> None:
    space = Space(
        {"depth": [0, 1], "novelty": [False, True], "noise": Float(0, 1), "optimiser": ["sgd", "adam"]}
    )
    for params in portfolio(space):
        assert params == {"depth": 0, "novelty": False, "noise": 0.0, "optimiser": "adam"}


def test_a_space_without_depth_0_has_none() -> None:
    assert portfolio(Space({"depth": [1, 2], "lr": LogFloat(1e-4, 1e-1)})) == []
    assert portfolio(Space({"lr": LogFloat(1e-4, 1e-1)})) == []
    assert all(params["depth"] for params in portfolio(table_space("binary", 500, 10).fix("depth", 2)))


def test_penalties_out_of_reach_take_the_nearest() -> None:
    found = portfolio(Space({"depth": [0, 1], "l1": Float(0.0, 1e-4), "l2": LogFloat(0.1, 0.2)}))
    assert [params["l2"] for params in found] == pytest.approx([0.1] * len(found))
    assert [params["l1"] for params in found] == pytest.approx([1e-4, 0.0])


def test_held_values_are_kept() -> None:
    found = portfolio(table_space("binary", 500, 10).fix("lr", 3e-3))
    assert found
    assert {params["lr"] for params in found} == {3e-3}


GATE = Gate(Limits(parameters=100, latency=None), lambda design: Inputs.plain(10), 1, TORCH)


def test_a_violation_is_the_share_by_which_a_limit_is_missed() -> None:
    small, large = Design(widths=(8,)), Design(widths=(16,))
    assert GATE.parameters(small) == 97
    assert GATE.violation(small) == 0.0
    assert GATE.violation(large) == pytest.approx(193 / 100 - 1)
    assert GATE.says(large) == "193 parameters (at most 100)"


def test_latency_grows_with_rows_and_width() -> None:
    small, large = Design(widths=(32,)), Design(widths=(512, 512))
    assert latency(small, 20, 1, TORCH) < latency(large, 20, 1, TORCH)
    assert latency(large, 20, 1, TORCH, rows=1) < latency(large, 20, 1, TORCH)
    products = 1e3 * 1000 * 2 * (20 * 512 + 512 * 512 + 512) * TORCH.flop
    assert latency(large, 20, 1, TORCH) > products
    both = Gate(Limits(latency=1e-3), lambda design: Inputs.plain(20), 1, TORCH)
    assert "ms for 1,000 rows (at most 0.001)" in both.says(small)
    assert both.violation(large) > both.violation(small) > 0


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ({"parameters": 0}, r"max_parameters=0 must be a positive number"),
        ({"parameters": 10.5}, r"max_parameters=10.5 must be a whole number"),
        ({"latency": -1.0}, r"max_latency=-1.0 must be a positive number"),
        ({"latency": True}, r"max_latency=True must be a positive number"),
    ],
)
def test_bad_limits_are_told(words: dict, text: str) -> None:
    with pytest.raises(ArgumentError, match=text):
        Limits(**words)

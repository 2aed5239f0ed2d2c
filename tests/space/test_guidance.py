"""Guidance: the text's numbers, their three readings, and what theory says of them."""

import doctest
import importlib
import json

import numpy as np
import pytest

from profunda.data.reading import read
from profunda.errors import ArgumentError, SpaceError
from profunda.space.design import Design
from profunda.space.evidence import (
    COMPLEX,
    DEEP,
    DEPTH,
    EVERY,
    FIRST,
    REGULARISED,
    SHAPE,
    SIMPLE,
    SOURCE,
    TOTAL,
    WIDE,
)
from profunda.space.guidance import advise, guidance, readings
from profunda.space.space import Space
from profunda.space.table import design_from
from profunda.space.widths import constant, pyramid
from profunda.theory.widths import beta, relu_fluctuation


class TestWidths:
    def test_the_texts_pyramids(self):
        assert pyramid(128, 3) == (128, 64, 32)
        assert pyramid(512, 4) == (512, 256, 128, 64)
        assert pyramid(64, 3) == (64, 32, 16)
        assert constant(64, 3) == (64, 64, 64)
        assert pyramid(64, 0) == constant(64, 0) == ()

    def test_a_pyramid_ends_at_eight_or_where_it_began(self):
        assert pyramid(32, 5) == (32, 16, 8, 8, 8)
        assert pyramid(5, 3) == (5, 5, 5)

    @pytest.mark.parametrize("make", [constant, pyramid])
    def test_refuses_what_is_no_network(self, make):
        with pytest.raises(SpaceError, match="2 layers of 0 units make no network"):
            make(0, 2)
        with pytest.raises(SpaceError, match="-1 layers of 8 units make no network"):
            make(8, -1)


class TestTheory:
    def test_the_verified_numbers(self):
        assert beta((128, 64, 32)) == pytest.approx(0.0547, abs=5e-5)
        assert beta((512, 256, 128, 64)) == pytest.approx(0.0293, abs=5e-5)
        assert relu_fluctuation((128, 64, 32)) == pytest.approx(0.295, abs=5e-4)
        assert relu_fluctuation((512, 256, 128, 64)) == pytest.approx(0.153, abs=5e-4)

    def test_equal_widths_give_depth_over_width(self):
        assert beta((50,) * 7) == pytest.approx(7 / 50)
        assert beta(()) == relu_fluctuation(()) == 0.0

    def test_the_fluctuation_is_what_simulated_networks_show(self):
        widths, draws = (64, 32), 20_000
        rng = np.random.default_rng(0)
        # Given x, pre-activations are independent normals of variance 2‖x‖²/n: only ‖x‖² matters.
        square = np.full(draws, 1.0)
        fan_in = 1
        for width in widths:
            z = rng.standard_normal((draws, width)) * np.sqrt(2 * square / fan_in)[:, None]
            square, fan_in = (np.maximum(z, 0) ** 2).sum(axis=1), width
        relative = square / square.mean()
        assert relative.var() == pytest.approx(relu_fluctuation(widths), rel=0.06)
        # Negative control: the law without the ReLU's halving (2/n a layer) is far off.
        assert abs(relative.var() / (np.prod([1 + 2 / n for n in widths]) - 1) - 1) > 0.5


class TestReadings:
    def test_the_texts_example_obeys_two_of_three(self):
        read = readings((64, 32, 16), 20)
        assert read.first == pytest.approx(3.2)
        assert read.total == pytest.approx(5.6)
        assert read.layers == pytest.approx((3.2, 1.6, 0.8))
        assert read.obeyed == (True, True, False)

    def test_all_three_can_be_obeyed_and_broken(self):
        assert readings((64, 64), 20).obeyed == (True, True, True)
        assert readings((256, 256), 20).obeyed == (False, False, False)

    def test_says_so(self):
        assert str(readings((64, 32, 16), 20)) == (
            "first layer 3.2x (yes), all units 5.6x (yes), every layer 3.2x, 1.6x, 0.8x (no)"
        )

    @pytest.mark.parametrize(("widths", "n_features"), [((), 20), ((8,), 0)])
    def test_refuses_what_has_no_ratio(self, widths, n_features):
        with pytest.raises(ArgumentError, match="at least one hidden layer and one input"):
            readings(widths, n_features)


class TestAdvise:
    def test_twenty_inputs_give_the_texts_example(self):
        assert advise("binary", 800, 20, 2).first.widths == (64, 32, 16)

    @pytest.mark.parametrize("n_features", range(1, 171))
    def test_the_first_layer_keeps_to_the_rule(self, n_features):
        advice = advise("binary", 800, n_features, 2)
        assert readings(advice.first.widths, n_features).obeyed[0]
        assert all(2 <= width / n_features <= 10 for width in advice.space.domains["width"].values)

    @pytest.mark.parametrize("kind", ["binary", "multiclass", "regression"])
    @pytest.mark.parametrize("n_features", [1, 3, 20, 784, 5000])
    def test_every_draw_is_two_to_four_layers(self, kind, n_features):
        space = advise(kind, 2000, n_features, 3).space
        for params in space.sample(np.random.default_rng(0).random((100, space.dimensions))):
            assert 2 <= design_from(params).depth <= 4
        assert Space.from_json(space.to_json()) == space

    def test_every_number_of_the_first_design_has_its_reason(self):
        advice = advise("binary", 800, 20, 2)
        text = " ".join(reason.value for reason in advice.reasons)
        first = advice.first
        for number in (
            first.widths[0],
            first.dropout,
            first.l2,
            first.lr,
            first.batch_size,
            first.epochs,
            first.patience,
        ):
            assert f"{number:g}" in text
        assert all(reason.why and reason.source for reason in advice.reasons)

    def test_theory_is_told_apart_from_rules_of_thumb(self):
        by_what = {reason.what: reason for reason in advise("binary", 800, 20, 2).reasons}
        assert by_what["beta"].evidence == by_what["fluctuation of the activations"].evidence == "theorem"
        assert by_what["parameters"].evidence == "arithmetic"
        assert by_what["optimiser"].evidence == "rule of thumb, not measured here yet"
        assert by_what["beta"].value == "0.1094 (5 beta = 0.55)"
        assert by_what["parameters"].value.startswith("3986 = 2.5 per number to fit")
        assert "more parameters than numbers" in by_what["parameters"].why

    @pytest.mark.parametrize(
        ("what", "tried"),
        [
            ("depth", (DEPTH,)),
            ("widths", (FIRST, TOTAL, EVERY)),
            ("shape", (SHAPE,)),
            ("balance, complex data", (COMPLEX,)),
            ("balance, simple data", (SIMPLE,)),
            ("largest network", (DEEP, WIDE)),
            ("regularisation", (REGULARISED,)),
        ],
    )
    def test_rules_of_thumb_say_how_they_fared_on_tables(self, what, tried):
        (reason,) = [each for each in advise("binary", 800, 20, 2).reasons if each.what == what]
        assert reason.evidence == f"rule of thumb, measured: {tried[0].verdict}"
        assert all(f"{each.verdict}. {each.found}" in reason.why for each in tried)
        assert reason.source.endswith(SOURCE)

    def test_many_rows_leave_fewer_parameters_than_numbers(self):
        by_what = {reason.what: reason for reason in advise("binary", 80_000, 20, 2).reasons}
        assert "fewer parameters than numbers" in by_what["parameters"].why

    def test_warns_of_narrow_networks_alone(self):
        assert [notice.code for notice in advise("regression", 500, 1).notices] == ["narrow-network"]
        assert "5 beta = 1.88 is above 1" in advise("regression", 500, 1).notices[0].text
        assert advise("binary", 800, 20, 2).notices == ()

    def test_warns_where_the_rule_cannot_be_kept(self):
        notices = advise("multiclass", 500, 784, 10).notices
        assert [notice.code for notice in notices] == ["outside-rule"]
        assert "0.65 times the 784 inputs" in notices[0].text

    def test_warns_of_an_end_narrower_than_the_outputs(self):
        notices = advise("multiclass", 5000, 16, 26).notices
        assert [notice.code for notice in notices] == ["narrow-end"]
        assert "[64, 32, 16] has fewer units than the 26 outputs" in notices[0].text

    def test_prints_and_writes_itself(self):
        advice = advise("binary", 800, 20, 2)
        assert str(advice).startswith("Start with [64, 32, 16]; search:")
        assert "Beware: 5 beta" not in str(advice)
        assert "Beware: 5 beta" in str(advise("regression", 500, 1))
        assert Design.from_json(json.loads(json.dumps(advice.to_json()))["first"]) == advice.first

    def test_refuses_counts_below_one(self):
        with pytest.raises(ArgumentError, match="at least 1 row, 1 input and 1 output, got 0, 20 and 2"):
            advise("binary", 0, 20, 2)

    def test_reads_a_data_set(self):
        rng = np.random.default_rng(0)
        data = read(rng.normal(size=(800, 20)), rng.integers(0, 2, 800))
        assert guidance(data) == advise("binary", 800, 20, 2)


@pytest.mark.parametrize(
    "module", ["profunda.space.guidance", "profunda.space.widths", "profunda.theory.widths"]
)
def test_the_docstrings_examples_hold(module):
    result = doctest.testmod(importlib.import_module(module))
    assert result.attempted > 0
    assert result.failed == 0

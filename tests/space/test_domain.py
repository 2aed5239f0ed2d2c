"""Domains: what they accept, give, place, write down and refuse."""

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.oracles.space import value_at

from profunda.errors import SpaceError
from profunda.space.domain import Choice, Fixed, Float, Int, LogFloat, domain_from_json

DOMAINS = [
    Float(0.1, 0.5),
    Float(-3, 7),
    LogFloat(1e-5, 1e-1),
    Int(2, 9),
    Int(-4, 4),
    Int(1, 1000, log=True),
    Choice("relu", "tanh"),
    Choice([32, 64, 128]),
    Choice([None, True, 1, "1", (64, 32)]),
    Choice([0.0, 0.5], weights=[9, 1]),
    Fixed(0.2, Float(0, 1)),
    Fixed((64, 32), Choice([(64, 32), ()])),
]
units = st.floats(0, 1, exclude_max=True)


@pytest.mark.parametrize("domain", DOMAINS, ids=lambda d: d.describe())
class TestEveryDomain:
    def test_draws_what_the_naive_twin_draws(self, domain):
        u = np.random.default_rng(0).random(500)
        for drawn, one in zip(domain.at(u), u, strict=True):
            twin = value_at(domain, one)
            assert drawn == (pytest.approx(twin, rel=1e-12) if isinstance(twin, float) else twin)

    def test_draws_are_members(self, domain):
        u = np.array([0.0, 0.25, 0.5, 0.999999, np.nextafter(1.0, 0.0)])
        assert all(domain.contains(value) for value in domain.at(u))

    def test_place_gives_the_value_back(self, domain):
        for value in domain.at(np.random.default_rng(1).random(50)):
            place = domain.place(value)
            assert 0 <= place <= 1
            back = domain.at(np.array([min(place, np.nextafter(1.0, 0.0))]))[0]
            assert back == (pytest.approx(value) if isinstance(value, float) else value)

    def test_refuses_its_own_invalid_values(self, domain):
        for value in domain.invalid():
            assert not domain.contains(value), value

    def test_json_round_trip(self, domain):
        assert domain_from_json(json.loads(json.dumps(domain.to_json()))) == domain

    def test_parses_what_it_shows(self, domain):
        for value in domain.at(np.random.default_rng(2).random(20)):
            if isinstance(domain, Choice) and value in ("1", True):
                continue  # "1" and 1 read alike in a text, the first listed wins
            assert domain.parse(str(value)) == value


@given(u=units, low=st.floats(-1e6, 1e6), span=st.floats(1e-3, 1e6))
def test_a_float_never_leaves_its_interval(u, low, span):
    domain = Float(low, low + span)
    assert domain.contains(domain.at(np.array([u]))[0])


@given(u=units, low=st.floats(1e-12, 1e6), factor=st.floats(1.001, 1e9))
def test_a_log_float_never_leaves_its_interval(u, low, factor):
    domain = LogFloat(low, low * factor)
    assert domain.contains(domain.at(np.array([u]))[0])


@given(low=st.integers(1, 50), span=st.integers(1, 60), log=st.booleans())
def test_every_whole_number_can_be_drawn_and_placed(low, span, log):
    domain = Int(low, low + span, log=log)
    values = list(range(low, low + span + 1))
    assert domain.at(np.array([domain.place(value) for value in values])) == values


def test_a_log_float_is_uniform_in_the_logarithm():
    values = np.array(LogFloat(1e-4, 1e0).at(np.linspace(0, 1, 40001)[:-1]))
    assert np.mean(values < 1e-2) == pytest.approx(0.5, abs=1e-3)
    # Negative control: a uniform interval has hardly anything there.
    assert np.mean(np.array(Float(1e-4, 1e0).at(np.linspace(0, 1, 40001)[:-1])) < 1e-2) < 0.02


def test_weights_set_the_shares():
    drawn = Choice(["a", "b", "c"], weights=[6, 3, 1]).at(np.linspace(0, 1, 10001)[:-1])
    assert [drawn.count(value) for value in "abc"] == pytest.approx([6000, 3000, 1000], abs=2)


def test_numpy_values_become_plain():
    assert Choice(np.array([1, 2])).values == (1, 2)
    assert type(Choice(np.array([1, 2])).values[0]) is int
    assert Choice([[64, 32]]).values == ((64, 32),)


def test_true_is_not_one_but_one_is_one_point_zero():
    assert Choice(1, 2).contains(1.0)
    assert not Choice(1, 2).contains(True)
    assert Choice(True, 1).size == 2


@pytest.mark.parametrize(
    ("values", "ordered"),
    [
        ([1, 2, 3], True),
        ([1, 3, 2], False),
        ([1, 2], False),
        (["a", "b", "c"], False),
        ([False, True, 2], False),
    ],
)
def test_ordered_is_three_ascending_numbers(values, ordered):
    assert Choice(values).ordered is ordered


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("64,32", (64, 32)),
        ("[64, 32]", (64, 32)),
        ("(64, 32)", (64, 32)),
        ("()", ()),
        ("none", None),
        ("TRUE", True),
    ],
)
def test_a_choice_reads_widths_and_words(text, value):
    assert Choice([(64, 32), (), None, True]).parse(text) == value


def test_a_choice_reads_numbers_in_other_writing():
    assert Choice([0.001, 0.01]).parse("1e-3") == 0.001
    assert Choice([64, 128]).parse("64.0") == 64


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: Float(2, 1), r"Float\(2, 1\): the low end must lie below the high end"),
        (lambda: Float(1, 1), "must lie below"),
        (lambda: Float(math.nan, 1), r"Float\(nan, 1\): both ends must be finite"),
        (lambda: Float(0, math.inf), "both ends must be finite"),
        (lambda: Float("a", 1), "both ends must be finite"),
        (lambda: Float(True, 2), "both ends must be finite"),
        (lambda: LogFloat(0, 1), r"LogFloat\(0, …\): a logarithmic scale needs a low end above 0"),
        (lambda: Int(0, 5, log=True), "needs a low end above 0"),
        (lambda: Int(0.5, 5), "both ends must be whole numbers"),
        (lambda: Choice(), "nothing to choose from"),
        (lambda: Choice([]), "nothing to choose from"),
        (lambda: Choice(1, 2, 1.0), "1.0 is listed twice"),
        (lambda: Choice(1, math.nan), "nan is not a value that can be told apart"),
        (lambda: Choice(1, dict), "is a type, but values must be None, booleans"),
        (lambda: Choice(1, 2, weights=[1]), "1 weights for 2 values"),
        (lambda: Choice(1, 2, weights=[1, 0]), "must be finite numbers above 0"),
        (lambda: Fixed(2, Float(0, 1)), "2 is not a number from 0 to 1"),
        (lambda: Float(0, 1).parse("2"), "'2' is not a number from 0 to 1"),
        (lambda: Int(0, 9).parse("1.5"), "'1.5' is not a whole number from 0 to 9"),
        (lambda: Int(1, 9, log=True).parse("x"), r"whole number from 1 to 9 \(logarithmic\)"),
        (lambda: Choice("a", "b").parse("c"), "'c' is not one of a, b"),
        (lambda: Float(0, 1).levels(None), "a grid cannot enumerate a number from 0 to 1 with None levels"),
        (lambda: LogFloat(0.1, 1).levels(1), "with 1 levels"),
        (lambda: domain_from_json([]), "a domain must be a JSON object, not list"),
        (lambda: domain_from_json({"kind": "float"}), "no domain is written with the keys"),
        (lambda: domain_from_json({"kind": []}), "no domain is written with the keys"),
        (lambda: domain_from_json({"kind": "choice", "values": 3, "weights": None}), "must be a JSON list"),
        (
            lambda: domain_from_json(
                Fixed(1, Int(0, 2)).to_json() | {"domain": Fixed(1, Int(0, 2)).to_json()}
            ),
            "cannot be held once more",
        ),
    ],
)
def test_refusals_say_what_is_wrong(make, text):
    with pytest.raises(SpaceError, match=text):
        make()


def test_levels_of_intervals_reach_both_ends():
    assert Float(0, 1).levels(3) == (0.0, 0.5, 1.0)
    assert LogFloat(1e-4, 1e-2).levels(3) == pytest.approx((1e-4, 1e-3, 1e-2))
    assert LogFloat(1e-4, 1e-2).levels(3)[-1] == 1e-2

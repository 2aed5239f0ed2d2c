"""Spaces: declarations, conditions, draws, grids, holding values, JSON."""

import json
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.oracles import space as naive

from profunda.errors import SpaceError
from profunda.space.domain import Choice, Fixed, Float, Int, LogFloat
from profunda.space.space import Space, When
from profunda.space.table import table_space

TEXT_FOUR = {
    "neurons": [32, 64, 128, 256],
    "lr": [0.0001, 0.001, 0.01],
    "dropout": [0.1, 0.5],
    "layers": [2, 3, 4],
}
LISTING = {
    "hidden_size": [32, 64, 128],
    "learning_rate": [1e-4, 5e-4, 1e-3],
    "dropout_rate": [0.1, 0.3, 0.5],
    "batch_size": [16, 32, 64],
    "num_epochs": [5, 10, 15],
}
NESTED = Space(
    {
        "width": When("depth", (1, 2), [8, 16]),
        "depth": [0, 1, 2],
        "shape": When("depth", 2, ["constant", "pyramid"]),
        "tip": When("shape", "pyramid", Int(1, 3)),
        "drop": [False, True],
        "rate": When("drop", True, [0.1, 0.2]),
    }
)
MIXED = Space({"depth": [0, 1], "width": When("depth", 1, Int(4, 9)), "lr": LogFloat(1e-4, 1e-1), "k": 3})


def unit(space: Space, n: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random((n, space.dimensions))


@st.composite
def finite_spaces(draw) -> Space:
    entries: dict = {}
    for index in range(draw(st.integers(1, 5))):
        domain = draw(
            st.one_of(
                st.lists(
                    st.sampled_from(["a", "b", 1, 2, True, None, 0.5]), min_size=1, max_size=3, unique_by=repr
                ),
                st.integers(0, 3).map(lambda low: Int(low, low + 2)),
                st.just(Fixed(0.5, Float(0, 1))),
            )
        )
        parents = [name for name in entries if naive_domain(entries[name]).size is not None]
        parents = [name for name in parents if not isinstance(naive_domain(entries[name]), Fixed)]
        if parents and draw(st.booleans()):
            parent = draw(st.sampled_from(parents))
            values = draw(
                st.lists(
                    st.sampled_from(naive.values_of(naive_domain(entries[parent]))),
                    min_size=1,
                    max_size=2,
                    unique_by=repr,
                )
            )
            entries[f"p{index}"] = When(parent, values, domain)
        else:
            entries[f"p{index}"] = domain
    return Space(entries)


def naive_domain(entry):
    entry = entry.domain if isinstance(entry, When) else entry
    return Choice(entry) if isinstance(entry, list) else entry


class TestGrid:
    def test_the_texts_own_grids_have_72_and_243_points(self):
        assert Space.from_user(TEXT_FOUR).size == len(list(Space.from_user(TEXT_FOUR).grid())) == 72
        assert Space.from_user(LISTING).size == len(list(Space.from_user(LISTING).grid())) == 243

    def test_an_interval_read_as_such_has_as_many_points_as_levels(self):
        space = Space.from_user(TEXT_FOUR | {"dropout": Float(0.1, 0.5)})
        assert space.size is None
        assert len(list(space.grid(5))) == len(list(space.grid({"dropout": 5}))) == 180

    def test_the_last_name_varies_fastest(self):
        points = list(Space({"a": [1, 2], "b": ["x", "y"]}).grid())
        assert points == [{"a": 1, "b": "x"}, {"a": 1, "b": "y"}, {"a": 2, "b": "x"}, {"a": 2, "b": "y"}]

    def test_conditions_leave_no_duplicates(self):
        points = list(NESTED.grid())
        assert len(points) == NESTED.size == len(naive.grid(NESTED))
        assert all(point in naive.grid(NESTED) for point in points)
        # Negative control: the plain product counts inactive values too.
        assert np.prod([NESTED.domains[name].size for name in NESTED.names]) > len(points)

    @settings(max_examples=60, deadline=None)
    @given(finite_spaces())
    def test_is_the_naive_enumeration(self, space):
        points, twin = list(space.grid()), naive.grid(space)
        key = lambda p: sorted((k, repr(v)) for k, v in p.items())  # noqa: E731
        assert sorted(map(key, points)) == sorted(map(key, twin))
        assert space.size == len(points)

    def test_is_lazy(self):
        huge = Space({f"p{i}": Int(0, 999) for i in range(20)})
        assert huge.size == 1000**20
        assert next(huge.grid())["p0"] == 0

    def test_needs_levels_for_an_interval(self):
        with pytest.raises(SpaceError, match=r"lr: a grid cannot enumerate a number from 0\.0001 to 0\.1"):
            list(MIXED.grid())
        with pytest.raises(SpaceError, match="there is no parameter 'lrr'"):
            list(MIXED.grid({"lrr": 3}))


class TestSample:
    @pytest.mark.parametrize("space", [NESTED, MIXED, table_space("binary", 800, 20, 2)])
    def test_is_the_naive_sample(self, space):
        u = unit(space, 300)
        for drawn, twin in zip(space.sample(u), naive.sample(space, u), strict=True):
            assert drawn == pytest.approx(twin)
            assert list(drawn) == [name for name in space.names if name in twin]

    def test_depends_on_its_own_row_alone(self):
        u = unit(NESTED, 50)
        assert NESTED.sample(u)[7:9] == NESTED.sample(u[7:9])

    def test_every_draw_validates(self):
        for space in (NESTED, MIXED):
            for params in space.sample(unit(space, 200)):
                assert space.validate(params) == params

    def test_reaches_every_point_of_a_finite_space(self):
        drawn = NESTED.sample(unit(NESTED, 2000))
        assert all(point in drawn for point in NESTED.grid())

    def test_held_parameters_take_no_column(self):
        assert MIXED.free == ("depth", "width", "lr")
        assert MIXED.dimensions == 3
        assert all(params["k"] == 3 for params in MIXED.sample(unit(MIXED, 5)))

    def test_encode_and_sample_are_inverse(self):
        params = MIXED.sample(unit(MIXED, 100))
        table = MIXED.encode(params)
        assert table.shape == (100, 3)
        assert np.array_equal(np.isnan(table[:, 1]), [one["depth"] == 0 for one in params])
        back = MIXED.sample(np.minimum(np.nan_to_num(table), np.nextafter(1, 0)))
        for one, other in zip(params, back, strict=True):
            assert one == pytest.approx(other)

    def test_costs_at_most_20_microseconds_a_draw(self):
        space = table_space("binary", 800, 20, 2)
        u = unit(space, 1000)
        best = min(_seconds(lambda: space.sample(u)) for _ in range(5))
        assert best / 1000 < 20e-6

    def test_refuses_other_shapes_and_ranges(self):
        with pytest.raises(
            SpaceError, match=r"shape \[N, 3\], one column for each of depth, width, lr; got \[2, 2\]"
        ):
            MIXED.sample(np.zeros((2, 2)))
        with pytest.raises(SpaceError, match=r"numbers in \[0, 1\); got \[0, 1\]"):
            MIXED.sample(np.array([[0.0, 0.0, 1.0]]))
        with pytest.raises(SpaceError, match=r"got \[nan, nan\]"):
            MIXED.sample(np.array([[0.0, 0.0, np.nan]]))


def _seconds(call) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


class TestValidate:
    def test_makes_values_exact(self):
        exact = MIXED.validate({"lr": np.float64(0.01), "depth": np.int64(0), "k": 3.0})
        assert exact == {"depth": 0, "lr": 0.01, "k": 3}
        assert type(exact["depth"]) is int
        assert type(Space({"a": Float(0, 3)}).validate({"a": 1})["a"]) is float

    @pytest.mark.parametrize(
        ("params", "text"),
        [
            ({"depth": 0, "lr": 0.01}, "k is missing: it must be 3"),
            ({"depth": 1, "lr": 0.01, "k": 3}, "width is missing: it must be a whole number from 4 to 9"),
            (
                {"depth": 0, "width": 5, "lr": 0.01, "k": 3},
                "width = 5 is given, but it only exists where depth is 1; ",
            ),
            ({"depth": 0, "lr": 7, "k": 3}, "lr = 7 is not a number from 0.0001 to 0.1"),
            (
                {"depth": 0, "lr": 0.01, "k": 3, "dept": 1},
                "there is no parameter 'dept' in this space. Did you mean",
            ),
        ],
    )
    def test_refuses(self, params, text):
        with pytest.raises(SpaceError, match=text):
            MIXED.validate(params)

    def test_refuses_every_invalid_value_of_every_domain(self):
        space = table_space("regression", 5000, 8)
        for name in space.names:
            if name in space.conditions:
                continue
            for value in space.domains[name].invalid():
                params = dict(space.sample(unit(space, 1))[0]) | {name: value}
                with pytest.raises(SpaceError):
                    space.validate(params)


class TestFix:
    def test_reads_text(self):
        assert all(p["depth"] == 1 for p in NESTED.fix("depth", "1").sample(unit(NESTED, 20)[:, 1:]))
        assert MIXED.fix("lr", "1e-2").domains["lr"] == Fixed(0.01, LogFloat(1e-4, 1e-1))

    def test_takes_values_and_may_be_set_again(self):
        assert MIXED.fix("lr", 0.01).fix("lr", 0.02).domains["lr"].value == 0.02

    def test_a_single_switch_is_held_too(self):
        held = NESTED.fix("rate", "0.2")
        assert held.domains["drop"].value is True
        assert held.domains["rate"].value == 0.2
        # Several parent values would do: nothing is decided for the user.
        assert not isinstance(NESTED.fix("width", 8).domains["depth"], Fixed)

    def test_switches_are_held_up_to_the_root(self):
        assert NESTED.fix("tip", 2).domains["depth"].value == 2

    @pytest.mark.parametrize(
        ("name", "value", "text"),
        [
            (
                "dept",
                "1",
                "no parameter 'dept' in this space. Did you mean depth.* Its parameters are: width, depth,",
            ),
            ("zzz", "1", "no parameter 'zzz' in this space. Its parameters"),
            ("depth", "7", "depth: '7' is not one of 0, 1, 2"),
            ("depth", 7, "depth: 7 is not one of 0, 1, 2"),
            ("rate", "x", r"rate: 'x' is not one of 0.1, 0.2. \(It only exists where drop is True.\)"),
        ],
    )
    def test_refuses(self, name, value, text):
        with pytest.raises(SpaceError, match=text):
            NESTED.fix(name, value)

    def test_refuses_contradictions_in_either_order(self):
        with pytest.raises(
            SpaceError, match="width is held at 8, but it only exists where depth is one of 1, 2"
        ):
            NESTED.fix("width", 8).fix("depth", 0)
        with pytest.raises(SpaceError, match="Hold only one of them"):
            NESTED.fix("depth", 0).fix("width", 8)


class TestDeclaration:
    def test_lists_ranges_and_single_values_of_a_user(self):
        space = Space.from_user(
            {"a": [1, 2], "b": range(3), "c": "x", "d": Float(0, 1), "e": np.array([1.5, 2.5])}
        )
        assert [space.domains[name].size for name in space.names] == [2, 3, 1, None, 2]
        assert Space.from_user(space) is space

    @pytest.mark.parametrize(
        ("entries", "text"),
        [
            ({}, "the space is empty"),
            ([1], "must map names to domains, not be a list"),
            ({1: [1]}, "the name 1 of a parameter must be a non-empty text"),
            ({"": [1]}, "must be a non-empty text"),
            ({"a": []}, "'a': Choice.*nothing to choose from"),
            ({"a": [1, 1]}, "'a': Choice: the value 1 is listed twice"),
            (
                {"a": (0.1, 0.5)},
                r"'a': the tuple \(0.1, 0.5\) may mean single values or an interval.*\[0.1, 0.5\]",
            ),
            ({"a": [1], "b": When("c", 1, [2])}, "b depends on 'c', which is not in the space"),
            ({"alpha": [1], "b": When("alpa", 1, [2])}, "Did you mean alpha"),
            (
                {"a": [1, 2], "b": When("a", 3, [2])},
                "b waits for a = 3, which never happens: a is one of 1, 2",
            ),
            ({"a": Float(0, 1), "b": When("a", 0.5, [2])}, "a single number is never drawn from an interval"),
            ({"a": When("b", 1, [1]), "b": When("a", 1, [1])}, "conditions run in a circle: a -> b -> a"),
            ({"a": When("a", 1, [1])}, "conditions run in a circle: a -> a"),
        ],
    )
    def test_refuses_doubtful_ones(self, entries, text):
        with pytest.raises(SpaceError, match=text):
            Space(entries)

    def test_refuses_doubtful_conditions(self):
        with pytest.raises(SpaceError, match="no value switches the parameter on"):
            When("a", [], [1])
        with pytest.raises(SpaceError, match="a When inside a When"):
            When("a", 1, When("b", 1, [1]))

    def test_describes_itself_in_one_line_a_parameter(self):
        assert MIXED.describe().splitlines() == [
            "depth  one of 0, 1",
            "width  a whole number from 4 to 9, where depth is 1",
            "lr     a number from 0.0001 to 0.1 (logarithmic)",
            "k      3",
        ]


class TestJson:
    @pytest.mark.parametrize(
        "space", [NESTED, MIXED, NESTED.fix("depth", 2), table_space("regression", 5000, 8)]
    )
    def test_round_trip(self, space):
        text = json.dumps(space.to_json())
        assert Space.from_json(text) == Space.from_json(json.loads(text)) == space
        assert Space.from_json(text).id == space.id

    def test_id_tells_spaces_apart(self):
        assert len({NESTED.id, MIXED.id, MIXED.fix("lr", 0.01).id, NESTED.fix("depth", 2).id}) == 4

    @pytest.mark.parametrize(
        ("change", "text"),
        [
            (lambda d: d | {"format": 2}, "not a space of format 1"),
            (lambda d: d | {"extra": 2}, "not a space of format 1"),
            (lambda d: d | {"parameters": [1]}, "a parameter of a space cannot be read from 1"),
            (lambda d: d | {"parameters": d["parameters"][:1] * 2}, "names 'depth' twice"),
            (lambda d: d | {"parameters": 3}, "parameters of a space must be a list"),
            (
                lambda d: d | {"parameters": [d["parameters"][0] | {"when": 3}]},
                "a condition cannot be read from 3",
            ),
            (lambda d: "{", "this space is not JSON"),
        ],
    )
    def test_refuses_damaged_ones(self, change, text):
        with pytest.raises(SpaceError, match=text):
            Space.from_json(change(MIXED.to_json()))


def test_a_value_may_be_held_that_is_not_searched():
    space = Space.from_user({"rate": Choice([0.0, 0.1])})
    assert space.fix("rate", "0.3", within=Float(0.0, 0.5)).domains["rate"].value == 0.3
    with pytest.raises(SpaceError, match=r"rate: .*0\.7.* from 0 to 0\.5"):
        space.fix("rate", 0.7, within=Float(0.0, 0.5))

"""Where the words of marks go, and which lines a picture always reaches."""

import json
from typing import Any

from profunda.lab.drawing import figure
from profunda.lab.pictures import Axis, Heat, Mark, Plot, Role, Series, Spot, series, sheet
from profunda.lab.words import Words


def _words(text: str) -> Words:
    return Words(text, text)


def _layout(x: list[float], y: list[float], mark: Mark, *, log: bool = False) -> dict[str, Any]:
    plot = Plot(
        _words("t"), _words("w"), Axis(_words("x")), Axis(_words("y"), log=log),
        (series(_words("s"), x, y),), marks=(mark,),
    )  # fmt: skip
    return json.loads(figure(plot, "en").spec)["layout"]


def _place(x: list[float], y: list[float], mark: Mark) -> tuple[str, str]:
    note = _layout(x, y, mark)["annotations"][0]
    return note["xanchor"], note["yanchor"]


def test_words_of_a_level_line_leave_the_data_in_sight() -> None:
    level = Mark(_words("limit"), y=1.0)
    assert _place([0, 1, 2], [5, 4, 3], level) == ("right", "bottom")
    # Data that run just above the line: the words stand below it; data on both sides: at the other end.
    assert _place([0, 1, 2], [5, 1.1, 1.1], level) == ("right", "top")
    both = Plot(
        _words("t"), _words("w"), Axis(_words("x")), Axis(_words("y")),
        tuple(series(_words(f"{last}"), [0, 1, 2], [5, last, last]) for last in (1.1, 0.9)), marks=(level,),
    )  # fmt: skip
    assert json.loads(figure(both, "en").spec)["layout"]["annotations"][0]["xanchor"] == "left"


def test_words_of_a_level_line_leave_whiskers_in_sight() -> None:
    points = series(
        _words("s"), [0, 1, 2, 3], [5, 4, 4, 2], kind="points", band=([4, 3, 3, 1.1], [6, 5, 5, 3])
    )
    names = tuple(_words(name) for name in "abcd")
    plot = Plot(
        _words("t"), _words("w"), Axis(_words("x"), names=names), Axis(_words("y")), (points,),
        marks=(Mark(_words("no difference"), y=1.0),),
    )  # fmt: skip
    note = json.loads(figure(plot, "en").spec)["layout"]["annotations"][0]
    assert (note["xanchor"], note["yanchor"]) == ("right", "top")  # a whisker ends just above the line


def test_words_of_an_upright_line_do_not_pass_the_edge() -> None:
    assert _place([0, 10], [0, 1], Mark(_words("largest stable step"), x=8.0))[0] == "right"
    assert _place([0, 10], [0, 1], Mark(_words("largest stable step"), x=2.0))[0] == "left"
    assert _place([0, 10], [0, 1], Mark(_words("π"), x=8.0))[0] == "left"


def test_a_logarithmic_axis_reaches_its_level_lines() -> None:
    low, _ = _layout([0, 1], [20.0, 50.0], Mark(_words("one"), y=1.0), log=True)["yaxis"]["range"]
    assert low < 0.0


def test_a_plot_has_room_for_the_names_of_its_rows() -> None:
    def height(rows: int) -> int:
        names = tuple(_words(f"name {row}") for row in range(rows))
        points = series(_words("s"), [0.0] * rows, range(rows), kind="points")
        plot = Plot(_words("t"), _words("w"), Axis(_words("x")), Axis(_words("y"), names=names), (points,))
        return figure(plot, "en").height

    assert height(3) == 400
    assert height(12) > 12 * 34


def test_a_heat_map_has_room_for_the_names_of_its_rows() -> None:
    def height(rows: int) -> int:
        names = tuple(_words(f"name {row}") for row in range(rows))
        places = tuple(float(row) for row in range(rows))
        heat = Heat(
            _words("t"), _words("w"), Axis(_words("x")), Axis(_words("y"), names=names), _words("z"),
            (0.0, 1.0), places, tuple((1.0, 2.0) for _ in places),
        )  # fmt: skip
        return figure(heat, "en").height

    assert height(3) == 480
    assert height(12) >= 12 * 34
    assert height(12) > height(3)


def _lines(*drawn: Series) -> list[dict[str, Any]]:
    plot = Plot(_words("t"), _words("w"), Axis(_words("x")), Axis(_words("y")), drawn)
    return [trace["line"] for trace in json.loads(figure(plot, "en").spec)["data"]]


def test_theories_of_one_plot_are_told_apart() -> None:
    theories = [series(_words(f"law {k}"), [0, 1], [k, k], "theory") for k in range(3)]
    lines = _lines(series(_words("measured"), [0, 1], [0, 1]), *theories)
    assert len({line["dash"] for line in lines}) == 4  # the measurement's is solid
    assert len({line["color"] for line in lines[1:]}) == 1


def test_a_theory_takes_the_colour_of_what_it_is_the_theory_of() -> None:
    roles: tuple[Role, ...] = ("good", "bad")
    seen = [series(_words(role), [0, 1], [0, 1], role) for role in roles]
    laws = [series(_words(f"{role} law"), [0, 1], [0, 1], "theory", beside=role) for role in roles]
    lines = _lines(*seen, *laws)
    assert [line["color"] for line in lines[2:]] == [line["color"] for line in lines[:2]]
    assert [line["dash"] for line in lines] == ["solid", "solid", "dash", "dash"]


def test_parts_of_a_theory_without_a_name_go_on_in_its_dashes() -> None:
    first, more = (series(_words(name), [0, 1], [0, 1], "theory") for name in ("law", ""))
    assert len({line["dash"] for line in _lines(first, more)}) == 1


def test_words_of_a_spot_leave_the_line_that_begins_there_in_sight() -> None:
    def side(end: float) -> str:
        path = series(_words("path"), [0.0, 0.0, 0.0, 3.0], [0.0, 0.1 * end, 0.2 * end, 3.0 * end])
        heat = Heat(
            _words("t"), _words("w"), Axis(_words("x")), Axis(_words("y")), _words("z"),
            (0.0, 1.0), (0.0, 1.0), ((1.0, 2.0), (3.0, 4.0)),
            spots=(Spot(_words("start"), 0.0, 0.0),), paths=(path,),
        )  # fmt: skip
        return json.loads(figure(heat, "en").spec)["data"][-1]["textposition"][0]

    assert side(1.0) == "bottom center"
    assert side(-1.0) == "top center"


def test_equal_units_keep_a_circle_round() -> None:
    def upright(equal: bool) -> dict[str, Any]:
        plot = Plot(
            _words("t"), _words("w"), Axis(_words("x")), Axis(_words("y")),
            (series(_words("s"), [0, 1], [0, 1]),), equal=equal,
        )  # fmt: skip
        return json.loads(figure(plot, "en").spec)["layout"]["yaxis"]

    assert upright(True)["scaleanchor"] == "x"
    assert "scaleanchor" not in upright(False)


def test_a_sheet_shows_its_pictures_in_rows_with_names_above() -> None:
    pictures = [[[float(n), 0.0], [0.0, 0.0], [0.0, 0.5]] for n in range(1, 6)]
    names = [_words(f"name {n}") for n in range(1, 6)]
    made = json.loads(figure(sheet(_words("t"), _words("w"), pictures, 3, names), "en").spec)
    z, notes = made["data"][0]["z"], made["layout"]["annotations"]
    places = {z[row][column]: (row, column) for row in range(len(z)) for column in range(len(z[0]))}
    assert places[1.0][0] == places[2.0][0] == places[3.0][0] < places[4.0][0] == places[5.0][0]
    assert places[1.0][1] == places[4.0][1] < places[2.0][1] == places[5.0][1] < places[3.0][1]
    assert [note["text"] for note in notes] == [f"name {n}" for n in range(1, 6)]
    for n, note in enumerate(notes, 1):
        assert places[n][0] - 2 <= note["y"] < places[n][0]
        assert places[n][1] <= note["x"] <= places[n][1] + 1
    assert sum(value is not None for row in z for value in row) == 5 * 6
    assert made["layout"]["yaxis"]["autorange"] == "reversed"

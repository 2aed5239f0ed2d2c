"""What the compiled module takes and refuses of a network's front, parametric activations and skips."""

from typing import get_args

import numpy as np
import pytest
from tests.fleet.test_native_door import Job

from profunda.data.inputs import Inputs
from profunda.networks.layout import layout_of
from profunda.space.design import CODED, PERIODIC, WAVES, Design, Norm


def fronted(compiled, front, *, widths=(4, 4), norm="none", parametric=False, skip=False, dtype=np.float32):
    """A Job whose network has `front` (waves, codes, scaled); input 1 of three holds codes 0 to 4."""
    waves, codes, scaled = front
    job = Job(compiled, dtype=dtype, widths=widths, norm=get_args(Norm).index(norm))
    job.table["x"][:, 1] = np.arange(10) % 5
    inputs = Inputs((0, 1, 2), tuple(waves), tuple(codes))
    design = Design(
        widths,
        parametric=parametric,
        skip=skip,
        norm=norm,
        input_scaling=scaled,
        numeric_embedding="periodic" if waves else "none",
    )
    count = layout_of(design, inputs, 2).size
    job.walls.clear()
    job.task |= {
        "front": compiled.Front(waves, codes, scaled),
        "parametric": parametric,
        "skip": skip,
        "vectors": [job.array(count, dtype, value) for value in (0.1, 0.1, 0.0, 0.0)],
    }
    job.parameters = count
    return job


FRONTS = [
    ([], [], False),
    ([], [], True),
    ([2], [], False),
    ([2, 0], [(1, 5)], True),
    ([], [(1, 5)], False),
    ([], [(1, 900), (0, 11)], True),
]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("widths", [(), (4,), (4, 4, 9)])
@pytest.mark.parametrize("front", FRONTS, ids=str)
def test_fronts_train_within_their_arrays(compiled, front, widths, dtype):
    job = fronted(compiled, front, widths=widths, norm="batch", parametric=True, skip=True, dtype=dtype)
    if len(front[1]) > 1:
        job.table["x"][:, 0] = np.arange(10)[::-1]
    made = job.trained()
    assert (made.epoch, made.ending) == (2, 0)
    assert (job.task["vectors"][0] != 0.1).any()


def test_sizes_are_those_of_the_layout(compiled):
    assert (compiled.waves, compiled.periodic, compiled.coded) == (WAVES, PERIODIC, CODED)


@pytest.mark.parametrize("front", FRONTS[1:], ids=str)
def test_vectors_of_another_front_are_refused(compiled, front):
    job = fronted(compiled, front)
    job.task["front"] = compiled.Front([], [], False)
    with pytest.raises(ValueError, match=r"must be \[P\]"):
        job.made()


@pytest.mark.parametrize("field", ["parametric", "skip"])
def test_only_parametric_activations_have_parameters(compiled, field):
    job = fronted(compiled, FRONTS[0])
    job.task[field] = True
    if field == "skip":
        job.made()
    else:
        with pytest.raises(ValueError, match=r"must be \[P\]"):
            job.made()


BAD_FRONTS = [
    ([3], [], "waves must have an input, and each one once"),
    ([-1], [], "waves must have an input, and each one once"),
    ([0, 0], [], "waves must have an input, and each one once"),
    ([1], [(1, 5)], "an input of codes has no waves"),
    ([], [(3, 5)], "a code must be an input, and each one once"),
    ([], [(-1, 5)], "a code must be an input, and each one once"),
    ([], [(1, 5), (1, 5)], "a code must be an input, and each one once"),
    ([], [(1, 0)], "an input of codes needs at least one, and not too many"),
    ([], [(1, 2**31 - 1)], "an input of codes needs at least one, and not too many"),
]


@pytest.mark.parametrize(("waves", "codes", "says"), BAD_FRONTS)
def test_a_front_that_does_not_fit_is_refused(compiled, waves, codes, says):
    job = fronted(compiled, FRONTS[0])
    job.task["front"] = compiled.Front(waves, codes, False)
    with pytest.raises(ValueError, match=says):
        job.made()
    task, table = job.task, compiled.Table(**job.table)
    names = ("widths", "canonical", "activation", "norm", "norm_after", "parametric", "skip", "front")
    with pytest.raises(ValueError, match=says):
        compiled.buffer_bytes(table, *(task[name] for name in names), compiled.Recipe(**job.recipe))


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (5.0, "input 1 holds codes up to 5, but was said to have 5 of them"),
        (0.5, "input 1 must hold codes, which are whole numbers from 0 on"),
        (-1.0, "input 1 must hold codes"),
        (np.nan, "input 1 must hold codes"),
        (np.inf, "input 1 must hold codes"),
        (3e38, "input 1 must hold codes"),
    ],
)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_what_is_no_code_is_refused(compiled, value, says, dtype):
    job = fronted(compiled, ([], [(1, 5)], False), dtype=dtype)
    job.made()
    job.table["x"][7, 1] = value
    with pytest.raises(ValueError, match=says):
        job.made()


def test_codes_that_change_after_the_check_read_no_other_memory(compiled):
    job = fronted(compiled, ([], [(1, 5)], False))
    team, made = compiled.Team(1, False), job.made()
    job.table["x"][:, 1] = [-1e30, 1e30, np.nan, np.inf, -np.inf, 5, 6, 7, 1e9, -1]
    team.open(0, 1)
    team.submit(0, made)
    while team.wait(1.0, 0) != 0:
        pass
    team.close()
    assert made.ending == 0


def test_buffers_count_the_front(compiled):
    table = compiled.Table(**fronted(compiled, FRONTS[0]).table)

    def ask(*front, parametric=False, skip=False):
        recipe = compiled.Recipe(**fronted(compiled, FRONTS[0]).recipe)
        shape = ([4, 4], [8, 8], 0, 0, False, parametric, skip, compiled.Front(*front))
        return compiled.buffer_bytes(table, *shape, recipe)

    plain = ask([], [], False)
    assert ask([], [], True) > plain
    assert ask([0], [], False) > plain
    assert ask([], [(1, 5)], False) > plain
    assert ask([], [(1, 5000)], False) > ask([], [(1, 5)], False) + 4 * 8 * 4995
    assert ask([], [], False, parametric=True) > plain
    assert ask([], [], False, skip=True) > plain

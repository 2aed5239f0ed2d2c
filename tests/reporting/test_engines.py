"""Sentences on the engines."""

import pytest

from profunda.reporting.engines import engine_sentence


@pytest.mark.parametrize(
    ("instruction_set", "words"),
    [
        ("avx512", "with AVX-512 instructions of the processor, 16 numbers at a time (avx512)."),
        ("avx2", "with AVX2 and FMA instructions of the processor, 8 numbers at a time (avx2)."),
        ("neon", "with NEON instructions of the processor, 4 numbers at a time (neon)."),
        ("generic", "that every processor of this kind has, 4 numbers at a time (generic)."),
        ("sse9", "with sse9 instructions (sse9)."),
    ],
)
def test_instruction_sets_are_told_in_words(instruction_set: str, words: str) -> None:
    told = engine_sentence("native", instruction_set, "as it was asked for")
    assert told.startswith("The native engine, Profunda's own in C++, trained all networks: as it was asked")
    assert told.endswith(words)


def test_nothing_trained_is_nothing_told() -> None:
    assert engine_sentence("", "", "as it was asked for") == ""

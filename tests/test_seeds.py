"""Random streams: reproducible to the bit, and random by the usual tests (with fixed keys)."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from profunda._seeds import (
    bits,
    halfwords,
    key,
    keys_of,
    normals,
    permutations,
    premix,
    subkey,
    subkeys,
    uniforms,
)

KEYS = subkeys(keys_of(list(range(64))), "test")


def mix32(x):
    x ^= x >> 16
    x = x * 0x7FEB352D % 2**32
    x ^= x >> 15
    x = x * 0x846CA68B % 2**32
    return x ^ x >> 16


def naive_word(key, i):
    """The docstring's recipe in plain integers."""
    x = (mix32((i * 0x9E3779B9 + 1) % 2**32) + key % 2**32) % 2**32
    x ^= x >> 16
    x = (x * 0x7FEB352D + (key >> 32)) % 2**32
    x ^= x >> 15
    x = x * 0x846CA68B % 2**32
    return x ^ x >> 16


def naive_mix64(z):
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 % 2**64
    z = (z ^ z >> 27) * 0x94D049BB133111EB % 2**64
    return z ^ z >> 31


@given(st.integers(0, 2**64 - 1))
def test_bits_are_those_of_the_docstring(k):
    assert bits(keys_of([k]), 5)[0].tolist() == [naive_word(k, i) for i in range(5)]


@given(st.integers(0, 2**64 - 1), st.integers(0, 2**40), st.integers(0, 50))
def test_subkeys_are_those_of_the_docstring(k, step, layer):
    golden = 0x9E3779B97F4A7C15
    first = naive_mix64(k ^ key("purpose", "p"))
    expected = naive_mix64((naive_mix64((first + step * golden) % 2**64) + (layer + 1) * golden) % 2**64)
    assert int(subkeys(keys_of([k]), "p", step, layer)[0]) == expected


def test_known_values_never_change():
    assert key("member", "a", 1) == 0x2AB3793C80A81E17
    assert bits(keys_of([1, 2]), 2).tolist() == [[3529208806, 2136536683], [3405767568, 1833388140]]
    assert permutations(keys_of([1]), 5).tolist() == [[2, 1, 3, 4, 0]]


def test_keys_are_the_same_in_another_process():
    code = "from profunda._seeds import key; print(key('a', 1, 'b'))"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(told.stdout) == key("a", 1, "b") != key("a", 1, "c")


def test_buffers_and_tables_change_nothing():
    out, scratch = np.empty((64, 100), np.uint32), np.empty((64, 100), np.uint32)
    assert np.array_equal(bits(KEYS, 100, table=premix(100), out=out, scratch=scratch), bits(KEYS, 100))
    assert np.array_equal(bits(KEYS, 100), out)
    assert np.array_equal(bits(KEYS[5:6], 50)[0], out[5, :50])


def test_uniforms_fill_the_unit_interval_evenly():
    u = uniforms(KEYS, 4096)
    assert 0 < u.min() < u.max() < 1
    assert abs(u.mean() - 0.5) < 4 / np.sqrt(12 * u.size)
    counts = np.bincount((u.ravel() * 256).astype(int), minlength=256)
    expected = u.size / 256
    chi = ((counts - expected) ** 2 / expected).sum()
    assert abs(chi - 255) < 5 * np.sqrt(2 * 255)
    biased = np.bincount((u.ravel() ** 1.05 * 256).astype(int), minlength=256)  # control
    assert ((biased - expected) ** 2 / expected).sum() > 255 + 5 * np.sqrt(2 * 255)


@pytest.mark.parametrize("axis", [0, 1])
def test_neighbours_are_uncorrelated(axis):
    u = uniforms(KEYS, 4096) - 0.5
    for lag in (1, 2, 3, 16, 32):
        a, b = (u[lag:], u[:-lag]) if axis == 0 else (u[:, lag:], u[:, :-lag])
        assert abs((a * b).mean() * 12) < 4.5 / np.sqrt(a.size)


def test_neighbouring_steps_and_layers_and_half_keys_are_uncorrelated():
    base = keys_of([7])
    steps = uniforms(subkeys(base, "dropout", np.arange(200)), 1024) - 0.5
    layers = uniforms(subkeys(base, "dropout", 3, np.arange(200)), 1024) - 0.5
    # Keys that share one half, as some of many do: the other half alone must tell their numbers apart.
    low = uniforms((KEYS & np.uint64(0xFFFFFFFF)) + np.uint64(5 << 32), 4096) - 0.5
    high = uniforms((KEYS & np.uint64(0xFFFFFFFF00000000)) + np.uint64(5), 4096) - 0.5
    for u in (steps, layers, low, high):
        table = np.corrcoef(u)[np.triu_indices(len(u), 1)]
        assert np.abs(table).max() < 5.5 / np.sqrt(u.shape[1])


def test_every_bit_is_fair_and_bits_are_independent():
    words = bits(KEYS, 4096)
    table = ((words[..., None] >> np.arange(32, dtype=np.uint32)) & 1).reshape(-1, 32).astype(np.float64)
    assert np.abs(table.mean(axis=0) - 0.5).max() < 4.5 * 0.5 / np.sqrt(len(table))
    pairs = np.corrcoef(table.T)[np.triu_indices(32, 1)]
    assert np.abs(pairs).max() < 5 / np.sqrt(len(table))


def test_halfwords_are_two_per_word_and_fair():
    halves = halfwords(KEYS, 4097)
    words = bits(KEYS, 2049)
    assert np.array_equal(halves[:, 0], words[:, 0] & 0xFFFF)
    assert np.array_equal(halves[:, 1], words[:, 0] >> 16)
    assert halves.shape == (64, 4097)
    for part in (halves[:, ::2], halves[:, 1::2]):
        share = (part < round(0.3 * 65536)).mean()
        assert abs(share - 0.3) < 4.5 * np.sqrt(0.21 / part.size)


def test_normals_have_the_moments_of_a_normal():
    z = normals(KEYS, 4095)
    assert z.shape == (64, 4095)
    error = 4.5 / np.sqrt(z.size)
    assert abs(z.mean()) < error
    assert abs(z.var() - 1) < error * np.sqrt(2)
    assert abs((z**3).mean()) < error * np.sqrt(15)
    assert abs((z**4).mean() - 3) < error * np.sqrt(96)


def test_permutations_hold_every_index_once_and_differ():
    orders = permutations(KEYS, 101)
    assert np.array_equal(np.sort(orders, axis=1), np.tile(np.arange(101), (64, 1)))
    assert len({tuple(order) for order in orders}) == 64
    epochs = permutations(subkeys(keys_of([5]), "order", np.arange(500)), 30)
    assert len({tuple(order) for order in epochs}) == 500
    # Every index comes first about equally often.
    firsts = np.bincount(permutations(subkeys(keys_of([5]), "order", np.arange(6000)), 6)[:, 0], minlength=6)
    assert ((firsts - 1000) ** 2 / 1000).sum() < 25
    assert permutations(KEYS, 1).tolist() == [[0]] * 64


@given(st.integers(0, 2**64 - 1), st.integers(0, 2**40), st.integers(0, 1000))
def test_one_subkey_is_the_vectorised_one(key, step, layer):
    assert subkey(key, "weights", step, layer) == subkeys(keys_of([key]), "weights", step, layer)[0]
    assert subkey(key, "weights", step, layer) != subkey(key, "order", step, layer)

"""Naive twins of circuits, covers, slices and paths: one row, one set, one point at a time."""

import copy
from itertools import combinations, product

import numpy as np
import torch


def gate_value(kind, bits):
    """One gate on a list of bools."""
    plain = {
        "and": all(bits),
        "nand": all(bits),
        "or": any(bits),
        "nor": any(bits),
        "not": any(bits),
        "xor": sum(bits) % 2 == 1,
        "xnor": sum(bits) % 2 == 1,
    }[kind]
    return plain != (kind in ("nand", "nor", "not", "xnor"))


def run_circuit(circuit, row):
    """Outputs of a circuit for one row of bools, gate by gate."""
    wires = [bool(bit) for bit in row]
    if circuit.complemented:
        wires += [not bit for bit in wires]
    for kind, read in circuit.gates:
        wires.append(gate_value(kind, [wires[wire] for wire in read]))
    return [wires[wire] for wire in circuit.outputs]


def rows_in_order(inputs):
    """All inputs, the first input changing fastest."""
    return [row[::-1] for row in product((False, True), repeat=inputs)]


def all_cubes(inputs):
    """Every cube as (care, value), by deciding for each input: absent, plain or complemented."""
    found = []
    for letters in product((None, 0, 1), repeat=inputs):
        care = sum(1 << i for i, letter in enumerate(letters) if letter is not None)
        found.append((care, sum(1 << i for i, letter in enumerate(letters) if letter)))
    return found


def inside(cube, table):
    """Whether every row of a cube is true."""
    care, value = cube
    return all(table[row] for row in range(len(table)) if row & care == value)


def primes_by_hand(table):
    """Cubes inside the function that no other cube inside it contains, by trying all pairs of all cubes."""
    cubes = [cube for cube in all_cubes(len(table).bit_length() - 1) if inside(cube, table)]

    def contains(large, small):
        return large != small and large[0] & small[0] == large[0] and small[1] & large[0] == large[1]

    return sorted(cube for cube in cubes if not any(contains(other, cube) for other in cubes))


def smallest_covers(table, cubes):
    """Size of the smallest covers made of these cubes, and their numbers of literals, by trying all sets."""
    ones = {row for row in range(len(table)) if table[row]}
    for size in range(len(ones) + 1):
        literals = {
            sum(care.bit_count() for care, _ in chosen)
            for chosen in combinations(cubes, size)
            if ones == {row for row in ones if any(row & care == value for care, value in chosen)}
        }
        if literals:
            return size, literals
    raise AssertionError("the cubes do not cover the function")


def fewest_cubes(table):
    """The size of the smallest cover by any cubes inside the function."""
    cubes = [cube for cube in all_cubes(len(table).bit_length() - 1) if inside(cube, table)]
    return smallest_covers(table, cubes)[0]


def loss_at(module, vector, inputs, targets, loss):
    """The loss of a copy of the module whose parameters are overwritten, one by one, from a vector."""
    twin = copy.deepcopy(module).eval()
    place = 0
    with torch.no_grad():
        for parameter in twin.parameters():
            size = parameter.numel()
            parameter.copy_(vector[place : place + size].reshape(parameter.shape))
            place += size
        return float(loss(twin(inputs), targets))


def principal_by_covariance(points):
    """Shares and coordinates of the two leading directions, by the eigenvalues of the covariance matrix."""
    points = np.asarray(points, np.float64)
    centred = points - points.mean(0)
    values, vectors = np.linalg.eigh(centred.T @ centred)
    return values[::-1][:2] / values.sum(), centred @ vectors[:, ::-1][:, :2]

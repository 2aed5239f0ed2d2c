"""Cosines of tasks' gradients: against gradients written out, on a trunk with heads."""

import pytest
import torch
from torch import nn

from profunda.errors import ArgumentError, DataError
from profunda.theory.task_gradients import task_cosines


class Trunk(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.trunk = nn.Linear(3, 4)
        self.heads = nn.ModuleList(nn.Linear(4, 1) for _ in range(3))

    def forward(self, x):
        h = torch.tanh(self.trunk(x))
        return [head(h).flatten() for head in self.heads]


def losses(net, scale=1.0):
    torch.manual_seed(1)
    x, y = torch.randn(20, 3), torch.randn(20)
    first, second, third = net(x)
    return {
        "a": (first - y).square().mean(),
        "b": scale * (second + y).square().mean(),
        "c": (third - 2 * y).square().mean(),
    }


def test_only_the_trunk_is_shared_and_its_cosines_are_those_of_backward():
    net = Trunk()
    told = task_cosines(net, losses(net))
    assert told.shared == ("trunk.weight", "trunk.bias")
    assert told.names == ("a", "b", "c")
    for i, one in enumerate("abc"):
        for j, other in enumerate("abc"):
            grads = []
            for name in (one, other):
                net.zero_grad()
                losses(net)[name].backward()
                grads.append(torch.cat([p.grad.flatten() for p in net.trunk.parameters()]).double())
            cosine = grads[0] @ grads[1] / (grads[0].norm() * grads[1].norm())
            assert float(told.matrix[i, j]) == pytest.approx(float(cosine), abs=1e-6)
            assert float(told.norms[i]) == pytest.approx(float(grads[0].norm()), rel=1e-5)


def test_it_leaves_a_loop_as_it_was():
    net = Trunk()
    found = losses(net)
    task_cosines(net, found)
    assert all(p.grad is None for p in net.parameters())
    sum(found.values()).backward()  # the graph is still there
    assert all(p.grad is not None for p in net.parameters())


def test_opposite_tasks_conflict_and_equal_ones_do_not():
    net = nn.Linear(3, 1)
    x = torch.randn(8, 3)
    z = net(x).mean()
    told = task_cosines(net, {"up": z, "down": -z, "again": 2 * z})
    assert [pair[:2] for pair in told.conflicting] == [("up", "down"), ("down", "again")]
    assert all(pair[2] == pytest.approx(-1.0) for pair in told.conflicting)
    assert "up and down conflict: cosine -1.00" in str(told)
    assert "no two of them conflict" in str(task_cosines(net, {"up": z, "again": 2 * z}))


def test_a_small_gradient_is_told_as_drowned():
    net = Trunk()
    told = task_cosines(net, losses(net, scale=1e-3))
    assert {pair[:2] for pair in told.drowned} == {("b", "a"), ("b", "c")}
    ratio = float(told.norms[1] / told.norms[0])
    assert float(told.similarity[0, 1]) == pytest.approx(2 * ratio / (1 + ratio**2))
    assert "b is drowned by a" in str(told)
    assert not task_cosines(net, losses(net)).drowned


def test_a_task_that_pulls_nothing_is_silent():
    net = nn.Linear(2, 1)
    z = net(torch.ones(1, 2)).sum()
    told = task_cosines(net, {"a": z, "b": 3 * z, "none": (0.0 * z).sum()})
    assert told.silent == ("none",)
    assert told.matrix.shape == (2, 2)
    assert "none does not pull what others share" in str(told)


def test_wrong_losses_are_refused():
    net = Trunk()
    found = losses(net)
    with pytest.raises(ArgumentError, match=r"1 loss\(es\) have no cosine"):
        task_cosines(net, {"a": found["a"]})
    with pytest.raises(ArgumentError, match=r"The loss of task 'b' has shape \(2,\) and a graph"):
        task_cosines(net, {"a": found["a"], "b": found["a"] * torch.ones(2)})
    with pytest.raises(ArgumentError, match=r"has shape .* and no graph"):
        task_cosines(net, {"a": found["a"], "b": found["b"].detach()})
    with pytest.raises(DataError, match="The loss of task 'b' is nan"):
        task_cosines(net, {"a": found["a"], "b": found["b"] * float("nan")})
    with pytest.raises(DataError, match="No parameter is reached by two losses"):
        task_cosines(net, {"a": net.heads[0].bias.sum(), "b": net.heads[1].bias.sum()})
    root = net.trunk.bias.sum()
    with pytest.raises(DataError, match="The gradient of task 'b' is not finite"):
        task_cosines(net, {"a": root, "b": torch.sqrt((root - root.detach()).abs())})

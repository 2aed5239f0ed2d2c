"""Products with curvature matrices and tangent kernels against dense ones."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.oracles import theory_tangents as oracle
from torch import nn

from profunda.errors import ArgumentError, DataError
from profunda.theory.losses import cross_entropy, squared_error
from profunda.theory.products import Operator, curvature, matrix_operator, tangent_operator
from profunda.theory.tangents import empirical_ntk


@pytest.fixture(autouse=True)
def seeded():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


def made(activation=nn.Tanh, outputs=3):
    net = nn.Sequential(
        nn.Linear(4, 6), nn.BatchNorm1d(6), activation(), nn.Dropout(0.5), nn.Linear(6, outputs)
    ).double()
    x = torch.randn(11, 4, dtype=torch.float64)
    net(x)  # statistics of the norm
    return net, x


def targets(loss, n, outputs=3):
    return (
        torch.randn(n, outputs, dtype=torch.float64) if loss is squared_error else torch.arange(n) % outputs
    )


def dense(operator):
    eye = torch.eye(operator.size, dtype=operator.like.dtype)
    return torch.stack([operator @ row for row in eye])


@pytest.mark.parametrize("loss", [squared_error, cross_entropy])
@pytest.mark.parametrize("kind", ["hessian", "gauss_newton"])
@pytest.mark.parametrize("batch", [4, 256])
def test_curvature_is_that_of_dense_matrices(loss, kind, batch):
    net, x = made()
    y = targets(loss, len(x))
    found = dense(curvature(net, x, y, loss, kind=kind, batch=batch))
    net.eval()
    right = (oracle.hessian if kind == "hessian" else oracle.gauss_newton)(net, loss, x, y)
    assert torch.allclose(found, right, rtol=1e-9, atol=1e-12)
    if kind == "gauss_newton":
        assert float(torch.linalg.eigvalsh(found)[0]) > -1e-12


def test_the_two_curvatures_differ_where_residuals_and_bends_do():
    net, x = made()
    y = targets(squared_error, len(x))
    hessian, gauss = (dense(curvature(net, x, y, kind=kind)) for kind in ("hessian", "gauss_newton"))
    assert not torch.allclose(hessian, gauss, rtol=1e-3)
    fitted = net.eval()(x).detach()
    hessian = dense(curvature(net, x, fitted))
    assert torch.allclose(hessian, gauss, rtol=1e-9, atol=1e-12)  # without residuals they are one


def test_gauss_newton_of_squares_is_jtj_over_n():
    net, x = made(nn.ReLU, 1)
    net.eval()
    j = oracle.jacobian(net, x)
    found = dense(curvature(net, x, torch.randn(11, dtype=torch.float64), kind="gauss_newton"))
    assert torch.allclose(found, j.T @ j / 11, rtol=1e-9, atol=1e-12)


@settings(max_examples=10, deadline=None)
@given(st.integers(1, 12))
def test_tangent_products_are_those_of_the_kernel(batch):
    net, x = made()
    found = dense(tangent_operator(net, x, batch=batch))
    assert torch.allclose(found, empirical_ntk(net, x).values, rtol=1e-9, atol=1e-11)


def test_products_go_through_convolutions_and_attention():
    torch.manual_seed(1)
    for net in (
        nn.Sequential(nn.Conv1d(2, 3, 2), nn.ReLU(), nn.Flatten(), nn.Linear(9, 2)),
        nn.Sequential(nn.LSTM(4, 3, batch_first=True), Last(), nn.Linear(3, 2)),
    ):
        module, x = net.double(), torch.randn(5, 2, 4, dtype=torch.float64)
        y = torch.randn(5, 2, dtype=torch.float64)
        found = dense(curvature(module, x, y, batch=3))
        assert torch.allclose(found, oracle.hessian(module, squared_error, x, y), rtol=1e-8, atol=1e-11)


class Last(nn.Module):
    def forward(self, found):
        return found[0][:, -1]


def test_a_module_stays_as_it_was():
    net, x = made()
    before = {key: value.clone() for key, value in net.state_dict().items()}
    operator = curvature(net, x, targets(squared_error, 11))
    operator @ torch.ones(operator.size, dtype=torch.float64)
    assert net.training
    assert all(each.grad is None for each in net.parameters())
    assert all(torch.equal(before[key], value) for key, value in net.state_dict().items())


def test_wrong_use_is_told():
    net, x = made()
    y = targets(squared_error, 11)
    with pytest.raises(ArgumentError, match="kind = 'fisher' is none of hessian, gauss_newton"):
        curvature(net, x, y, kind="fisher")
    with pytest.raises(ArgumentError, match="batch = 0"):
        curvature(net, x, y, batch=0)
    with pytest.raises(ArgumentError, match="x has 11 rows, y 10"):
        curvature(net, x, y[:10])
    with pytest.raises(DataError, match="y holds NaN"):
        curvature(net, x, y / 0.0)
    with pytest.raises(DataError, match="11 of the 11 rows of x hold NaN"):
        tangent_operator(net, x / 0.0)
    with pytest.raises(ArgumentError, match=r"gives shape \(\), not one number"):
        curvature(net, x, y, nn.functional.mse_loss)
    with pytest.raises(ArgumentError, match=r"has 11 rows, the vector shape \(3,\)"):
        Operator("it", 11, lambda v: v, x[:0]) @ torch.ones(3)
    with pytest.raises(ArgumentError, match=r"shape \(2, 2\) is not symmetric"):
        matrix_operator(torch.tensor([[1.0, 2.0], [3.0, 4.0]]))

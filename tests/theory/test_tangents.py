"""The empirical tangent kernel against dense Jacobians and the tutorial's recipe, on all kinds of modules."""

import copy
import subprocess
import sys

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.oracles import theory_tangents as oracle
from torch import nn

from profunda.errors import ArgumentError, DataError
from profunda.layers.dropout import DropConnect
from profunda.layers.ntk import NTKLinear
from profunda.networks.dense import build
from profunda.space.design import Design
from profunda.theory.chains import chain_of
from profunda.theory.jacobians import jacobian
from profunda.theory.products import tangent_operator
from profunda.theory.tangents import empirical_ntk

FORMS = ("full", "trace", "diagonal")


@pytest.fixture(autouse=True)
def seeded():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


def rows(n, *shape):
    return torch.randn(n, *shape, dtype=torch.float64)


def mlp(outputs=3, activation=nn.Tanh, bias=True):
    return nn.Sequential(
        nn.Linear(4, 7, bias), activation(), nn.Linear(7, 6, bias), activation(), nn.Linear(6, outputs, bias)
    ).double()


class Residual(nn.Module):
    def __init__(self):
        super().__init__()
        self.one, self.two, self.three = nn.Linear(4, 5), nn.Linear(5, 5), nn.Linear(5, 2)

    def forward(self, x):
        h = torch.tanh(self.one(x))
        return self.three(h + torch.tanh(self.two(h)))


class Centred(nn.Module):
    """Rows that know of each other."""

    def __init__(self):
        super().__init__()
        self.one, self.two = nn.Linear(4, 5), nn.Linear(5, 2)

    def forward(self, x):
        h = torch.tanh(self.one(x))
        return self.two(h - h.mean(dim=0))


def normed():
    net = nn.Sequential(
        nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(inplace=True), nn.Dropout(0.5), nn.Linear(8, 6),
        nn.GELU(), nn.LayerNorm(6), nn.Linear(6, 4), nn.GroupNorm(2, 4), nn.Tanh(), nn.Linear(4, 2),
        nn.Sigmoid(),
    ).double()  # fmt: skip
    net(rows(32, 4))  # statistics, and no step
    for part in net.modules():
        if isinstance(part, nn.BatchNorm1d | nn.LayerNorm | nn.GroupNorm):
            nn.init.normal_(part.weight)
            nn.init.normal_(part.bias)
    return net


MADE = {
    "tanh": (mlp, "chain", (4,)),
    "no bias": (lambda: mlp(bias=False), "chain", (4,)),
    "relu": (lambda: mlp(1, nn.ReLU), "chain", (4,)),
    "linear": (lambda: nn.Linear(4, 3).double(), "chain", (4,)),
    "norms": (normed, "chain", (4,)),
    "ntk": (lambda: nn.Sequential(NTKLinear(4, 6), nn.ReLU(), NTKLinear(6, 2)).double(), "chain", (4,)),
    "dropconnect": (
        lambda: nn.Sequential(nn.Linear(4, 6), nn.ReLU(), DropConnect(6, 2)).double(), "chain", (4,)
    ),
    "design": (lambda: build(Design(widths=(9, 5), norm="batch", dropout=0.2), 4, 2).double(), "chain", (4,)),
    "parametric": (lambda: build(Design(widths=(9, 5), parametric=True), 4, 2).double(), "rows", (4,)),
    "skip": (lambda: build(Design(widths=(5, 5), skip=True), 4, 2).double(), "rows", (4,)),
    "written": (lambda: Residual().double(), "rows", (4,)),
    "flattened": (lambda: nn.Sequential(nn.Flatten(), mlp()), "chain", (2, 2)),
    "convolution": (
        lambda: nn.Sequential(nn.Conv1d(2, 3, 2), nn.ReLU(), nn.Flatten(), nn.Linear(9, 2)).double(),
        "rows", (2, 4),
    ),
    "attention": (lambda: nn.TransformerEncoderLayer(4, 2, 8, batch_first=True).double(), "rows", (2, 4)),
    "batch": (lambda: Centred().double(), "batch", (4,)),
    "untracked": (
        lambda: nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3, track_running_stats=False)).double(),
        "batch", (4,),
    ),
}  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", sorted(MADE))
def test_kernels_are_those_of_dense_jacobians(name, form):
    make, route, shape = MADE[name]
    net, x, x2 = make(), rows(5, *shape), rows(3, *shape)
    own, cross = empirical_ntk(net, x, form=form), empirical_ntk(net, x, x2, form=form)
    assert own.route == cross.route == route
    net.eval()
    assert torch.allclose(own.values, oracle.kernel(net, x, x, form), rtol=1e-10, atol=1e-12)
    assert torch.allclose(cross.values, oracle.kernel(net, x, x2, form), rtol=1e-10, atol=1e-12)


def test_the_oracle_tells_a_wrong_kernel():
    net, x = mlp(), rows(5, 4)
    right = empirical_ntk(net, x).values
    with torch.no_grad():
        net[0].weight[0, 0] += 0.01
    assert not torch.allclose(right, oracle.kernel(net, x, x), rtol=1e-4)


def test_the_recipe_of_the_tutorial_agrees_in_float32():
    net, x, x2 = mlp().float(), rows(6, 4).float(), rows(4, 4).float()
    theirs = oracle.tutorial_kernel(net, x, x2).permute(0, 2, 1, 3).reshape(18, 12)
    ours = empirical_ntk(net, x, x2).values
    assert float((ours - theirs).abs().max() / theirs.abs().max()) < 1e-5


@pytest.mark.parametrize("name", ["tanh", "norms", "written", "batch"])
def test_fixed_parameters_do_not_count(name):
    net = MADE[name][0]()
    for number, each in enumerate(net.parameters()):
        each.requires_grad_(number % 3 == 1)
    x = rows(5, 4)
    found = empirical_ntk(net, x).values
    net.eval()
    assert torch.allclose(found, oracle.kernel(net, x, x), rtol=1e-10, atol=1e-12)


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 9), st.integers(1, 9), st.sampled_from(FORMS), st.sampled_from(["tanh", "written"]))
def test_chunks_change_nothing(n, m, form, name):
    net, x, x2 = MADE[name][0](), rows(n, 4), rows(m, 4)
    for second in (None, x2):
        whole = empirical_ntk(net, x, second, form=form)
        parts = empirical_ntk(net, x, second, form=form, memory=whole.held // 3 + 3000)
        assert parts.chunk <= whole.chunk
        assert torch.allclose(whole.values, parts.values, rtol=1e-12, atol=1e-13)


def test_memory_bounds_the_rows_at_a_time():
    net, x = mlp(), rows(64, 4)
    assert empirical_ntk(net, x).chunk == 64
    small = empirical_ntk(net, x, form="trace", memory=60_000)
    assert small.chunk < 64
    assert small.held <= 60_000
    with pytest.raises(ArgumentError, match=r"64 times 64 rows and 3 outputs \(full\) needs .* MiB"):
        empirical_ntk(net, x, memory=60_000)


class Counting(nn.Module):
    """Its `forward` writes into one buffer and puts another tensor in the place of a second; always."""

    def __init__(self):
        super().__init__()
        self.one, self.two = nn.Linear(4, 5), nn.Linear(5, 2)
        self.register_buffer("calls", torch.zeros(()))
        self.register_buffer("last", torch.zeros(2))

    def forward(self, x):
        self.calls += 1
        left = self.two(torch.tanh(self.one(x)))
        self.last = left.detach().mean(dim=0)
        return left


def spectral():
    """In training, its weight changes whenever somebody asks for it."""
    return nn.Sequential(
        nn.utils.parametrizations.spectral_norm(nn.Linear(4, 5)), nn.Tanh(), nn.Linear(5, 2)
    ).double()


@pytest.mark.parametrize("make", [lambda: Counting().double(), spectral], ids=["counting", "spectral"])
def test_kernels_of_modules_that_write_into_buffers(make):
    net, x, x2 = make(), rows(5, 4), rows(3, 4)
    still = copy.deepcopy(net).eval()
    assert torch.allclose(empirical_ntk(net, x, x2).values, oracle.kernel(still, x, x2), rtol=1e-12)
    u = torch.ones(10, dtype=torch.float64)
    assert torch.allclose(tangent_operator(net, x) @ u, oracle.kernel(still, x, x) @ u, rtol=1e-11)


def test_rows_that_want_gradients_get_none():
    net, x = mlp(), rows(5, 4).requires_grad_()
    operator = tangent_operator(net, x)
    for made in (
        empirical_ntk(net, x).values,
        empirical_ntk(net, x[:2], x).values,
        jacobian(net, x),
        operator @ torch.ones(15, dtype=torch.float64),
    ):
        assert not made.requires_grad
    assert x.grad is None


WRITING = {"counting": lambda: Counting().double(), "spectral": spectral}


@pytest.mark.parametrize("name", ["norms", "written", "batch", "counting", "spectral"])
def test_a_module_stays_as_it_was(name):
    net, x = (WRITING[name] if name in WRITING else MADE[name][0])(), rows(5, 4)
    net.train()
    kept = {key: id(value) for key, value in net.named_buffers()}
    before = {key: value.clone() for key, value in net.state_dict().items()}
    state = torch.get_rng_state()
    empirical_ntk(net, x)
    chain_of(net)
    tangent_operator(net, x) @ torch.ones(10, dtype=torch.float64)
    assert kept == {key: id(value) for key, value in net.named_buffers()}
    assert torch.equal(state, torch.get_rng_state())
    assert all(part.training for part in net.modules())
    assert all(each.grad is None and each.requires_grad for each in net.parameters())
    assert all(torch.equal(before[key], value) for key, value in net.state_dict().items())
    assert not x.requires_grad


MEASURED = """
import resource, sys
import torch
from torch import nn
from profunda.theory.products import tangent_operator
from profunda.theory.tangents import empirical_ntk

torch.manual_seed(0)
last = {"chain": nn.Identity(), "rows": nn.PReLU()}[sys.argv[1]]  # a learned slope makes it no plain chain
net = nn.Sequential(nn.Linear(20, 500), nn.ReLU(), nn.Linear(500, 500), nn.ReLU(), nn.Linear(500, 1), last)
rows = int(sys.argv[2])
x = torch.randn(rows, 20)
empirical_ntk(net, x[:8])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
found = empirical_ntk(net, x, memory=int(sys.argv[3]))
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(found.route, found.chunk, found.held, (after - before) * 1024)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss is in KiB on Linux only")
@pytest.mark.parametrize(("route", "n"), [("chain", 2000), ("rows", 96)])
def test_memory_stays_below_what_was_allowed(route, n):
    allowed = 80 * 2**20
    words = [sys.executable, "-c", MEASURED, route, str(n), str(allowed)]
    told = subprocess.run(words, capture_output=True, text=True, check=True).stdout.split()
    assert told[0] == route
    assert int(told[1]) < n  # it had to go through the rows in chunks
    assert int(told[2]) <= allowed
    assert int(told[3]) < allowed + 16 * 2**20  # and pages of the allocator


def test_eigenvalues_are_those_of_the_matrix():
    x = torch.tensor([[1.0], [2.0]], dtype=torch.float64)
    net = nn.Linear(1, 1).double()
    found = empirical_ntk(net, x)  # [[2, 3], [3, 5]]
    assert found.eigenvalues.tolist() == pytest.approx([(7 - 45**0.5) / 2, (7 + 45**0.5) / 2])
    assert found.condition == pytest.approx((7 + 45**0.5) / (7 - 45**0.5))
    assert empirical_ntk(net, torch.cat([x, x])).condition == float("inf")
    with pytest.raises(ArgumentError, match=r"form 'diagonal' .* has no eigenvalues"):
        empirical_ntk(net, x, form="diagonal").eigenvalues  # noqa: B018
    with pytest.raises(ArgumentError, match=r"shape \(2, 1\) has no eigenvalues"):
        empirical_ntk(net, x, x[:1]).eigenvalues  # noqa: B018


def test_whole_numbers_may_enter():
    net = nn.Sequential(nn.Embedding(5, 3), nn.Flatten(), nn.Linear(6, 2)).double()
    x = torch.tensor([[0, 1], [4, 2], [3, 3]])
    assert torch.allclose(empirical_ntk(net, x).values, oracle.kernel(net, x, x))


# Parts that are shared, or look like others on the first rows ---------------------------------------


class Tied(nn.Module):
    """One weight matrix in two layers, each with a bias of its own."""

    def __init__(self):
        super().__init__()
        self.first, self.second, self.last = nn.Linear(4, 4), nn.Linear(4, 4), nn.Linear(4, 2)
        self.second.weight = self.first.weight

    def forward(self, x):
        return self.last(torch.tanh(self.second(torch.tanh(self.first(x)))))


def one_norm_twice():
    norm = nn.LayerNorm(4)
    return nn.Sequential(nn.Linear(4, 4), norm, nn.Tanh(), nn.Linear(4, 4), norm, nn.Tanh(), nn.Linear(4, 2))


@pytest.mark.parametrize("make", [Tied, one_norm_twice])
def test_shared_parameters_get_the_gradients_of_all_their_places(make):
    net, x = make().double(), rows(6, 4)
    assert torch.allclose(jacobian(net, x), oracle.jacobian(net, x))
    assert torch.allclose(empirical_ntk(net, x).values, oracle.kernel(net, x, x))


class Called(nn.Module):
    """A ReLU that only `forward` knows of; every unit is on for positive rows, off for negative ones."""

    def __init__(self):
        super().__init__()
        self.first, self.last = nn.Linear(1, 3, bias=False), nn.Linear(3, 1)
        with torch.no_grad():
            self.first.weight.abs_()

    def forward(self, x):
        return self.last(torch.relu(self.first(x)))


def test_an_activation_that_the_first_rows_do_not_show_is_not_lost():
    net, x = Called().double(), torch.linspace(2.0, -2.0, 80, dtype=torch.float64)[:, None]
    assert chain_of(net, x).links[0].activation.name == "linear"  # the first 32 rows are all positive
    assert torch.allclose(jacobian(net, x), oracle.jacobian(net, x))
    above, below = x[:20], x[-20:]
    assert torch.allclose(empirical_ntk(net, above, below).values, oracle.kernel(net, above, below))
    assert empirical_ntk(net, above, above).route == "chain"


class Bent(nn.Module):
    """A softplus of another sharpness, which `forward` calls; far from 0 it is a ReLU."""

    def __init__(self):
        super().__init__()
        self.first, self.last = nn.Linear(4, 5), nn.Linear(5, 1)

    def forward(self, x):
        return self.last(nn.functional.softplus(self.first(x), beta=2.0))


@pytest.mark.parametrize(("dtype", "outlier"), [(torch.float32, 1e6), (torch.float64, 1e12)])
def test_an_outlier_does_not_hide_the_bend_of_an_activation(dtype, outlier):
    net, x = Bent().to(dtype), rows(6, 4).to(dtype)
    x[0] *= outlier
    assert chain_of(net, x).links[0].activation is None
    assert torch.allclose(jacobian(net, x), oracle.jacobian(net, x))


class Detached(nn.Module):
    """What the first layer gives is taken as data: no gradient reaches its weights."""

    def __init__(self):
        super().__init__()
        self.first, self.last = nn.Linear(4, 3), nn.Linear(3, 2)

    def forward(self, x):
        return self.last(torch.tanh(self.first(x)).detach())


def test_what_a_module_detaches_has_no_gradient():
    net, x = Detached().double(), rows(6, 4)
    assert chain_of(net, x).exact  # by its predictions it is one
    assert torch.equal(jacobian(net, x)[:, :15], torch.zeros(12, 15, dtype=torch.float64))
    assert torch.allclose(empirical_ntk(net, x).values, oracle.kernel(net, x, x))


def test_kernels_between_two_sets_of_one_size_have_no_eigenvalues():
    found = empirical_ntk(mlp().double(), rows(5, 4), rows(10, 4)[5:], form="trace")
    with pytest.raises(ArgumentError, match=r"shape \(5, 5\) has no eigenvalues"):
        found.eigenvalues  # noqa: B018


# Wrong use ------------------------------------------------------------------------------------------


class Averaged(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(4, 3)

    def forward(self, x):
        return self.layer(x).mean()


def frozen():
    net = mlp()
    return net.requires_grad_(False)


def spoilt():
    net = mlp()
    with torch.no_grad():
        net[2].bias[1] = float("nan")
    return net


def mixed():
    net = mlp()
    net[0].float()
    return net


class Words(nn.Module):
    def __init__(self):
        super().__init__()
        self.one = nn.Linear(4, 2).double()

    def forward(self, x):
        return self.one(x).argmax(1)


@pytest.mark.parametrize(
    ("make", "x", "error", "words"),
    [
        (mlp, rows(0, 4), DataError, r"x has shape \(0, 4\), so no rows"),
        (mlp, rows(3, 4) / 0.0, DataError, "3 of the 3 rows of x hold NaN or infinite"),
        (mlp, rows(3, 4).float(), ArgumentError, r"x is torch.float32, the module torch.float64: use x.to"),
        (mlp, torch.empty(3, 4, device="meta"), ArgumentError, "x is on meta, the module on cpu"),
        (mlp, rows(3, 5), ArgumentError, r"Sequential does not take rows of shape \(5,\), torch.float64"),
        (frozen, rows(3, 4), ArgumentError, "no parameter that requires a gradient"),
        (lambda: mlp().half(), rows(3, 4).half(), ArgumentError, "torch.float16: sums of so many products"),
        (lambda: mlp().bfloat16(), rows(3, 4), ArgumentError, "torch.bfloat16: sums"),
        (spoilt, rows(3, 4), ArgumentError, "Parameter '2.bias' holds NaN or infinite values"),
        (mixed, rows(3, 4), ArgumentError, "float32 on cpu, torch.float64 on cpu"),
        (Words, rows(3, 4), ArgumentError, "Words gives no tensor of real numbers"),
        (lambda: Averaged().double(), rows(3, 4), ArgumentError, r"Averaged makes shape \(\) of 2 rows"),
        (lambda: nn.LazyLinear(3), rows(3, 4), ArgumentError, "LazyLinear has layers that do not know"),
    ],
)
def test_wrong_use_is_told(make, x, error, words):
    with pytest.raises(error, match=words):
        empirical_ntk(make(), x)


def test_a_wrong_second_set_or_form_is_told():
    net, x = mlp(), rows(3, 4)
    with pytest.raises(ArgumentError, match="form = 'whole' is none of full, trace, diagonal"):
        empirical_ntk(net, x, form="whole")
    with pytest.raises(ArgumentError, match=r"those of x2 \(5,\)"):
        empirical_ntk(net, x, rows(3, 5))
    with pytest.raises(DataError, match="rows of x2 hold NaN"):
        empirical_ntk(net, x, rows(3, 4) * float("nan"))

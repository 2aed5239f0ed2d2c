"""The chapter on the tangent kernel, width and depth: verdicts of quick runs; each can be another."""

from dataclasses import replace
from functools import cache
from importlib import import_module

import numpy as np
import pytest
import torch

from profunda.lab.experiment import Outcome
from profunda.lab.experiments.kernels import _wide
from profunda.lab.experiments.kernels._laws import Law, band, power_law
from profunda.lab.experiments.kernels.any_activation_fluctuation import Line
from profunda.lab.experiments.kernels.any_activation_fluctuation import judge as judge_line
from profunda.lab.experiments.kernels.data_with_width import judge as judge_data
from profunda.lab.experiments.kernels.deep_linear_jacobian import Drifts
from profunda.lab.experiments.kernels.deep_linear_jacobian import judge as judge_linear
from profunda.lab.experiments.kernels.depth_over_width import judge as judge_direction
from profunda.lab.experiments.kernels.dimensionality import Both
from profunda.lab.experiments.kernels.dimensionality import judge as judge_dimension
from profunda.lab.experiments.kernels.fixed_proportion import Fitted
from profunda.lab.experiments.kernels.fixed_proportion import judge as judge_proportion
from profunda.lab.experiments.kernels.gaussian_process_limit import Outputs
from profunda.lab.experiments.kernels.gaussian_process_limit import judge as judge_process
from profunda.lab.experiments.kernels.kernel_freezes import Freezing
from profunda.lab.experiments.kernels.kernel_freezes import judge as judge_freezing
from profunda.lab.experiments.kernels.lazy_is_not_overfitting import Finite, Lazy
from profunda.lab.experiments.kernels.lazy_is_not_overfitting import judge as judge_lazy
from profunda.lab.experiments.kernels.leaving_lazy_loss_and_step import Lever as Knob
from profunda.lab.experiments.kernels.leaving_lazy_loss_and_step import judge as judge_knobs
from profunda.lab.experiments.kernels.leaving_lazy_penalties import Lever, strongest
from profunda.lab.experiments.kernels.leaving_lazy_penalties import judge as judge_penalties
from profunda.lab.experiments.kernels.linearised_twin import Side
from profunda.lab.experiments.kernels.linearised_twin import judge as judge_twin
from profunda.lab.experiments.kernels.log_norm_law import Depth
from profunda.lab.experiments.kernels.log_norm_law import judge as judge_logs
from profunda.lab.experiments.kernels.neuron_correlation import Pairs
from profunda.lab.experiments.kernels.neuron_correlation import judge as judge_pairs
from profunda.lab.experiments.kernels.norm_fluctuation import Point as NormPoint
from profunda.lab.experiments.kernels.norm_fluctuation import judge as judge_norm
from profunda.lab.experiments.kernels.ntk_at_width import Errors
from profunda.lab.experiments.kernels.ntk_at_width import judge as judge_width
from profunda.lab.experiments.kernels.ntk_fluctuation import Point as KernelPoint
from profunda.lab.experiments.kernels.ntk_fluctuation import judge as judge_kernel
from profunda.lab.experiments.kernels.pytorch_initialisation import Law as WeightLaw
from profunda.lab.experiments.kernels.pytorch_initialisation import judge as judge_weights
from profunda.lab.experiments.kernels.standard_parametrisation import Width
from profunda.lab.experiments.kernels.standard_parametrisation import judge as judge_standard
from profunda.lab.words import Words
from profunda.theory import Linearised

# Verdict, and where the number that decides must lie: what theory gives with its tolerance, widened by the
# noise of a quick run.
FOUND = {
    "any-activation-fluctuation": ("holds with conditions", 6.0, 14.0),
    "data-with-width": ("holds", -0.3, 0.3),
    "deep-linear-jacobian": ("holds with conditions", 0.03, 0.4),
    "depth-over-width": ("wrong", -1.25, -0.65),
    "dimensionality": ("holds with conditions", 2.0, 1e5),
    "fixed-proportion": ("holds with conditions", -0.25, 0.25),
    "gaussian-process-limit": ("holds", -1.35, -0.85),
    "kernel-freezes": ("holds", -1.15, -0.75),
    "lazy-is-not-overfitting": ("holds with conditions", 0.0, 0.05),
    "leaving-lazy-loss-and-step": ("holds with conditions", 3.0, 30.0),
    "leaving-lazy-penalties": ("holds with conditions", 1.5, 5.0),
    "linearised-twin": ("holds", -1.15, -0.5),
    "log-norm-law": ("holds", 4.6, 6.8),
    "neuron-correlation": ("holds with conditions", 0.4, 1.4),
    "norm-fluctuation": ("holds with conditions", 0.25, 0.45),
    "ntk-at-width": ("holds", -0.6, -0.4),
    "ntk-fluctuation": ("holds with conditions", 0.96, 1.04),
    "pytorch-initialisation": ("wrong", 0.330, 0.3365),
    "standard-parametrisation": ("holds with conditions", 0.7, 1.0),
}


@cache
def outcome(name: str) -> Outcome:
    module = import_module(f"profunda.lab.experiments.kernels.{name.replace('-', '_')}")
    return module.EXPERIMENT.measure(True)


@pytest.mark.parametrize("name", FOUND)
def test_a_quick_run_finds_what_theory_says(name: str) -> None:
    verdict, low, high = FOUND[name]
    found = outcome(name)
    assert found.verdict == verdict
    assert low <= found.value <= high
    assert found.interval[0] <= found.value <= found.interval[1]
    assert found.pictures


@pytest.mark.parametrize("name", FOUND)
def test_numbers_of_the_text_are_numbers(name: str) -> None:
    found = outcome(name)
    for words in (found.measured, found.statement):
        for text in (words.en, words.pt):
            assert "nan" not in text.split()
            assert "{" not in text
    assert found.measured.en != found.measured.pt


def test_the_same_run_twice_gives_the_same() -> None:
    module = import_module("profunda.lab.experiments.kernels.data_with_width")
    assert module.EXPERIMENT.measure(True) == outcome("data-with-width")


# Stacks of networks ---------------------------------------------------------------------------------


def _one(stack: _wide.Stack, network: int) -> torch.nn.Sequential:
    """A network of the stack as a module, its factors inside the weights."""
    layers: list[torch.nn.Module] = []
    for weight in stack.weights:
        linear = torch.nn.Linear(weight.shape[1], weight.shape[2], bias=False).double()
        linear.weight.data = weight[network].T.double().clone()
        layers += [linear, torch.nn.Tanh()]
    return torch.nn.Sequential(*layers[:-1])


def test_a_stack_is_its_networks_one_by_one() -> None:
    stack = _wide.draw([12, 9], 5, "tanh", 3, 1, 1.3, standard=True)
    x, other = _wide.sphere(4, 5, 2), _wide.sphere(3, 5, 3)
    theta, across = stack.kernel(x), stack.kernel(x, other)
    for m in range(3):
        module = _one(stack, m)
        outputs = module(x.double())[:, 0]
        assert torch.allclose(stack.through(x).outputs[m].double(), outputs, atol=1e-5)

        def jacobian(rows: torch.Tensor, module: torch.nn.Sequential = module) -> torch.Tensor:
            found = []
            for row in rows.double():
                pulled = torch.autograd.grad(module(row)[0], list(module.parameters()))
                found.append(torch.cat([each.reshape(-1) for each in pulled]))
            return torch.stack(found)

        j = jacobian(x)
        assert torch.allclose(theta[m].double(), j @ j.T, rtol=1e-4, atol=1e-4)
        assert torch.allclose(across[m].double(), j @ jacobian(other).T, rtol=1e-4, atol=1e-4)


def test_descent_of_a_stack_is_that_of_each_network_and_a_wrong_rate_shows() -> None:
    stack = _wide.draw([10], 4, "tanh", 2, 5, 1.0, standard=True)
    x, y = _wide.sphere(3, 4, 1), torch.tensor([1.0, -1.0, 1.0])
    end = _wide.descend(stack, x, y, torch.tensor([0.02, 0.03]), ratio=0.0, most=20)
    for m, rate in enumerate((0.02, 0.03)):
        for used, same in ((rate, True), (2.0 * rate, False)):
            module = _one(stack, m)
            optimiser = torch.optim.SGD(module.parameters(), lr=used)
            for _ in range(20):
                optimiser.zero_grad()
                (0.5 * (module(x.double())[:, 0] - y).square().sum()).backward()
                optimiser.step()
            trained = module(x.double())[:, 0].detach()
            assert torch.allclose(end.stack.through(x).outputs[m].double(), trained, atol=1e-4) is same


def test_twins_in_closed_form_are_linearised_modules_trained() -> None:
    stack = _wide.draw([10], 4, "tanh", 1, 5, 1.0, standard=True)
    x, new, y = _wide.sphere(3, 4, 1), _wide.sphere(5, 4, 2), torch.tensor([1.0, -1.0, 1.0])
    rates = torch.tensor([0.03])
    end = _wide.descend(stack, x, y, rates, ratio=0.0, most=30)
    found = _wide.distances(stack, end, x, y, new, rates)[0]
    module = _one(stack, 0)
    start, twin = module(new.double()), Linearised(module)
    optimiser = torch.optim.SGD(twin.parameters(), lr=0.03)
    for _ in range(30):
        optimiser.zero_grad()
        (0.5 * (twin(x.double())[:, 0] - y).square().sum()).backward()
        optimiser.step()
    network, line = end.stack.through(new).outputs[0].double(), twin(new.double())[:, 0]
    expected = (network - line).norm() / (line - start[:, 0]).norm()
    assert found == pytest.approx(float(expected.detach()), rel=1e-3)


def test_a_diverging_network_stands_still_and_its_neighbour_does_not() -> None:
    stack = _wide.draw([8], 4, "relu", 2, 5, 2.0)
    x, y = _wide.sphere(3, 4, 1), torch.tensor([1.0, -1.0, 1.0])
    both = _wide.descend(stack, x, y, torch.tensor([1e3, 0.01]), ratio=0.0, most=60)
    assert not torch.isfinite(both.ratio[0])
    assert both.steps[0] < 60
    assert both.steps[1] == 60
    calm = _wide.descend(stack, x, y, torch.tensor([0.01, 0.01]), ratio=0.0, most=60)
    assert torch.equal(calm.stack.through(x).outputs[1], both.stack.through(x).outputs[1])


def test_a_power_law_is_found_with_its_interval() -> None:
    random = np.random.default_rng(1)
    samples = [8.0 / h * np.exp(0.2 * random.standard_normal(200)) for h in (8, 16, 32)]
    law = power_law((8, 16, 32), samples)
    assert law.low < law.slope < law.high
    assert abs(law.slope + 1.0) < 0.1
    low, high = band(samples)
    assert all(a < np.median(each) < b for a, b, each in zip(low, high, samples, strict=True))


# Verdicts on made numbers: none is fixed ------------------------------------------------------------

DOWN, UP, FLAT = Law(-1.0, -1.05, -0.95), Law(1.0, 0.9, 1.1), Law(0.0, -0.1, 0.1)


def test_laws_of_the_start_can_be_refused() -> None:
    near, far = NormPoint(64, 1, 0.08, 0.001, 0.08), NormPoint(16, 4, 1.9, 0.05, 1.97)
    assert judge_norm([near]) == "holds"
    assert judge_norm([near, far]) == "holds with conditions"
    assert judge_norm([near, replace(far, exact=1.25)]) == "wrong"
    one = KernelPoint(8, 2, 1.0, 0.004, 1.0017, 0.974)
    assert judge_kernel([one]) == "holds"
    assert judge_kernel([replace(one, exact=one.uncoupled)]) == "wrong"
    assert judge_kernel([one, KernelPoint(32, 8, 1.4, 0.05, 1.4121, 1.3419)]) == "holds with conditions"


def test_the_law_of_logarithms_can_be_refused() -> None:
    logs = np.random.default_rng(0).standard_normal(4000) * np.sqrt(5.0 / 32)
    one = Depth(1, logs, 0.0, 5.0 / 32, 5.0 / 32)
    assert judge_logs([one]) == "holds"
    assert judge_logs([replace(one, variance=0.3)]) == "wrong"


def test_the_recursion_for_any_activation_can_be_refused() -> None:
    straight, ceiling = np.arange(16.0), np.minimum(np.arange(16.0), 3.0)
    line = Line("tanh", "measured", straight, np.full(16, 0.01), straight, 15)
    flat = Line("selu", "good", ceiling, np.full(16, 0.01), ceiling, 15)
    assert judge_line([line]) == "holds"
    assert judge_line([line, flat]) == "holds with conditions"
    assert judge_line([replace(line, measured=2.0 * straight)]) == "wrong"


def test_independence_of_neurons_can_be_told() -> None:
    zero, small = np.zeros(8), np.full(8, 0.01)
    rising = 0.1 * np.arange(8)
    assert judge_pairs([Pairs(64, zero, small, zero, small, zero)]) == "holds"
    assert judge_pairs([Pairs(64, zero, small, rising, small, rising)]) == "holds with conditions"
    assert judge_pairs([Pairs(64, zero, small, rising, small, 2.0 * rising)]) == "wrong"
    assert judge_pairs([Pairs(64, zero + 0.1, small, zero, small, zero)]) == "wrong"


def test_the_gaussian_limit_can_be_refused() -> None:
    near = Outputs(128, np.zeros(3), 0.02, 0.02)
    assert judge_process(DOWN, near) == "holds"
    assert judge_process(FLAT, near) == "wrong"
    assert judge_process(DOWN, replace(near, off=0.2)) == "wrong"


def test_weights_of_the_claim_would_pass() -> None:
    normal = WeightLaw(1.0, 0.001, 0.0, 0.01, 4.0, np.zeros(3))
    assert judge_weights(normal) == "holds"
    assert judge_weights(replace(normal, scaled_variance=2.0)) == "holds"
    assert judge_weights(replace(normal, kurtosis=-1.2)) == "wrong"


def test_the_direction_of_the_meta_theorem_is_measured() -> None:
    assert judge_direction(DOWN, 3.0, DOWN) == "wrong"
    assert judge_direction(UP, 0.3, UP) == "holds"
    assert judge_direction(DOWN, 3.0, UP) == "holds with conditions"


def test_a_fixed_proportion_can_be_good_or_no_limit() -> None:
    good, bad = Fitted(0.1, 0.99, 0.95, 1.0), Fitted(1.0, 0.5, 0.4, 0.6)
    assert judge_proportion(FLAT, DOWN, [good]) == "holds"
    assert judge_proportion(FLAT, DOWN, [good, bad]) == "holds with conditions"
    assert judge_proportion(DOWN, DOWN, [good]) == "wrong"


def test_a_moving_jacobian_is_told() -> None:
    still, moving = Drifts(0, 1, np.zeros(3)), Drifts(2, 16, np.full(3, 0.1))
    assert judge_linear(still, [replace(moving, values=np.zeros(3))]) == "holds"
    assert judge_linear(still, [moving]) == "holds with conditions"
    assert judge_linear(replace(still, values=np.full(3, 0.1)), [moving]) == "wrong"


def test_kernels_that_do_not_freeze_are_told() -> None:
    frozen = Freezing("tanh", (), DOWN)
    assert judge_freezing([frozen]) == "holds"
    assert judge_freezing([replace(frozen, law=Law(-0.3, -0.4, -0.2))]) == "holds with conditions"
    assert judge_freezing([frozen, replace(frozen, law=FLAT)]) == "wrong"


def test_kernels_far_from_the_limit_are_told() -> None:
    fair = Errors(64, np.full(5, 0.3), 0.05)
    assert judge_width(Law(-0.5, -0.55, -0.45), [fair]) == "holds"
    assert judge_width(Law(-0.5, -0.55, -0.45), [replace(fair, of_mean=0.3)]) == "wrong"
    assert judge_width(DOWN, [fair]) == "wrong"


def test_twins_that_part_are_told() -> None:
    near = Side(256, np.full(4, 0.01), *(np.zeros(2),) * 3)
    assert judge_twin(DOWN, near) == "holds"
    assert judge_twin(DOWN, replace(near, distance=np.full(4, 0.5))) == "holds with conditions"
    assert judge_twin(FLAT, near) == "wrong"


def test_levers_are_judged_by_what_they_move() -> None:
    still, moved = Knob("0.1", np.full(4, 0.1), 1.0), Knob("3", np.full(4, 0.5), 1.0)
    assert judge_knobs(still, [moved], still, [moved]) == "holds"
    assert judge_knobs(still, [still, moved], still, [still]) == "holds with conditions"
    assert judge_knobs(still, [still], still, [still]) == "wrong"
    plain = Lever(Words("none", "nenhuma"), 0.0, np.full(4, 0.1), np.full(4, 0.3), np.zeros(4))
    strong = replace(plain, drift=np.full(4, 0.5), alignment=np.full(4, 0.6))
    assert judge_penalties(plain, [strong], [strong]) == ("holds", [True])
    kept = replace(plain, drift=np.full(4, 0.05))
    assert judge_penalties(plain, [strong], [kept])[0] == "holds with conditions"
    assert judge_penalties(plain, [strong, plain], [strong]) == ("holds with conditions", [True, False])
    assert judge_penalties(plain, [plain], [plain]) == ("wrong", [False])
    unfit = replace(strong, strength=1.0, loss=np.ones(4))
    assert strongest([plain, strong, unfit]) is strong


def test_data_that_change_nothing_are_told() -> None:
    assert judge_data(DOWN, [FLAT]) == "holds"
    assert judge_data(DOWN, [FLAT, Law(-0.4, -0.5, -0.3)]) == "holds with conditions"
    assert judge_data(DOWN, [DOWN]) == "wrong"


def test_features_that_do_not_help_are_told() -> None:
    helped = Both(0, 16, np.full(3, 0.8), np.full(3, 0.1), np.full(3, 0.1), np.full(3, 0.9))
    assert judge_dimension([helped]) == "holds"
    assert judge_dimension([helped, replace(helped, features=np.full(3, 0.8))]) == "holds with conditions"
    assert judge_dimension([replace(helped, after=np.full(3, 0.1))]) == "wrong"


def test_lazy_networks_that_overfit_would_be_told() -> None:
    errors = np.array([0.2, 0.02])
    wide = Finite(256, np.full(3, 0.1), np.zeros(3), np.full(3, 0.2))
    narrow = Finite(4, np.full(3, 0.15), np.zeros(3), np.full(3, 0.2))
    assert judge_lazy(Lazy(errors, errors, errors, 0.0), [narrow, wide]) == "wrong"
    noise = 10.0 * errors
    assert judge_lazy(Lazy(errors, noise, errors, 0.0), [narrow, wide]) == "holds with conditions"
    louder = replace(wide, noisy=np.full(3, 0.4))
    assert judge_lazy(Lazy(errors, errors, errors, 0.0), [narrow, louder]) == "holds with conditions"
    chance = np.array([0.5, 0.5])
    worse = replace(wide, test=np.full(3, 0.4))
    assert judge_lazy(Lazy(chance, chance, chance, 0.0), [narrow, worse]) == "holds"
    assert judge_lazy(Lazy(errors, errors, errors, 0.0), [narrow, worse]) == "holds with conditions"


def test_a_stable_fixed_rate_would_be_told() -> None:
    wide = Width(256, np.ones(3), np.ones(3), 1.0, 0.0, 0.1)
    assert judge_standard(UP, DOWN, wide) == "holds with conditions"
    assert judge_standard(UP, DOWN, replace(wide, fixed=1.0)) == "holds"
    assert judge_standard(UP, FLAT, wide) == "wrong"

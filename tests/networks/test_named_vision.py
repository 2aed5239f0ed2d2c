"""EfficientNet, DenseNet and ResNet: published counts, blocks against loops over pixels, every switch."""

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from tests.oracles import images as oracle
from torch import nn

from profunda.errors import ArgumentError
from profunda.layers.stochastic_depth import StochasticDepth
from profunda.networks.named.convolutions import norm_of
from profunda.networks.named.densenet import DenseLayer, DenseNet, DenseNetSize, Transition
from profunda.networks.named.efficientnet import EFFICIENTNETS, EfficientNet, EfficientNetSize, MBConv
from profunda.networks.named.resnet import BasicBlock, ResNet, ResNetSize
from profunda.networks.operations import multiply_adds

SMALL: dict[str, Callable[..., nn.Module]] = {
    "EfficientNet": lambda **given: EfficientNet(EfficientNetSize(0.25, 0.3, 28), n_classes=3, **given),
    "DenseNet": lambda **given: DenseNet(DenseNetSize((2, 2), 4), n_classes=3, **given),
    "ResNet": lambda **given: ResNet(ResNetSize((1, 1), 8), n_classes=3, **given),
}


def count(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def ghost(build: Callable[..., nn.Module], *sizes: object, **given: object) -> nn.Module:
    """The network without any memory for its numbers."""
    with torch.device("meta"):
        return build(*sizes, **given)


def stirred(network: nn.Module, seed: int = 0) -> nn.Module:
    """In float64 and evaluation, with no number at what it starts from."""
    random = torch.Generator().manual_seed(seed)
    network.double().eval()
    for name, tensor in network.state_dict().items():
        if tensor.is_floating_point():
            noise = torch.rand(tensor.shape, generator=random, dtype=torch.float64)
            tensor.copy_(0.5 + noise if "var" in name else tensor + 0.3 * noise)
    return network


def arrays(network: nn.Module) -> dict[str, np.ndarray]:
    return {name: tensor.numpy() for name, tensor in network.state_dict().items()}


def images(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


# Counts ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "parameters", "mega"),
    [
        ("B0", 5_288_548, 386), ("B1", 7_794_184, 687), ("B2", 9_109_994, 994), ("B3", 12_233_232, 1_827),
        ("B4", 19_341_616, 4_394), ("B5", 30_389_784, 10_266), ("B6", 43_040_704, 19_068),
        ("B7", 66_347_960, 37_746),
    ],
)  # fmt: skip
def test_efficientnets_have_the_published_counts(name, parameters, mega):
    network = ghost(EfficientNet, name)
    side = EFFICIENTNETS[name].resolution
    assert count(network) == parameters
    assert round(multiply_adds(network, (3, side, side)) / 1e6) == mega


def test_another_rounding_of_widths_would_be_seen():
    assert count(ghost(EfficientNet, EfficientNetSize(1.1, 1.3, 260))) != 9_109_994
    assert count(ghost(EfficientNet, "B2", squeeze_excitation=False)) != 9_109_994


@pytest.mark.parametrize(
    ("name", "parameters"),
    [("121", 7_978_856), ("169", 14_149_480), ("201", 20_013_928), ("161", 28_681_000)],
)
def test_densenets_have_the_published_counts(name, parameters):
    assert count(ghost(DenseNet, name)) == parameters


def test_densenets_for_32_pixels_have_the_published_counts():
    small = {"n_classes": 10, "small_images": True}
    assert count(ghost(DenseNet, "BC-100-12", **small)) == 769_162
    plain = DenseNetSize((12, 12, 12), 12, bottleneck=False, compression=1.0, stem=16)
    assert count(ghost(DenseNet, plain, **small)) == 1_019_722  # the paper's table 2 says 1.0M
    assert count(ghost(DenseNet, "BC-100-12", n_classes=10)) != 769_162


def test_a_block_has_connections_from_each_layer_to_all_later_ones():
    assert DenseNetSize((16,)).connections == 136 == sum(1 for to in range(17) for _ in range(to))
    assert DenseNetSize((2, 3)).connections == 3 + 6


@pytest.mark.parametrize(("name", "parameters"), [("18", 11_689_512), ("34", 21_797_672)])
def test_resnets_have_the_published_counts(name, parameters):
    assert count(ghost(ResNet, name)) == parameters


def test_compound_scaling_is_192_and_not_2():
    """1.2 · 1.1² · 1.15² = 1.92027."""
    size = EfficientNetSize.compound(1.0)
    assert (size.width, size.depth, size.resolution) == (1.1, 1.2, 258)
    assert size.depth * size.width**2 * 1.15**2 == pytest.approx(1.92027, abs=1e-9)
    smaller = EfficientNetSize.compound(-2.0)
    assert smaller.resolution == round(224 / 1.15**2)
    assert count(ghost(EfficientNet, smaller)) < 5_288_548


@pytest.mark.parametrize(("factor", "wanted"), [(1.0, 32), (1.1, 32), (1.2, 40), (0.25, 8), (0.1, 8)])
def test_widths_are_rounded_to_multiples_of_8(factor, wanted):
    assert EfficientNetSize(factor).channels(32) == wanted


def test_a_width_never_loses_more_than_a_tenth():
    for factor in np.linspace(0.2, 3.0, 57):
        for channels in (16, 24, 40, 80, 112):
            assert EfficientNetSize(float(factor)).channels(channels) >= 0.9 * factor * channels


def test_multiply_adds_are_those_of_the_loops():
    """3×3 from 2 to 5 channels on 4×4 pixels, and 5 to 3 outputs: 2·5·9·16 + 15; the network stays."""
    network = nn.Sequential(
        nn.Conv2d(2, 5, 3, padding=1), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(5, 3)
    )
    assert multiply_adds(network, (2, 4, 4)) == 2 * 5 * 9 * 16 + 15
    assert network.training
    assert network[0].weight.device.type == "cpu"


# Blocks against loops -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kinds", "arrives", "leaves"),
    [
        ({"expansion": 2, "kernel": 3}, 4, 4),
        ({"expansion": 3, "kernel": 5, "stride": 2}, 3, 5),
        ({"expansion": 1, "kernel": 3}, 4, 6),
        ({"expansion": 2, "kernel": 3, "squeeze_excitation": False, "eps": 1e-3}, 4, 4),
    ],
)
def test_mbconv_equals_loops(kinds, arrives, leaves):
    block, x = stirred(MBConv(arrives, leaves, drop=0.3, **kinds)), images(2, arrives, 5, 6)
    found = block(x).detach().numpy()
    told = {
        "stride": kinds.get("stride", 1),
        "expands": kinds["expansion"] > 1,
        "squeezes": kinds.get("squeeze_excitation", True),
        "skips": kinds.get("stride", 1) == 1 and arrives == leaves,
        "eps": kinds.get("eps", 1e-5),
    }
    assert np.abs(found - oracle.mbconv(x.numpy(), arrays(block), **told)).max() < 1e-10
    wrong = oracle.mbconv(x.numpy(), arrays(block), **{**told, "eps": 1e-2})
    assert np.abs(found - wrong).max() > 1e-4


def test_the_loops_tell_a_skip_and_squeezing_from_none():
    block, x = stirred(MBConv(4, 4)), images(1, 4, 3, 3)
    found, told = block(x).detach().numpy(), {"stride": 1, "expands": True, "eps": 1e-5}
    assert (
        np.abs(found - oracle.mbconv(x.numpy(), arrays(block), squeezes=True, skips=False, **told)).max()
        > 0.1
    )
    assert (
        np.abs(found - oracle.mbconv(x.numpy(), arrays(block), squeezes=False, skips=True, **told)).max()
        > 0.1
    )


@pytest.mark.parametrize(("arrives", "leaves", "stride"), [(3, 3, 1), (3, 4, 1), (2, 4, 2)])
def test_a_basic_block_equals_loops(arrives, leaves, stride):
    block, x = stirred(BasicBlock(arrives, leaves, stride=stride, drop=0.5)), images(2, arrives, 5, 4)
    found = block(x).detach().numpy()
    assert np.abs(found - oracle.basic_block(x.numpy(), arrays(block), stride=stride)).max() < 1e-10
    assert np.abs(found - oracle.basic_block(x.numpy(), arrays(block), stride=stride, eps=0.1)).max() > 1e-3


@pytest.mark.parametrize("bottleneck", [True, False])
def test_a_dense_layer_equals_loops(bottleneck):
    layer = stirred(DenseLayer(3, 2, bottleneck=bottleneck, dropout=0.4))
    x = images(2, 3, 4, 5)
    found = layer(x).detach().numpy()
    assert np.abs(found - oracle.dense_layer(x.numpy(), arrays(layer), bottleneck=bottleneck)).max() < 1e-10
    assert np.array_equal(found[:, :3], x.numpy())
    wrong = {name: np.flip(tensor) for name, tensor in arrays(layer).items()}
    assert np.abs(found - oracle.dense_layer(x.numpy(), wrong, bottleneck=bottleneck)).max() > 1e-3


def test_a_transition_equals_loops():
    between, x = stirred(Transition(4, 2, dropout=0.4)), images(2, 4, 5, 4)
    found = between(x).detach().numpy()
    assert found.shape == (2, 2, 2, 2)
    assert np.abs(found - oracle.transition(x.numpy(), arrays(between))).max() < 1e-10
    assert np.abs(found - oracle.transition(np.roll(x.numpy(), 1, 3), arrays(between))).max() > 1e-3


# Switches -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize("norm", ["batch", "group", "none"])
@pytest.mark.parametrize("small_images", [False, True])
def test_every_network_learns_with_every_norm_and_stem(name, norm, small_images):
    torch.manual_seed(0)
    network = SMALL[name](in_channels=1, norm=norm, small_images=small_images)
    x, y = torch.randn(6, 1, 20, 20), torch.tensor([0, 1, 2, 0, 1, 2])
    optimiser, losses = torch.optim.Adam(network.parameters(), 3e-3), []
    for _ in range(8):
        optimiser.zero_grad()
        losses.append(nn.functional.cross_entropy(network(x), y))
        losses[-1].backward()
        assert all(parameter.grad is not None for parameter in network.parameters())
        optimiser.step()
    assert network(x).shape == (6, 3)
    assert losses[-1] < losses[0]


def kinds(network: nn.Module) -> set[str]:
    return {type(part).__name__ for part in network.modules()}


@pytest.mark.parametrize("name", SMALL)
def test_norms_are_what_was_asked_for_and_biases_replace_them(name):
    for norm, kind in (("batch", "BatchNorm2d"), ("group", "GroupNorm"), ("none", "")):
        network = SMALL[name](norm=norm)
        assert kinds(network) & {"BatchNorm2d", "GroupNorm"} == ({kind} if kind else set())
        biases = [part.bias is None for part in network.modules() if isinstance(part, nn.Conv2d)]
        # Squeeze-and-excitation has biases in any case.
        assert any(biases) == (norm != "none")


def test_groups_have_eight_channels_where_that_divides():
    assert [norm_of("group", channels).num_groups for channels in (64, 24, 12, 20, 7)] == [8, 3, 3, 5, 7]
    with pytest.raises(ArgumentError, match="No norm is called 'layer'; known are batch, group, none"):
        norm_of("layer", 8)


def drops(network: nn.Module) -> list[float]:
    return [part.drop for part in network.modules() if isinstance(part, StochasticDepth)]


def test_stochastic_depth_grows_with_depth_and_can_be_off():
    of_b0 = drops(ghost(EfficientNet, "B0"))
    assert of_b0 == pytest.approx([0.2 * block / 16 for block in range(16)])
    assert not any(drops(ghost(EfficientNet, "B0", stochastic_depth=0.0)))
    assert drops(ghost(ResNet, "18", stochastic_depth=0.4)) == pytest.approx([0.05 * n for n in range(1, 9)])
    assert not any(drops(ghost(ResNet, "18")))


def spread(network: nn.Module, x: torch.Tensor) -> float:
    """How far two passes in training differ when batch norm cannot be the cause."""
    torch.manual_seed(1)
    network.train()
    return (network(x) - network(x)).abs().max().item()


@pytest.mark.parametrize(
    ("name", "off", "on"),
    [
        (
            "EfficientNet",
            {"stochastic_depth": 0.0, "dropout": 0.0},
            {"stochastic_depth": 0.0, "dropout": 0.5},
        ),
        (
            "EfficientNet",
            {"stochastic_depth": 0.0, "dropout": 0.0},
            {"stochastic_depth": 0.9, "dropout": 0.0},
        ),
        ("DenseNet", {}, {"dropout": 0.3}),
        ("ResNet", {}, {"dropout": 0.3}),
        ("ResNet", {}, {"stochastic_depth": 0.9}),
    ],
)
def test_noise_is_there_in_training_only_where_it_is_switched_on(name, off, on):
    x = torch.randn(8, 3, 32, 32)
    assert spread(SMALL[name](norm="none", **off), x) == 0.0
    noisy = SMALL[name](norm="none", **on)
    assert spread(noisy, x) > 0.0
    noisy.eval()
    assert torch.equal(noisy(x), noisy(x))


def test_a_published_size_brings_its_own_dropout():
    assert [ghost(EfficientNet, name).dropout.drop for name in ("B0", "B3", "B7")] == [0.2, 0.3, 0.5]
    assert ghost(EfficientNet, "B7", dropout=0.0).dropout.drop == 0.0
    rates = {part.drop for part in ghost(DenseNet, "121", dropout=0.2).modules() if hasattr(part, "drop")}
    assert rates == {0.2}


@pytest.mark.parametrize("name", SMALL)
def test_stacked_networks_are_the_networks_one_by_one(name):
    """Without statistics of batches they go through `vmap`, each on images of its own."""
    torch.manual_seed(0)
    members = [SMALL[name](norm="group", small_images=True).double().eval() for _ in range(3)]
    parameters, buffers = torch.func.stack_module_state(members)
    x = torch.randn(3, 2, 3, 16, 16, dtype=torch.float64)

    def outputs(
        own: dict[str, torch.Tensor], held: dict[str, torch.Tensor], rows: torch.Tensor
    ) -> torch.Tensor:
        return torch.func.functional_call(members[0], (own, held), (rows,))

    together = torch.func.vmap(outputs)(parameters, buffers, x)
    alone = torch.stack([member(rows) for member, rows in zip(members, x, strict=True)])
    assert (together - alone).abs().max() < 1e-12
    members[0].train()
    noisy = torch.func.vmap(outputs, randomness="different")(parameters, buffers, x)
    assert noisy.isfinite().all()


@pytest.mark.parametrize("name", SMALL)
def test_the_stem_for_small_images_keeps_their_size(name):
    x = torch.randn(1, 3, 24, 24)
    assert SMALL[name](small_images=True).stem(x).shape[2] == 24
    assert SMALL[name]().stem(x).shape[2] == (12 if name == "EfficientNet" else 6)


# Errors ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (lambda: EfficientNet("B8"), r"No EfficientNet is called 'B8'; published are B0, .*B7\. For another"),
        (lambda: DenseNet("122"), r"No DenseNet is called '122'; published are 121, 169"),
        (lambda: ResNet("50"), r"No ResNet of basic blocks is called '50'; published are 18, 34"),
        (lambda: EfficientNetSize(width=0.0), r"width × 0, depth × 1 and 224 pixels make no network"),
        (lambda: EfficientNetSize(math.nan), r"width × nan, depth × 1 and 224 pixels make no network"),
        (lambda: EfficientNetSize(depth=math.inf), r"depth × inf and 224 pixels make no network"),
        (lambda: EfficientNetSize.compound(math.nan), r"φ = nan scales B0 beyond all numbers"),
        (lambda: EfficientNetSize.compound(1e6), r"φ = 1e\+06 scales B0 beyond all numbers"),
        (lambda: EfficientNetSize.compound(-1e3), r"and 0 pixels make no network"),
        (
            lambda: DenseNetSize((1, 1), growth=1, compression=0.1),
            r"compression 0\.1 leaves \(2, 0\) maps at the beginnings of the blocks",
        ),
        (lambda: DenseNetSize((6,), stem=0), r"a growth \(and a stem, if any\) of at least 1"),
        (lambda: DenseNetSize((6, 0)), r"layers \(6, 0\), growth 32 and compression 0\.5 make no DenseNet"),
        (lambda: DenseNetSize((6,), compression=0.0), r"compression 0 make no DenseNet"),
        (lambda: DenseNetSize(()), r"layers \(\), growth 32"),
        (lambda: ResNetSize(()), r"blocks \(\) of 64 channels make no ResNet"),
        (lambda: ResNetSize((1,), 0), r"blocks \(1,\) of 0 channels make no ResNet"),
        (lambda: ResNet(n_classes=0), r"0 classes and 3 channels: give at least 1 of either"),
        (lambda: DenseNet(in_channels=0), r"1000 classes and 0 channels"),
        (lambda: EfficientNet(n_classes=-1), r"-1 classes and 3 channels"),
    ],
)
def test_what_makes_no_network_is_told(build, words):
    with pytest.raises(ArgumentError, match=words):
        build()

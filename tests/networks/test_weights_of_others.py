"""Weights from a user's safetensors file: by torchvision's names and ours, grey images, bad files."""

import math
import pickle

import pytest
import torch
from safetensors.torch import save_file
from tests.oracles import images as oracle
from torch import nn

from profunda.errors import ArgumentError, ModelError
from profunda.networks.named.densenet import DenseNet, DenseNetSize
from profunda.networks.named.efficientnet import STAGES, EfficientNet, EfficientNetSize
from profunda.networks.named.resnet import ResNet, ResNetSize
from profunda.networks.named.weights import load_weights

WIDTH = EfficientNetSize(0.25, 0.3)
ROWS = [(1, 3, 1, 8, 1), (6, 3, 2, 8, 1), (6, 5, 2, 16, 1), (6, 3, 2, 24, 1), (6, 5, 1, 32, 1)]
ROWS += [(6, 5, 2, 48, 2), (6, 3, 1, 80, 1)]
NETWORKS = {
    "ResNet": (
        lambda **given: ResNet(ResNetSize((1, 2), 4), **given),
        lambda tensors, x: oracle.torchvision_resnet(tensors, x, (1, 2), 4, 5),
    ),
    "DenseNet": (
        lambda **given: DenseNet(DenseNetSize((2, 3), 4), **given),
        lambda tensors, x: oracle.torchvision_densenet(tensors, x, (2, 3), 4, 5),
    ),
    "EfficientNet": (
        lambda **given: EfficientNet(WIDTH, **given),
        lambda tensors, x: oracle.torchvision_efficientnet(tensors, x, ROWS, 8, 320, 5),
    ),
}


def pictures(channels=3, seed=0):
    return torch.randn(
        2, channels, 40, 40, generator=torch.Generator().manual_seed(seed), dtype=torch.float64
    )


def published(name, seed=0):
    """Tensors by torchvision's names, and what torchvision's network makes of `pictures()`."""
    tensors = oracle.Named(seed)
    return tensors, NETWORKS[name][1](tensors, pictures())


def file_of(folder, tensors, name="weights.safetensors"):
    save_file({key: tensor.clone().contiguous() for key, tensor in tensors.items()}, folder / name)
    return folder / name


def network(name, **given):
    return NETWORKS[name][0](**{"n_classes": 5, **given}).double().eval()


def test_the_rows_of_the_twin_are_the_networks_own():
    assert [
        (s.expansion, s.kernel, s.stride, WIDTH.channels(s.leaves), math.ceil(0.3 * s.blocks)) for s in STAGES
    ] == ROWS


@pytest.mark.parametrize("name", NETWORKS)
def test_a_file_with_torchvisions_names_gives_torchvisions_outputs(name, tmp_path):
    tensors, expected = published(name)
    tensors["bn1.num_batches_tracked"] = torch.tensor(7)  # counters are left alone, wherever they stand
    built = network(name)
    assert load_weights(built, file_of(tmp_path, tensors)) is built
    assert (built(pictures()) - expected).abs().max() < 1e-10
    assert (network(name)(pictures()) - expected).abs().max() > 1e-3


@pytest.mark.parametrize("name", NETWORKS)
def test_two_tensors_of_one_shape_that_changed_places_would_be_seen(name, tmp_path):
    tensors, expected = published(name)
    mean = next(key for key in tensors if key.endswith("running_mean"))
    bias = mean.replace("running_mean", "bias")
    tensors[mean], tensors[bias] = tensors[bias], tensors[mean]
    found = load_weights(network(name), file_of(tmp_path, tensors))(pictures())
    assert (found - expected).abs().max() > 1e-3


@pytest.mark.parametrize(
    ("build", "tensors"), [(lambda: ResNet("18"), 122), (lambda: DenseNet("121"), 727), (EfficientNet, 360)]
)
def test_published_networks_have_as_many_tensors_as_torchvisions(build, tensors):
    with torch.device("meta"):
        assert len(build().state_dict()) == tensors


def test_densenets_of_2017_have_a_dot_more(tmp_path):
    tensors, expected = published("DenseNet")
    old = {
        key.replace(".norm1.", ".norm.1.").replace(".conv2.", ".conv.2."): tensor
        for key, tensor in tensors.items()
    }
    assert set(old) != set(tensors)
    found = load_weights(network("DenseNet"), file_of(tmp_path, old))(pictures())
    assert (found - expected).abs().max() < 1e-10


@pytest.mark.parametrize("name", NETWORKS)
def test_our_own_names_come_back_as_they_went(name, tmp_path):
    first, second = network(name), network(name)
    load_weights(second, file_of(tmp_path, first.state_dict()))
    assert torch.equal(first(pictures()), second(pictures()))


def test_any_module_loads_by_its_own_names(tmp_path):
    first, second = nn.Linear(3, 2), nn.Linear(3, 2)
    load_weights(second, file_of(tmp_path, first.state_dict()))
    assert torch.equal(first.weight, second.weight)


@pytest.mark.parametrize("name", NETWORKS)
def test_a_grey_image_gives_what_it_gives_in_every_channel(name, tmp_path):
    tensors, _ = published(name)
    path = file_of(tmp_path, tensors)
    grey = load_weights(network(name, in_channels=1), path, sum_channels=True)
    colour = load_weights(network(name), path)
    x = pictures(1)
    assert (grey(x) - colour(x.expand(-1, 3, -1, -1))).abs().max() < 1e-10


@pytest.mark.parametrize("name", NETWORKS)
def test_other_classes_keep_their_own_classifier(name, tmp_path):
    tensors, _ = published(name)
    path, built = file_of(tmp_path, tensors), network(name, n_classes=2)
    head = built.classifier.weight.clone()
    load_weights(built, path, head=False)
    assert torch.equal(built.classifier.weight, head)
    colour = load_weights(network(name), path)
    built.classifier, colour.classifier = nn.Identity(), nn.Identity()
    assert torch.equal(built(pictures()), colour(pictures()))


@pytest.mark.parametrize("whose", ["ours", "theirs"])
@pytest.mark.parametrize("name", NETWORKS)
def test_a_file_without_a_classifier_is_enough_without_one(name, whose, tmp_path):
    other = network(name)
    tensors = other.state_dict() if whose == "ours" else published(name)[0]
    if whose == "theirs":
        load_weights(other, file_of(tmp_path, tensors))
    heads = ("fc.", "classifier.")
    path = file_of(tmp_path, {key: t for key, t in tensors.items() if not key.startswith(heads)})
    built = network(name)
    head = built.classifier.weight.clone()
    load_weights(built, path, head=False)
    assert torch.equal(built.classifier.weight, head)
    built.classifier, other.classifier = nn.Identity(), nn.Identity()
    assert torch.equal(built(pictures()), other(pictures()))


class Counting(nn.Module):
    """A module whose buffers are no floats."""

    def __init__(self, seen, shown):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(2))
        self.register_buffer("seen", seen)
        self.register_buffer("shown", shown)


def test_buffers_of_whole_numbers_and_truth_values_come_back(tmp_path):
    path = file_of(tmp_path, Counting(torch.tensor([3, 4]), torch.tensor([True, False])).state_dict())
    built = load_weights(Counting(torch.zeros(2, dtype=torch.int64), torch.zeros(2, dtype=torch.bool)), path)
    assert (built.seen.tolist(), built.shown.tolist()) == ([3, 4], [True, False])
    words = r"1 tensors .*: seen is torch\.int64 there and torch\.int32 here\. The file is of another network"
    with pytest.raises(ModelError, match=words):
        load_weights(Counting(torch.zeros(2, dtype=torch.int32), torch.zeros(2, dtype=torch.bool)), path)


def test_half_precision_is_widened(tmp_path):
    halves = {key: tensor.half() for key, tensor in published("ResNet")[0].items()}
    built = load_weights(network("ResNet").float(), file_of(tmp_path, halves))
    assert built.classifier.weight.dtype == torch.float32
    assert torch.equal(built.classifier.weight, halves["fc.weight"].float())


# What cannot be loaded ------------------------------------------------------------------------------


def refused(folder, tensors, words, **given):
    """Raises with `words`, and leaves the network as it was."""
    built = network("ResNet", **given.pop("build", {}))
    before = {key: tensor.clone() for key, tensor in built.state_dict().items()}
    with pytest.raises(ModelError, match=words):
        load_weights(built, file_of(folder, tensors), **given)
    assert all(torch.equal(tensor, before[key]) for key, tensor in built.state_dict().items())


def test_missing_and_unknown_tensors_are_counted_and_named(tmp_path):
    tensors, _ = published("ResNet")
    del tensors["layer2.1.bn2.bias"]
    refused(tmp_path, tensors, r"1 tensors are missing \(layer2\.1\.bn2\.bias\); 0 tensors are unknown\.")
    tensors, _ = published("ResNet")
    tensors |= {f"layer2.{n}.conv1.weight": torch.zeros(1) for n in range(2, 6)}
    refused(
        tmp_path, tensors, r"0 tensors are missing; 4 tensors are unknown \(layer2\.2\.conv1\.weight, .*…\)"
    )


def test_our_file_of_another_depth_is_told_by_our_names(tmp_path):
    path = file_of(tmp_path, network("ResNet").state_dict())
    words = r"10 tensors are missing \(stages\.0\.1\.first\.conv\.weight.*; 0 tensors are unknown\."
    with pytest.raises(ModelError, match=words):
        load_weights(ResNet(ResNetSize((2, 2), 4), n_classes=5), path)


def test_a_network_without_a_part_says_so(tmp_path):
    path = file_of(tmp_path, published("EfficientNet")[0])
    with pytest.raises(ModelError, match=r"unknown \(features.*built without a part that the file has"):
        load_weights(network("EfficientNet", squeeze_excitation=False), path)
    with pytest.raises(ModelError, match=r"missing \(conv1\.bias"):
        load_weights(network("ResNet", norm="none"), file_of(tmp_path, published("ResNet")[0]))


def test_other_shapes_say_both(tmp_path):
    tensors, _ = published("ResNet")
    words = r"classifier\.weight is \(5, 8\) there and \(7, 8\) here.* give head=False"
    refused(tmp_path, tensors, words, build={"n_classes": 7})
    words = r"stem\.conv\.weight is \(4, 3, 7, 7\) there and \(4, 1, 7, 7\) here\. For grey .* sum_channels"
    refused(tmp_path, tensors, words, build={"in_channels": 1})


def test_a_first_convolution_that_is_none_is_told_and_not_summed(tmp_path):
    tensors, _ = published("ResNet")
    tensors["conv1.weight"] = torch.zeros(4, dtype=torch.float64)
    words = r"stem\.conv\.weight is \(4,\) there and \(4, 1, 7, 7\) here"
    refused(tmp_path, tensors, words, build={"in_channels": 1}, sum_channels=True)


def test_no_hint_is_given_that_cannot_help(tmp_path):
    path = file_of(tmp_path, nn.Linear(3, 2).state_dict())
    words = r"weight is \(2, 3\) there and \(2, 4\) here\. The file is of another network, or of another"
    with pytest.raises(ModelError, match=words):
        load_weights(nn.Linear(4, 2), path)
    grey = file_of(tmp_path, network("ResNet", in_channels=1).state_dict())
    with pytest.raises(ModelError, match=r"here\. For other classes give head=False\. Else the file is of"):
        load_weights(ResNet(ResNetSize((1, 2), 8), n_classes=5, in_channels=1), grey)


def test_whole_numbers_and_broken_ones_are_refused(tmp_path):
    tensors, _ = published("ResNet")
    tensors["bn1.weight"] = torch.ones(4, dtype=torch.int32)
    words = r"1 tensors have another shape or type .*: stem\.norm\.weight is torch\.int32 there and torch\.f"
    refused(tmp_path, tensors, words)
    tensors, _ = published("ResNet")
    tensors["bn1.weight"][2] = torch.nan
    refused(tmp_path, tensors, r"stem\.norm\.weight holds infinities or NaN, as 1 tensors do")


def test_a_pickle_is_never_read(tmp_path):
    path = tmp_path / "weights.pth"
    path.write_bytes(pickle.dumps({"conv1.weight": 1}))
    with pytest.raises(ModelError, match=r"no safetensors file, or a damaged one.*pickles, which can"):
        load_weights(network("ResNet"), path)
    with pytest.raises(ModelError, match="There is no file"):
        load_weights(network("ResNet"), tmp_path / "none.safetensors")


def test_arguments_without_sense_are_refused(tmp_path):
    path = file_of(tmp_path, published("ResNet")[0])
    with pytest.raises(ArgumentError, match="Linear has no classifier that head=False could leave out"):
        load_weights(nn.Linear(2, 2), path, head=False)
    with pytest.raises(ArgumentError, match="first convolution reads one channel, and this ResNet has none"):
        load_weights(network("ResNet"), path, sum_channels=True)

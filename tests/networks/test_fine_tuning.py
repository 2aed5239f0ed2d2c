"""Training the head alone: what moves, what does not, and the fix of Touvron et al. (2019)."""

import copy

import pytest
import torch
from torch import nn

from profunda.errors import ArgumentError
from profunda.networks.named.densenet import DenseNet, DenseNetSize
from profunda.networks.named.efficientnet import EfficientNet, EfficientNetSize
from profunda.networks.named.fine_tuning import last_norm, train_only
from profunda.networks.named.resnet import ResNet, ResNetSize

NETWORKS = {
    "EfficientNet": lambda: EfficientNet(EfficientNetSize(0.25, 0.3), n_classes=3),
    "DenseNet": lambda: DenseNet(DenseNetSize((2, 2), 4), n_classes=3, dropout=0.3),
    "ResNet": lambda: ResNet(ResNetSize((1, 1), 8), n_classes=3, dropout=0.3),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_only_the_last_norm_and_the_classifier_move(name):
    torch.manual_seed(0)
    network = NETWORKS[name]()
    before = copy.deepcopy(network.state_dict())
    parameters = train_only(network, last_norm(network), network.classifier)
    optimiser = torch.optim.SGD(parameters, 0.1, weight_decay=0.1)
    nn.functional.cross_entropy(network(torch.randn(6, 3, 32, 32)), torch.tensor([0, 1, 2] * 2)).backward()
    optimiser.step()
    moved = {key for key, tensor in network.state_dict().items() if not torch.equal(tensor, before[key])}
    where = {"EfficientNet": "top.norm", "DenseNet": "top.norm", "ResNet": "stages.1.0.second.norm"}[name]
    leaves = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
    assert moved == {f"{where}.{leaf}" for leaf in leaves} | {"classifier.weight", "classifier.bias"}
    assert len(parameters) == 4


def test_all_of_it_trains_again_afterwards():
    network = NETWORKS["ResNet"]()
    train_only(network, network.classifier)
    assert not network.stem.training
    network.requires_grad_(True).train()
    assert all(parameter.requires_grad for parameter in network.parameters())
    assert all(part.training for part in network.modules())


def test_what_cannot_be_tuned_is_told():
    network = NETWORKS["ResNet"]()
    with pytest.raises(ArgumentError, match="Linear is no part of this ResNet: it may be of a copy"):
        train_only(network, copy.deepcopy(network).classifier)
    with pytest.raises(ArgumentError, match="ResNet has no batch, group or layer norm: train its classifier"):
        last_norm(ResNet(ResNetSize((1,), 8), norm="none"))

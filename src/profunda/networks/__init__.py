"""From a Design to an `nn.Module` and back, and from its outputs to a prediction.

`layout` is the one order of parameters, `initial` draws the first ones, `dense` builds modules, `folding`
takes batch norm out of them, `prediction` reads their raw outputs; `notation` writes feed-forward networks as
the texts do, f = σₙ Aₙ … σ₁ A₁. `named` holds networks known by name; `operations` counts multiplications.
"""

from typing import TYPE_CHECKING

from profunda._lazy import lazily

if TYPE_CHECKING:  # the same table for editors and type checkers; a test compares the two
    from profunda.data.bundled import running_text as running_text
    from profunda.data.tokens import ByteTokenizer as ByteTokenizer
    from profunda.data.tokens import WordTokenizer as WordTokenizer
    from profunda.metrics.bleu import Bleu as Bleu
    from profunda.metrics.bleu import bleu as bleu
    from profunda.networks.named.awd_lstm import AWDLSTM as AWDLSTM
    from profunda.networks.named.awd_lstm import LanguageRegularisers as LanguageRegularisers
    from profunda.networks.named.awd_lstm import Reading as Reading
    from profunda.networks.named.beam import Hypothesis as Hypothesis
    from profunda.networks.named.beam import beam_search as beam_search
    from profunda.networks.named.densenet import DENSENETS as DENSENETS
    from profunda.networks.named.densenet import DenseLayer as DenseLayer
    from profunda.networks.named.densenet import DenseNet as DenseNet
    from profunda.networks.named.densenet import DenseNetSize as DenseNetSize
    from profunda.networks.named.efficientnet import EFFICIENTNETS as EFFICIENTNETS
    from profunda.networks.named.efficientnet import EfficientNet as EfficientNet
    from profunda.networks.named.efficientnet import EfficientNetSize as EfficientNetSize
    from profunda.networks.named.efficientnet import MBConv as MBConv
    from profunda.networks.named.fine_tuning import last_norm as last_norm
    from profunda.networks.named.fine_tuning import train_only as train_only
    from profunda.networks.named.language import bits as bits
    from profunda.networks.named.language import detached as detached
    from profunda.networks.named.language import perplexity as perplexity
    from profunda.networks.named.language import read_epoch as read_epoch
    from profunda.networks.named.language import reading_loss as reading_loss
    from profunda.networks.named.language import stream as stream
    from profunda.networks.named.resnet import RESNETS as RESNETS
    from profunda.networks.named.resnet import BasicBlock as BasicBlock
    from profunda.networks.named.resnet import ResNet as ResNet
    from profunda.networks.named.resnet import ResNetSize as ResNetSize
    from profunda.networks.named.scenes import Scenes as Scenes
    from profunda.networks.named.scenes import caption_of as caption_of
    from profunda.networks.named.scenes import fashion_scenes as fashion_scenes
    from profunda.networks.named.scenes import scenes as scenes
    from profunda.networks.named.show_and_tell import PictureEncoder as PictureEncoder
    from profunda.networks.named.show_and_tell import ShowAndTell as ShowAndTell
    from profunda.networks.named.show_and_tell import caption_loss as caption_loss
    from profunda.networks.named.show_and_tell import describe as describe
    from profunda.networks.named.weights import load_weights as load_weights
    from profunda.networks.notation import Notated as Notated
    from profunda.networks.notation import Sigma as Sigma
    from profunda.networks.operations import multiply_adds as multiply_adds

_HOMES = {
    "AWDLSTM": "profunda.networks.named.awd_lstm",
    "BasicBlock": "profunda.networks.named.resnet",
    "Bleu": "profunda.metrics.bleu",
    "ByteTokenizer": "profunda.data.tokens",
    "DENSENETS": "profunda.networks.named.densenet",
    "DenseLayer": "profunda.networks.named.densenet",
    "DenseNet": "profunda.networks.named.densenet",
    "DenseNetSize": "profunda.networks.named.densenet",
    "EFFICIENTNETS": "profunda.networks.named.efficientnet",
    "EfficientNet": "profunda.networks.named.efficientnet",
    "EfficientNetSize": "profunda.networks.named.efficientnet",
    "Hypothesis": "profunda.networks.named.beam",
    "LanguageRegularisers": "profunda.networks.named.awd_lstm",
    "MBConv": "profunda.networks.named.efficientnet",
    "Notated": "profunda.networks.notation",
    "PictureEncoder": "profunda.networks.named.show_and_tell",
    "RESNETS": "profunda.networks.named.resnet",
    "Reading": "profunda.networks.named.awd_lstm",
    "ResNet": "profunda.networks.named.resnet",
    "ResNetSize": "profunda.networks.named.resnet",
    "Scenes": "profunda.networks.named.scenes",
    "ShowAndTell": "profunda.networks.named.show_and_tell",
    "Sigma": "profunda.networks.notation",
    "WordTokenizer": "profunda.data.tokens",
    "beam_search": "profunda.networks.named.beam",
    "bits": "profunda.networks.named.language",
    "bleu": "profunda.metrics.bleu",
    "caption_loss": "profunda.networks.named.show_and_tell",
    "caption_of": "profunda.networks.named.scenes",
    "describe": "profunda.networks.named.show_and_tell",
    "detached": "profunda.networks.named.language",
    "fashion_scenes": "profunda.networks.named.scenes",
    "last_norm": "profunda.networks.named.fine_tuning",
    "load_weights": "profunda.networks.named.weights",
    "multiply_adds": "profunda.networks.operations",
    "perplexity": "profunda.networks.named.language",
    "read_epoch": "profunda.networks.named.language",
    "reading_loss": "profunda.networks.named.language",
    "running_text": "profunda.data.bundled",
    "scenes": "profunda.networks.named.scenes",
    "stream": "profunda.networks.named.language",
    "train_only": "profunda.networks.named.fine_tuning",
}

__all__ = [
    "AWDLSTM",
    "DENSENETS",
    "EFFICIENTNETS",
    "RESNETS",
    "BasicBlock",
    "Bleu",
    "ByteTokenizer",
    "DenseLayer",
    "DenseNet",
    "DenseNetSize",
    "EfficientNet",
    "EfficientNetSize",
    "Hypothesis",
    "LanguageRegularisers",
    "MBConv",
    "Notated",
    "PictureEncoder",
    "Reading",
    "ResNet",
    "ResNetSize",
    "Scenes",
    "ShowAndTell",
    "Sigma",
    "WordTokenizer",
    "beam_search",
    "bits",
    "bleu",
    "caption_loss",
    "caption_of",
    "describe",
    "detached",
    "fashion_scenes",
    "last_norm",
    "load_weights",
    "multiply_adds",
    "perplexity",
    "read_epoch",
    "reading_loss",
    "running_text",
    "scenes",
    "stream",
    "train_only",
]

__getattr__, __dir__ = lazily(__name__, _HOMES)

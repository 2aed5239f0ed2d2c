"""What torch.nn lacks, for any training loop.

Modules: `dropout`, `stochastic_depth`, `squeeze_excitation`, `units` (max-pooling over units, maxout),
`embeddings` of numbers, `parametric` activations, `ntk`. What acts on modules: `initialisers`, `penalties`,
`folding` of norms. What acts on training: `schedules`, `augmentation` of rows, `resized_crops` of images,
`attacks` (adversarial examples), `lookahead`, `snapshots`.
"""

from typing import TYPE_CHECKING

from profunda._lazy import lazily

if TYPE_CHECKING:  # the same table for editors and type checkers; a test compares the two
    from profunda.layers.attacks import adversarial as adversarial
    from profunda.layers.augmentation import CutMix as CutMix
    from profunda.layers.augmentation import CutOut as CutOut
    from profunda.layers.augmentation import InputNoise as InputNoise
    from profunda.layers.augmentation import Mixup as Mixup
    from profunda.layers.augmentation import Targets as Targets
    from profunda.layers.averaging import NTASGD as NTASGD
    from profunda.layers.dropout import DropConnect as DropConnect
    from profunda.layers.dropout import Dropout as Dropout
    from profunda.layers.dropout import GaussianDropout as GaussianDropout
    from profunda.layers.dropout import SpatialDropout as SpatialDropout
    from profunda.layers.dropout import drop_rate as drop_rate
    from profunda.layers.embeddings import PeriodicEmbedding as PeriodicEmbedding
    from profunda.layers.embeddings import PiecewiseLinearEmbedding as PiecewiseLinearEmbedding
    from profunda.layers.embeddings import QuantileEmbedding as QuantileEmbedding
    from profunda.layers.embeddings import quantile_edges as quantile_edges
    from profunda.layers.folding import fold_norms as fold_norms
    from profunda.layers.initialisers import initialise as initialise
    from profunda.layers.initialisers import lsuv as lsuv
    from profunda.layers.lookahead import Lookahead as Lookahead
    from profunda.layers.ntk import NTKLinear as NTKLinear
    from profunda.layers.parametric import Parametric as Parametric
    from profunda.layers.parametric import Scaling as Scaling
    from profunda.layers.penalties import L1 as L1
    from profunda.layers.penalties import L2 as L2
    from profunda.layers.penalties import ElasticNet as ElasticNet
    from profunda.layers.penalties import GroupLasso as GroupLasso
    from profunda.layers.penalties import MaxNorm as MaxNorm
    from profunda.layers.penalties import Penalty as Penalty
    from profunda.layers.penalties import proximal_step as proximal_step
    from profunda.layers.penalties import strength_for as strength_for
    from profunda.layers.penalties import weights as weights
    from profunda.layers.recurrent import EmbeddingDropout as EmbeddingDropout
    from profunda.layers.recurrent import LockedDropout as LockedDropout
    from profunda.layers.recurrent import WeightDropLSTM as WeightDropLSTM
    from profunda.layers.resized_crops import RandomResizedCrop as RandomResizedCrop
    from profunda.layers.resized_crops import crop_boxes as crop_boxes
    from profunda.layers.resized_crops import resized_crops as resized_crops
    from profunda.layers.schedules import cosine as cosine
    from profunda.layers.schedules import cosine_restarts as cosine_restarts
    from profunda.layers.schedules import coslog as coslog
    from profunda.layers.schedules import onecycle as onecycle
    from profunda.layers.snapshots import Snapshots as Snapshots
    from profunda.layers.squeeze_excitation import SqueezeExcitation as SqueezeExcitation
    from profunda.layers.stochastic_depth import StochasticDepth as StochasticDepth
    from profunda.layers.units import Maxout as Maxout
    from profunda.layers.units import MaxPoolUnits as MaxPoolUnits
    from profunda.theory.scales import LossScale as LossScale

_HOMES = {
    "CutMix": "profunda.layers.augmentation",
    "CutOut": "profunda.layers.augmentation",
    "DropConnect": "profunda.layers.dropout",
    "Dropout": "profunda.layers.dropout",
    "ElasticNet": "profunda.layers.penalties",
    "EmbeddingDropout": "profunda.layers.recurrent",
    "GaussianDropout": "profunda.layers.dropout",
    "GroupLasso": "profunda.layers.penalties",
    "InputNoise": "profunda.layers.augmentation",
    "L1": "profunda.layers.penalties",
    "L2": "profunda.layers.penalties",
    "LockedDropout": "profunda.layers.recurrent",
    "Lookahead": "profunda.layers.lookahead",
    "LossScale": "profunda.theory.scales",
    "MaxNorm": "profunda.layers.penalties",
    "MaxPoolUnits": "profunda.layers.units",
    "Maxout": "profunda.layers.units",
    "Mixup": "profunda.layers.augmentation",
    "NTASGD": "profunda.layers.averaging",
    "NTKLinear": "profunda.layers.ntk",
    "Parametric": "profunda.layers.parametric",
    "Penalty": "profunda.layers.penalties",
    "PeriodicEmbedding": "profunda.layers.embeddings",
    "PiecewiseLinearEmbedding": "profunda.layers.embeddings",
    "QuantileEmbedding": "profunda.layers.embeddings",
    "RandomResizedCrop": "profunda.layers.resized_crops",
    "Scaling": "profunda.layers.parametric",
    "Snapshots": "profunda.layers.snapshots",
    "SpatialDropout": "profunda.layers.dropout",
    "SqueezeExcitation": "profunda.layers.squeeze_excitation",
    "StochasticDepth": "profunda.layers.stochastic_depth",
    "Targets": "profunda.layers.augmentation",
    "WeightDropLSTM": "profunda.layers.recurrent",
    "adversarial": "profunda.layers.attacks",
    "cosine": "profunda.layers.schedules",
    "cosine_restarts": "profunda.layers.schedules",
    "coslog": "profunda.layers.schedules",
    "crop_boxes": "profunda.layers.resized_crops",
    "drop_rate": "profunda.layers.dropout",
    "fold_norms": "profunda.layers.folding",
    "initialise": "profunda.layers.initialisers",
    "lsuv": "profunda.layers.initialisers",
    "onecycle": "profunda.layers.schedules",
    "proximal_step": "profunda.layers.penalties",
    "quantile_edges": "profunda.layers.embeddings",
    "resized_crops": "profunda.layers.resized_crops",
    "strength_for": "profunda.layers.penalties",
    "weights": "profunda.layers.penalties",
}

__all__ = [
    "L1",
    "L2",
    "NTASGD",
    "CutMix",
    "CutOut",
    "DropConnect",
    "Dropout",
    "ElasticNet",
    "EmbeddingDropout",
    "GaussianDropout",
    "GroupLasso",
    "InputNoise",
    "LockedDropout",
    "Lookahead",
    "LossScale",
    "MaxNorm",
    "MaxPoolUnits",
    "Maxout",
    "Mixup",
    "NTKLinear",
    "Parametric",
    "Penalty",
    "PeriodicEmbedding",
    "PiecewiseLinearEmbedding",
    "QuantileEmbedding",
    "RandomResizedCrop",
    "Scaling",
    "Snapshots",
    "SpatialDropout",
    "SqueezeExcitation",
    "StochasticDepth",
    "Targets",
    "WeightDropLSTM",
    "adversarial",
    "cosine",
    "cosine_restarts",
    "coslog",
    "crop_boxes",
    "drop_rate",
    "fold_norms",
    "initialise",
    "lsuv",
    "onecycle",
    "proximal_step",
    "quantile_edges",
    "resized_crops",
    "strength_for",
    "weights",
]

__getattr__, __dir__ = lazily(__name__, _HOMES)

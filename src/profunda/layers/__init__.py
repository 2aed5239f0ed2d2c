"""What torch.nn lacks, for any training loop.

Modules: `dropout`, `stochastic_depth`, `squeeze_excitation`, `units` (max-pooling over units, maxout),
`embeddings` of numbers, `parametric` activations, `ntk`. What acts on modules: `initialisers`, `penalties`,
`folding` of norms. What acts on training: `schedules`, `augmentation` of rows, `crops` of images,
`attacks` (adversarial examples), `lookahead`, `snapshots`. For images: `image_transforms`, `image_geometry`,
`image_augmentation`; `invariant_features`, `consistency` and `symmetrised` make models invariant.
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
    from profunda.layers.consistency import Consistency as Consistency
    from profunda.layers.crops import RandomResizedCrop as RandomResizedCrop
    from profunda.layers.crops import crop_boxes as crop_boxes
    from profunda.layers.crops import resized_crops as resized_crops
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
    from profunda.layers.image_augmentation import ImageAugmentation as ImageAugmentation
    from profunda.layers.image_geometry import affine as affine
    from profunda.layers.image_geometry import rotate as rotate
    from profunda.layers.image_geometry import translate as translate
    from profunda.layers.image_geometry import zoom as zoom
    from profunda.layers.image_transforms import add_noise as add_noise
    from profunda.layers.image_transforms import adjust_brightness as adjust_brightness
    from profunda.layers.image_transforms import adjust_contrast as adjust_contrast
    from profunda.layers.image_transforms import boxes_at as boxes_at
    from profunda.layers.image_transforms import cut_mix as cut_mix
    from profunda.layers.image_transforms import cut_out as cut_out
    from profunda.layers.image_transforms import flip as flip
    from profunda.layers.image_transforms import mix_up as mix_up
    from profunda.layers.image_transforms import shift_colour as shift_colour
    from profunda.layers.initialisers import initialise as initialise
    from profunda.layers.initialisers import lsuv as lsuv
    from profunda.layers.invariant_features import fourier_magnitude as fourier_magnitude
    from profunda.layers.invariant_features import histogram as histogram
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
    from profunda.layers.schedules import cosine as cosine
    from profunda.layers.schedules import cosine_restarts as cosine_restarts
    from profunda.layers.schedules import coslog as coslog
    from profunda.layers.schedules import onecycle as onecycle
    from profunda.layers.snapshots import Snapshots as Snapshots
    from profunda.layers.squeeze_excitation import SqueezeExcitation as SqueezeExcitation
    from profunda.layers.stochastic_depth import StochasticDepth as StochasticDepth
    from profunda.layers.symmetrised import Symmetrised as Symmetrised
    from profunda.layers.units import Maxout as Maxout
    from profunda.layers.units import MaxPoolUnits as MaxPoolUnits
    from profunda.theory.scales import LossScale as LossScale

_HOMES = {
    "Consistency": "profunda.layers.consistency",
    "CutMix": "profunda.layers.augmentation",
    "CutOut": "profunda.layers.augmentation",
    "DropConnect": "profunda.layers.dropout",
    "Dropout": "profunda.layers.dropout",
    "ElasticNet": "profunda.layers.penalties",
    "EmbeddingDropout": "profunda.layers.recurrent",
    "GaussianDropout": "profunda.layers.dropout",
    "GroupLasso": "profunda.layers.penalties",
    "ImageAugmentation": "profunda.layers.image_augmentation",
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
    "RandomResizedCrop": "profunda.layers.crops",
    "Scaling": "profunda.layers.parametric",
    "Snapshots": "profunda.layers.snapshots",
    "SpatialDropout": "profunda.layers.dropout",
    "SqueezeExcitation": "profunda.layers.squeeze_excitation",
    "StochasticDepth": "profunda.layers.stochastic_depth",
    "Symmetrised": "profunda.layers.symmetrised",
    "Targets": "profunda.layers.augmentation",
    "WeightDropLSTM": "profunda.layers.recurrent",
    "add_noise": "profunda.layers.image_transforms",
    "adjust_brightness": "profunda.layers.image_transforms",
    "adjust_contrast": "profunda.layers.image_transforms",
    "adversarial": "profunda.layers.attacks",
    "affine": "profunda.layers.image_geometry",
    "boxes_at": "profunda.layers.image_transforms",
    "cosine": "profunda.layers.schedules",
    "cosine_restarts": "profunda.layers.schedules",
    "coslog": "profunda.layers.schedules",
    "crop_boxes": "profunda.layers.crops",
    "cut_mix": "profunda.layers.image_transforms",
    "cut_out": "profunda.layers.image_transforms",
    "drop_rate": "profunda.layers.dropout",
    "flip": "profunda.layers.image_transforms",
    "fold_norms": "profunda.layers.folding",
    "fourier_magnitude": "profunda.layers.invariant_features",
    "histogram": "profunda.layers.invariant_features",
    "initialise": "profunda.layers.initialisers",
    "lsuv": "profunda.layers.initialisers",
    "mix_up": "profunda.layers.image_transforms",
    "onecycle": "profunda.layers.schedules",
    "proximal_step": "profunda.layers.penalties",
    "quantile_edges": "profunda.layers.embeddings",
    "resized_crops": "profunda.layers.crops",
    "rotate": "profunda.layers.image_geometry",
    "shift_colour": "profunda.layers.image_transforms",
    "strength_for": "profunda.layers.penalties",
    "translate": "profunda.layers.image_geometry",
    "weights": "profunda.layers.penalties",
    "zoom": "profunda.layers.image_geometry",
}

__all__ = [
    "L1",
    "L2",
    "NTASGD",
    "Consistency",
    "CutMix",
    "CutOut",
    "DropConnect",
    "Dropout",
    "ElasticNet",
    "EmbeddingDropout",
    "GaussianDropout",
    "GroupLasso",
    "ImageAugmentation",
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
    "Symmetrised",
    "Targets",
    "WeightDropLSTM",
    "add_noise",
    "adjust_brightness",
    "adjust_contrast",
    "adversarial",
    "affine",
    "boxes_at",
    "cosine",
    "cosine_restarts",
    "coslog",
    "crop_boxes",
    "cut_mix",
    "cut_out",
    "drop_rate",
    "flip",
    "fold_norms",
    "fourier_magnitude",
    "histogram",
    "initialise",
    "lsuv",
    "mix_up",
    "onecycle",
    "proximal_step",
    "quantile_edges",
    "resized_crops",
    "rotate",
    "shift_colour",
    "strength_for",
    "translate",
    "weights",
    "zoom",
]

__getattr__, __dir__ = lazily(__name__, _HOMES)

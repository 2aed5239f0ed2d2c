"""A Design: one network and its whole training recipe, as a frozen value."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from itertools import pairwise
from typing import Any, Literal, get_args

from profunda.data.inputs import Inputs
from profunda.data.layout import Encoding
from profunda.errors import SpaceError
from profunda.space.bodies import Body, BodyKind, body_of
from profunda.space.domain import Choice, Float, Int, LogFloat, plain

__all__ = [
    "CODED",
    "DOMAINS",
    "MAX_DEPTH",
    "PERIODIC",
    "PICTORIAL",
    "WAVES",
    "WIDTH",
    "Activation",
    "BodyKind",
    "Design",
    "DropoutKind",
    "Initialisation",
    "L1Update",
    "Loss",
    "Norm",
    "NormPlace",
    "NumericEmbedding",
    "Optimiser",
    "Parametrisation",
    "Schedule",
    "Sharing",
]

Activation = Literal[
    "relu", "leaky_relu", "tanh", "sigmoid", "elu", "selu", "gelu", "silu", "softplus", "mish"
]
Initialisation = Literal["lecun", "glorot", "he", "orthogonal", "torch", "critical", "lsuv"]
Parametrisation = Literal["standard", "ntk"]
NumericEmbedding = Literal["none", "periodic"]
Norm = Literal["none", "batch", "layer", "group"]
NormPlace = Literal["before", "after"]
DropoutKind = Literal["bernoulli", "gaussian", "dropconnect", "alpha"]
L1Update = Literal["proximal", "subgradient"]
Optimiser = Literal["sgd", "adam", "rmsprop"]
Schedule = Literal["constant", "cosine", "onecycle", "restarts", "coslog"]
Loss = Literal["likelihood", "huber"]
Sharing = Literal["input", "heads", "pooled"]

MAX_DEPTH = 1000
WAVES, PERIODIC = 16, 3
"""Waves of a periodic embedding, and the numbers it makes of them (PBLD of Holzmüller et al. 2024)."""
CODED = 8
"""Trained numbers that stand for a category (Holzmüller et al. 2024)."""
WIDTH = Int(1, 65_536)
"""What one hidden layer's width may be."""

DOMAINS: Mapping[str, Float | LogFloat | Int | Choice] = {
    "body": Choice(list(get_args(BodyKind))),
    "body_width": Int(1, 4096),
    "body_depth": Int(1, 64),
    "activation": Choice(list(get_args(Activation))),
    "initialisation": Choice(list(get_args(Initialisation))),
    "parametrisation": Choice(list(get_args(Parametrisation))),
    "parametric": Choice(False, True),
    "skip": Choice(False, True),
    "input_scaling": Choice(False, True),
    "numeric_embedding": Choice(list(get_args(NumericEmbedding))),
    "embedding_scale": Float(1e-6, 1e3),
    "norm": Choice(list(get_args(Norm))),
    "norm_place": Choice(list(get_args(NormPlace))),
    "dropout": Float(0.0, 0.95),
    "input_dropout": Float(0.0, 0.95),
    "dropout_kind": Choice(list(get_args(DropoutKind))),
    "l1": Float(0.0, 1e6),
    "l2": Float(0.0, 1e6),
    "decoupled": Choice(False, True),
    "l1_update": Choice(list(get_args(L1Update))),
    "group_lasso": Float(0.0, 1e6),
    "max_norm": Float(0.0, 1e12),
    "noise": Float(0.0, 1e3),
    "mixup": Float(0.0, 1e3),
    "cutmix": Float(0.0, 1e3),
    "cutout": Float(0.0, 0.95),
    "flip": Float(0.0, 1.0),
    "shift": Float(0.0, 1.0),
    "rotation": Float(0.0, 180.0),
    "zoom": Float(0.0, 4.0),
    "brightness": Float(0.0, 100.0),
    "contrast": Float(0.0, 10.0),
    "colour": Float(0.0, 100.0),
    "adversarial": Float(0.0, 1e3),
    "class_balance": Float(0.0, 0.999999),
    "label_smoothing": Float(0.0, 0.95),
    "loss": Choice(list(get_args(Loss))),
    "optimiser": Choice(list(get_args(Optimiser))),
    "momentum": Float(0.0, 0.9999),
    "beta2": Float(0.0, 0.999999),
    "lr": LogFloat(1e-12, 1e12),
    "bias_lr": Float(0.0, 1e6),
    "clip": Float(0.0, 1e12),
    "schedule": Choice(list(get_args(Schedule))),
    "batch_size": Int(1, 2**31 - 1),
    "epochs": Int(1, 1_000_000),
    "patience": Int(0, 1_000_000),
    "averaging": Choice(False, True),
    "lookahead": Choice(False, True),
    "snapshots": Choice(False, True),
    "encoding": Choice(list(get_args(Encoding))),
    "sharing": Choice(list(get_args(Sharing))),
    "head_l2": Float(0.0, 1e6),
}
"""What each field of a Design but `widths` may be. The only place that says so."""

PICTORIAL = ("flip", "shift", "rotation", "zoom", "brightness", "contrast", "colour")
"""The fields that change pictures in training."""

_FORMAT = 6
_SINCE: Mapping[int, tuple[str, ...]] = {
    2: ("norm", "norm_place", "dropout_kind", "clip"),
    3: (
        "parametrisation",
        "parametric",
        "skip",
        "input_scaling",
        "numeric_embedding",
        "embedding_scale",
        "l1_update",
        "group_lasso",
        "max_norm",
        "noise",
        "mixup",
        "cutmix",
        "cutout",
        "adversarial",
        "class_balance",
        "beta2",
        "bias_lr",
        "averaging",
        "lookahead",
    ),
    4: ("snapshots",),
    5: (
        "body",
        "body_width",
        "body_depth",
        "flip",
        "shift",
        "rotation",
        "zoom",
        "brightness",
        "contrast",
        "colour",
    ),
    6: ("sharing", "head_l2"),
}
"""The fields that each format of the JSON brought."""


@dataclass(frozen=True)
class Design:
    """One network and its training recipe: frozen, comparable, JSON both ways, with a stable `id`.

    Raises SpaceError, naming the field, its value and its domain, for values that make no network.

    Parameters
    ----------
    widths
        Widths H of the hidden layers, first to last; () is the linear model. At most 1,000 layers.
    body, body_width, body_depth
        What turns pictures or texts into the numbers that enter the first layer (`profunda.space.bodies`);
        "dense": nothing does, and pixels enter as they are. For pictures, "conv" are `body_depth` stages of a
        3 × 3 convolution and 2 × 2 max-pooling, of `body_width` channels and twice as many at each further
        stage (LeCun et al. 1998); "residual" as many stages of a block of two convolutions with a shortcut
        (He et al. 2016), averaged over the picture. For texts, "bag" averages trained vectors of `body_width`
        numbers for words, and for chains of up to `body_depth` words (Joulin et al. 2017); "lstm" is as many
        layers that read forwards and backwards (Hochreiter and Schmidhuber 1997; Schuster and Paliwal 1997);
        "attention" as many blocks of a Transformer's encoder (Vaswani et al. 2017).
    activation
        After each hidden layer, the same for all.
    initialisation
        Law of the initial weights: "lecun" variance 1/fan_in, "glorot" 2/(fan_in + fan_out), "he" 2/fan_in,
        all normal; "orthogonal"; "torch" uniform within ±1/√fan_in, biases too; "critical" the variances of
        weights and biases at which signals and gradients keep their size in depth, for the activation and the
        dropout rate (`profunda.theory.critical_initialisation`; where an activation has none, "lecun");
        "lsuv" orthogonal, then every layer scaled to unit variance on training rows (Mishkin and Matas 2016).
        Biases start at 0 under the others.
    parametrisation
        "ntk" trains W√fan_in in place of W (Jacot, Gabriel and Hongler 2018), which is the same as rates of
        the weights lr/√fan_in (lr/fan_in under "sgd"), and ε·√fan_in in Adam and RMSprop.
    parametric
        Activations (1 − α)z + α·σ(z) with a trained α for every hidden unit, from 1 on, at a tenth of lr
        (Holzmüller et al. 2024, arXiv:2407.04491, §3).
    skip
        What enters a hidden layer is added to what leaves it, wherever both are hidden and equally wide (He
        et al. 2016).
    input_scaling
        A trained factor for every number that enters the first layer, from 1 on, at 6 times lr (Holzmüller
        et al. 2024).
    numeric_embedding, embedding_scale
        "periodic" puts three trained numbers V·cos(2π(wx + b)) + c beside every numeric input, with 16 waves
        whose frequencies w start normal with standard deviation `embedding_scale` (PBLD of Holzmüller et al.
        2024, after Gorishniy et al. 2022).
    norm, norm_place
        "batch" (Ioffe and Szegedy 2015, algorithms 1 and 2), "layer" (Ba, Kiros and Hinton 2016, eq. 4) or
        "group" (Wu and He 2018; 8, 4 or 2 equal groups of 4 units at least, or one) in every hidden layer,
        with trained gain γ and shift β, on what enters the activation ("before") or on what leaves it
        ("after", which dropout then acts on). ε is 1e-5; statistics of batches are collected with PyTorch's
        momentum 0.1 for evaluation. A batch of one row has no spread: it gives β and is not collected.
    dropout, input_dropout
        Probabilities of *dropping* a hidden activation, an input (PyTorch's convention; texts that write p
        for the probability of keeping mean 1 − p). Inverted: what is kept is scaled by 1/(1 − p) in training.
    dropout_kind
        What the rate `dropout` does: "bernoulli" drops activations; "gaussian" multiplies them by normal
        noise of mean 1 and the same variance p/(1 − p) (Srivastava et al. 2014, §10); "dropconnect" drops the
        weights that leave hidden units, once a step for the whole batch (Wan et al. 2013); "alpha" keeps mean
        and variance of SELU's activations (Klambauer et al. 2017). Inputs are dropped in the Bernoulli way in
        any case.
    l1, l1_update
        Penalty l1·‖w‖₁ on weights, not on biases: "proximal", a soft threshold w ← S(w, lr·l1) after each
        step, which gives exact zeros, or "subgradient", l1·sgn(w) added to the gradient, which does not.
    l2, decoupled
        Penalty ½·l2·‖w‖² on weights, not on biases: added to the gradient, or, decoupled, w ← w·(1 − lr·l2)
        (Loshchilov and Hutter 2019, AdamW).
    group_lasso
        Penalty group_lasso·√n·‖W_g‖ for every column of the table, whose n weights in the first layer are
        W_g: a block soft threshold after each step, which takes whole columns out (Yuan and Lin 2006). Where
        there is no hidden layer, what the heads of tasks read of the column goes with it, or stays.
    max_norm
        Largest norm of the weights that enter a hidden unit; longer ones are shortened to it after each step
        (Srivastava et al. 2014, §5.1). 0 never does.
    noise
        Standard deviation of normal noise on numeric inputs in training.
    mixup, cutmix
        Parameter of λ ~ Beta(·, ·), drawn at every step: each row of a batch is mixed with the next one, all
        numbers by λ (Zhang et al. 2018), or whole columns taken with probability 1 − λ (Yun et al. 2019, on
        tables); the loss is λ times that of the row's target and 1 − λ times that of the other's. At most one
        of both.
    cutout
        Probability that a column of a row is blanked to 0, its centre, in training (DeVries and Taylor 2017,
        on tables); what is left is not scaled up.
    flip, shift, rotation, zoom, brightness, contrast, colour
        Of pictures, in training, drawn anew for every row and step: probability of mirroring left and right;
        largest shift as a share of the side; largest turn in degrees; largest change of size, as a power of
        2; largest change of brightness and of each channel, in standard deviations of the pixels; of
        contrast, as a power of 2 (`profunda.layers.ImageAugmentation`). There `cutout` is the side of the
        square that is blanked, as a share of the picture's, and `cutmix` swaps rectangles.
    adversarial
        Size ε of a step along the sign of the loss's gradient on the numeric inputs: half of the loss is
        that of the moved rows (Goodfellow, Shlens and Szegedy 2015, §6). 0: none.
    class_balance
        β of class-balanced weights (1 − β)/(1 − β^n) for a class of n training rows (Cui et al. 2019, eq. 2),
        scaled to mean 1 over the rows; towards 1 the inverse frequency, 0 none; classes only.
    label_smoothing
        Share of the probability spread evenly over the classes; classes only.
    loss
        "likelihood": mean cross-entropy for classes, mean squared error for numbers. "huber": on the
        standardised number, r² within ±1 and 2|r| − 1 outside; numbers only.
    optimiser, momentum
        "sgd" (alone with `momentum`), "adam" (β₁ 0.9), "rmsprop" (α 0.99), in PyTorch's formulas.
    beta2
        Adam's β₂.
    lr, bias_lr
        Peak learning rate, and the factor on it for biases of layers.
    clip
        Largest norm of the gradient over all of the network; longer ones are shortened to it, before coupled
        L2 is added (Pascanu, Mikolov and Bengio 2013, algorithm 1). 0 never clips.
    schedule
        Factor of lr over the planned steps, t from 0 to 1: "constant"; "cosine" ½(1 + cos πt); "onecycle",
        linear warm-up over the first 30 % and cosine down; "restarts" three cosines of lengths 1 : 2 : 4
        (Loshchilov and Hutter 2017); "coslog" ½(1 − cos(2π·log₂(1 + 15t))), four waves, ever longer
        (Holzmüller et al. 2024).
    batch_size
        Rows B a step, at most all training rows; an epoch's smaller last batch is trained too.
    epochs, patience
        Epochs E at most, and epochs without a better validation loss after which training ends (0 = never).
        The best weights are kept in any case (Goodfellow, Bengio and Courville 2016, algorithm 7.1).
    averaging
        From three quarters of `epochs` on, what is validated and kept is the mean of the weights at the ends
        of epochs since then (stochastic weight averaging, Izmailov et al. 2018).
    lookahead
        Slow weights that go half of the way to the trained ones every 5 steps, and take them back there
        (Zhang et al. 2019).
    snapshots
        The weights after 1/7 and 3/7 of `epochs`, where cycles of the schedule "restarts" end, are kept too,
        and the three networks' predictions averaged (snapshot ensembles, Huang et al. 2017).
    encoding
        How inputs become numbers: "robust", "quantile", "piecewise" or "embedded" (see
        `profunda.data.preprocessing`); the last trains 8 numbers for each category of columns with many.
    sharing, head_l2
        What the tasks of grouped rows share (`task_column` of `profunda.read`). "input": the layers read the
        task as 8 trained numbers, which start at 0. "heads": hard sharing of all layers (Caruana 1997) and
        soft sharing of the last: the outputs are those of the shared last layer plus U_t h + c_t of the row's
        task t, with h what enters that layer; U and c start at 0 and have a penalty ½·head_l2·‖(U, c)‖² of
        their own (Evgeniou and Pontil 2004: w_t = w_0 + v_t): after each step (U, c)/(1 + lr·head_l2), its
        exact proximal step (Parikh and Boyd 2014, §6), whatever `decoupled` says. 0 lets each task have its
        own head; towards ∞ tasks are pooled, as U and c go to 0 like 1/head_l2. "pooled": the task has no
        say. A task without training rows keeps its 0, and is answered by what all share. "heads" asks for a
        task column.
    """

    widths: tuple[int, ...] = (64, 64)
    body: BodyKind = "dense"
    body_width: int = 16
    body_depth: int = 2
    activation: Activation = "relu"
    initialisation: Initialisation = "he"
    parametrisation: Parametrisation = "standard"
    parametric: bool = False
    skip: bool = False
    input_scaling: bool = False
    numeric_embedding: NumericEmbedding = "none"
    embedding_scale: float = 0.1
    norm: Norm = "none"
    norm_place: NormPlace = "before"
    dropout: float = 0.0
    input_dropout: float = 0.0
    dropout_kind: DropoutKind = "bernoulli"
    l1: float = 0.0
    l2: float = 0.0
    decoupled: bool = True
    l1_update: L1Update = "proximal"
    group_lasso: float = 0.0
    max_norm: float = 0.0
    noise: float = 0.0
    mixup: float = 0.0
    cutmix: float = 0.0
    cutout: float = 0.0
    flip: float = 0.0
    shift: float = 0.0
    rotation: float = 0.0
    zoom: float = 0.0
    brightness: float = 0.0
    contrast: float = 0.0
    colour: float = 0.0
    adversarial: float = 0.0
    class_balance: float = 0.0
    label_smoothing: float = 0.0
    loss: Loss = "likelihood"
    optimiser: Optimiser = "adam"
    momentum: float = 0.9
    beta2: float = 0.999
    lr: float = 1e-3
    bias_lr: float = 1.0
    clip: float = 0.0
    schedule: Schedule = "constant"
    batch_size: int = 64
    epochs: int = 50
    patience: int = 0
    averaging: bool = False
    lookahead: bool = False
    snapshots: bool = False
    encoding: Encoding = "robust"
    sharing: Sharing = "input"
    head_l2: float = 0.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "widths", _checked_widths(self.widths))
        for name, domain in DOMAINS.items():
            value = plain(getattr(self, name))
            if not domain.contains(value):
                raise SpaceError(
                    f"{name} = {value!r} cannot be trained: it must be {domain.describe()}.{_hint(name)}"
                )
            # Equal designs must be equal text: 1 and 1.0 would have different ids.
            object.__setattr__(self, name, float(value) if isinstance(domain, Float | LogFloat) else value)
        if self.mixup and self.cutmix:
            raise SpaceError(
                f"mixup = {self.mixup} and cutmix = {self.cutmix} both say how rows are mixed. Keep one of "
                "them; the other is 0."
            )

    @property
    def depth(self) -> int:
        """Number L of hidden layers."""
        return len(self.widths)

    @property
    def torch_only(self) -> tuple[str, ...]:
        """The fields that ask for the torch engine, as the native one does not know what they say here."""
        asked = {
            "norm": self.norm == "group" and bool(self.widths),
            "dropout_kind": self.dropout_kind == "alpha" and self.dropout > 0 and bool(self.widths),
            "cutmix": self.cutmix > 0,
            "cutout": self.cutout > 0,
            "adversarial": self.adversarial > 0,
            "lookahead": self.lookahead,
            "snapshots": self.snapshots,
            "body": self.body != "dense",
            "sharing": self.sharing != "input",
            **{name: getattr(self, name) > 0 for name in PICTORIAL},
        }
        return tuple(name for name, wanted in asked.items() if wanted)

    @cached_property
    def format(self) -> int:
        """The oldest format of the JSON that can say all of this but values that came later."""
        stated = _FORMAT
        while stated > 1 and all(getattr(self, name) == _DEFAULTS[name] for name in _SINCE[stated]):
            stated -= 1
        return stated

    @cached_property
    def id(self) -> str:
        """16 hexadecimal digits, the same in every process: blake2b of the canonical JSON.

        What an older format could say keeps the id it had there, and with it every random draw: the text is
        then that of the oldest format that can say it.
        """
        later = {name for made, fresh in _SINCE.items() if made > self.format for name in fresh}
        data = {name: value for name, value in self.to_json().items() if name not in later}
        text = json.dumps(data | {"format": self.format}, sort_keys=True, separators=(",", ":"))
        return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()

    def parameters(self, inputs: Inputs | int, n_outputs: int) -> int:
        """Number P of trained parameters for the encoded `inputs` (or so many numeric ones) and C outputs.

        All that training changes: of embeddings, scales, layers, parametric activations and norms; what batch
        norm collects for evaluation is not trained.
        """
        found = Inputs.of(inputs)
        body, codes = self.body_on(found), self.codes_on(found)
        read = set(body.places)
        periodic = self.numeric_embedding == "periodic"
        waves = sum(place not in read for place in found.numeric) if periodic else 0
        entering = len(body.kept(found)) + PERIODIC * waves + CODED * len(codes) + body.width
        front = waves * (2 * WAVES + WAVES * PERIODIC + PERIODIC) + body.trained
        front += CODED * sum(size for _, size in codes) + (entering if self.input_scaling else 0)
        sizes = (entering, *self.widths, n_outputs)
        each = (0 if self.norm == "none" else 2) + self.parametric
        own = self.heads_on(found) * (sizes[-2] + 1) * n_outputs
        return front + each * sum(self.widths) + sum((a + 1) * b for a, b in pairwise(sizes)) + own

    def codes_on(self, inputs: Inputs) -> tuple[tuple[int, int], ...]:
        """(input, number of codes K) of all inputs that are looked up: the task too, where it is one."""
        if inputs.task is None or self.sharing != "input":
            return inputs.codes
        place, tasks = inputs.task
        return (*inputs.codes, (place, tasks + 1))

    def heads_on(self, inputs: Inputs) -> int:
        """How many tasks have a head of their own.

        Raises SpaceError where they should have one and the inputs say nothing of tasks.
        """
        if self.sharing != "heads":
            return 0
        if inputs.task is None:
            raise SpaceError(
                "sharing = 'heads' gives each task a head of its own, but no column says which task a row "
                "belongs to. Name it (task_column, --task-column), or leave sharing at 'input'."
            )
        return inputs.task[1]

    def body_on(self, inputs: Inputs) -> Body:
        """The body that reads pictures or texts among `inputs`; an empty one where it is "dense".

        Raises SpaceError where the inputs have nothing that it reads, or a picture is too small for it.
        """
        return body_of(self.body, self.body_width, self.body_depth, self.norm, inputs)

    def to_json(self) -> dict[str, Any]:
        """A JSON-able form that `from_json` reads."""
        values = {name: getattr(self, name) for name in _DEFAULTS}
        return {"format": _FORMAT, **values, "widths": list(self.widths)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any] | str) -> "Design":
        """The design written by `to_json` (or its JSON text), of this format or an older one.

        Raises SpaceError for another format, unknown or missing keys, and values that make no network.
        """
        try:
            data = json.loads(data) if isinstance(data, str) else data
        except json.JSONDecodeError as error:
            raise SpaceError(f"this design is not JSON ({error}). The file is damaged.") from None
        stated = data.get("format") if isinstance(data, Mapping) else None
        if type(stated) is not int or not 1 <= stated <= _FORMAT:
            raise SpaceError(
                f"this is not a design of format {_FORMAT} or older. "
                "The file is damaged, or of a later version."
            )
        later = (name for made, fresh in _SINCE.items() if made > stated for name in fresh)
        names = set(_DEFAULTS) - set(later)
        found = set(data) - {"format"}
        if found != names:
            raise SpaceError(
                f"a design of format {stated} has other keys: unknown {sorted(map(str, found - names))}, "
                f"missing {sorted(names - found)}. The file is damaged, or of another version."
            )
        return cls(**{name: data[name] for name in names})


_DEFAULTS = {field.name: field.default for field in fields(Design)}


def _checked_widths(widths: Any) -> tuple[int, ...]:
    if isinstance(widths, str) or not isinstance(widths, list | tuple):
        raise SpaceError(
            f"widths = {widths!r} must be a list of whole numbers, one for each hidden layer; () is linear."
        )
    exact = plain(widths)
    for layer, width in enumerate(exact):
        if not WIDTH.contains(width):
            raise SpaceError(
                f"widths = {list(exact)}: hidden layer {layer + 1} has {width!r} units, but must have "
                f"{WIDTH.describe()}. For no hidden layer write ()."
            )
    if len(exact) > MAX_DEPTH:
        raise SpaceError(f"widths names {len(exact)} hidden layers; at most {MAX_DEPTH} can be trained.")
    return exact


def _hint(name: str) -> str:
    if name in ("dropout", "input_dropout"):
        return " It is the probability of dropping, not of keeping: a text's keep = 0.8 is 0.2 here."
    if name == "class_balance":
        return " It is the β of (1 − β)/(1 − β^n), such as 0.999; 0 weighs all rows alike."
    if name == "patience":
        return " 0 never stops early."
    if name == "clip":
        return " 0 never clips."
    if name in ("decoupled", "parametric", "skip", "input_scaling", "averaging", "lookahead", "snapshots"):
        return " Write True or False."
    return ""

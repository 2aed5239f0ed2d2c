"""What a module or a function of torch does to a signal: its kind, and whether it is linear in it."""

import re
from dataclasses import dataclass

from torch import nn

__all__ = ["LAYER_KINDS", "Sort", "function_sort", "known_module", "module_sort", "rate_of", "spelled"]

LAYER_KINDS = frozenset({"linear", "convolution", "recurrent", "attention", "embedding", "other"})
"""Kinds of leaf modules that are layers where they own weights; norms and activations follow a layer."""


@dataclass(frozen=True)
class Sort:
    """`kind` and `what` as in givens.Op; `shown` unless it only moves numbers; `linear` in its input."""

    kind: str
    what: str
    shown: bool = True
    linear: bool = False


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_ACTIVATIONS = _words(
    "relu relu6 leaky_relu prelu rrelu elu selu celu gelu silu mish softplus softsign softshrink hardshrink "
    "tanhshrink hardtanh hardswish hardsigmoid logsigmoid tanh sigmoid softmax log_softmax softmin "
    "gumbel_softmax glu threshold sin cos exp erf atan sinh asinh"
)
_NORMS = _words(
    "batch_norm layer_norm group_norm instance_norm rms_norm local_response_norm normalize native_layer_norm "
    "native_batch_norm"
)
_DROPOUTS = _words(
    "dropout dropout1d dropout2d dropout3d alpha_dropout feature_dropout feature_alpha_dropout"
)
_WEIGHTED = {
    "linear": _words("linear matmul mm bmm einsum tensordot addmm baddbmm addmv mv bilinear inner dot"),
    "convolution": _words(
        "conv1d conv2d conv3d conv_transpose1d conv_transpose2d conv_transpose3d convolution conv_tbc"
    ),
    "recurrent": _words("lstm gru rnn_tanh rnn_relu lstm_cell gru_cell rnn_tanh_cell rnn_relu_cell"),
    "attention": _words("multi_head_attention_forward scaled_dot_product_attention flex_attention"),
    "embedding": _words("embedding embedding_bag"),
}
_MOVES = _words(
    "getitem get setitem view reshape flatten unflatten ravel transpose permute squeeze unsqueeze "
    "contiguous clone to float double half bfloat16 type type_as chunk split unbind expand expand_as "
    "repeat tile repeat_interleave narrow select index_select gather take take_along_dim movedim "
    "moveaxis swapaxes swapdims t view_as reshape_as flip fliplr flipud roll detach requires_grad stack "
    "cat concat concatenate hstack vstack dstack pad unfold fold pixel_shuffle pixel_unshuffle "
    "channel_shuffle rot90 tril triu diagonal diag alias split_with_sizes tensor_split hsplit vsplit "
    "view_as_real view_as_complex real imag cuda cpu masked_fill masked_select as_strided broadcast_to "
    "copy scatter index_copy refine_names rename fill zero nan_to_num retain_grad complex align_to "
    "embed_diag pack_padded_sequence pad_packed_sequence native_channel_shuffle atleast_1d atleast_2d "
    "atleast_3d resolve_conj resolve_neg conj int long bool gt lt ge le eq ne isnan isinf isfinite "
    "logical_not logical_and logical_or argmax argmin argsort"
)
_AFFINE = _words(
    "add sub mul div neg mean sum cumsum nansum lerp fft_fft fft_rfft fft_ifft fft_irfft fft_fft2 "
    "fft_rfft2 fft_irfft2 fft_ifft2 interpolate upsample grid_sample scatter_add index_add "
    "scatter_reduce addcmul addcdiv positive diff trace kron"
)
_AVERAGES = _words(
    "avg_pool1d avg_pool2d avg_pool3d adaptive_avg_pool1d adaptive_avg_pool2d adaptive_avg_pool3d"
)
_MAXIMA = _words(
    "max_pool1d max_pool2d max_pool3d adaptive_max_pool1d adaptive_max_pool2d adaptive_max_pool3d lp_pool1d "
    "lp_pool2d lp_pool3d fractional_max_pool2d fractional_max_pool3d max amax max_pool1d_with_indices "
    "max_pool2d_with_indices max_pool3d_with_indices"
)
_SPELT = {
    "rsub": "sub",
    "rdiv": "div",
    "rtruediv": "div",
    "truediv": "div",
    "true_divide": "div",
    "divide": "div",
    "itruediv": "div",
    "idiv": "div",
    "radd": "add",
    "iadd": "add",
    "isub": "sub",
    "imul": "mul",
    "rmul": "mul",
    "multiply": "mul",
    "subtract": "sub",
    "subtract_": "sub",
    "negative": "neg",
    "rpow": "pow",
    "ipow": "pow",
    "rmatmul": "matmul",
    "special_expit": "sigmoid",
    "special_softmax": "softmax",
    "special_log_softmax": "log_softmax",
    "special_erf": "erf",
    "special_exp": "exp",
    "arctan": "atan",
    "log_sigmoid": "logsigmoid",
    "clip": "clamp",
    "clamp_max": "clamp",
    "_weight_norm": "weight_norm",
}
_FILES = {
    "linear": "linear",
    "conv": "convolution",
    "rnn": "recurrent",
    "sparse": "embedding",
    "batchnorm": "norm",
    "instancenorm": "norm",
    "normalization": "norm",
    "dropout": "dropout",
    "activation": "activation",
    "pooling": "pool",
}
"""Files of torch.nn.modules, by what the modules in them are."""


def spelled(name: str) -> str:
    """One spelling for x + y, x.add_(y), torch.add and their kin.

    >>> spelled("__rsub__"), spelled("relu_"), spelled("special_expit")
    ('sub', 'relu', 'sigmoid')
    """
    bare = name.strip("_") or name
    return _SPELT.get(bare, bare)


def function_sort(what: str) -> Sort:
    """The sort of a function by its one spelling; unknown ones count as not linear."""
    for kind, names in _WEIGHTED.items():
        if what in names:
            return Sort(kind, what, linear=kind in ("linear", "convolution", "embedding"))
    if what in _ACTIVATIONS:
        return Sort("activation", what)
    if what in _NORMS:
        return Sort("norm", what)
    if what in _DROPOUTS:
        return Sort("dropout", what, linear=True)
    if what in _AVERAGES or what in _MAXIMA:
        return Sort("pool", what, linear=what in _AVERAGES)
    return Sort("other", what, shown=what not in _MOVES, linear=what in _MOVES or what in _AFFINE)


def known_module(part: nn.Module) -> type[nn.Module] | None:
    """The class of torch.nn that `part` is or derives from; None for the user's own and for containers."""
    for kind in type(part).__mro__:
        if kind is nn.Module:
            return None
        home = kind.__module__
        if home.startswith(
            ("torch.nn.modules.", "torch.ao.nn.", "torch.nn.intrinsic", "torch.nn.quantizable")
        ):
            opened = home.endswith((".container", ".transformer"))
            return None if opened else kind
    return None


def module_sort(part: nn.Module) -> Sort | None:
    """The sort of a module of torch.nn, or of one whose class calls itself a norm or a dropout."""
    known = known_module(part)
    if known is None:
        return _own_sort(part)
    kind = _FILES.get(known.__module__.rpartition(".")[2], "other")
    name = known.__name__
    if isinstance(part, nn.Identity):
        return Sort("other", "identity", shown=False, linear=True)
    if isinstance(part, nn.MultiheadAttention):
        return Sort("attention", "multihead_attention")
    if kind == "activation":
        what = {"LeakyReLU": "leaky_relu", "LogSoftmax": "log_softmax", "Softmax2d": "softmax"}
        return Sort(kind, what.get(name, name.lower()))
    if kind == "norm":
        return Sort(kind, _norm_name(name))
    if kind == "pool":
        return Sort(kind, _snake(name), linear="Avg" in name)
    if kind == "recurrent":
        return Sort(kind, _snake(name))
    if kind == "other":
        moves = known.__module__.rpartition(".")[2] in _words(
            "padding flatten fold pixelshuffle channelshuffle upsampling"
        )
        return Sort(kind, _snake(name), shown=not moves, linear=moves)
    return Sort(kind, _snake(name), linear=name != "Bilinear")


def _own_sort(part: nn.Module) -> Sort | None:
    """The user's leaf modules are opened, but for norms and dropouts, known by the name of their class."""
    name = type(part).__name__
    if re.search(r"norm(?![a-z])", name.lower() if name.islower() else name.replace("Norm", "norm")):
        return Sort("norm", _norm_name(name))
    if any(word in name.lower() for word in ("dropout", "droppath", "drop_path", "stochasticdepth")):
        return Sort("dropout", _snake(name), linear=True)
    bare = next(part.parameters(), None) is None and next(part.children(), None) is None
    return Sort("dropout", _snake(name), linear=True) if bare and "drop" in name.lower() else None


def rate_of(part: nn.Module) -> str:
    """The name under which a module of dropout keeps its rate: of a user's own, the one number that is a
    share; "" where none is seen.
    """
    given = vars(part)
    shares = [name for name, value in given.items() if isinstance(value, float) and 0.0 < value < 1.0]
    known = [name for name in ("p", "drop_prob") if isinstance(given.get(name), float | int)]
    return known[0] if known else shares[0] if len(shares) == 1 else ""


def _norm_name(name: str) -> str:
    plain = re.sub(r"^(Lazy|Sync)", "", re.sub(r"\d+d$", "", name))
    return {"RMSNorm": "rms_norm", "CrossMapLRN2d": "local_response_norm"}.get(plain, _snake(plain))


def _snake(name: str) -> str:
    if name.isupper() or name in ("RNNCell", "LSTMCell", "GRUCell"):
        return name.lower().replace("cell", "_cell")
    return re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()

"""What is forecast: a Design with several draws of its first weights, or one module as it is."""

import math
from dataclasses import dataclass, replace
from itertools import groupby

import numpy as np
import torch
from torch import nn

from profunda._seeds import key
from profunda.errors import ArgumentError
from profunda.forecasting.laws import Law
from profunda.forecasting.learnability import Recipe
from profunda.forecasting.rows import Rows, entering
from profunda.forecasting.trainable import ROWS, design_laws, recipe_of
from profunda.networks.dense import build, load
from profunda.networks.initial import initial_params
from profunda.networks.layout import layout_of
from profunda.space.bodies import Body
from profunda.space.design import Design
from profunda.theory.chains import Chain, Link, chain_of
from profunda.theory.tracing import PROBE_ROWS

__all__ = ["Subject", "design_subject", "module_subject", "sound"]

DRAWS = 16
"""Networks of a Design that are drawn and measured."""
DRAWS_OF_BODIES = 3
"""Of a Design with a body, whose rows take a hundred times as long."""
HEAVY = 20_000_000
"""Parameters of all draws together, above which fewer are drawn."""


@dataclass(frozen=True, eq=False)
class Subject:
    """A network to forecast.

    `modules` are its draws, float64 of a Design and as it came of a module; `layers` the dense layers of each
    in order, the read-out last. `laws` say what theory may take them for, the read-out last; empty where
    the network is no plain chain, and `why` then says so. `inputs` are the numbers that enter the first
    layer.
    """

    name: str
    modules: tuple[nn.Module, ...]
    layers: tuple[tuple[nn.Linear, ...], ...]
    laws: tuple[Law, ...]
    why: str
    law_name: str
    kurtosis: float
    inputs: int
    outputs: int
    parameters: int
    recipe: Recipe | None
    ntk: bool
    notes: tuple[str, ...]

    @property
    def widths(self) -> tuple[int, ...]:
        """Of the hidden layers."""
        found = self.laws or self.layers[0]
        return tuple(one.fan_out if isinstance(one, Law) else one.out_features for one in found[:-1])

    @property
    def plain(self) -> bool:
        """Whether it is a chain without norms and skips, which the formulas of finite width are for."""
        return bool(self.laws) and all(law.norm == "none" and not law.skip for law in self.laws)

    @property
    def relu_exact(self) -> bool:
        """Whether it is a ReLU network without biases at the start: their laws are exact."""
        sides = [law.activation.sides for law in self.laws[:-1]]
        return self.plain and bool(sides) and all(
            side is not None and side[0] == 0.0 and law.bias_variance == 0.0
            for side, law in zip(sides, self.laws, strict=False)
        )  # fmt: skip


def design_subject(design: Design, rows: Rows, outputs: int, seed: int) -> Subject:
    """A Design for the inputs of `rows`, drawn several times from seeds of their own.

    The laws are of dense layers alone: of a Design with a body nothing but what is measured can be told.
    """
    made = layout_of(design, rows.inputs, outputs)
    if design.body != "dense":
        return _bodied(design, made.front.body, rows, outputs, seed)
    entering = made.blocks[0].fan_in
    number = max(2, min(DRAWS, HEAVY // max(made.size, 1)))
    modules = tuple(_drawn(design, rows, outputs, key("forecast", seed, k)) for k in range(number))
    notes = [] if made.front.plain else ["What stands before the first layer is measured, not forecast."]
    if design.initialisation == "lsuv":
        notes.append("lsuv scales its layers on the rows; theory takes the variances of the first draw.")
    laws = design_laws(design, entering, outputs)
    layers = tuple(_linears(module) for module in modules)
    if design.initialisation == "lsuv":
        laws = tuple(_measured_law(law, one) for law, one in zip(laws, layers[0], strict=True))
    return Subject(
        f"{design.activation} network of {_shape(design.widths)}, {design.initialisation}",
        modules,
        layers,
        laws,
        "",
        design.initialisation,
        -1.2 if design.initialisation == "torch" else 0.0,
        entering,
        outputs,
        design.parameters(rows.inputs, outputs),
        recipe_of(design, rows.total or ROWS, rows.classes),
        design.parametrisation == "ntk",
        tuple(notes),
    )


def _bodied(design: Design, body: Body, rows: Rows, outputs: int, seed: int) -> Subject:
    modules = tuple(_drawn(design, rows, outputs, key("forecast", seed, k)) for k in range(DRAWS_OF_BODIES))
    layers = tuple(_linears(module) for module in modules)
    notes = [
        f"Measured on {len(rows.x):,} of {rows.total:,} rows and {len(modules)} draws, as a body takes long."
    ]
    if body.norm == "batch":
        notes.append(
            "Batch norm inside the body is measured before it has seen a batch: it changes nothing yet."
        )
    return Subject(
        f"{design.activation} network of {_shape(design.widths)} behind {body.words}, "
        f"{design.initialisation}",
        modules,
        layers,
        (),
        f"the formulas are for chains of dense layers, and its layers stand behind {body.words}",
        design.initialisation,
        math.nan,
        layers[0][0].in_features,
        outputs,
        design.parameters(rows.inputs, outputs),
        recipe_of(design, rows.total or ROWS, rows.classes),
        design.parametrisation == "ntk",
        tuple(notes),
    )


def _shape(widths: tuple[int, ...]) -> str:
    """ "64–32–32", or "8 × 64" where many are equal."""
    runs = [(width, len(list(run))) for width, run in groupby(widths)]
    told = "–".join(f"{n} × {width}" if n > 3 else "–".join([str(width)] * n) for width, n in runs)
    return told or "no hidden layer"


def _drawn(design: Design, rows: Rows, outputs: int, draw: int) -> nn.Module:
    params = initial_params(design, draw % 2**48, rows.inputs, outputs, rows.x)
    with torch.random.fork_rng(devices=[]):  # building draws weights that are overwritten at once
        module = build(design, rows.inputs, outputs).double()
    with torch.no_grad():
        return load(module, params).eval()


def _linears(module: nn.Module) -> tuple[nn.Linear, ...]:
    return tuple(part for part in module.modules() if isinstance(part, nn.Linear))


def module_subject(module: nn.Module, rows: Rows) -> Subject:
    """A module as it is: what it is made of is read from it, its law from its weights."""
    chain = chain_of(module, entering(module, rows.x[:PROBE_ROWS]))
    why, notes = _understood(chain)
    laws = () if why else tuple(_law_of(link) for link in chain.links)
    weights = [link.linear.weight.detach().double() * link.factor for link in chain.links]
    return Subject(
        type(module).__name__,
        (module,),
        (tuple(link.linear for link in chain.links),),
        laws,
        why,
        _recognised(laws),
        _kurtosis(weights),
        chain.inputs,
        chain.outputs,
        sum(p.numel() for p in module.parameters() if p.requires_grad),
        None,
        any(link.factor != 1.0 for link in chain.links),
        notes,
    )


def sound(module: nn.Module) -> None:
    """Raise ArgumentError where nothing can be forecast: no parameters, some without a size yet or of size 0,
    half precision, numbers that are not finite, several devices, no gradients."""
    parameters = list(module.parameters())
    name = type(module).__name__
    if any(nn.parameter.is_lazy(each) for each in parameters):
        raise ArgumentError(f"{name} has layers that do not know their size yet: run it once on data.")
    if not any(p.requires_grad and p.numel() for p in parameters):
        raise ArgumentError(
            f"{name} has no parameters to train ({len(parameters)} tensors, none of which asks for a "
            "gradient): there is nothing to forecast. Unfreeze it, or hand over the part that is trained."
        )
    empty = [
        key for key, part in module.named_modules() if isinstance(part, nn.Linear) and not part.weight.numel()
    ]
    if empty:
        part = module.get_submodule(empty[0])
        raise ArgumentError(
            f"Layer {empty[0] or 'itself'!r} of {name} has {part.in_features} inputs and {part.out_features} "
            "units: each must be at least 1."
        )
    if any(tensor.is_inference() for tensor in (*parameters, *module.buffers())):
        raise ArgumentError(
            f"{name} was made under torch.inference_mode, so no gradient can pass through it: build it "
            "outside of that block, or load its state_dict into one that was."
        )
    kinds = sorted({str(p.dtype).removeprefix("torch.") for p in parameters})
    if set(kinds) - {"float32", "float64"}:
        raise ArgumentError(
            f"{name} has parameters of {', '.join(kinds)}: gradients and kernels need float32 at least. Hand "
            "over module.float()."
        )
    places = sorted({str(p.device) for p in parameters})
    broken = [key for key, p in module.named_parameters() if places == ["cpu"] and not p.isfinite().all()]
    if broken:
        raise ArgumentError(
            f"Parameter {broken[0]!r} of {name} holds NaN or infinite values: its training diverged; "
            "forecast it as it is before training."
        )
    if places != ["cpu"]:
        raise ArgumentError(
            f"{name} lies on {', '.join(places)}; a forecast is made on the CPU: hand over module.cpu()."
        )


def _understood(chain: Chain) -> tuple[str, tuple[str, ...]]:
    """Why the module is no chain ("" where it is one), and what was understood of it, in words."""
    told = [f"{one.name or 'the module'} ({one.kind}): {one.reason}" for one in chain.unread]
    strange = [link.name for link in chain.links if link.activation is None]
    if not told and strange:
        told = [f"what follows {', '.join(strange)} is no known activation"]
    if chain.exact and not told:
        return "", ()
    read = [f"{link.name} ({link.linear.in_features} → {link.linear.out_features})" for link in chain.links]
    first = told[0] if told else "its layers in turn do not give what it gives"
    notes = (
        f"Understood: {', '.join(read) or 'no dense layer'}.",
        *(f"Not understood: {one}." for one in told),
    )
    return f"the module is no plain chain of dense layers: {first}", notes


def _law_of(link: Link) -> Law:
    weight = link.linear.weight.detach().double() * link.factor
    bias = link.linear.bias
    assert link.activation is not None
    return Law(
        link.linear.in_features,
        link.linear.out_features,
        float(weight.square().mean()) * link.linear.in_features,
        0.0 if bias is None else float(bias.detach().double().square().mean()),
        link.activation,
        link.keep,
        link.norm,
        link.norm_before,
    )


def _measured_law(law: Law, layer: nn.Linear) -> Law:
    return replace(law, weight_variance=float(layer.weight.detach().square().mean()) * law.fan_in)


def _kurtosis(weights: list[torch.Tensor]) -> float:
    """Excess kurtosis, weighted by layers' numbers of weights: 0 normal, −1.2 uniform."""
    if not weights:
        return float("nan")
    found = [float((w**4).mean() / (w**2).mean() ** 2) - 3.0 for w in weights if float((w**2).mean()) > 0.0]
    return (
        float(np.average(found, weights=[w.numel() for w in weights if float((w**2).mean()) > 0.0]))
        if found
        else float("nan")
    )


def _recognised(laws: tuple[Law, ...]) -> str:
    """The named law whose C_W the layers have within four standard errors of a sample variance."""
    hidden = laws[:-1] or laws
    if not hidden:
        return "not recognised"
    for name, number in (("torch", 1 / 3), ("lecun", 1.0), ("he", 2.0)):
        if all(
            abs(law.weight_variance / number - 1.0) < 4.0 * (2.0 / (law.fan_in * law.fan_out)) ** 0.5
            for law in hidden
        ):
            return name
    return "not recognised"

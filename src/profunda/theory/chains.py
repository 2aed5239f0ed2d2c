"""A module as a chain of dense layers, or word of what in it is something else.

Formulas on depth and width speak of Linear → norm → activation → dropout, again and again. Whether a module
is that is found by running it on a few rows: hooks tell which parts run in which order, and what enters a
part is compared with what left the one before, so that functions called inside `forward` are found as well.
"""

from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from profunda.errors import ArgumentError, DataError
from profunda.theory.activations import NONLINEARITIES, Nonlinearity
from profunda.theory.parameter_maps import evaluating
from profunda.theory.parts import NORMS, STRANGE, added, dropped, factor_of, fully_on, takes_each
from profunda.theory.pointwise import FUNCTIONS, Function, close, named_activation, recognised, wrapped
from profunda.theory.tracing import PROBE_ROWS, Step, own_rows, parts_of, trace

__all__ = ["Chain", "Link", "Unread", "chain_of"]


@dataclass(frozen=True)
class Link:
    """One dense layer and what follows it, up to the next.

    Parameters
    ----------
    name
        The linear layer's name in the module.
    linear
        That layer; its output is factor·W x + b.
    norm
        "none", "batch", "layer", "group" or "instance".
    norm_before
        Whether the norm stands before the activation.
    activation
        "linear" where none follows; None where what follows was not understood.
    keep
        Probability that dropout after it keeps a unit; 1.0 without dropout. Calls of `functional.dropout`
        cannot be seen.
    normaliser
        The norm's module, None for none.
    function
        The activation on tensors.
    factor
        What the layer multiplies its weights by: 1.0 but for layers in the NTK parametrisation.
    """

    name: str
    linear: nn.Linear
    norm: str
    norm_before: bool
    activation: Nonlinearity | None
    keep: float
    normaliser: nn.Module | None = None
    function: Function = FUNCTIONS["linear"]
    factor: float = 1.0

    def forward(self, x: Tensor) -> Tensor:
        """[N, fan_in] → [N, fan_out] as in evaluation; ArgumentError where part of it was not understood."""
        if self.activation is None:
            raise ArgumentError(f"What follows layer {self.name!r} was not understood, so it cannot be run.")
        z = self.linear(x)
        if self.normaliser is None:
            return self.function(z)
        if self.norm_before:
            return self.function(self.normaliser(z))
        return self.normaliser(self.function(z))


@dataclass(frozen=True)
class Unread:
    """A part that is no link of a chain: its name in the module, its kind, and why."""

    name: str
    kind: str
    reason: str


@dataclass(frozen=True)
class Chain:
    """Dense layers in the order in which they run.

    Parameters
    ----------
    links
        The last gives the outputs.
    unread
        What was not understood.
    exact
        Whether nothing is unread, and running the links gave what the module gives on the rows that it was
        read with.
    input_keep
        Probability that dropout before the first layer keeps an input.
    """

    links: tuple[Link, ...]
    unread: tuple[Unread, ...]
    exact: bool
    input_keep: float = 1.0

    @property
    def widths(self) -> tuple[int, ...]:
        """Units of the hidden layers, [L]."""
        return tuple(link.linear.out_features for link in self.links[:-1])

    @property
    def inputs(self) -> int:
        """Numbers that enter the first layer; 0 without layers."""
        return self.links[0].linear.in_features if self.links else 0

    @property
    def outputs(self) -> int:
        """Numbers that leave the last layer; 0 without layers."""
        return self.links[-1].linear.out_features if self.links else 0

    @property
    def depth(self) -> int:
        """Hidden layers L."""
        return max(0, len(self.links) - 1)

    def forward(self, x: Tensor) -> Tensor:
        """Rows [N, ...] through all links, as in evaluation: [N, C]."""
        if x.dim() > 2:
            x = x.flatten(1)
        for link in self.links:
            x = link.forward(x)
        return x


def chain_of(module: nn.Module, probe: Tensor | None = None) -> Chain:
    """Read `module` as a chain of dense layers; it is left as it was.

    `probe` [N, ...] are rows to read it with, of which 32 are used; without, seeded rows in (−0.9, 0.9) of
    the first layer's size. Where the module cannot be run on those, its parts are read in the order of their
    registration, and `exact` is False. Convolutions, attention, shortcuts and the like end up in `unread`.

    Raises ArgumentError for a layer that does not know its size yet, and where `module` does not take
    `probe`; DataError for a probe with no rows or one that is not finite.

    >>> chain = chain_of(nn.Sequential(nn.Linear(20, 64), nn.ReLU(), nn.Linear(64, 3)))
    >>> chain.exact, chain.inputs, chain.widths, chain.outputs, chain.links[0].activation.name
    (True, 20, (64,), 3, 'relu')
    """
    parts = list(parts_of(module))
    # In evaluation from here on: to ask a parametrised layer for its weight in training can change it.
    with evaluating(module), torch.no_grad():
        for name, part in parts:
            if isinstance(part, nn.Linear) and isinstance(part.weight, nn.UninitializedParameter):
                raise ArgumentError(
                    f"Layer {name!r} does not know its size yet: run the module once on data."
                )
        rows = _checked(probe) if probe is not None else own_rows(parts)
        return _read(module, parts, rows, probe is not None)


# Which parts run, on what ---------------------------------------------------------------------------


def _checked(probe: Tensor) -> Tensor:
    rows = probe[:PROBE_ROWS]
    if not rows.numel():
        raise DataError(f"The probe has shape {tuple(probe.shape)}, so no rows: hand over a few.")
    if not torch.isfinite(rows).all():
        raise DataError("The probe holds NaN or infinite values: fill or leave out these rows.")
    return rows


def _read(module: nn.Module, parts: list[tuple[str, nn.Module]], rows: Tensor | None, given: bool) -> Chain:
    reader = _Reader()
    kind = type(module).__name__
    if rows is None:
        reader.refuse("", kind, "it holds no dense layer, so no rows could be made for it")
        return reader.registered(parts)
    try:
        steps, output = trace(module, parts, rows)
    except Exception as error:  # whatever a stranger's forward raises
        if given:
            raise ArgumentError(
                f"The module does not take rows of shape {tuple(rows.shape)}, {rows.dtype}, on {rows.device} "
                f"({type(error).__name__}: {error}): hand over rows as it is trained on."
            ) from error
        reader.refuse("", kind, f"it could not be run on rows of its first layer's size ({error})")
        return reader.registered(parts)
    own = [name for name, _ in module.named_parameters(recurse=False)]
    if own and not (len(parts) == 1 and parts[0][1] is module):
        reader.refuse("", kind, f"it has parameters of its own: {', '.join(own)}")
    return reader.run(steps, rows, output)


# What they are --------------------------------------------------------------------------------------


@dataclass
class _Draft:
    """A link that is being read."""

    name: str
    linear: nn.Linear
    factor: float
    norm: str = "none"
    norm_before: bool = True
    activation: Nonlinearity | None = None
    function: Function = FUNCTIONS["linear"]
    normaliser: nn.Module | None = None
    keep: float = 1.0
    understood: bool = True

    def made(self) -> Link:
        activation = self.activation or NONLINEARITIES["linear"]
        return Link(
            self.name,
            self.linear,
            self.norm,
            self.norm_before,
            activation if self.understood else None,
            self.keep,
            self.normaliser,
            self.function,
            self.factor,
        )


@dataclass
class _Reader:
    """Takes one part after the other."""

    drafts: list[_Draft] = field(default_factory=list)
    unread: list[Unread] = field(default_factory=list)
    input_keep: float = 1.0

    def refuse(self, name: str, kind: str, reason: str) -> None:
        self.unread.append(Unread(name, kind, reason))
        if self.drafts and kind != "Linear":
            self.drafts[-1].understood = False

    def registered(self, parts: list[tuple[str, nn.Module]]) -> Chain:
        for name, part in parts:
            self.take(Step(name, part))
        for draft in self.drafts[:-1]:  # what `forward` calls between two layers was not seen
            draft.understood = draft.understood and draft.activation is not None
        return self.made(False)

    def run(self, steps: list[Step], rows: Tensor, output: Tensor) -> Chain:
        last = rows
        seen: list[Tensor] = [rows]
        for step in steps:
            if step.entered is not None:
                self.between(step.name, last, step.entered, seen)
                seen.append(step.entered)
            self.take(step)
            if step.left is not None:
                last = step.left
                seen.append(last)
        self.between("", last, output, seen)
        chain = self.made(False)
        if not chain.links or any(link.activation is None for link in chain.links):
            return chain
        try:
            same = close(chain.forward(rows), output.reshape(len(rows), -1))
        except (RuntimeError, ValueError):  # the sizes do not fit: the layers are no chain
            same = False
        return self.made(same and not self.unread)

    def between(self, name: str, left: Tensor, entered: Tensor, seen: list[Tensor]) -> None:
        """What `forward` itself does between two parts."""
        if left.numel() == entered.numel() and torch.equal(left.reshape(entered.shape), entered):
            return
        where = f"before {name!r}" if name else "at the end"
        known = recognised(left, entered)
        if known is not None and self.drafts:
            self.activate("", known, NONLINEARITIES[known], FUNCTIONS[known])
        elif added(left, entered, seen):
            self.refuse(name, "shortcut", f"{where} something earlier is added: a residual network")
        else:
            self.refuse(name, "forward", f"{where} stands arithmetic that is no known activation")

    def take(self, step: Step) -> None:
        part, kind = step.part, type(step.part).__name__
        if isinstance(part, nn.Linear):
            self.layer(step, part)
        elif type(part) in NORMS:
            self.normalise(step)
        elif dropped(part) is not None:
            self.drop(dropped(part) or 0.0)
        elif isinstance(part, nn.Identity) or (isinstance(part, nn.Flatten) and not self.drafts):
            pass
        else:
            self.other(step, kind)

    def layer(self, step: Step, part: nn.Linear) -> None:
        if any(draft.linear is part for draft in self.drafts):
            self.refuse(step.name, "Linear", "it runs more than once, so that its weights are shared")
        if step.entered is not None and step.entered.dim() > 2:
            self.refuse(step.name, "Linear", "it takes each position of a sequence by itself")
        factor = 1.0 if step.entered is None else factor_of(part)
        if factor is None:
            self.refuse(step.name, type(part).__name__, "its output is no multiple of W x, plus b")
        if type(part).__name__ == "DropConnect":  # in mean and variance the same as dropping what enters it
            self.drop(float(vars(part)["p"]))
        self.drafts.append(_Draft(step.name, part, 1.0 if factor is None else factor))

    def normalise(self, step: Step) -> None:
        kind, known = type(step.part).__name__, NORMS[type(step.part)]
        if not self.drafts:
            self.refuse(step.name, kind, "a norm before the first layer has no units to normalise")
        elif self.drafts[-1].norm != "none":
            self.refuse(step.name, kind, "a second norm follows the same layer")
        else:
            draft = self.drafts[-1]
            draft.norm, draft.norm_before = known, draft.activation is None
            draft.normaliser = step.part

    def drop(self, rate: float) -> None:
        if self.drafts:
            self.drafts[-1].keep *= 1.0 - rate
        else:
            self.input_keep *= 1.0 - rate

    def other(self, step: Step, kind: str) -> None:
        inner = fully_on(step.part)
        known = named_activation(step.part if inner is None else inner)
        if known is not None:
            self.activate(step.name, kind, known, step.part)
            return
        for word, reason in STRANGE:
            if word in kind or word in kind.lower():
                self.refuse(step.name, kind, reason)
                return
        name = None if step.entered is None or step.left is None else recognised(step.entered, step.left)
        if name is not None:
            self.activate(step.name, kind, NONLINEARITIES[name], step.part)
        elif takes_each(step):
            self.activate(step.name, kind, wrapped(kind.lower(), step.part), step.part)
        else:
            self.refuse(step.name, kind, "it is neither a dense layer nor norm, activation or dropout")

    def activate(self, name: str, kind: str, known: Nonlinearity, function: Function) -> None:
        if not self.drafts:
            self.refuse(name, kind, "an activation before the first layer")
        elif self.drafts[-1].activation is not None:
            self.refuse(name, kind, "a second activation follows the same layer")
        else:
            self.drafts[-1].activation, self.drafts[-1].function = known, function

    def made(self, exact: bool) -> Chain:
        links = tuple(draft.made() for draft in self.drafts)
        return Chain(links, tuple(self.unread), exact, self.input_keep)

"""A module made invariant, or equivariant, by its mean over a finite group of transformations."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from profunda.errors import ArgumentError

__all__ = ["Symmetrised"]


class Symmetrised(nn.Module):
    """x ↦ mean over g in G of f(g x): invariant under G, whatever f is (the Reynolds operator).

    With `inverses`, one for each transformation, x ↦ mean of g⁻¹ f(g x): equivariant, where outputs are maps.
    `transforms` must be the whole group, the identity included, as {identity, horizontal flip} or the four
    quarter turns are: for h in G, {g h} is G again, and so is the mean. It costs |G| passes and no parameter
    (the orbit's mean of Cohen and Welling 2016, section 3, taken at the outputs).

    >>> import torch
    >>> flips = Symmetrised(torch.nn.Linear(3, 1), (lambda x: x, lambda x: x.flip(1)))
    >>> x = torch.randn(5, 3)
    >>> bool(torch.allclose(flips(x), flips(x.flip(1))))
    True
    """

    def __init__(
        self,
        module: nn.Module,
        transforms: Sequence[Callable[[Tensor], Tensor]],
        inverses: Sequence[Callable[[Tensor], Tensor]] | None = None,
    ) -> None:
        super().__init__()
        if not transforms:
            raise ArgumentError("a group has at least its identity: give one transformation or more")
        if inverses is not None and len(inverses) != len(transforms):
            raise ArgumentError(
                f"{len(inverses)} inverses beside {len(transforms)} transformations: give one for each, in "
                "their order, or none"
            )
        self.module = module
        self.transforms = tuple(transforms)
        self.inverses = None if inverses is None else tuple(inverses)

    def forward(self, x: Tensor) -> Tensor:
        """The mean of |G| outputs, of the shape of one."""
        outputs = [self.module(transform(x)) for transform in self.transforms]
        if self.inverses is not None:
            outputs = [inverse(one) for inverse, one in zip(self.inverses, outputs, strict=True)]
        return torch.stack(outputs).mean(0)

"""What loops of people's own have in common."""

import torch
from torch.utils.data import DataLoader, TensorDataset

from _programs.program import Made

__all__ = ["loader_of", "validated"]


def loader_of(made: Made, seed: int, shuffle: bool = True, batch_size: int = 0) -> DataLoader:
    torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(seed)
    rows = TensorDataset(*made.data)
    return DataLoader(rows, batch_size or made.batch_size, shuffle=shuffle, generator=generator)


def validated(made: Made) -> float:
    """The validation loss, as loops print it; the mode stays what it is."""
    with torch.no_grad():
        return float(made.loss_fn(made.model(made.validation[0]), made.validation[1]))

"""What torch.nn lacks: `initialisers` draws first weights from stateless streams, `dropout` has
Gaussian dropout and DropConnect as modules."""

"""What torch.nn lacks: `initialisers` draws first weights from stateless streams."""

"""What torch.nn lacks, usable in a user's own loop: `initialisers` draws first weights from stateless
streams."""

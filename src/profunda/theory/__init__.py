"""Formulas on plain numbers, arrays and `nn.Module`s, each with its source; this room knows no fleet."""

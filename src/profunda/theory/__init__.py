"""Formulas on plain numbers, each with its source; this room knows no fleet.

`gains` are variances of first weights, `widths` what the widths of a network say before training.
"""

"""Signals and gradients in deep networks."""

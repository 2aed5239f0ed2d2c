"""Kernels, the lazy regime, width and depth."""

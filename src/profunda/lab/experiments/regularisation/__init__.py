"""Regularising."""

"""Overfitting, bias and variance, double descent."""

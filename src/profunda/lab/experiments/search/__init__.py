"""Designing and searching."""

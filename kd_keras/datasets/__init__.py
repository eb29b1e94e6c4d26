"""Data sets of the paper's experiments."""

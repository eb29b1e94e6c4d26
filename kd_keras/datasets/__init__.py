"""The data sets of the paper's experiments."""

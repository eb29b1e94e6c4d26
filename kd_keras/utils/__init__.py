"""Helpers that the other subpackages share: errors, checks, cores, progress."""

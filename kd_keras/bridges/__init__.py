"""Codes and codebooks of other libraries, and for them."""

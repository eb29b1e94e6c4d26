"""Conversion of embeddings from and to the quantisers of other libraries."""

"""Folders on disk: results, code embeddings, shards, unfinished runs."""

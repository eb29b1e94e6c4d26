"""What lies on disk: results, code embeddings, shards, unfinished runs."""

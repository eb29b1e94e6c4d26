"""Searches for the codes and code embeddings of a table, in numpy only.

`fit_additive` is the best recipe that we know for the linear composition.
`fit_codebooks` learns code embeddings for rows that come later.
`concat.fit_concat` is product quantisation. The `encode_...` functions find
codes of vectors for fixed code embeddings.
"""

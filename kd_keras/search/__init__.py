"""Codes and code embeddings of a table, found by search; numpy only.

`fit_additive` is the best recipe that we know for the linear composition,
`fit_codebooks` makes code embeddings for rows that come later, and
`concat.fit_concat` is product quantisation. The `encode_...` functions find
codes of vectors under fixed code embeddings.
"""

"""Codes and code embeddings of a table, by search: additive and concat.

Numpy only. `fit_additive` is the best recipe that we know for the linear
composition, `fit_concat` is product quantisation. The `encode_...` functions
find codes of vectors under code embeddings that stay as they are.
"""

from kd_keras.search.concat import decode_concat, encode_concat, fit_concat
from kd_keras.search.encode_additive import encode_additive
from kd_keras.search.fit_additive import fit_additive
from kd_keras.search.fit_codebooks import fit_codebooks
from kd_keras.search.methods.additive_sum import decode_additive
from kd_keras.search.methods.least_squares import (
    fit_code_embeddings,
    fit_in_order,
)

__all__ = [
    "decode_additive",
    "decode_concat",
    "encode_additive",
    "encode_concat",
    "fit_additive",
    "fit_code_embeddings",
    "fit_codebooks",
    "fit_concat",
    "fit_in_order",
]

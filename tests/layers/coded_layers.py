"""Helpers of the tests of layers."""

from kd_testing import SIZE, D, K, N

import kd_keras


def embedding(**options):
    return kd_keras.KDEmbedding(N, SIZE, **{"K": K, "D": D} | options)

"""Tries forms of tables by a short training."""

from collections.abc import Sequence
from typing import Any

import keras

from kd_keras.compression.distil import distil
from kd_keras.compression.forms import Form
from kd_keras.compression.model_data import ModelData
from kd_keras.compression.model_tables import ModelTable
from kd_keras.compression.with_forms import with_forms

TRIAL_BATCHES = 300  # of the short training that compares the ways
# Share of the large model's outputs in its loss. By the targets alone, a way
# that loses words can look better: it makes a model that is too sure of itself
# less sure, and less accurate.
TRIAL_SHARE = 0.5


def loss_of_trial(
    model: Any,
    tables: Sequence[ModelTable],
    forms: Sequence[Form],
    data: ModelData,
    validation: ModelData,
    seed: int,
) -> float:
    """Returns the least loss of the validation of a short training.

    Args:
        model: Keras model.
        tables: list of `ModelTable` of it.
        forms: list of `Form`, one for each table. Their codes are searched
            for as briefly as possible.
        data, validation: `ModelData`.
        seed: int. For all random choices.
    """
    keras.utils.set_random_seed(seed)
    small = with_forms(
        model, tables, forms, lambda form, table: form.make(table, seed, 0.0)
    )
    losses = distil(
        small,
        model,
        data.part(TRIAL_BATCHES),
        validation,
        1,
        seed,
        share=TRIAL_SHARE,
        judged_share=TRIAL_SHARE,
        between=(),
    )
    return min(losses)

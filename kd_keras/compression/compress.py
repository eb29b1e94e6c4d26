"""Makes a trained model small: one call, one number of bytes."""

import sys
from collections.abc import Iterable
from typing import Any

import keras

from kd_keras.compression.carry_out import (
    Compressed,
    Train,
    Work,
    carry_out,
)
from kd_keras.compression.file_size import FileContents
from kd_keras.compression.make_plan import make_plan
from kd_keras.compression.plan import Plan
from kd_keras.compression.states import keeps_states, reset_states
from kd_keras.compression.steps import NOTHING_KEPT, Steps
from kd_keras.search.effort import check_effort
from kd_keras.utils.checks import check_integer_or_none
from kd_keras.utils.errors import BadInputError, as_bad_input
from kd_keras.utils.progress_bar import Say
from kd_keras.utils.quiet_retracing import quiet_retracing


def compress(
    model: keras.Model,
    budget: int | str,
    data: Any = None,
    validation_data: Any = None,
    quantization: str | None = "int8",
    layers: Iterable[Any] | None = None,
    tune: bool = True,
    seed: int = 0,
    effort: float = 1.0,
    verbose: int = 1,
    sequence_length: int | None = None,
    counts: Any = None,
    teacher: keras.Model | None = None,
) -> keras.Model:
    """Makes a trained model small.

    The embeddings and the wide output layers of the model get other forms:
    codes, codes with tiers, fewer rows, shorter rows, or the table as it is.
    What each form costs in error and in bytes is estimated, and the bytes are
    shared among the tables so that the loss is least. With data, symbols count
    by how often they occur, the ways of making tables small are compared by a
    short training, and the small model is trained towards the large one and
    the targets.

    Args:
        model: Keras model, built and trained: Sequential, functional,
            subclassed, or a backbone or task of keras-hub. It is not changed.
        budget: int, bytes, or str: `"500 KB"`, `"2 MB"`, or `"10%"` of the
            present size. The bytes of the file that `export_litert` writes
            with this `quantization`, graph included.
        data: Inputs; a tuple of inputs, targets and perhaps sample weights; or
            a `tf.data.Dataset` or `keras.utils.PyDataset` of batches that
            ends. None: the tables alone.
        validation_data: Data of the same kind. None: a tenth of the rows of
            `data` is held back, if these are arrays of at least 20.
        quantization: `"int8"`, `"float16"` or None. See `export_litert`.
        layers: list of layers or their names. Only these are made small; a
            `Dense` among them has a unit for each symbol. None: all embeddings,
            and each linear, softmax or sigmoid `Dense` with at least 1,000
            units and more units than inputs.
        tune: bool. Whether to train the small model if there are data. It
            learns from the outputs of the original; with targets, and if the
            model is compiled, from both. It keeps the weights with the least
            validation loss; where the model has a metric that should be high,
            as accuracy, the loss at the best temperature.
        seed: int. Decides the codes and the training, for which the global
            random seeds are set.
        effort: float, 0 to 1,000. How long to search for codes and to train.
        verbose: int. 0 for silence, 1 for progress and the plan.
        sequence_length: int or None. That of the file which is measured, see
            `export_litert`. None: any length, or 32 if LiteRT needs one.
        counts: array of float or int, shape `(N,)`, at least 0: how often each
            symbol occurs, for the tables of N symbols; or a dict of such
            arrays by the names of layers. They replace what is counted in
            `data`.
        teacher: Keras model whose outputs the small model learns from, with
            the inputs of `model` and outputs of the same kind (probabilities
            or logits): a larger model, or the mean of several
            (`keras.layers.Average`). None: `model`.

    Returns:
        A model of the same class (or a plain functional one, see
        `replace_layers`), with the same inputs, outputs and names of layers,
        compiled like the original. `fit` trains it further, `export_litert`
        writes its file.

    Raises:
        BadInputError: If the model has no table that can be made small, the
            budget is not one or too small, or the data or the teacher do not
            fit the model. It is a `ValueError`.

    Example:

    >>> import keras, numpy as np, kd_keras
    >>> model = keras.Sequential([
    ...     keras.Input((8,), dtype="int32"),
    ...     keras.layers.Embedding(2000, 32, name="words"),
    ...     keras.layers.GlobalAveragePooling1D(),
    ...     keras.layers.Dense(2, activation="softmax"),
    ... ])
    >>> small = kd_keras.compress(model, "20 KB", verbose=0)
    >>> print(type(small.get_layer("words")).__name__)
    KDEmbedding
    >>> report = kd_keras.export_litert(small, "small.tflite", None, "int8")
    >>> print(report.total <= 20_000)
    True

    References:
        [Chen, Min and Sun, 2017](https://arxiv.org/abs/1711.03067) for codes;
        [Hinton, Vinyals and Dean, 2015](https://arxiv.org/abs/1503.02531) for
        the training.
    """
    return compress_model(
        model,
        budget,
        data,
        tune=tune,
        effort=effort,
        validation_data=validation_data,
        quantization=quantization,
        layers=layers,
        seed=seed,
        verbose=verbose,
        say=_line if verbose else lambda line: None,
        contents=_contents(sequence_length),
        counts=counts,
        teacher=teacher,
    ).model


def plan(
    model: keras.Model,
    budget: int | str,
    data: Any = None,
    validation_data: Any = None,
    quantization: str | None = "int8",
    layers: Iterable[Any] | None = None,
    seed: int = 0,
    verbose: int = 1,
    sequence_length: int | None = None,
    counts: Any = None,
) -> Plan:
    """Tells what `compress` would do.

    Args:
        model, budget, data, validation_data, quantization, layers, seed,
            verbose, sequence_length, counts: See `compress`.

    Returns:
        A `Plan`. `print(plan)` shows it as a table, `plan.to_dict()` gives it
        as JSON types.

    Raises:
        BadInputError: See `compress`.

    Example:

    >>> import keras, kd_keras
    >>> words = keras.layers.Embedding(2000, 32, name="words")
    >>> model = keras.Sequential([keras.Input((8,), dtype="int32"), words])
    >>> plan = kd_keras.plan(model, "25%", verbose=0)
    >>> [words] = plan.tables
    >>> print(words.name, words.N, words.form.kind, plan.bytes <= plan.budget)
    words 2000 codes True
    """
    return make_plan(
        model,
        budget,
        data=data,
        validation_data=validation_data,
        quantization=quantization,
        layers=layers,
        seed=seed,
        verbose=verbose,
        say=_line if verbose else lambda line: None,
        contents=_contents(sequence_length),
        counts=counts,
    ).plan


def _contents(sequence_length: Any) -> FileContents:
    name = "`sequence_length`"
    length = as_bad_input(check_integer_or_none, name, sequence_length)
    return FileContents(sequence_length=length)


@quiet_retracing()
@keeps_states
def compress_model(
    model: Any,
    budget: Any,
    data: Any = None,
    *,
    tune: bool = True,
    effort: float = 1.0,
    seed: int = 0,
    verbose: int = 1,
    teachers_share: float | None = None,
    say: Say = lambda line: None,
    steps: Steps = NOTHING_KEPT,
    train: Train | None = None,
    **given: Any,
) -> Compressed:
    """Makes a model small and tells how.

    Args:
        model, budget, data, tune, effort, seed, verbose: See `compress`.
        teachers_share: float or None. See `distil`.
        train: See `Work`.
        say, steps, **given: See `make_plan`.
    """
    as_bad_input(check_effort, effort)
    if given.get("teacher") is not None and not tune:
        raise BadInputError(
            "`teacher` needs `tune`, since it is for the training. Received: "
            "tune=False"
        )
    try:
        planned = make_plan(
            model,
            budget,
            data,
            seed=seed,
            verbose=verbose,
            say=say,
            steps=steps,
            **given,
        )
        work = Work(
            model,
            tune,
            effort,
            seed,
            verbose,
            teachers_share,
            say,
            steps,
            train,
        )
        found = carry_out(planned, work)
    except BadInputError:
        steps.remove()  # the same command would be refused again
        raise
    reset_states(found.model)
    return found


def _line(text: str) -> None:
    print(text, file=sys.stderr, flush=True)

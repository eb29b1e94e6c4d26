"""Makes a trained model small: one call, one number of bytes."""

import dataclasses
import functools
import sys
from collections.abc import Callable, Iterable
from typing import Any

import keras

from kd_keras.compression.distil import EPOCHS, distil, measure
from kd_keras.compression.file_size import FileSize
from kd_keras.compression.forms import Form
from kd_keras.compression.make_plan import Planned, make_plan
from kd_keras.compression.model_tables import ModelTable
from kd_keras.compression.plan import Plan
from kd_keras.compression.planner import with_forms
from kd_keras.compression.states import keeps_states, reset_states
from kd_keras.compression.steps import (
    NOTHING_KEPT,
    Steps,
    are_of,
    arrays_of,
    assign,
    digest_of,
)
from kd_keras.report.model_page import metric_lines
from kd_keras.search.effort import check_effort
from kd_keras.utils.errors import BadInputError, as_bad_input
from kd_keras.utils.progress_bar import Say

# The effort of `learn_codes` at effort 1.
SEARCH = 0.2


@dataclasses.dataclass(frozen=True)
class Compressed:
    """A small model and how it came about.

    Attributes:
        model: Keras model.
        plan: `Plan`.
        losses: list of float. The validation's loss with new tables, and after
            each epoch of training, see `distil`. Empty if nothing was trained.
        measured: dict of dict of float. The model's own loss and metrics of
            the validation data: `"before"`, `"with new tables"`, and
            `"trained"`. Empty without targets.
        parts_before: dict. Bytes of the original's file by role.
        size: `FileSize` of the original: what an export needs.
    """

    model: Any
    plan: Plan
    losses: list[float]
    measured: dict[str, dict[str, float]] = dataclasses.field(
        default_factory=dict
    )
    parts_before: dict[str, int] = dataclasses.field(default_factory=dict)
    size: FileSize | None = None


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
        model: Keras model, built and trained: Sequential, functional, or
            subclassed with a `get_config` that contains its layers; or a
            backbone or task of keras-hub. It is not changed.
        budget: int, bytes, or str: `"500 KB"`, `"2 MB"`, or `"10%"` of the
            present size. The bytes of the file that `export_litert` writes
            with this `quantization`, graph included.
        data: What `model.fit` takes: inputs; a tuple of inputs, targets and
            perhaps sample weights; a `tf.data.Dataset` or a
            `keras.utils.PyDataset` of batches. Or None: the tables alone.
        validation_data: Data of the same kind. None: every tenth row of `data`
            is held back, if these are arrays of at least 20.
        quantization: `"int8"`, `"float16"` or None. See `export_litert`.
        layers: list of layers or their names. Only these are made small; a
            `Dense` among them has a unit for each symbol. None: all embeddings,
            and each linear, softmax or sigmoid `Dense` with at least 1,000
            units and more units than inputs.
        tune: bool. Whether to train the small model if there are data. It
            learns from the outputs of the original; with targets, and if the
            model is compiled, from both.
        seed: int. Decides the codes and the training, for which the global
            random seeds are set.
        effort: float, 0 to 1,000. How long to search for codes and to train.
        verbose: int. 0 for silence, 1 for progress and the plan.

    Returns:
        A model of the same class (or a plain functional one, see
        `replace_layers`), with the same inputs, outputs and names of layers,
        compiled like the original. `fit` trains it further, `export_litert`
        writes its file.

    Raises:
        BadInputError: If the model has no table that can be made small, the
            budget is not one or too small, or the data do not fit the model.
            It is a `ValueError`.

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
) -> Plan:
    """Tells what `compress` would do.

    Args:
        model, budget, data, validation_data, quantization, layers, seed,
            verbose: See `compress`.

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
    ).plan


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
    say: Say = lambda line: None,
    steps: Steps = NOTHING_KEPT,
    **given: Any,
) -> Compressed:
    """Makes a model small and tells how.

    Args:
        model, budget, data, tune, effort, seed, verbose: See `compress`.
        say, steps, **given: See `make_plan`.
    """
    as_bad_input(check_effort, effort)
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
        found = _carry_out(
            planned, model, tune, effort, seed, verbose, say, steps
        )
    except BadInputError:
        steps.remove()  # the same command would be refused again
        raise
    reset_states(found.model)
    return found


def _carry_out(
    planned: Planned,
    model: Any,
    tune: bool,
    effort: float,
    seed: int,
    verbose: int,
    say: Say,
    steps: Steps,
) -> Compressed:
    """Learns the codes of a plan and trains the small model."""
    say(str(planned.plan))
    forms = [table.form for table in planned.plan.tables]
    layers = {}
    for i, (form, table) in enumerate(zip(forms, planned.tables, strict=True)):
        make = functools.partial(
            form.make, table, seed, SEARCH * effort, verbose
        )
        name = f"table-{i}-{digest_of(repr(form))}"
        layers[table.layer] = _made(form, table, make, name, steps)
    keras.utils.set_random_seed(seed)  # of what the copy draws, as in dropout
    small = with_forms(
        model, planned.tables, forms, lambda form, table: layers[table.layer]
    )
    total = planned.size.of(small)
    if total > planned.plan.budget:
        raise BadInputError(
            f"With these codes the file has {total:,} bytes, which was not "
            "foreseen: give a smaller budget. Received: "
            f"budget={planned.plan.budget:,} bytes"
        )
    losses: list[float] = []
    measured = {}
    train, validation = planned.data, planned.validation
    if planned.tables and train is not None and validation is not None:
        measured = {
            "before": measure(model, validation),
            "with new tables": measure(small, validation),
        }
        if tune:
            say("Training the small model")
            weights = small.get_weights()
            losses = distil(
                small,
                model,
                train,
                validation,
                max(1, round(EPOCHS * effort)),
                seed,
                steps=steps,
                name=f"training-{digest_of(repr(forms))}",
                on_epoch=lambda i, loss: say(f"Epoch {i}: loss {loss:.4f}"),
            )
            trained = planned.size.of(small)
            if trained > planned.plan.budget:
                # Some numbers took fewer bytes before.
                say("The trained model's file is too large: not trained")
                small.set_weights(weights)
            else:
                total = trained
                measured["trained"] = measure(small, validation)
        measured = {name: x for name, x in measured.items() if x}
        for line in metric_lines(measured):
            say(line)
    final = dataclasses.replace(planned.plan, bytes=total)
    size = planned.size
    return Compressed(small, final, losses, measured, size.before.parts, size)


def _made(
    form: Form,
    table: ModelTable,
    make: Callable[[], Any],
    name: str,
    steps: Steps,
) -> Any:
    """Makes a layer, or takes it from an interrupted run."""
    if not form.K:
        return make()  # in no time
    layer = form.outline(table)
    found = steps.run(
        name,
        lambda: arrays_of(make().weights),
        lambda found: are_of(found, layer.weights),
    )
    assign(layer.weights, found)
    return layer


def _line(text: str) -> None:
    print(text, file=sys.stderr, flush=True)

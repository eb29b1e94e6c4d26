"""Trains a small language model from scratch over the codes that it has.

Weights that have learned their text by heart stay so when they are trained on.
New weights over the same codes do better: the codes keep them from learning as
much by heart. It is the paper's second training, see its Table 1.
"""

import math
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from kd_keras.compression.steps import (
    NOTHING_KEPT,
    Arrays,
    Steps,
    are_of,
    arrays_of,
    assign,
)
from kd_keras.language_model.carried_lstm import CarriedLSTM
from kd_keras.language_model.configurations import Configuration
from kd_keras.language_model.model import (
    LanguageModel,
    compile_language_model,
    uniform_initializers,
)
from kd_keras.layers.compositions.composition import Composition
from kd_keras.ptb.run_callbacks import FreshState
from kd_keras.utils.progress_bar import Say

Text = tuple[np.ndarray, np.ndarray]  # ids and targets, see `cut_batches`


def train_from_scratch(
    small: LanguageModel,
    name: str,
    configuration: Configuration,
    texts: Sequence[Text],
    seed: int = 0,
    steps: Steps = NOTHING_KEPT,
    say: Say = lambda line: None,
    lstm_rate: float | None = None,
) -> list[float]:
    """Gives a model new weights, but not new codes, and trains them.

    The schedule is that of `kd-keras ptb retrain`. The model gets the weights
    of the epoch with the lowest validation loss, or those it had, if they are
    better than all.

    Args:
        small: `LanguageModel` in batches of the configuration's size.
        name: str. The name of this step.
        configuration: `Configuration`. The schedule.
        texts: list of the training text and the validation text, each ids and
            targets.
        seed: int. Of the new weights.
        steps: `Steps`. Keeps what each epoch gave.
        say: Called with a line of text after each epoch.
        lstm_rate: See `compile_language_model`.

    Returns:
        list of float: the losses of the validation with the weights that the
        model had, and after each epoch, in nats for each word.
    """
    # The small model keeps its own loss and optimizer.
    model = LanguageModel(small.inputs[0], small.outputs[0])
    compile_language_model(model, configuration, lstm_rate=lstm_rate)
    model.optimizer.build(model.trainable_variables)
    variables = [*small.variables, *model.optimizer.variables]
    train, validation = texts
    kept = steps.read(name)
    if (
        "losses" in kept
        and are_of(kept, variables)
        and are_of(kept, small.weights, "best")
    ):
        losses = kept["losses"].tolist()
        assign(variables, kept)
        best = [kept[f"best{i}"] for i in range(len(small.weights))]
    else:
        losses = [_loss(model, configuration, validation)]
        best = small.get_weights()
        renew(small, configuration, seed)

    def state() -> Arrays:
        return {
            "losses": np.array(losses),
            **arrays_of(variables),
            **arrays_of(best, "best"),
        }

    for epoch in range(len(losses) - 1, configuration.epochs):
        if epoch and math.isinf(losses[-1]):
            break  # no later epoch is better
        model.optimizer.learning_rate = configuration.learning_rate_of(epoch)
        model.fit(
            *train,
            batch_size=configuration.batch_size,
            initial_epoch=epoch,
            epochs=epoch + 1,
            shuffle=False,
            callbacks=[FreshState(seed)],
            verbose=0,
        )
        loss = _loss(model, configuration, validation)
        if loss < min(losses):
            best = small.get_weights()
        losses.append(loss)
        say(f"Epoch {epoch + 1}: loss {loss:#.5g}")
        steps.write(name, state)
    small.set_weights(best)
    return losses


def renew(
    model: LanguageModel, configuration: Configuration, seed: int
) -> None:
    """Gives all weights that are trained the values of a new model.

    Args:
        model: `LanguageModel`, changed in place.
        configuration: `Configuration`. Its `init_scale` is that of all weights
            but the matrices of compositions.
        seed: int.
    """
    keras.utils.set_random_seed(seed)
    initializers = uniform_initializers(configuration, seed)
    for variable in model.trainable_variables:
        variable.assign(initializers()(variable.shape, variable.dtype))
    for layer in model._flatten_layers():
        if isinstance(layer, CarriedLSTM):
            layer.cell.bias.assign(ops.zeros_like(layer.cell.bias))
        if isinstance(layer, Composition):
            new = type(layer).from_config(layer.get_config())
            new.build()
            for mine, other in zip(
                layer.trainable_variables, new.trainable_variables, strict=True
            ):
                if mine is not layer.code_embeddings:
                    mine.assign(other)


def _loss(
    model: LanguageModel, configuration: Configuration, text: Text
) -> float:
    found: Any = model.evaluate(
        *text,
        batch_size=configuration.batch_size,
        callbacks=[FreshState()],
        verbose=0,
        return_dict=True,
    )
    perplexity = found["perplexity"]
    return math.log(perplexity) if perplexity < math.inf else math.inf

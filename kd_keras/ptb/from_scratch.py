"""Trains a small language model from scratch over the codes that it has.

Weights that have learned their text by heart stay so when they are trained on.
New weights over the same codes do better: the codes keep them from learning as
much by heart. It is the paper's second training, see its Table 1.
"""

import math
from typing import Any

import numpy as np
from keras import ops

from kd_keras.compression.steps import Arrays, Steps, are_of, arrays_of, assign
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
    configuration: Configuration,
    texts: tuple[Text, Text],
    seed: int,
    steps: Steps,
    name: str,
    say: Say,
) -> list[float]:
    """Gives a model new weights, but not new codes, and trains them.

    The schedule is that of `kd-keras ptb retrain`. The model gets the weights
    of the epoch with the lowest validation loss.

    Args:
        small: `LanguageModel` in batches of the configuration's size.
        configuration: `Configuration`. The schedule.
        texts: `(training, validation)`, each ids and targets.
        seed: int. Of the new weights.
        steps: `Steps`. Keeps what each epoch gave.
        name: str. The name of this step.
        say: Called with a line of text after each epoch.

    Returns:
        list of float: the losses of the validation with the new weights and
        after each epoch, in nats for each word.
    """
    renew(small, configuration, seed)
    # The small model keeps its own loss and optimizer.
    model = LanguageModel(small.inputs[0], small.outputs[0])
    compile_language_model(model, configuration)
    model.optimizer.build(model.trainable_variables)
    variables = [*small.variables, *model.optimizer.variables]
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
        losses = [_loss(model, configuration, texts[1])]
        best = small.get_weights()

    def state() -> Arrays:
        return {
            "losses": np.array(losses),
            **arrays_of(variables),
            **arrays_of(best, "best"),
        }

    for epoch in range(len(losses) - 1, configuration.epochs):
        model.optimizer.learning_rate = configuration.learning_rate_of(epoch)
        model.fit(
            *texts[0],
            batch_size=configuration.batch_size,
            initial_epoch=epoch,
            epochs=epoch + 1,
            shuffle=False,
            callbacks=[FreshState(seed)],
            verbose=0,
        )
        found = _loss(model, configuration, texts[1])
        if found < min(losses):
            best = small.get_weights()
        losses.append(found)
        say(f"Epoch {epoch + 1}: perplexity {math.exp(found):.1f}")
        steps.write(name, state)
    small.set_weights(best)
    return losses


def renew(
    model: LanguageModel, configuration: Configuration, seed: int
) -> None:
    """Gives all weights that are trained the values of a new model."""
    initializers = uniform_initializers(configuration, seed)
    for variable in model.trainable_variables:
        variable.assign(initializers()(variable.shape, variable.dtype))
    for layer in model._flatten_layers():
        if isinstance(layer, CarriedLSTM):
            layer.cell.bias.assign(ops.zeros_like(layer.cell.bias))
        if isinstance(layer, Composition) and layer.scaled:
            layer.output_scale.assign(ops.ones_like(layer.output_scale))
            layer.output_offset.assign(ops.zeros_like(layer.output_offset))


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
    loss = math.log(found["perplexity"])
    return loss if math.isfinite(loss) else math.inf

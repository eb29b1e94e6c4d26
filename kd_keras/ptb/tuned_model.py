"""The model of a run that goes on from a trained one."""

from kd_keras.language_model.copies import copy_language_model
from kd_keras.language_model.distilled import (
    DistilledLanguageModel,
    compile_distilled,
)
from kd_keras.language_model.model import LanguageModel
from kd_keras.layers.kd_logits import KDLogits
from kd_keras.ptb.embeddings import GivenCodes
from kd_keras.ptb.run_settings import RunSettings


def make_tuned_model(
    settings: RunSettings,
    teacher: LanguageModel,
    given: GivenCodes,
    steps: int,
) -> DistilledLanguageModel:
    """Makes a copy of a trained model with codes, and compiles it.

    Args:
        settings: `RunSettings`.
        teacher: `LanguageModel`. The trained model.
        given: `GivenCodes`. What takes the place of its tables.
        steps: int. Number of training steps.

    Returns:
        `DistilledLanguageModel`, compiled.
    """
    configuration = settings.configuration
    size = configuration.batch_size, configuration.steps
    output = None
    if given.output is not None:
        bias = teacher.get_layer("output").bias
        output = KDLogits.from_embedding(given.output, bias)
    model = DistilledLanguageModel(
        copy_language_model(teacher, *size, given.embedding, output),
        copy_language_model(teacher, *size),
    )
    compile_distilled(model, steps)
    return model

"""Writes the signatures of a model as a SavedModel."""

import tensorflow as tf

from kd_keras.export.quiet_litert import quiet_litert
from kd_keras.export.roles import find_owner


def write_saved_model(model, folder, signatures, device_embeddings):
    """Writes a SavedModel whose variables are named after their roles.

    Args:
        model: Keras layer or model, inside `on_device`.
        folder: Path of the folder to be.
        signatures: List of `Signature`.
        device_embeddings: List of `DeviceEmbedding`.
    """
    module = tf.Module()
    module.codes = [form.codes for form in device_embeddings]
    module.code_embeddings = [
        form.code_embeddings for form in device_embeddings
    ]
    module.composition, module.output_layer, module.rest = [], [], []
    for variable in model.variables:
        owner = find_owner(model, variable)
        if owner is not None:
            getattr(module, owner.replace(" ", "_")).append(variable.value)
    functions = {
        signature.name: tf.function(signature.function).get_concrete_function(
            **signature.inputs
        )
        for signature in signatures
    }
    with quiet_litert():
        tf.saved_model.save(module, str(folder), signatures=functions)

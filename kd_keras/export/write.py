"""Writes the signatures of a model as a SavedModel and as a `.tflite` file."""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf

from kd_keras.export.device_embedding import DeviceEmbedding
from kd_keras.export.litert.flatbuffer import read_flatbuffer
from kd_keras.export.litert.quiet_litert import quiet_litert
from kd_keras.export.litert.repack import repack
from kd_keras.export.litert.scales import one_scale_is_enough
from kd_keras.export.signatures.signature import Signature
from kd_keras.export.size.coded_model import CodedModel
from kd_keras.export.size.variable_roles import by_attribute
from kd_keras.utils.errors import told_by

# An attribute of the converter, not public, that older ones do not have.
ONE_SCALE = "_experimental_disable_per_channel_quantization_for_dense_layers"


def convert(
    folder: Path,
    signatures: Sequence[Signature],
    quantization: str | None,
    weights: Iterable[np.ndarray],
) -> bytes:
    """Converts a SavedModel to a `.tflite` file.

    Args:
        folder: path of the SavedModel.
        signatures: list of `Signature`.
        quantization: None, `"int8"` (weights; activations are rounded when
            they are used) or `"float16"` (weights).
        weights: The weights beside codes and code embeddings.

    Returns:
        The bytes of a flatbuffer with builtin operators only.

    Raises:
        ValueError: If LiteRT has no builtin operator for a part of the model.
    """
    converter = tf.lite.TFLiteConverter.from_saved_model(
        str(folder), signature_keys=[s.name for s in signatures]
    )
    if quantization is not None:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if quantization == "int8" and one_scale_is_enough(weights):
        # A scale and a zero point for each unit of a layer take 12 bytes.
        setattr(converter, ONE_SCALE, True)
    if quantization == "float16":
        converter.target_spec.supported_types = [tf.float16]
    with quiet_litert():
        try:
            content = converter.convert()
        except Exception as error:  # ConverterError is not public
            missing = _missing_operators(str(error))
            if not missing:
                raise ValueError(
                    "LiteRT's converter must be able to convert the model. "
                    f"Received: {told_by(error)}"
                ) from error
            raise ValueError(
                "LiteRT has no builtin operator for a part of the model, and "
                "kd_keras adds none (Flex, custom). Received: "
                + ", ".join(missing)
            ) from None
    custom = read_flatbuffer(content, "the converted model").custom
    if custom:
        raise ValueError(
            "The exported model must consist of LiteRT's builtin operators. "
            f"Received: {', '.join(custom)}"
        )
    return repack(content)


def _missing_operators(message: str) -> list[str]:
    found = re.findall(r"^(?:TF Select|Custom) ops: (.*)$", message, re.M)
    return sorted({name.strip() for line in found for name in line.split(",")})


def write_saved_model(
    coded: CodedModel,
    folder: Path,
    signatures: Sequence[Signature],
    device_embeddings: Sequence[DeviceEmbedding],
) -> None:
    """Writes a SavedModel whose variables are named after their roles.

    Args:
        coded: `CodedModel`, inside `on_device`.
        folder: path of the folder to write.
        signatures: list of `Signature`.
        device_embeddings: list of `DeviceEmbedding`.
    """
    module = tf.Module()
    module.codes = [
        table for form in device_embeddings for table in form.codes.stored
    ]
    module.code_embeddings = [
        form.code_embeddings for form in device_embeddings
    ]
    module.row_scales = [form.row_scales for form in device_embeddings]
    module.bias_steps = [form.bias_steps for form in device_embeddings]
    others = [(role, v.value) for role, v in coded.weights_beside_codes()]
    for name, variables in by_attribute(others).items():
        setattr(module, name, variables)
    functions = {
        signature.name: tf.function(signature.function).get_concrete_function(
            **signature.inputs
        )
        for signature in signatures
    }
    with quiet_litert():
        tf.saved_model.save(module, str(folder), signatures=functions)

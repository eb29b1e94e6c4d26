"""Export to LiteRT, the runtime that was TensorFlow Lite."""

import os
import tempfile
from pathlib import Path


def export_litert(
    model,
    path,
    vocabulary=None,
    quantization=None,
    batch_size=None,
    sequence_length=None,
    unknown_id=None,
    example=None,
    tolerance=None,
):
    """Exports a layer or model with KD codes to one `.tflite` file.

    The file holds the graph, the codes packed to b = ceil(log2 K) bits a
    value, and in an archive at its end the vocabulary and the configuration.
    It consists of LiteRT's builtin operators and needs nothing of this
    package to run. Learned codes are fixed.

    It is written only if LiteRT's Interpreter and CompiledModel both compute
    with it what Keras computes, for every id and for random sequences. An
    earlier file at `path` is replaced.

    Its functions:

    - of a `KDEmbedding`, `serving_default`: `token_ids` int32 `(n,)` to
      `embeddings` float32 `(n, d)`;
    - of a model, `serving_default`: its inputs, the ids as `token_ids` if it
      has one input of them, to `output`, or `embeddings` if the model ends
      with a `KDEmbedding`, or several outputs by their names in Keras;
    - of a language model, `sequence`: `token_ids` `(1, sequence_length)` to
      `logits`, and `stream`: `token_id` `(1,)` and the states `h_0`, `c_0`,
      ... to `logits` `(1, N)` and the states after it, one token a call.

    Args:
        model: Built `KDEmbedding`, or Keras model with one at any depth.
        path: Path of the file to be.
        vocabulary: List of N strings, the symbols by id, or None.
        quantization: None for float32; `"int8"`, weights of 8 bits;
            `"float16"`, weights of 16 bits. Codes are the same in each.
        batch_size: Integer or None. None leaves it open, or is 1 where the
            model is recurrent and says no other. A language model reads one
            text at a time.
        sequence_length: Integer or None. None leaves it open; recurrent
            models and the LSTM composition need it, since LiteRT gets these
            wrong where it is open.
        unknown_id: Integer or None. Id whose vector an id out of range gets;
            None makes the call fail. Negative ids are out of range.
        example: Array of ids, or list of arrays, as a subclassed model takes
            them. Only ranks and dtypes matter, and the number of columns if
            these are ids of different embeddings. Others need none.
        tolerance: Float, the largest distance between an output's vector and
            Keras' that passes, relative to the longest; None for 1e-5 in
            float32, 1e-2 in float16, 0.25 in int8.

    Returns:
        `SizeReport` of the file.

    Raises:
        ValueError: If an argument is wrong, the model cannot be called on
            small ids, or LiteRT lacks an operator.
        RuntimeError: If the file does not compute what Keras computes
            (`kd_keras.ParityError`).

    Example:

    >>> import keras, numpy as np, kd_keras
    >>> embedding = kd_keras.KDEmbedding(1000, 64, K=16, D=32)
    >>> embedding.build()
    >>> report = kd_keras.export_litert(embedding, "small.tflite")
    >>> print(report.parts["codes"])
    16000
    >>> small = kd_keras.load_litert("small.tflite")
    >>> print(small.embed([4, 20, 7]).shape)
    (3, 64)
    """
    from kd_keras.export.checks import (
        check_model,
        check_path,
        check_tolerance,
        check_vocabulary,
    )
    from kd_keras.utils.checks import check_choice

    coded = check_model(model)
    words, unknown_id = check_vocabulary(coded, vocabulary, unknown_id)

    from kd_keras.export.configuration import configuration_of
    from kd_keras.export.device_embedding import on_device
    from kd_keras.export.engines import litert_engines
    from kd_keras.export.litert.archive import append_archive
    from kd_keras.export.litert.flatbuffer import read_flatbuffer
    from kd_keras.export.litert.precisions import PRECISIONS
    from kd_keras.export.litert.quiet_litert import need_litert
    from kd_keras.export.parity import check_parity
    from kd_keras.export.signatures.signatures_of import signatures_of
    from kd_keras.export.size.roles import find_buffers, weights_by_role
    from kd_keras.export.size.size_report import size_report
    from kd_keras.export.write import convert, write_saved_model

    check_choice("quantization", quantization, PRECISIONS)
    check_tolerance(tolerance)
    path = check_path(path)
    need_litert()
    signatures = signatures_of(coded, batch_size, sequence_length, example)
    if tolerance is None:
        tolerance = PRECISIONS[quantization].tolerance
    with tempfile.TemporaryDirectory(
        prefix=f".{path.name}.", suffix=".partial", dir=path.parent
    ) as temporary:
        folder, file = Path(temporary) / "model", Path(temporary) / "file"
        with on_device(coded, quantization, unknown_id) as forms:
            write_saved_model(coded, folder, signatures, forms)
        content = convert(folder, signatures, quantization)
        configuration = configuration_of(
            coded, signatures, quantization, unknown_id
        )
        configuration["buffers"] = find_buffers(
            read_flatbuffer(content, path), weights_by_role(coded, forms)
        )
        file.write_bytes(content)
        append_archive(file, configuration, words)
        with litert_engines(file) as engines:
            check_parity(engines, signatures, tolerance)
        os.replace(file, path)
    return size_report(path)

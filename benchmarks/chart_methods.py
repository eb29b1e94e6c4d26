"""Ways to store a table in a file, for `chart.py`.

Each takes the table, an array of float32 `(N, d)`, and options. It returns
`(bytes, rebuilt)`: the bytes of a file that was written, without words, and
the vectors that the file gives.
"""

import tempfile
from pathlib import Path

import faiss
import flatbuffers
import keras
import numpy as np
import tensorflow as tf
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter
from chart_quality import token_counts

import kd_keras

EFFORT = 0.2  # as in `compress`
IDS = 500  # of a call of a `.tflite` file


def codes(vectors, K, D, composition="linear", code_dim=None, counts=False):
    """Our codes, code embeddings in int8."""
    layer = kd_keras.learn_codes(
        vectors,
        K,
        D,
        composition=composition,
        code_dim=code_dim,
        effort=EFFORT,
        weights=token_counts(len(vectors)) ** 0.5 if counts else None,
        verbose=0,
    )
    return exported(layer)


def float32(vectors):
    """A Keras `Embedding` as it is."""
    return exported(embedding_of(vectors), None)


def int8(vectors):
    """A Keras `Embedding` as the converter writes it."""
    return exported(embedding_of(vectors))


def keras_int4(vectors):
    """Keras' own `quantize("int4")`; the file is `.keras`, not `.tflite`."""
    model = embedding_of(vectors)
    model.quantize("int4")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "table.keras")
        model.save(path)
        size = path.stat().st_size
    return size, model.predict(np.arange(len(vectors)), verbose=0)


def low_rank(vectors, rank):
    """Shorter rows and a matrix, in int8."""
    layer = kd_keras.ReducedEmbedding.from_table(vectors, width=rank)
    return exported(keras.Sequential([keras.Input((), dtype="int32"), layer]))


def one_codebook(vectors, K):
    """The nearest of K centres of k-means for each symbol, in int8."""
    means = faiss.Kmeans(vectors.shape[1], K, niter=50, seed=0)
    means.train(vectors)
    _, labels = means.index.search(vectors, 1)
    layer = kd_keras.KDEmbedding(*vectors.shape, K, 1, codes=labels)
    layer.build()
    layer.composition.code_embeddings.assign(means.centroids[None])
    return exported(layer)


def exported(layer, quantization="int8"):
    """Exports a layer, and reads all vectors from its file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "table.tflite")
        size = kd_keras.export_litert(layer, path, None, quantization).total
        file = kd_keras.load_litert(path)
        tables = file.configuration["embeddings"]
        [table] = tables or file.configuration["tables"]
        ids = np.arange(table["N"])
        rebuilt = [
            next(iter(file.run("serving_default", token_ids=part).values()))
            for part in np.array_split(ids, -(-len(ids) // IDS))
        ]
    return size, np.concatenate(rebuilt)


def embedding_of(vectors):
    table = keras.layers.Embedding(*vectors.shape)
    model = keras.Sequential([keras.Input((), dtype="int32"), table])
    table.set_weights([vectors])
    return model


def quantizer(vectors, recipe, algorithm):
    """Google's ai-edge-quantizer: the name of a recipe and of an algorithm.

    It leaves the GATHER that Keras' Embedding becomes as it is, so the file has
    an EMBEDDING_LOOKUP in its place.
    """
    content = quantized(vectors, recipe, algorithm)
    return len(content), rows_of(content, len(vectors))


def quantized(vectors, recipe, algorithm):
    """Returns the content of the file that `quantizer` measures."""
    from ai_edge_quantizer import quantizer as edge
    from ai_edge_quantizer import recipe as recipes
    from ai_edge_quantizer.algorithm_manager import AlgorithmName

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "table.tflite")
        path.write_bytes(lookup_file(vectors))
        work = edge.Quantizer(str(path))
        options = {}
        if algorithm is not None:  # else the recipe's own
            options["algorithm_key"] = AlgorithmName[algorithm]
        work.load_quantization_recipe(getattr(recipes, recipe)(**options))
        return bytes(work.quantize().quantized_model)


def lookup_file(vectors):
    """Makes a `.tflite` file of one operator, EMBEDDING_LOOKUP."""
    module = tf.Module()
    module.table = tf.Variable(vectors)
    function = tf.function(
        lambda token_ids: {"output": tf.gather(module.table, token_ids)},
        input_signature=[tf.TensorSpec([IDS], tf.int32, name="token_ids")],
    )
    converter = tf.lite.TFLiteConverter.from_concrete_functions(
        [function.get_concrete_function()], module
    )
    model = schema.ModelT.InitFromPackedBuf(bytearray(converter.convert()), 0)
    [operator] = model.subgraphs[0].operators
    code = model.operatorCodes[operator.opcodeIndex]
    code.builtinCode = schema.BuiltinOperator.EMBEDDING_LOOKUP
    code.deprecatedBuiltinCode = code.builtinCode
    operator.inputs = operator.inputs[::-1]  # ids first
    operator.builtinOptionsType, operator.builtinOptions = 0, None
    builder = flatbuffers.Builder(1 << 20)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def rows_of(content, N):
    """Reads all vectors from a `.tflite` file that takes `IDS` ids."""
    interpreter = Interpreter(model_content=content)
    interpreter.allocate_tensors()
    [given] = interpreter.get_input_details()
    [told] = interpreter.get_output_details()
    rebuilt = []
    for first in range(0, N, IDS):
        ids = np.minimum(np.arange(first, first + IDS), N - 1)
        interpreter.set_tensor(given["index"], ids.astype(np.int32))
        interpreter.invoke()
        rebuilt.append(interpreter.get_tensor(told["index"]))
    return np.concatenate(rebuilt)[:N]


def faiss_index(vectors, factory):
    """An index of faiss by its factory string; its file holds float32."""
    index = faiss.index_factory(vectors.shape[1], factory)
    index.train(vectors)
    index.add(vectors)
    size = len(faiss.serialize_index(index))
    return size, index.reconstruct_n(0, len(vectors))

"""Twenty kinds of models: each is made small, saved, loaded and exported."""

import keras
import numpy as np
import pytest
from small_models import KINDS, inputs_of

import kd_keras
from kd_keras.compression.file_size import without_look_up

BY_NAME = {kind.__name__: kind for kind in KINDS}


def outputs(model, inputs):
    if np.asarray(keras.tree.flatten(inputs)[0]).dtype.kind == "U":
        inputs = keras.ops.convert_to_tensor(inputs.tolist(), dtype="string")
    return [np.asarray(x) for x in keras.tree.flatten(model(inputs))]


@pytest.mark.parametrize("name", BY_NAME)
def test_it_is_small_saved_loaded_and_exported(name, tmp_path):
    model = BY_NAME[name]()
    weights = model.get_weights()
    inputs = inputs_of(model)
    small = kd_keras.compress(model, "60%", effort=0, verbose=0)
    assert type(small) is type(model)
    kinds = (kd_keras.KDEmbedding, kd_keras.KDLogits, kd_keras.ReducedEmbedding)
    replaced = [x for x in small._flatten_layers() if isinstance(x, kinds)]
    assert replaced
    here, there = outputs(small, inputs), outputs(model, inputs)
    assert [x.shape for x in here] == [x.shape for x in there]
    for a, b in zip(weights, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)  # the original is as it was
    small.save(tmp_path / "small.keras")
    loaded = keras.saving.load_model(tmp_path / "small.keras")
    for a, b in zip(outputs(loaded, inputs), here, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)
    length = 8 if name in ("masked", "bidirectional", "gru") else None
    path = tmp_path / "small.tflite"
    options = {"quantization": "int8"}
    if length and getattr(small.inputs[0], "shape", [0, 0])[1] is None:
        options["sequence_length"] = length
    before = kd_keras.plan(model, "100%", verbose=0).before
    exported = without_look_up(loaded)
    example = inputs if name == "subclassed" else None
    report = kd_keras.export_litert(
        exported, path, example=example, tolerance=1, **options
    )
    assert report.total <= 0.6 * before + 600  # the batch may become 1

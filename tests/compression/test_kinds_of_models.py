"""Twenty kinds of models: each is made small, saved, loaded and exported."""

import keras
import numpy as np
import pytest
from small_models import KINDS, inputs_of

import kd_keras
from kd_keras.compression.compress import compress_model

BY_NAME = {kind.__name__: kind for kind in KINDS}


def outputs(model, inputs):
    if np.asarray(keras.tree.flatten(inputs)[0]).dtype.kind == "U":
        inputs = keras.ops.convert_to_tensor(inputs.tolist(), dtype="string")
    return [np.asarray(x) for x in keras.tree.flatten(model(inputs))]


@pytest.mark.parametrize("name", BY_NAME)
@pytest.mark.slow
def test_it_is_small_saved_loaded_and_exported(name, tmp_path):
    model = BY_NAME[name]()
    weights = model.get_weights()
    inputs = inputs_of(model)
    # A subclassed model does not say what it takes, so it needs data.
    data = inputs if name == "subclassed" else None
    found = compress_model(model, "60%", data, tune=False, effort=0, verbose=0)
    small = found.model
    assert type(small) is type(model)
    kinds = (kd_keras.KDEmbedding, kd_keras.KDLogits, kd_keras.ReducedEmbedding)
    assert any(isinstance(x, kinds) for x in small._flatten_layers())
    here, there = outputs(small, inputs), outputs(model, inputs)
    assert [x.shape for x in here] == [x.shape for x in there]
    for a, b in zip(weights, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)  # the original is as it was
    small.save(tmp_path / "small.keras")
    loaded = keras.saving.load_model(tmp_path / "small.keras")
    for a, b in zip(outputs(loaded, inputs), here, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)
    report = kd_keras.export_litert(
        loaded,
        tmp_path / "small.tflite",
        quantization="int8",
        example=data,
        tolerance=1,
    )
    assert report.total <= found.plan.budget
    assert report.total == pytest.approx(found.plan.bytes, rel=0.02)

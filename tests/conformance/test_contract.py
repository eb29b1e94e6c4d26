"""Tests of the contract that every layer keeps on TensorFlow."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from contract import LAYERS, inputs_of, make, train
from kd_testing import TESTS, run_python


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.slow
def test_eager_graph_and_jit_agree(name, training):
    layer = make(name)
    inputs = inputs_of(name)
    # A learner's training call counts a step, but its output does not change.
    arguments = {"training": True} if training and "lear" in name else {}
    eager = layer(inputs, **arguments)
    for jit in (False, True):
        compiled = tf.function(lambda x: layer(x, **arguments), jit_compile=jit)
        np.testing.assert_allclose(
            compiled(inputs), eager, rtol=1e-5, atol=1e-6
        )


# bfloat16 keeps 8 bits of a number, float16 11. Vectors are sums of a few
# numbers of order 1.
@pytest.mark.parametrize(
    "policy, tolerance", [("mixed_bfloat16", 3e-2), ("mixed_float16", 3e-3)]
)
@pytest.mark.slow
def test_mixed_precision_is_near_float32(name, policy, tolerance):
    layer, mixed = make(name), make(name, dtype=policy)
    output = mixed(inputs_of(name))
    assert output.dtype == policy.removeprefix("mixed_")
    assert {w.dtype for w in mixed.trainable_weights} <= {"float32"}
    np.testing.assert_allclose(
        keras.ops.cast(output, "float32"),
        layer(inputs_of(name)),
        atol=tolerance,
    )


@pytest.fixture(scope="module")
def loaded_elsewhere(names, tmp_path_factory):
    """Outputs of the layers, here and loaded in a new process."""
    folder = tmp_path_factory.mktemp("saved")
    here = {}
    for name in names:
        inputs = inputs_of(name)
        model = keras.Sequential(
            [keras.Input(inputs.shape[1:], dtype=inputs.dtype), make(name)]
        )
        model.save(folder / f"{name}.keras")
        np.save(folder / f"{name}.npy", inputs)
        here[name] = model.predict(inputs, verbose=0)
    run_python(TESTS / "conformance" / "predict_loaded.py", folder)
    with np.load(folder / "outputs.npz") as there:
        return {name: (here[name], there[name]) for name in names}


@pytest.mark.slow
def test_a_fresh_process_loads_it_in_safe_mode(name, loaded_elsewhere):
    here, there = loaded_elsewhere[name]
    np.testing.assert_allclose(there, here, rtol=1e-6)


@pytest.fixture(scope="module")
def losses_alone_and_mirrored(names, strategy):
    # Ten of twenty rows per step, five of them on each replica.
    alone = train("LazyAdam", names, batch_size=10, jit_compile=False)
    with strategy.scope():
        mirrored = train("LazyAdam", names, batch_size=10, jit_compile=False)
    return alone, mirrored


@pytest.mark.slow
def test_two_replicas_have_the_losses_of_one_device(
    name, losses_alone_and_mirrored
):
    alone, mirrored = (losses[name] for losses in losses_alone_and_mirrored)
    assert alone[-1] < alone[0]
    np.testing.assert_allclose(mirrored, alone, rtol=1e-4)


@pytest.mark.parametrize("fixed", [x for x in LAYERS if "fixed" in x])
@pytest.mark.slow
def test_saved_model_gives_the_same_vectors(fixed, tmp_path):
    layer = make(fixed)
    ids = keras.Input((None,), dtype="int32")
    keras.Model(ids, layer(ids)).export(tmp_path / "exported", verbose=False)
    module = tf.Module()
    module.layer = layer
    module.call = tf.function(
        layer.__call__, input_signature=[tf.TensorSpec((None, None), tf.int32)]
    )
    tf.saved_model.save(module, str(tmp_path / "saved"))
    exported = tf.saved_model.load(str(tmp_path / "exported"))
    saved = tf.saved_model.load(str(tmp_path / "saved"))
    x = inputs_of(fixed).reshape(4, 5)
    for call in (exported.serve, saved.call):
        np.testing.assert_allclose(call(x), layer(x), rtol=1e-6)

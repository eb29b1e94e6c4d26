"""Codes learned for a layer stand where the layer stood."""

import keras
import numpy as np
import pytest
from keras import layers

import kd_keras


def source(**options):
    layer = layers.Embedding(40, 6, name="words", **options)
    layer.build()
    return layer


def learn(vectors, **options):
    return kd_keras.learn_codes(vectors, 8, 4, verbose=0, effort=0, **options)


@pytest.mark.parametrize("composition", ["linear", "concat", "residual"])
@pytest.mark.parametrize("trainable", [True, False])
@pytest.mark.slow
def test_what_a_model_needs_is_carried_over(composition, trainable):
    D = 3 if composition == "concat" else 4
    layer = source(mask_zero=True, trainable=trainable)
    found = kd_keras.learn_codes(layer, 8, D, composition, verbose=0, effort=0)
    assert (found.name, found.mask_zero) == ("words", True)
    assert found.trainable == trainable
    assert bool(found.trainable_variables) == trainable
    alone = kd_keras.learn_codes(
        np.asarray(layer.embeddings), 8, D, composition, verbose=0, effort=0
    )
    np.testing.assert_array_equal(found.codes, alone.codes)
    ids = np.array([[1, 2, 0]])
    np.testing.assert_array_equal(found(ids), alone(ids))
    assert found.compute_mask(ids).numpy().tolist() == [[1, 1, 0]]


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "float16", "float64"])
def test_the_dtype_policy_is_carried_over(policy):
    layer = source(dtype=policy)
    found = learn(layer)
    assert found.dtype_policy.name == policy
    assert found.composition.dtype_policy.name == policy
    ids = np.array([1, 2])
    assert found(ids).dtype == layer(ids).dtype


def test_it_masks_in_a_model_as_the_layer_did():
    layer = source(mask_zero=True)
    ids = keras.Input((5,), dtype="int32")
    before = keras.Model(ids, layers.GlobalAveragePooling1D()(layer(ids)))
    after = keras.Model(ids, layers.GlobalAveragePooling1D()(learn(layer)(ids)))
    padded, short = np.array([[3, 4, 0, 0, 0]]), np.array([[3, 4, 3, 4, 3]])
    assert np.abs(before(padded) - before(short)).max() > 0
    mean = np.mean([after.layers[1](np.array([i]))[0] for i in (3, 4)], axis=0)
    np.testing.assert_allclose(after(padded)[0], mean, atol=1e-6)


def test_the_table_is_what_the_layer_computes():
    """LoRA weights and quantization are part of it."""
    layer = source()
    layer.enable_lora(2)
    layer.lora_embeddings_b.assign(np.ones((2, 6)))
    wanted = np.asarray(layer(np.arange(40)))
    direct = learn(wanted)
    np.testing.assert_array_equal(learn(layer).codes, direct.codes)


def test_a_variable_cannot_tell():
    with pytest.warns(UserWarning, match="pass the layer instead.*words/"):
        learn(source().embeddings)


def test_a_layer_without_a_table_is_refused():
    with pytest.raises(ValueError, match="must be built.*call it once on ids"):
        learn(layers.Embedding(40, 6))

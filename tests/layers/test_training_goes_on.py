"""A model that is saved in the middle of its training and goes on."""

import keras
import numpy as np
import pytest
from kd_testing import SIZE, K, N

import kd_keras

ROWS = 12
TIERS = {"D": (6, 3), "tiers": (20,)}
COMPOSITIONS = ("linear", "concat", "residual", "lstm")


def embedding(**options):
    return kd_keras.KDEmbedding(N, SIZE, **{"K": K, "D": 3} | options)


def tables(**options):
    """Two embeddings: their weights must not get the same names."""
    ids = keras.Input((3,), dtype="int32")
    summed = embedding(**options)(ids) + embedding(**options)(ids)
    return keras.Model(ids, keras.layers.Flatten()(summed))


def logits(**options):
    hidden = keras.Input((SIZE,))
    layer = kd_keras.KDLogits(N, **{"K": K, "D": 3} | options)
    return keras.Model(hidden, layer(hidden))


def tied(**options):
    ids, table = keras.Input((), dtype="int32"), embedding(**options)
    return keras.Model(ids, kd_keras.KDLogits(embedding=table)(table(ids)))


def fit(model):
    shape = model.inputs[0].shape[1:]
    rng = np.random.default_rng(0)
    x = rng.integers(0, N, (ROWS, *shape))
    if "float" in model.inputs[0].dtype:
        x = rng.normal(size=x.shape)
    y = rng.normal(size=(ROWS, model.output_shape[-1]))
    model.fit(x, y, ROWS, epochs=2, shuffle=False, verbose=0)


def same(a, b):
    for x, y in zip(a.variables, b.variables, strict=True):
        np.testing.assert_array_equal(x.numpy(), y.numpy())


@pytest.mark.parametrize(
    "options",
    [
        *({"codes": "learn", "composition": name} for name in COMPOSITIONS),
        {"codes": "learn", **TIERS},
        {"codes": None},
    ],
    ids=[*COMPOSITIONS, "tiers", "fixed"],
)
@pytest.mark.parametrize("make", [tables, logits, tied])
def test_a_saved_model_goes_on_as_if_nothing_had_been(make, options, tmp_path):
    model = make(**options)
    model.compile(keras.optimizers.Adam(0.01), "mse")
    fit(model)
    path = tmp_path / "model.keras"
    model.save(path)
    loaded = keras.saving.load_model(path)
    same(model.optimizer, loaded.optimizer)
    fit(model)
    fit(loaded)
    same(model, loaded)


@pytest.mark.parametrize("make", [tables, logits, tied])
def test_weights_keep_their_paths_and_order(make, tmp_path):
    def paths(model):
        names = {x.name: f"layer {i}" for i, x in enumerate(model.layers)}
        parts = [weight.path.split("/") for weight in model.weights]
        return [[names.get(x[0], x[0]), *x[1:]] for x in parts]

    model = make(codes="learn")
    path = tmp_path / "model.keras"
    model.save(path)
    again = keras.saving.load_model(path)
    copy = keras.models.clone_model(model)
    wanted = paths(model)
    assert len({"/".join(x) for x in wanted}) == len(wanted)
    assert paths(again) == wanted
    if make is not tied:  # Keras' copies have no shared layers inside others
        assert paths(copy) == wanted
        copy.set_weights(model.get_weights())
    # What learns on is made from a model with fixed codes.
    learning = kd_keras.unfreeze(kd_keras.freeze(model))
    assert sorted(paths(learning)) == sorted(wanted)

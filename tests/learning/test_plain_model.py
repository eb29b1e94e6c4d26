"""Models whose classes hide their layers are copied from their graphs."""

from concurrent.futures import ThreadPoolExecutor

import keras
import numpy as np
import pytest
from keras import layers, ops

import kd_keras
from kd_keras.layers.constant import Constant
from kd_keras.learning.plain_model import plain_model

N, SIZE, STEPS = 600, 8, 5
IDS = np.random.default_rng(0).integers(2, size=(6, STEPS))


def table(**options):
    return layers.Embedding(N, SIZE, name="words", **options)


class Tower(keras.Model):
    """A functional model that is made from a number, as in keras-hub."""

    def __init__(self, units, mask=False, inner=None, **kwargs):
        ids = keras.Input((STEPS,), dtype="int32")
        words = table(mask_zero=mask)
        hidden = (inner or (lambda x: x))(words(ids))
        hidden = layers.LSTM(units, name="reader")(hidden)
        super().__init__(ids, {"all": hidden, "half": hidden / 2}, **kwargs)
        self.words, self.units = words, units

    def get_config(self):
        return {"units": self.units}


class Holder(layers.Layer):
    """A layer that does not describe the table that it holds."""

    def __init__(self, words, **kwargs):
        super().__init__(**kwargs)
        self.words = words

    def call(self, ids):
        return 2 * self.words(ids)


class MaskingHolder(Holder):
    def compute_mask(self, ids, previous=None):
        return ops.not_equal(ids, 0)


class TrainingHolder(Holder):
    def call(self, ids, training=False):
        return self.words(ids) * (2.0 if training else 1.0)


class WeightHolder(Holder):
    def build(self, shape):
        self.scale = self.add_weight(shape=(SIZE,), name="scale")
        self.built = True

    def call(self, ids):
        return self.words(ids) * self.scale


class PositionHolder(Holder):
    """As many write it: the positions are constants."""

    def __init__(self, words, places=STEPS, **kwargs):
        super().__init__(words, **kwargs)
        self.positions = layers.Embedding(places, SIZE, name="positions")

    def call(self, ids):
        return self.words(ids) + self.positions(ops.arange(STEPS))


def over(first):
    """A model that begins with a layer."""
    ids = keras.Input((STEPS,), dtype="int32")
    vectors = first(ids)
    attended = layers.MultiHeadAttention(2, 4, name="attention")(
        vectors, vectors
    )
    return keras.Model(ids, layers.GlobalAveragePooling1D()(attended))


def exact(words):
    """Codes that rebuild a table of few different rows."""
    rows = words.get_weights()[0][np.arange(N) % 60]
    words.set_weights([rows])
    return kd_keras.learn_codes(
        words, K=64, D=1, composition="concat", effort=0, verbose=0
    )


def tower():
    model = Tower(4)
    return model, model.words


def masked_tower():
    model = Tower(4, mask=True)
    return model, model.words


def half_of_a_tower():
    inner = Tower(4)
    ids = keras.Input((STEPS,), dtype="int32")
    out = layers.Dense(2)(inner(ids)["half"])
    return keras.Model(ids, out), inner.words


def tower_with_a_mask():
    inner = Tower(4)
    ids = keras.Input((STEPS,), dtype="int32")
    out = inner(ids, mask=ops.not_equal(ids, 0))["all"]
    return keras.Model(ids, out), inner.words


def towers_in_a_tower():
    model = Tower(4, inner=layers.Dense(SIZE, name="mixed"))
    ids = keras.Input((STEPS,), dtype="int32")
    middle = keras.Model(ids, model(ids)["all"])
    return keras.Sequential([keras.Input((STEPS,)), middle]), model.words


def holder():
    words = table()
    return over(Holder(words)), words


def holder_with_positions():
    words = table()
    return over(PositionHolder(words)), words


def holder_in_sequential():
    words = table()
    model = keras.Sequential(
        [keras.Input((STEPS,), dtype="int32"), Holder(words), layers.Flatten()]
    )
    return model, words


def holder_in_a_nested_model():
    words = table()
    ids = keras.Input((STEPS,), dtype="int32")
    return over(keras.Model(ids, Holder(words)(ids))), words


def optional_input():
    words = table()
    ids = keras.Input((STEPS,), dtype="int32")
    other = keras.Input((STEPS,), dtype="int32", optional=True, name="other")
    vectors = Holder(words)(ids)
    return keras.Model([ids, other], layers.Flatten()(vectors)), words


def nodes_of(model):
    found = {}
    for part in model._flatten_layers():
        for x in (part, *getattr(part, "_operations", ())):
            found[id(x)] = len(x._inbound_nodes), len(x._outbound_nodes)
    return found


@pytest.mark.parametrize(
    "make",
    [
        tower,
        masked_tower,
        half_of_a_tower,
        tower_with_a_mask,
        towers_in_a_tower,
        holder,
        holder_in_sequential,
        holder_in_a_nested_model,
        optional_input,
        holder_with_positions,
    ],
)
@pytest.mark.filterwarnings(r"ignore:[\s\S]*destroy the mask:UserWarning")
def test_the_copy_computes_what_the_model_does(make, tmp_path):
    model, words = make()
    coded = exact(words)
    inputs = [IDS, None] if make is optional_input else IDS
    wanted = keras.tree.flatten(model(inputs))
    nodes = nodes_of(model)
    small = kd_keras.replace_layers(model, {words: coded})
    assert nodes_of(model) == nodes  # the original is as it was
    assert not any(x is words for x in small._flatten_layers())
    for a, b in zip(keras.tree.flatten(small(inputs)), wanted, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)
    small.save(tmp_path / "small.keras")
    loaded = keras.saving.load_model(tmp_path / "small.keras")
    for a, b in zip(keras.tree.flatten(loaded(inputs)), wanted, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        (MaskingHolder, "computes other outputs"),
        (TrainingHolder, "`call` takes `training`"),
        (WeightHolder, "weights of its own.*scale"),
        (
            lambda words: Holder(words, activity_regularizer="l2"),
            "an activity regularizer",
        ),
    ],
)
def test_a_layer_that_cannot_be_followed_is_refused(kind, message):
    words = table()
    model = over(kind(words))
    with pytest.raises(ValueError, match=message):
        kd_keras.replace_layers(model, {words: exact(words)})


def test_models_that_are_dissolved_are_told():
    model, words = half_of_a_tower()
    words.set_weights([np.random.default_rng(0).normal(size=(N, SIZE))])
    planned = kd_keras.plan(model, "90%", verbose=0)
    assert "without the methods of Tower" in " ".join(planned.notes)


def test_a_table_of_positions_is_left_alone(tmp_path):
    model = over(PositionHolder(table(), places=2000))
    plan = kd_keras.plan(model, "70%", verbose=0)
    assert [x.name for x in plan.tables] == ["words"]
    [left] = plan.left
    assert left.name == "positions" and "constants" in left.reason
    small = kd_keras.compress(model, "70%", verbose=0, effort=0)
    path = tmp_path / "small.tflite"
    kd_keras.export_litert(small, path, quantization="int8")
    found = kd_keras.load_litert(path).run("serving_default", token_ids=IDS[:1])
    np.testing.assert_allclose(found["output"], small(IDS[:1]), atol=0.1)


class StartHolder(Holder):
    """Looks the same table up at ids and at a constant, a start token."""

    def call(self, ids):
        return self.words(ids) + self.words(ops.arange(1))


def test_a_table_of_ids_and_constants_is_made_small(tmp_path):
    words = table()
    model = over(StartHolder(words))
    plan = kd_keras.plan(model, "70%", verbose=0)
    assert [x.name for x in plan.tables] == ["words"]
    small = kd_keras.replace_layers(model, {words: exact(words)})
    assert any(isinstance(x, kd_keras.KDEmbedding) for x in small.layers)
    path = tmp_path / "small.tflite"
    kd_keras.export_litert(small, path)
    found = kd_keras.load_litert(path).run("serving_default", token_ids=IDS[:1])
    np.testing.assert_allclose(found["output"], small(IDS[:1]), atol=1e-4)


class OwnTable(layers.Layer):
    """Has a table that its configuration does not describe."""

    def __init__(self, size, **kwargs):
        super().__init__(**kwargs)
        self.others = layers.Embedding(N, size, name="others")

    def build(self, shape):
        self.others.build()
        self.built = True

    def call(self, ids, training=False):
        return self.others(ids)


def test_positions_are_left_alone_beside_a_layer_that_cannot_be_followed():
    ids = keras.Input((STEPS,), dtype="int32")
    both = [PositionHolder(table(), places=2000)(ids), OwnTable(SIZE)(ids)]
    model = keras.Model(ids, layers.Flatten()(layers.Add()(both)))
    plan = kd_keras.plan(model, "80%", verbose=0)
    assert [x.name for x in plan.tables] == ["words"]
    assert {x.name for x in plan.left} == {"positions", "others"}


class LateHolder(PositionHolder):
    def call(self, scale, ids):
        return scale * super().call(ids)


def test_the_first_argument_may_be_no_part_of_the_graph():
    words = table()
    ids = keras.Input((STEPS,), dtype="int32")
    vectors = LateHolder(words)(np.ones((1, 1, 1), "float32"), ids)
    model = keras.Model(ids, layers.Flatten()(vectors))
    small = kd_keras.replace_layers(model, {words: exact(words)})
    np.testing.assert_allclose(small(IDS), model(IDS), rtol=1e-4, atol=1e-6)


class DenseHolder(Holder):
    """Has a layer that is called on a constant of floats."""

    def __init__(self, words, **kwargs):
        super().__init__(words, **kwargs)
        self.mixed = layers.Dense(SIZE)

    def call(self, ids):
        waves = ops.cast(ops.sin(ops.arange(5.0)), self.compute_dtype)
        return self.words(ids) + self.mixed(waves[:, None])


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_constants_of_any_precision(policy, tmp_path):
    keras.config.set_dtype_policy(policy)
    try:
        words = table()
        model = over(DenseHolder(words))
        small = kd_keras.replace_layers(model, {words: exact(words)})
        wanted = ops.cast(model(IDS), "float32")
        found = ops.cast(small(IDS), "float32")
        np.testing.assert_allclose(found, wanted, atol=0.02)
        small.save(tmp_path / "small.keras")
        loaded = keras.saving.load_model(tmp_path / "small.keras")
        np.testing.assert_array_equal(ops.cast(loaded(IDS), "float32"), found)
    finally:
        keras.config.set_dtype_policy("float32")


def test_a_model_computes_as_usual_in_other_threads_while_it_is_followed():
    words = table()
    model = over(PositionHolder(words))
    wanted = np.asarray(model(IDS))
    with plain_model(model, [words]), ThreadPoolExecutor(1) as pool:
        found = pool.submit(model, IDS).result()
    np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize("shape", [(), (0, 4), (2, 3)])
@pytest.mark.parametrize("dtype", ["int32", "float32", "bfloat16", "bool"])
def test_a_constant_is_what_it_was_given(shape, dtype):
    values = np.ones(shape)
    layer = Constant(values, dtype)
    copy = Constant.from_config(layer.get_config())
    for x in (layer, copy):
        found = x(np.zeros(3))
        spec = x(keras.KerasTensor((None, 3)))
        assert found.shape == spec.shape == shape
        assert keras.backend.standardize_dtype(found.dtype) == dtype
        assert spec.dtype == dtype
        np.testing.assert_array_equal(ops.cast(found, "float32"), values)

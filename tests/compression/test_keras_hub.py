"""Backbones and tasks of keras-hub, whose configurations hide their layers.

https://keras.io/keras_hub/api/models/
"""

import keras
import numpy as np
import pytest

import kd_keras
from kd_keras.compression.compress import compress_model
from kd_keras.compression.make_plan import make_plan
from kd_keras.compression.model_tables import EMBEDDING, TIED, find_tables

hub = pytest.importorskip("keras_hub")

N, STEPS = 1200, 8  # ids; positions of an example
SMALL = {"vocabulary_size": N, "num_layers": 1, "intermediate_dim": 32}
HEADS = {"num_heads": 2, "hidden_dim": 24, "max_sequence_length": 32}


def gpt2():
    backbone = hub.models.GPT2Backbone(**SMALL, **HEADS)
    return hub.models.GPT2CausalLM(backbone, preprocessor=None)


def bert():
    backbone = hub.models.BertBackbone(**SMALL, **HEADS)
    return hub.models.BertTextClassifier(backbone, 3, preprocessor=None)


def roberta():
    # Its table is inside a `TokenAndPositionEmbedding`.
    backbone = hub.models.RobertaBackbone(**SMALL, **HEADS)
    return hub.models.RobertaTextClassifier(backbone, 3, preprocessor=None)


def gemma():
    backbone = hub.models.GemmaBackbone(
        **SMALL, num_query_heads=2, num_key_value_heads=1, hidden_dim=24,
        head_dim=8,
    )  # fmt: skip
    return hub.models.GemmaCausalLM(backbone=backbone, preprocessor=None)


def inputs_of(model):
    rng = np.random.default_rng(0)
    drawn = {x.name: np.ones((4, STEPS), "int32") for x in model.inputs}
    drawn["token_ids"] = rng.integers(N, size=(4, STEPS))
    if "segment_ids" in drawn:
        drawn["segment_ids"] = rng.integers(2, size=(4, STEPS))
    return drawn


def nodes_of(model):
    layers = model._flatten_layers(include_self=False)
    return [(len(x._inbound_nodes), len(x._outbound_nodes)) for x in layers]


@pytest.mark.slow
@pytest.mark.parametrize("make", [gpt2, bert, gemma, roberta])
@pytest.mark.parametrize("is_loaded", [False, True])
def test_a_copy_computes_what_the_model_does(make, is_loaded, tmp_path):
    model = make()
    if is_loaded:
        model.save(tmp_path / "model.keras")
        model = keras.saving.load_model(tmp_path / "model.keras", compile=False)
    [table], _ = find_tables(model)
    inputs = inputs_of(model)
    nodes = nodes_of(model)
    # So few different rows are rebuilt exactly: each has a code of its own.
    rows = table.rows[np.arange(N) % 60]
    table.layer.embeddings.assign(rows)
    wanted = model.predict(inputs, verbose=0)
    coded = kd_keras.learn_codes(
        table.layer, K=64, D=1, composition="concat", effort=0, verbose=0
    )
    small = kd_keras.replace_layers(model, {table.layer: coded})
    assert nodes_of(model) == nodes  # the original is as it was
    for x in (*model._flatten_layers(), *small._flatten_layers()):
        assert "get_config" not in vars(x)
    found = small.predict(inputs, verbose=0)
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-5)
    small.save(tmp_path / "small.keras")
    loaded = keras.saving.load_model(tmp_path / "small.keras")
    again = loaded.predict(inputs, verbose=0)
    np.testing.assert_allclose(again, found, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    "make", [bert, pytest.param(gpt2, marks=pytest.mark.slow)]
)
def test_a_task_may_have_targets(make):
    model = make()
    inputs = inputs_of(model)
    targets = inputs["token_ids"]
    targets = targets if make is gpt2 else targets[:, 0] % 3
    # Beyond the present size nothing is done but to check the data.
    planned = make_plan(model, "9 MB", (inputs, targets))
    assert planned.data.has_targets and not planned.tables
    wrong = targets.astype("f4")[..., None] * np.ones(5, "f4")
    with pytest.raises(ValueError, match="as `model.fit` gets it"):
        make_plan(model, "9 MB", (inputs, wrong))


@pytest.mark.slow
def test_a_backbone_of_which_one_output_is_used():
    backbone = hub.models.BertBackbone(**SMALL, **HEADS)
    hidden = backbone(backbone.input)["sequence_output"]
    model = keras.Model(backbone.input, keras.layers.Dense(2)(hidden))
    [table], _ = find_tables(model)
    assert table.kind == EMBEDDING
    planned = kd_keras.plan(model, "85%", verbose=0)
    assert "methods of BertBackbone" in " ".join(planned.notes)


@pytest.mark.slow
@pytest.mark.parametrize("make", [gpt2, bert])
def test_it_is_made_small_trains_and_is_exported(make, tmp_path):
    model = make()
    found = compress_model(model, "85%", tune=False, effort=0, verbose=0)
    small = found.model
    assert "plain functional model" in " ".join(found.plan.notes)
    [table] = found.plan.tables
    assert (table.kind == TIED) == (make is gpt2)
    assert small.compiled  # as keras-hub compiles its tasks
    targets = inputs_of(model)["token_ids"]
    targets = targets if make is gpt2 else targets[:, 0] % 3
    small.fit(inputs_of(model), targets, epochs=1, verbose=0)
    report = kd_keras.export_litert(
        small,
        tmp_path / "small.tflite",
        quantization="int8",
        batch_size=1,
        sequence_length=STEPS,
        tolerance=1,
    )
    assert report.total <= found.plan.budget


def test_a_masked_language_model_is_refused():
    """Its head reads the table of the backbone."""
    backbone = hub.models.BertBackbone(
        vocabulary_size=N,
        num_layers=1,
        num_heads=2,
        hidden_dim=16,
        intermediate_dim=16,
        max_sequence_length=STEPS,
    )
    model = hub.models.BertMaskedLM(backbone, preprocessor=None)
    told = "token_embedding: .*may hold the same layer"
    with pytest.raises(kd_keras.BadInputError, match=told):
        kd_keras.compress(model, "70%", verbose=0)


def test_a_layer_that_may_train_otherwise_is_copied_as_it_is():
    class Words(keras.layers.Layer):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.table = keras.layers.Embedding(N, 16, name="words")

        def call(self, inputs, training=False):
            return self.table(inputs) * (2.0 if training else 1.0)

    ids = keras.Input((STEPS,), dtype="int32")
    words = Words()
    model = keras.Model(ids, words(ids))
    small = kd_keras.compress(model, "50%", verbose=0)
    given = np.arange(STEPS)[None]
    assert type(small.layers[1]) is Words
    np.testing.assert_allclose(
        small(given, training=True), 2 * small(given), rtol=1e-5
    )

"""Tests that every byte of a file has a role and that sizes are predicted."""

import keras
import numpy as np
import pytest
from exported_models import N, classifier, embedding, language_model

import kd_keras
from kd_keras.cli.main import main
from kd_keras.utils.errors import BadInputError

SIZES = [
    {"K": 16, "D": 32},
    {"K": 50, "D": 10},
    {"K": 32, "D": 20, "code_dim": 12},
    {"K": 16, "D": 16, "composition": "concat"},
    {"K": 1000, "D": 3},
    {"K": 16, "D": 6, "composition": "lstm", "code_dim": 24},
]


@pytest.mark.parametrize("options", SIZES, ids=str)
@pytest.mark.parametrize("quantization", [None, "int8", "float16"])
@pytest.mark.slow
def test_a_file_is_as_large_as_predicted(options, quantization, tmp_path):
    layer = kd_keras.KDEmbedding(3000, 64, **options)
    layer.build()
    is_lstm = options.get("composition") == "lstm"
    length = 100 if is_lstm else None
    report = kd_keras.export_litert(
        layer,
        tmp_path / "small.tflite",
        quantization=quantization,
        sequence_length=length,
    )
    assert report.total == (tmp_path / "small.tflite").stat().st_size
    assert abs(report.total - report.predicted) < (
        0.02 * report.predicted + 16_384
    )
    assert abs(report.embedding_bytes - report.predicted) < (
        0.02 * report.predicted + 4096
    )
    told = kd_keras.size_report(layer, quantization)
    for role in ("codes", "code embeddings"):
        assert told.parts[role] == report.parts[role]
    # Biases that are all 0 are not in the file.
    zeros = 4 * 4 * 24 if is_lstm else 0
    assert told.parts["composition"] - report.parts["composition"] == zeros
    # The graph contains no table: it has the same size for any N.
    assert 3_000 < report.parts["overhead"] < (16_000 if is_lstm else 7_000)
    assert not report.parts["other layers"]


def test_the_roles_of_a_scaled_composition(tmp_path):
    composition = kd_keras.LSTMComposition(16, 4, 16, 8, scaled=True)
    layer = kd_keras.KDEmbedding(50, 16, 16, 4, composition=composition)
    layer.build()
    rng = np.random.default_rng(0)
    for weight in composition.weights:
        weight.assign(rng.normal(size=weight.shape))
    report = kd_keras.export_litert(
        layer, tmp_path / "scaled.tflite", batch_size=1
    )
    told = kd_keras.size_report(layer)
    # A scalar cannot be told from the graph's own constants.
    assert report.parts["composition"] == told.parts["composition"] - 4
    assert told.embedding_bytes == told.predicted == report.predicted
    assert not report.parts["rest"]


@pytest.mark.parametrize("quantization", [None, "float16", "int8"])
@pytest.mark.slow("last")
def test_a_language_model_by_role(quantization, tmp_path):
    model = language_model(composition="concat", D=16)
    path = tmp_path / "lm.tflite"
    report = kd_keras.export_litert(
        model, path, None, quantization, sequence_length=4
    )
    told = kd_keras.size_report(model, quantization)
    assert report.parts["codes"] == told.parts["codes"] == N * 6
    for role in ("code embeddings", "output layer", "other layers"):
        # The converter does not round biases and small matrices.
        assert report.parts[role] == pytest.approx(told.parts[role], rel=0.5)
    if quantization is None:
        for role in ("code embeddings", "output layer", "other layers"):
            assert report.parts[role] == pytest.approx(
                told.parts[role], rel=0.1
            )


def test_the_paper_s_count_stands_beside_the_bytes():
    layer = kd_keras.KDEmbedding(10_000, 200, K=50, D=10)
    layer.build()
    report = kd_keras.size_report(layer)
    assert report.parameters == 200_000  # Table 1: codes as integers
    assert report.bits_per_symbol == (80_000 + 400_000) * 8 / 10_000


@pytest.mark.parametrize("quantization", [None, "int8"])
@pytest.mark.parametrize("share", [("codes",), ("composition",), ()], ids=str)
@pytest.mark.slow
def test_what_embeddings_share_counts_once(share, quantization, tmp_path):
    def made(codes="learn", composition="linear"):
        return kd_keras.KDEmbedding(
            2000, 32, K=16, D=8, codes=codes, composition=composition
        )

    ids, one = keras.Input((5,), dtype="int32"), made()
    other = made(
        one.learner if "codes" in share else "learn",
        one.composition if "composition" in share else "linear",
    )
    both = keras.layers.Concatenate()([one(ids), other(ids)])
    model = keras.Model(ids, both)
    path = tmp_path / "m.tflite"
    reports = [
        kd_keras.size_report(model, quantization),
        kd_keras.export_litert(model, path, None, quantization),
    ]
    if quantization is None:
        kd_keras.export_saved_model(model, tmp_path / "saved")
        reports.append(kd_keras.size_report(tmp_path / "saved"))
    tables, codes = 2 - ("composition" in share), 2 - ("codes" in share)
    table = 8 * 16 * 32 * 4 if quantization is None else 8 * (16 * 33 + 4)
    for report in reports:
        assert report.parts["codes"] == codes * 2000 * 4
        assert report.parts["code embeddings"] == tables * table
        assert report.predicted == pytest.approx(
            report.embedding_bytes, abs=2 * 8 * 4
        )
        assert report.symbols == codes * 2000
        assert report.parameters == codes * 2000 * 8 + tables * 8 * 16 * 32
    model.save(tmp_path / "model.keras")
    saved = kd_keras.size_report(tmp_path / "model.keras")
    assert saved.parameters == reports[0].parameters


def test_saved_models_and_keras_files(tmp_path):
    model = classifier(composition="concat", codes="learn")
    words = [f"w{i}" for i in range(N)]
    kd_keras.export_saved_model(model, tmp_path / "saved", words)
    model.compile("adam", "mse")
    model.fit(np.zeros((4, 5), np.int32), np.zeros((4, 3)), verbose=0)
    model.save(tmp_path / "model.keras")
    learned = kd_keras.size_report(tmp_path / "model.keras")
    assert learned.parts["codes"] >= 4 * N * 4 * 6  # float logits
    assert learned.parts["optimizer"] > 2 * 4 * N * 4 * 6
    kd_keras.freeze(model).save(tmp_path / "frozen.keras")
    frozen = kd_keras.size_report(tmp_path / "frozen.keras")
    assert frozen.parts["codes"] == N * 4
    saved = kd_keras.size_report(tmp_path / "saved")
    assert saved.parts["codes"] == N * 2
    assert saved.parts["vocabulary"] == sum(len(w) + 1 for w in words)
    for report in (learned, frozen, saved):
        assert 0 < report.parts["overhead"] < 60_000
        assert report.parts["code embeddings"] == 4 * 6 * 12
        assert report.parts["output layer"] == 4 * (12 * 3 + 3)
        assert report.embeddings[0]["N"] == N


def test_the_command_prints_every_part(file, capsys):
    report = kd_keras.size_report(file)
    assert main(["report", str(file)]) == 0
    printed = capsys.readouterr().out
    for role, count in report.parts.items():
        assert not count or f"{count:,}" in printed, role
    assert f"{report.total:,}" in printed
    assert "GATHER" in printed


@pytest.mark.parametrize("path", [None, 3, [], b"small.tflite"])
def test_paths_that_are_none(path):
    for call in (kd_keras.load_litert, kd_keras.size_report):
        with pytest.raises(BadInputError, match="path.*Received: "):
            call(path)


def test_a_file_has_a_quantization(file):
    with pytest.raises(ValueError, match="a file has its own.*'int8'"):
        kd_keras.size_report(file, "int8")


def test_models_that_cannot_be_told():
    with pytest.raises(ValueError, match="not built"):
        kd_keras.size_report(kd_keras.KDEmbedding(9, 4))
    with pytest.raises(ValueError, match="'int4'"):
        kd_keras.size_report(embedding(), "int4")
    assert kd_keras.size_report(_dense()).bits_per_symbol is None


def _dense():
    layer = keras.layers.Dense(3)
    layer.build((None, 2))
    return layer


def test_a_residual_composition_is_counted_with_its_hidden_units(tmp_path):
    layer = kd_keras.KDEmbedding(
        300,
        8,
        K=4,
        D=3,
        composition=kd_keras.ResidualComposition(4, 3, 8, hidden_dim=50),
    )
    layer.build()
    layer.composition.hidden_bias.assign(np.arange(50))
    layer.composition.correction.assign(np.ones((50, 8)))
    report = kd_keras.export_litert(layer, tmp_path / "small.tflite")
    assert report.embeddings[0]["hidden_dim"] == 50
    assert report.parts["composition"] == 4 * (8 * 50 + 50 + 50 * 8)
    assert report.predicted == 300 + 4 * (4 * 3 * 8) + 4 * (800 + 50)
    again = kd_keras.size_report(tmp_path / "small.tflite")
    assert again.predicted == report.predicted
    assert again.parameters == 300 * 3 + 4 * 3 * 8 + 850


@pytest.mark.slow
def test_a_weight_of_a_single_number(tmp_path):
    model = keras.Sequential(
        [
            keras.Input((3,), dtype="int32"),
            kd_keras.KDEmbedding(50, 8, 4, 4),
            keras.layers.Flatten(),
            keras.layers.Dense(1, bias_initializer="ones"),
        ]
    )
    report = kd_keras.export_litert(model, tmp_path / "one.tflite")
    assert report.parts["output layer"] == 4 * (3 * 8 + 1)

"""Damaged and foreign exported files: told in a line, by every reader."""

import numpy as np
import pytest
from exported_models import N, embedding

import kd_keras
from kd_keras.cli.main import main
from kd_keras.utils.errors import BadInputError


@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.95])
def test_truncated_files(file, share, tmp_path, capsys):
    content = file.read_bytes()
    path = tmp_path / "part.tflite"
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(BadInputError, match=r"part.tflite"):
        kd_keras.load_litert(path)
    assert main(["report", str(path)]) in (0, 2)
    said = capsys.readouterr()
    assert "Traceback" not in said.err
    if share < 0.9:  # beyond, the graph is whole and only the archive is cut
        assert said.err.startswith("kd-keras: error: ")


def test_a_flipped_byte_is_told_in_a_line(file, tmp_path):
    content = bytearray(file.read_bytes())
    damaged = tmp_path / "damaged.tflite"
    graph = content.index(b"PK\x03\x04")
    for place in np.random.default_rng(0).choice(graph, 50, replace=False):
        content[place] ^= 0x55
        damaged.write_bytes(content)
        for call in (kd_keras.size_report, kd_keras.load_litert):
            with pytest.raises(BadInputError) as caught:
                call(damaged)
            assert "\n" not in str(caught.value)
        content[place] ^= 0x55


def test_a_flipped_byte_of_the_archive_is_told_or_does_no_harm(file, tmp_path):
    content = bytearray(file.read_bytes())
    damaged = tmp_path / "damaged.tflite"
    archive = range(content.index(b"PK\x03\x04"), len(content))
    refused = 0
    for place in np.random.default_rng(0).choice(archive, 80, replace=False):
        content[place] ^= 0x55
        damaged.write_bytes(content)
        try:
            small = kd_keras.load_litert(damaged)
            assert small.vocabulary in (None, [f"word-{i}" for i in range(N)])
        except BadInputError as error:
            assert "\n" not in str(error)
            refused += 1
        content[place] ^= 0x55
    assert refused > 40


JSON = [b"", b"[]", b"{}", b'{"embeddings": [3]}', b'{"embeddings": [{}]}']


@pytest.mark.parametrize(
    ("name", "contents"),
    [
        ("saved_model.pb", [b"junk" * 9]),
        ("variables/variables.index", [b"", b"junk" * 99, None]),
        ("variables/variables.data-00000-of-00001", [b""]),
        ("assets.extra/kd_keras.json", JSON),
    ],
)
def test_damaged_saved_models(name, contents, tmp_path, capsys):
    path = tmp_path / "saved"
    kd_keras.export_saved_model(embedding(), path)
    for content in contents:
        (path / name).unlink(missing_ok=True)
        if content is not None:
            (path / name).write_bytes(content)
        assert main(["report", str(path)]) == 2
        error = capsys.readouterr().err
        assert error.startswith("kd-keras: error: ") and error.count("\n") == 1


@pytest.mark.parametrize("content", [b"", b"hello", b"PK\x03\x04junk" * 9])
def test_foreign_files(content, tmp_path, capsys):
    path = tmp_path / "foreign"
    path.write_bytes(content)
    with pytest.raises(BadInputError):
        kd_keras.load_litert(path)
    assert main(["report", str(path)]) == 2
    error = capsys.readouterr().err
    assert error.startswith("kd-keras: error: ")
    assert error.count("\n") == 1


def test_files_that_are_not_there(tmp_path):
    for call in (kd_keras.load_litert, kd_keras.size_report):
        with pytest.raises(BadInputError, match="cannot be read: No such"):
            call(tmp_path / "nothing.tflite")
    (tmp_path / "folder").mkdir()
    with pytest.raises(BadInputError, match=r"without a saved_model\.pb"):
        kd_keras.size_report(tmp_path / "folder")


def test_a_foreign_tflite_is_counted_but_not_loaded(file, tmp_path):
    content = file.read_bytes()
    path = tmp_path / "bare.tflite"
    path.write_bytes(content[: content.index(b"PK\x03\x04")])
    report = kd_keras.size_report(path)
    whole = kd_keras.size_report(file)
    assert report.embeddings == [] and report.bits_per_symbol is None
    assert report.operators == whole.operators
    assert report.parts["rest"] >= whole.embedding_bytes
    with pytest.raises(
        BadInputError, match="not a file that export_litert wrote"
    ):
        kd_keras.load_litert(path)


def test_a_later_format_is_refused(tmp_path, monkeypatch):
    from kd_keras.export.litert import archive

    monkeypatch.setattr(archive, "FORMAT", 2)
    kd_keras.export_litert(embedding(), tmp_path / "new.tflite")
    monkeypatch.undo()
    for call in (kd_keras.load_litert, kd_keras.size_report):
        with pytest.raises(BadInputError, match="format 2"):
            call(tmp_path / "new.tflite")

"""A folder that cannot be written: what is told, and what is left."""

import importlib.util

import numpy as np
import pytest
from small_table import WORDS, compress

import kd_keras
from kd_keras.cli.main import main
from kd_keras.commands import write_result
from kd_keras.export.litert import quiet_litert


def test_a_missing_extra_is_told_before_any_work(
    source, tmp_path, monkeypatch, capsys
):
    found = importlib.util.find_spec
    monkeypatch.setattr(
        quiet_litert,
        "find_spec",
        lambda name: None if name == "ai_edge_litert" else found(name),
    )
    words = ["compress", str(source), "--litert", "--output", "out"]
    monkeypatch.chdir(tmp_path)
    assert main(words) == 2
    said = capsys.readouterr().err
    assert "pip install 'kd_keras[litert]'" in said and said.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_a_failing_step_leaves_nothing(
    source, tmp_path, fake_learning, monkeypatch
):
    def fail(*given):
        raise OSError("No space left on device")

    monkeypatch.setattr(write_result, "write_report", fail)
    with pytest.raises(OSError, match="No space"):
        compress(source, tmp_path / "out")
    assert [p.name for p in tmp_path.iterdir()] == ["table.npz"]


def test_what_was_learned_is_kept_if_the_page_fails(
    source, tmp_path, fake_learning, monkeypatch
):
    def fail(*given):
        raise RuntimeError("no page")

    with monkeypatch.context() as broken:
        broken.setattr(write_result, "write_report", fail)
        with pytest.raises(RuntimeError, match="no page"):
            compress(source, tmp_path / "out")
    names = sorted(p.name for p in tmp_path.iterdir())
    assert names == ["out.partial", "table.npz"]
    compress(source, tmp_path / "out")
    assert len(fake_learning) == 1
    names = sorted(p.name for p in tmp_path.iterdir())
    assert names == ["out", "table.npz"]


def test_a_word_that_litert_cannot_hold_is_refused_before_learning(
    tmp_path, vectors, fake_learning
):
    words = ["a\rb", *WORDS[1:]]
    np.savez(tmp_path / "table.npz", vectors=vectors, words=words)
    with pytest.raises(kd_keras.BadInputError, match="carriage return"):
        compress(tmp_path / "table.npz", tmp_path / "out", litert="float32")
    assert not fake_learning

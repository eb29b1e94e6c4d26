"""Folders that `kd-keras explore` refuses, and one without words."""

import json
import shutil

import numpy as np
import pytest
from explored_folders import N, write_folder

from kd_keras.cli.main import main


def test_ids_take_the_place_of_words_that_are_not_there(tmp_path):
    folder = tmp_path / "small"
    write_folder(folder)
    (folder / "vocabulary.txt").unlink()
    report(has_words=False)(folder)
    assert main(["explore", str(folder)]) == 0
    page = (folder / "explorer.html").read_text("utf-8")
    ids = json.dumps([str(i) for i in range(N)])
    assert f'"words": {ids}' in page


def damage(name, content=b"no"):
    return lambda folder: (folder / name).write_bytes(content)


def remove(name):
    return lambda folder: (folder / name).unlink()


def report(**entries):
    def change(folder):
        path = folder / "report.json"
        changed = json.loads(path.read_text()) | entries
        path.write_text(json.dumps(changed))

    return change


def neighbours(**arrays):
    def change(folder):
        with np.load(folder / "neighbours.npz") as file:
            changed = dict(file) | arrays
        np.savez(folder / "neighbours.npz", **changed)

    return change


def object_array(folder):
    np.savez(folder / "codes.npz", codes=np.array([{}], dtype=object))


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (shutil.rmtree, "which does not exist"),
        (remove("codes.npz"), "codes.npz is missing"),
        (damage("codes.npz"), "codes.npz is damaged"),
        (object_array, "codes.npz is damaged"),
        (remove("vocabulary.txt"), "vocabulary.txt is missing"),
        (remove("neighbours.npz"), "neighbours.npz is missing"),
        (damage("report.json"), "report.json is not one of its reports"),
        (damage("vocabulary.txt", b"a\nb\n"), "must hold the 60 symbols"),
        (damage("vocabulary.txt", b"\xff\n"), "cannot be read as UTF-8"),
        (damage("report.json", b'{"format": 1}'), "report.json is not one of"),
        (report(N="60"), "report.json is not one of"),
        (report(d="<script>fail()</script>"), "report.json is not one of"),
        (report(input={}), "report.json is not one of"),
        (report(examples=[{"id": N}]), "report.json is damaged"),
        (report(D=4), "must hold the 4 positions"),
        (neighbours(before=np.full((N, 10), N)), "belongs to another table"),
        (neighbours(after=np.zeros((N, 3), int)), "belongs to another table"),
        (neighbours(symbols=np.arange(N)[::-1]), "belongs to another table"),
        (neighbours(symbols=np.array("a")), "belongs to another table"),
    ],
)
def test_bad_folders_are_refused_in_a_line(harm, message, tmp_path, capsys):
    folder = tmp_path / "small"
    write_folder(folder)
    harm(folder)
    assert main(["explore", str(folder)]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert not list(tmp_path.glob("small/*explorer*"))


def test_a_number_of_symbols_is_checked(tmp_path, capsys):
    write_folder(tmp_path / "small")
    assert main(["explore", str(tmp_path / "small"), "--symbols", "0"]) == 2
    assert "Received: --symbols 0" in capsys.readouterr().err

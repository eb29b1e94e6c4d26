"""A folder is written completely or not at all, and replaces only results."""

import json
import os

import pytest

from kd_keras.folders.output_folder import (
    REPLACEABLE,
    check_output,
    new_folder,
    reserved,
)
from kd_keras.utils.errors import BadInputError


def test_output_with_other_files_is_never_replaced(tmp_path):
    (tmp_path / "letter.txt").write_text("dear")
    with pytest.raises(BadInputError, match=r"letter\.txt"):
        check_output(tmp_path, force=True)


def test_new_folder_replaces_only_at_its_end(tmp_path):
    output = tmp_path / "out"
    output.mkdir()
    (output / "codes.npz").write_text("old")
    (output / "report.json").write_text('{"format": 1}')
    with new_folder(output, force=True) as folder:
        (folder / "codes.npz").write_text("new")
        assert (output / "codes.npz").read_text() == "old"
    assert (output / "codes.npz").read_text() == "new"
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize("error", [OSError, KeyboardInterrupt, SystemExit])
def test_new_folder_leaves_the_old_one_on_any_error(tmp_path, error):
    output = tmp_path / "out"
    output.mkdir()
    (output / "codes.npz").write_text("old")
    (output / "report.json").write_text('{"format": 1}')
    with pytest.raises(error), new_folder(output, force=True) as folder:
        (folder / "codes.npz").write_text("new")
        raise error
    assert (output / "codes.npz").read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_new_folder_yields_to_one_that_came_meanwhile(tmp_path):
    output = tmp_path / "out"
    with (
        pytest.raises(BadInputError, match="new or empty"),
        new_folder(output),
    ):
        output.mkdir()
        (output / "codes.npz").write_text("another's")
    assert (output / "codes.npz").read_text() == "another's"
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize("name", REPLACEABLE)
def test_a_users_file_with_a_name_of_ours_stays(tmp_path, name):
    (tmp_path / name).write_text("precious")
    with pytest.raises(BadInputError, match="Received: "):
        check_output(tmp_path, force=True)
    assert (tmp_path / name).read_text() == "precious"


def test_an_empty_folder_is_filled_and_not_replaced(tmp_path):
    output = tmp_path / "out"
    output.mkdir()
    before = output.stat().st_ino
    with new_folder(output) as folder:
        assert folder.parent == output
        (folder / "codes.npz").write_text("new")
        (folder / "report.json").write_text("{}")
    assert sorted(os.listdir(output)) == ["codes.npz", "report.json"]
    assert output.stat().st_ino == before


@pytest.mark.parametrize("read", ["out", "out/model.keras", "link", None])
def test_what_is_read_is_not_replaced(tmp_path, monkeypatch, read):
    monkeypatch.chdir(tmp_path)
    os.mkdir("out")
    os.symlink("out", "link")
    for name, text in (("report.json", '{"format": 1}'), ("model.keras", "x")):
        (tmp_path / "out" / name).write_text(text)
    reads = ("elsewhere", None, read)
    if read is None:
        with reserved("out", True, reads):
            return
    with (
        pytest.raises(BadInputError, match=f"not be or hold.*{read} is read"),
        reserved("out", True, reads),
    ):
        pass
    assert sorted(os.listdir("out")) == ["model.keras", "report.json"]


def test_the_current_directory_cannot_be_replaced(tmp_path, monkeypatch):
    (tmp_path / "report.json").write_text('{"format": 1}')
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BadInputError, match="the current directory"):
        check_output(".", force=True)


def test_leftovers_of_a_killed_run_are_removed(tmp_path):
    """A run that filled a folder was killed after its first file."""
    output = tmp_path / "out"
    output.mkdir()
    beside = tmp_path / ".out.01234567.partial"
    theirs = tmp_path / ".out.76543210.partial"
    for folder, name in ((beside, "codes.npz"), (theirs, "letter.txt")):
        folder.mkdir()
        (folder / name).write_text("half")
    inside = output / ".kd-keras.01234567.partial"
    inside.mkdir()
    (output / "codes.npz").write_text("moved")
    (inside / "report.json").write_text("not yet")
    found = (output / "codes.npz").stat()
    mark = [found.st_ino, found.st_size, found.st_mtime_ns]
    (inside / "moved.json").write_text(json.dumps({"codes.npz": mark}))
    with reserved(output) as path:
        assert os.listdir(path) == []
    assert sorted(os.listdir(tmp_path)) == [theirs.name, "out"]


def test_a_result_that_was_moved_away_gets_its_name_back(tmp_path):
    old = tmp_path / ".out.01234567.old"
    old.mkdir()
    (old / "report.json").write_text('{"format": 1}')
    with reserved(tmp_path / "out", force=True):
        pass
    assert os.listdir(tmp_path) == ["out"]


@pytest.mark.parametrize("exists", [False, True])
def test_two_commands_cannot_write_one_folder(tmp_path, exists):
    output = tmp_path / "out"
    if exists:
        output.mkdir()
    with (
        reserved(output),
        pytest.raises(BadInputError, match="another command is writing"),
        reserved(output),
    ):
        pass
    with reserved(output):
        pass
    assert os.listdir(tmp_path) == ["out"] * exists

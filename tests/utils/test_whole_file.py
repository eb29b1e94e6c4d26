"""Tests of `whole_file`: complete or not at all, and in the place it names."""

import os
import stat

import pytest

from kd_keras.utils.whole_file import whole_file, write_whole


def test_an_error_leaves_what_was_there(tmp_path):
    path = tmp_path / "text.txt"
    path.write_text("before")
    with pytest.raises(KeyError), whole_file(path) as temporary:
        temporary.write_text("half")
        raise KeyError
    assert [x.read_text() for x in tmp_path.iterdir()] == ["before"]


def test_a_symbolic_link_stays_one(tmp_path):
    target, link = tmp_path / "target.txt", tmp_path / "link.txt"
    target.write_text("before")
    link.symlink_to(target)
    write_whole(link, "after")
    assert link.is_symlink()
    assert target.read_text() == "after"


def test_an_existing_file_keeps_its_mode(tmp_path):
    path = tmp_path / "text.txt"
    path.write_text("before")
    path.chmod(0o640)
    write_whole(path, "after")
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_a_name_may_be_as_long_as_a_name_can_be(tmp_path):
    path = tmp_path / ("語" * 85)  # 255 bytes
    write_whole(path, "text")
    assert path.read_text() == "text"


def test_a_pipe_is_written_to_itself(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        write_whole(pipe, "through")
        assert os.read(reader, 100) == b"through"
    finally:
        os.close(reader)
    assert list(tmp_path.iterdir()) == [pipe]

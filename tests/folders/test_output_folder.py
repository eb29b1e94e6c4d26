"""A folder is written completely or not at all, and replaces only results."""

import pytest

from kd_keras.folders.output_folder import check_output, new_folder
from kd_keras.utils.errors import BadInputError


def test_output_with_other_files_is_never_replaced(tmp_path):
    (tmp_path / "letter.txt").write_text("dear")
    with pytest.raises(BadInputError, match=r"letter\.txt"):
        check_output(tmp_path, force=True)


def test_new_folder_replaces_only_at_its_end(tmp_path):
    output = tmp_path / "out"
    output.mkdir()
    (output / "codes.npz").write_text("old")
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

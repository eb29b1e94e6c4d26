"""A compression that is interrupted goes on where it stopped."""

import os
from unittest import mock

import keras
import numpy as np
import pytest
from small_models import ids_of, sequential

from kd_keras.compression.compress import compress_model
from kd_keras.compression.forms import CODES, TIERS
from kd_keras.compression.planner import BEST, WAYS
from kd_keras.compression.steps import KeptSteps
from kd_keras.utils.errors import BadInputError

EFFORT = 0.4  # two epochs of training


# The other ways are as good for so small a model, and have no codes to keep.
CODED = {CODES: (CODES,), TIERS: (TIERS,), BEST: (CODES, TIERS)}


@mock.patch.dict(WAYS, CODED, clear=True)
def compressed(folder, budget="50%"):
    """Makes a model small, and returns it with the lines that were said."""
    keras.utils.clear_session()  # the names of layers, as in a new process
    keras.utils.set_random_seed(1)
    model = sequential()
    x = ids_of(200)
    said = []
    steps = KeptSteps(folder / "out", {"budget": budget})
    found = compress_model(
        model, budget, x, effort=EFFORT, verbose=0,
        say=said.append, steps=steps,
    )  # fmt: skip
    return found, said, steps


def stop_after(monkeypatch, name):
    """Simulates Ctrl-C after the first of some steps is kept."""
    write = KeptSteps.write

    def write_and_stop(self, given, found):
        write(self, given, found)
        if given.startswith(name):
            raise KeyboardInterrupt

    monkeypatch.setattr(KeptSteps, "write", write_and_stop)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return compressed(tmp_path_factory.mktemp("whole"))


@pytest.mark.slow
@pytest.mark.parametrize("names", [("draft", "table"), ("trial", "training")])
def test_the_result_is_the_same(whole, tmp_path, monkeypatch, names):
    for name in names:  # it is stopped twice
        with monkeypatch.context() as patch:
            stop_after(patch, name)
            with pytest.raises(KeyboardInterrupt):
                compressed(tmp_path)
        assert os.listdir(tmp_path) == ["out.partial"]
    made = []
    with monkeypatch.context() as patch:
        write = KeptSteps.write
        patch.setattr(
            KeptSteps,
            "write",
            lambda self, step, found: (
                made.append(step),
                write(self, step, found),
            ),
        )
        found, said, steps = compressed(tmp_path)
    # The first of these steps was not made again, nor any before it.
    every = ["draft", "trial", "table", "training"]
    assert not any(
        x.startswith(tuple(every[: every.index(name)])) for x in made
    )
    assert len([x for x in made if x.startswith("training")]) == (
        1 if name == "training" else 2
    )
    want, told, _ = whole
    assert found.losses == want.losses and len(want.losses) == 3
    assert found.plan.tables == want.plan.tables
    # Not their bytes: the converter's names count the models of a process.
    assert [x.loss for x in found.plan.alternatives] == [
        x.loss for x in want.plan.alternatives
    ]
    for a, b in zip(
        found.model.get_weights(), want.model.get_weights(), strict=True
    ):
        np.testing.assert_array_equal(a, b)
    epochs = [[x for x in y if x.startswith("Epoch")] for y in (said, told)]
    assert epochs[0][-1] == epochs[1][-1]
    steps.remove()
    assert os.listdir(tmp_path) == []


def test_other_settings_find_nothing(tmp_path):
    KeptSteps(tmp_path / "out", {"budget": 1}).write(
        "a", lambda: {"0": np.ones(2)}
    )
    assert KeptSteps(tmp_path / "out", {"budget": 2}).read("a") == {}
    kept = KeptSteps(tmp_path / "out", {"budget": 1})
    assert kept.read("a")["0"].tolist() == [1, 1]
    other = KeptSteps(tmp_path / "out", {"budget": 2})
    other.write("a", lambda: {"0": np.zeros(2)})
    other.remove()
    assert kept.read("a")["0"].tolist() == [1, 1]
    kept.remove()
    assert os.listdir(tmp_path) == []


def test_a_refused_run_keeps_nothing(tmp_path):
    with pytest.raises(BadInputError, match="budget must be at least"):
        compressed(tmp_path, "5%")
    assert os.listdir(tmp_path) == []


def test_without_room_nothing_is_kept_and_the_run_goes_on(
    tmp_path, monkeypatch
):
    def full(*given, **arrays):
        raise OSError(28, "No space left on device")

    said = []
    kept = KeptSteps(tmp_path / "out", {}, said.append)
    monkeypatch.setattr(np, "savez", full)
    for _ in range(2):
        assert kept.run("a", lambda: {"0": np.ones(2)})["0"].tolist() == [1, 1]
    assert said == [
        "From here on nothing is kept: [Errno 28] No space left on device"
    ]
    kept.remove()
    assert os.listdir(tmp_path) == []


def test_damaged_steps_are_made_again(tmp_path):
    kept = KeptSteps(tmp_path / "out", {})
    kept.write("a", lambda: {"0": np.ones(2)})
    [file] = kept.folder.glob("*.npz")
    file.write_bytes(file.read_bytes()[:-9])
    assert kept.read("a") == {}
    assert kept.run("a", lambda: {"0": np.zeros(3)})["0"].tolist() == [0] * 3
    assert kept.read("a")["0"].tolist() == [0] * 3


def test_a_folder_of_others_is_refused(tmp_path):
    (tmp_path / "out.partial").mkdir()
    (tmp_path / "out.partial" / "letter.txt").write_text("dear")
    with pytest.raises(BadInputError, match="must be from an interrupted run"):
        KeptSteps(tmp_path / "out", {})
    (tmp_path / "link.partial").symlink_to(tmp_path / "nowhere")
    with pytest.raises(BadInputError, match="a broken link"):
        KeptSteps(tmp_path / "link", {})
    KeptSteps(tmp_path / "other", {}).write("a", lambda: {"0": np.ones(2)})
    (tmp_path / "other.partial" / "letter.txt").write_text("dear")
    KeptSteps(tmp_path / "other", {}).remove()
    assert os.listdir(tmp_path / "other.partial") == ["letter.txt"]

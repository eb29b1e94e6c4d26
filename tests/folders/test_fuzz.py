"""Damaged files of every kind; `benchmarks/fuzz_readers.py` tries more."""

from pathlib import Path

import pytest
from hypothesis import given, settings, strategies

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
SLOW = ("embedding.keras", "SavedModel, graph", "SavedModel, index")
# What is damaged is learned again, and a vocabulary may be any text.
NEVER_REFUSED = (
    "unfinished run, codes",
    "unfinished model, a step",
    "SavedModel, vocabulary",
)
READERS = [
    "codes.npz", "neighbours.npz", "vocabulary.txt", "report.json",
    "embedding.keras", "codebooks.json", "shard.json", "codes.npz of a shard",
    "unfinished run, settings", "unfinished run, codes",
    "unfinished model, settings", "unfinished model, a step",
    "ptb run, settings", "ptb run, log", "ptb results", "tflite, archive",
    "tflite, size report", "tflite, graph", "SavedModel, kd_keras.json",
    "SavedModel, vocabulary", "SavedModel, graph", "SavedModel, index",
]  # fmt: skip


@pytest.fixture(scope="module")
def fuzz(tmp_path_factory):
    """The module with the readers, and a folder with their valid files."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(BENCHMARKS)
        import fuzz_readers

        folder = tmp_path_factory.mktemp("fuzz")
        fuzz_readers.fuzz_files.make_files(folder)
        yield fuzz_readers, folder


def test_every_reader_is_tried(fuzz):
    assert list(fuzz[0].fuzz_files.FILES) == READERS


@pytest.mark.parametrize("name", READERS)
def test_damaged_files(fuzz, name):
    module, folder = fuzz
    file, reader = module.fuzz_files.FILES[name]
    path = folder / file
    valid = path.read_bytes()
    outcomes = [module.read_file(path, reader)]
    assert outcomes == ["read"]

    @settings(
        derandomize=True,
        database=None,
        deadline=None,
        max_examples=8 if name in SLOW else 25,
    )
    @given(strategies.randoms(use_true_random=True))
    def damaged(rng):
        content = module.fuzz_files.mutate(file, valid, rng, module.mutated)
        path.write_bytes(content)
        outcomes.append(module.read_file(path, reader))

    damaged()
    path.write_bytes(valid)
    assert "refused" in outcomes or name in NEVER_REFUSED

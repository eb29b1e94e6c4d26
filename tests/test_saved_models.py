"""What ships in saved_models/ is what its README says, and runs."""

import hashlib
import re
import subprocess
import venv
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from kd_testing import run_python

import kd_keras
from kd_keras.cli.main import main

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "saved_models"
ROWS = re.findall(
    r"^\| `([\w./-]+)` \|.*\| ([\d,]+) \|[^|]*\| `(\w{64})` \|$",
    (FOLDER / "README.md").read_text(),
    re.M,
)
EMBEDDING = {"N": 10_000, "d": 200, "K": 50, "D": 10}


def files():
    return [path for path in FOLDER.rglob("*") if path.is_file()]


def test_every_file_is_told_and_all_are_small():
    told = {FOLDER / name for name, _, _ in ROWS}
    assert told == set(files()) - {FOLDER / "README.md"}
    assert sum(path.stat().st_size for path in files()) < 12e6


@pytest.mark.parametrize(("name", "size", "sha256"), ROWS)
def test_a_file_is_the_one_that_is_told(name, size, sha256):
    content = (FOLDER / name).read_bytes()
    assert len(content) == int(size.replace(",", ""))
    assert hashlib.sha256(content).hexdigest() == sha256


@pytest.mark.parametrize(
    "name",
    ["ptb_small_codes.tflite", "ptb_small_embedding.tflite"]
    + ["ptb_small_embedding"],
)
def test_report_tells_them_byte_by_byte(name, capsys):
    assert main(["report", str(FOLDER / name)]) == 0
    codes = "167,000" if name == "ptb_small_codes.tflite" else "80,000"
    assert codes in capsys.readouterr().out


def test_the_docs_tell_every_byte():
    text = (ROOT / "docs" / "on_device.md").read_text()
    told = re.findall(r"^\| [^|]+ \| ([\d,]+) \|$", text, re.M)
    report = kd_keras.size_report(FOLDER / "ptb_small_codes.tflite")
    found = [f"{count:,}" for count in report.parts.values() if count]
    assert sorted(told) == sorted(found)


def test_the_embedding_is_the_same_in_both_formats():
    saved = tf.saved_model.load(FOLDER / "ptb_small_embedding")
    wanted = saved.signatures["serving_default"](
        token_ids=tf.range(EMBEDDING["N"])
    )["embeddings"]
    small = kd_keras.load_litert(FOLDER / "ptb_small_embedding.tflite")
    assert small.configuration["embeddings"][0].items() >= EMBEDDING.items()
    found = small.embed(small.vocabulary)
    error = np.square(found - wanted).sum() / np.square(wanted).sum()
    assert error < 2e-4  # int8 against float32
    folder = FOLDER / "ptb_small_embedding" / "assets.extra"
    words = (folder / "vocabulary.txt").read_text("utf-8").split("\n")[:-1]
    assert words == small.vocabulary


def test_the_language_model_knows_what_comes_next():
    model = kd_keras.load_litert(FOLDER / "ptb_small_codes.tflite")
    words = [word for word, _ in model.next_words(["new", "york"], 3)]
    assert "city" in words


NEEDED = ["ai_edge_litert", "numpy"]  # at run time, and their own libraries
LIBRARIES = ["numpy.libs", "backports", "flatbuffers", "tqdm", "ml_dtypes"]


def test_the_example_runs_where_there_is_no_tensorflow(tmp_path):
    venv.create(tmp_path, symlinks=True, with_pip=False)
    (packages,) = tmp_path.glob("lib/python*/site-packages")
    installed = Path(find_spec("numpy").origin).parent.parent
    for name in [*NEEDED, *LIBRARIES]:
        if (installed / name).exists():
            (packages / name).symlink_to(installed / name)
    python = tmp_path / "bin" / "python"

    def run(*words):
        return subprocess.run(
            [python, *words], cwd=tmp_path, capture_output=True, text=True
        )

    assert "No module" in run("-c", "import tensorflow").stderr
    done = run(ROOT / "examples" / "on_device.py", "new", "york", "xyzzy")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert "city" in lines[2] and "xyzzy (unknown)" in lines[3]
    assert "10,000 words, 1.19 MB" in lines[-1]


def test_the_example_compares_answers_with_the_model_of_the_demo(tmp_path):
    model = FOLDER / "question_types.keras"
    (tmp_path / "model.keras").write_bytes(model.read_bytes())
    example = ROOT / "examples" / "ask_about_questions.py"
    told = run_python(example, tmp_path)
    assert told.count("47 of 48 questions right") == 2
    assert "100% of the answers are the same" in told

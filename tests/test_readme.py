"""What README and the examples tell a user to run, run."""

import os
import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest
from kd_testing import TEXT_SYMBOLS, run_python, write_texts

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def test_the_python_of_readme_runs(tmp_path, monkeypatch):
    (tmp_path / "saved_models").symlink_to(ROOT / "saved_models")
    monkeypatch.chdir(tmp_path)
    script = tmp_path / "readme.py"
    script.write_text("\n".join(blocks("python")))
    names = runpy.run_path(str(script))
    assert names["embedding"].codes.shape == (2000, 8)
    assert names["small"].layers[0].codes.dtype == "uint8"
    assert (tmp_path / "model.keras").exists()


def test_the_commands_of_readme_exist():
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"^make (\w+)", "".join(blocks("sh")), re.M):
        assert f"\n{target}:" in makefile
    from kd_keras.cli_options import make_parser

    commands = re.findall(r"^kd-keras (.*)$", "".join(blocks("sh")), re.M)
    assert commands
    for command in commands:
        make_parser().parse_args(command.split())


def test_the_files_that_readme_names_exist():
    for name in re.findall(r"`((?:examples|results|docs)/[\w/.]+)`", README):
        assert (ROOT / name).exists(), name


@pytest.mark.parametrize(
    ("example", "ending"),
    [
        ("words_that_share_a_code.py", "if drawn at random"),
        ("codes_in_a_task.py", "random codes"),
    ],
)
def test_example_runs(example, ending, tmp_path):
    run = subprocess.run(
        [
            sys.executable,
            "-W",
            "error::UserWarning",
            ROOT / "examples" / example,
        ],
        cwd=tmp_path,
        env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr
    assert ending in run.stdout
    assert not list(tmp_path.iterdir())


def test_language_model_example_runs(tmp_path):
    write_texts(tmp_path)
    before = set(tmp_path.iterdir())
    words = ["--model", "tiny", "--K", "8", "--D", "4"]
    words += ["--any-text", "--data-dir", tmp_path]
    printed = run_python(ROOT / "examples" / "ptb_language_model.py", *words)
    lines = printed.splitlines()[-3:-1]  # of the table: name, bytes, perplexity
    assert ["conventional", "over codes"] == [
        line.strip("│").split("│")[0].strip() for line in lines
    ]
    for line in lines:
        assert float(line.strip("│").split("│")[2]) < TEXT_SYMBOLS
    assert set(tmp_path.iterdir()) == before

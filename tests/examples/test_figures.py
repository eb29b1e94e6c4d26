"""The paper's figures: the quick version of every script runs and draws."""

import json
import runpy
import struct
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "examples" / "paper"
SCRIPTS = sorted(p.stem for p in FOLDER.glob("*.py") if p.stem != "experiment")


def run(script, *options, monkeypatch):
    monkeypatch.syspath_prepend(FOLDER)
    path = str(FOLDER / f"{script}.py")
    monkeypatch.setattr(sys, "argv", [path, *map(str, options)])
    return runpy.run_path(path, run_name="__main__")


def quick(script, folder, monkeypatch):
    options = ("--quick", "--output", folder)
    names = run(script, *options, monkeypatch=monkeypatch)
    return names, json.loads((folder / f"{script}.json").read_text())


def size_of(picture):
    content = picture.read_bytes()
    assert content.startswith(b"\x89PNG")
    return struct.unpack(">II", content[16:24])


@pytest.mark.parametrize("script", SCRIPTS)
@pytest.mark.slow
def test_quick_version_measures_and_draws(script, tmp_path, monkeypatch):
    _, results = quick(script, tmp_path, monkeypatch)
    words = results["command"].split()
    assert words[:3] == ["python", f"examples/paper/{script}.py", "--quick"]
    assert {"seed", "versions", "machine", "date"} < set(results)
    picture = tmp_path / f"{script}.png"
    width, height = size_of(picture)
    assert width > height > 300
    drawn = picture.read_bytes()
    run(script, "--draw", "--output", tmp_path, monkeypatch=monkeypatch)
    assert picture.read_bytes() == drawn  # from the file, and nothing else


def test_every_full_result_has_its_figure():
    results = FOLDER.parent.parent / "results"
    for script in SCRIPTS:
        path = results / f"{script}.json"
        command = json.loads(path.read_text())["command"]
        assert command.startswith(f"python examples/paper/{script}.py")
        assert "--quick" not in command
        assert size_of(results / f"{script}.png")


def test_draw_without_results_says_so(tmp_path, monkeypatch):
    with pytest.raises(SystemExit, match="is not there yet"):
        run(
            "lemma1_sizes", "--draw", "--output", tmp_path,
            monkeypatch=monkeypatch,
        )  # fmt: skip

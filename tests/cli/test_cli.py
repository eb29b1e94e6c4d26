"""The command line: what it refuses, prints and leaves behind."""

import json
import os

import numpy as np
import pytest
from command_line import fake_learning

import kd_keras
from kd_keras.cli import main as cli


def write_bad_files():
    table = np.load("table.npy")
    np.save("nan.npy", np.where(table == table[3, 2], np.nan, table))
    np.save("inf.npy", np.where(table == table[3, 2], np.inf, table))
    np.save("rank.npy", table[0])
    np.save("whole.npy", np.ones((20, 6), np.int64).astype(str))
    np.save("none.npy", table[:0])
    with open("cut.npy", "wb") as file, open("table.npy", "rb") as whole:
        file.write(whole.read()[:-9])
    for name, text in {
        "empty.txt": "",
        "widths.txt": "a 1 2\nb 3 4\nc 5\n",
        "twice.txt": "a 1 2\nb 3 4\na 5 6\n",
        "text.npy": "a 1 2\n",
        "header.txt": "3 2\na 1 2\nb 3 4\n",
    }.items():
        with open(name, "w") as file:
            file.write(text)


BAD = {
    "no command": ([], "COMMAND"),
    "unknown command": (["shrink"], "shrink"),
    "unknown option": (["compress", "table.npy", "--k", "4"], "--k"),
    "no vectors": (["compress"], "VECTORS"),
    "K no integer": (["compress", "table.npy", "--K", "x"], "'x'"),
    "K of 1": (["compress", "table.npy", "--K", "1"], "K=1"),
    "K too large": (["compress", "table.npy", "--K", "65537"], "K=65537"),
    "D of 0": (["compress", "table.npy", "--D", "0"], "D=0"),
    "few rows": (["compress", "table.npy", "--K", "21"], "20 rows"),
    "composition": (["compress", "table.npy", "--composition", "sum"], "sum"),
    "concat": (
        ["compress", "table.npy", "--composition", "concat", "--D", "4"],
        "d=6, D=4",
    ),
    "code-dim of 0": (["compress", "table.npy", "--code-dim", "0"], "dim=0"),
    "code-dim of 7": (["compress", "table.npy", "--code-dim", "7"], "dim 7"),
    "seed": (["compress", "table.npy", "--seed", "-1"], "-1"),
    "effort": (["compress", "table.npy", "--effort", "nan"], "effort=nan"),
    "no effort": (["compress", "table.npy", "--effort", "low"], "low"),
    "no file": (["compress", "none.txt"], "none.txt"),
    "directory": (["compress", "."], "directory"),
    "nan": (["compress", "nan.npy"], "nan"),
    "infinity": (["compress", "inf.npy"], "inf"),
    "rank": (["compress", "rank.npy"], "(6,)"),
    "dtype": (["compress", "whole.npy"], "dtype"),
    "no rows": (["compress", "none.npy"], "(0, 6)"),
    "cut": (["compress", "cut.npy"], "cut.npy"),
    "empty": (["compress", "empty.txt"], "empty.txt"),
    "widths": (["compress", "widths.txt", "--K", "2"], "Line 3"),
    "twice": (["compress", "twice.txt", "--K", "2"], "line 1 and line 3"),
    "not its name": (["compress", "text.npy"], "text.npy"),
    "header": (["compress", "header.txt", "--K", "2"], "header.txt"),
    "output a file": (
        ["compress", "table.npy", "--output", "table.npy"],
        "a file",
    ),
    "output over a file": (
        ["compress", "table.npy", "--output", "table.npy/out"],
        "through a file",
    ),
    "output without parent": (
        ["compress", "table.npy", "--output", "no/out"],
        "no/out",
    ),
    "output unwritable": (
        ["compress", "table.npy", "--output", "/proc/out"],
        "/proc/out",
    ),
    "output empty": (["compress", "table.npy", "--output", ""], "''"),
    "output not ours": (
        ["compress", "table.npy", "--output", ".", "--force"],
        "--force",
    ),
    "report of nothing": (["report", "none"], "does not exist"),
    "report of a file": (["report", "table.npy"], "is not a .tflite file"),
    "report of a folder": (["report", "."], "without a report.json"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_one_line_and_leaves_nothing(
    name, capsys, working_directory
):
    arguments, said = BAD[name]
    write_bad_files()
    before = sorted(os.listdir())
    assert cli.main(arguments) == 2
    out, err = capsys.readouterr()
    lines = err.splitlines()
    assert out == ""
    assert len(lines) == 1, err
    assert lines[0].startswith("kd-keras: error: ")
    assert said in lines[0]
    assert sorted(os.listdir()) == before


@pytest.mark.parametrize("name", ["no rows", "K of 1", "twice"])
def test_quiet_says_nothing_but_the_error(name, capsys):
    write_bad_files()
    assert cli.main([*BAD[name][0], "--quiet"]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_an_earlier_result_stays_without_force(monkeypatch, capsys):
    fake_learning(monkeypatch)
    given = ["compress", "table.npy", "--K", "4", "--D", "2", "--quiet"]
    assert cli.main(given) == 0
    folder = "table-K4-D2-linear"
    with open(f"{folder}/report.json", "rb") as file:
        before = file.read()
    assert cli.main([*given, "--seed", "5"]) == 2
    assert "--force" in capsys.readouterr().err
    # With --force it stays if the new one fails.
    assert cli.main([*given, "--force", "--code-dim", "9"]) == 2
    with open(f"{folder}/report.json", "rb") as file:
        assert file.read() == before
    assert cli.main([*given, "--force", "--seed", "5"]) == 0
    with open(f"{folder}/report.json", "rb") as file:
        assert file.read() != before
    assert sorted(os.listdir()) == [folder, "table.npy"]


def test_report_prints_what_compress_printed(monkeypatch, capsys):
    fake_learning(monkeypatch)
    np.savez(
        "[bold]table.npz",
        vectors=np.load("table.npy"),
        words=[f"[/red]{i}" for i in range(20)],
    )
    given = ["[bold]table.npz", "--K", "4", "--D", "2", "--output", "out[b]"]
    assert cli.main(["compress", *given]) == 0
    printed = capsys.readouterr().out
    assert cli.main(["report", "out[b]"]) == 0
    assert capsys.readouterr().out == printed
    assert "[bold]table.npz: 20 symbols x 6" in printed
    assert "480 bytes" in printed
    assert "out[b]/report.html" in printed


def test_report_tells_of_files_that_changed(monkeypatch, capsys):
    fake_learning(monkeypatch)
    given = ["table.npy", "--K", "4", "--D", "2", "--output", "out"]
    assert cli.main(["compress", *given, "--quiet"]) == 0
    assert capsys.readouterr() == ("", "")
    os.remove("out/codes.npz")
    with open("out/neighbours.npz", "ab") as file:
        file.write(b"more")
    with open("out/report.json") as file:
        size = json.load(file)["files"]["neighbours.npz"]
    assert cli.main(["report", "out"]) == 0
    printed = capsys.readouterr().out
    assert "missing" in printed
    assert f"was {size:,} bytes" in printed


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "{}", '{"format": 2}', "\udcff", 100_000 * "["],
    ids=range(7),
)
def test_report_of_a_broken_report_is_one_line(text, capsys):
    os.mkdir("out")
    with open("out/report.json", "wb") as file:
        file.write(text.encode(errors="surrogateescape"))
    assert cli.main(["report", "out"]) == 2
    err = capsys.readouterr().err
    assert len(err.splitlines()) == 1
    assert "report.json" in err


def test_duplicates_first_keeps_the_first(monkeypatch, capsys):
    fake_learning(monkeypatch)
    write_bad_files()
    given = ["twice.txt", "--K", "2", "--D", "1", "--duplicates", "first"]
    assert cli.main(["compress", *given, "--output", "out"]) == 0
    with open("out/vocabulary.txt") as file:
        assert file.read() == "a\nb\n"


@pytest.mark.parametrize(
    "arguments",
    [[name, "--help"] for name in ("compress", "merge", "report")]
    + [["--help"]],
)
def test_help_has_examples(arguments, capsys):
    assert cli.main(arguments) == 0
    out = capsys.readouterr().out
    assert "example" in out
    assert max(map(len, out.splitlines())) <= 80


def test_examples_of_the_help_are_right(capsys):
    from kd_keras.cli.options import make_parser

    for words in ([], ["compress"], ["merge"], ["report"], ["ptb"]):
        cli.main([*words, "--help"])
    lines = [
        line.split()
        for line in capsys.readouterr().out.splitlines()
        if line.startswith("  kd-keras") and "--help" not in line
    ]
    assert len(lines) == 27
    for line in lines:
        make_parser().parse_args(line[1:])


def test_version(capsys):
    assert cli.main(["--version"]) == 0
    assert capsys.readouterr().out == f"kd-keras {kd_keras.__version__}\n"


def test_what_learning_refuses_is_one_line(monkeypatch, capsys):
    def refuse(vectors, **given):
        raise ValueError("K must be lucky. Received: K=4")

    fake_learning(monkeypatch, refuse)
    assert cli.main(["compress", "table.npy", "--K", "4", "--quiet"]) == 2
    assert capsys.readouterr().err == (
        "kd-keras: error: K must be lucky. Received: K=4\n"
    )
    assert os.listdir() == ["table.npy"]


def test_other_errors_are_not_hidden(monkeypatch):
    def fail(vectors, **given):
        raise TypeError("a bug")

    fake_learning(monkeypatch, fail)
    with pytest.raises(TypeError, match="a bug"):
        cli.main(["compress", "table.npy", "--K", "4", "--quiet"])
    assert os.listdir() == ["table.npy"]

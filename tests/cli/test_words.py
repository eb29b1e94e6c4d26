"""The command line: where the words of a table come from."""

import hashlib
import json
import os
import threading

import numpy as np
import pytest
from command_line import fake_learning

from kd_keras.cli import main as cli

WORDS = [f"word {i}" for i in range(20)]
LINES = "".join(f"{word}\n" for word in WORDS)


def vocabulary():
    with open("out/vocabulary.txt", encoding="utf-8") as file:
        return file.read()


def compress(*arguments):
    given = ["--K", "4", "--D", "2", "--output", "out", "--quiet"]
    return cli.main(["compress", *arguments, *given])


def test_words_of_another_file(monkeypatch, capsys):
    fake_learning(monkeypatch)
    with open("words.txt", "w") as file:
        file.write(LINES)
    with open("words.json", "w") as file:
        json.dump(WORDS, file)
    np.savetxt("table.tsv", np.load("table.npy"), delimiter="\t")
    for table in ("table.npy", "table.tsv"):
        for words in ("words.txt", "words.json"):
            assert compress(table, "--words", words, "--force") == 0
            assert vocabulary() == LINES
            with open("out/report.json") as file:
                report = json.load(file)
            assert report["has_words"] is True
            assert f"--words {words}" in report["command"]
            assert cli.main(["explore", "out"]) == 0
    capsys.readouterr()
    with open("words.txt", "a") as file:
        file.write("one more\n")
    assert compress("table.npy", "--words", "words.txt", "--force") == 2
    assert "20 words. Received: 21 words" in capsys.readouterr().err
    assert vocabulary() == LINES  # the earlier result stays


def test_numbers_need_a_word_about_words(monkeypatch, capsys):
    fake_learning(monkeypatch)
    np.savetxt("table.txt", np.load("table.npy"))
    assert compress("table.txt") == 2
    error = capsys.readouterr().err
    assert "--no-words" in error and error.count("\n") == 1
    assert not os.path.exists("out")
    assert compress("table.txt", "--no-words") == 0
    assert not os.path.exists("out/vocabulary.txt")
    assert compress("table.txt", "--number-words", "--force") == 0
    table = np.load("table.npy")
    assert vocabulary() == "".join(f"{x:.18e}\n" for x in table[:, 0])
    for more in ("--no-words", "--number-words"):
        assert compress("table.txt", "--words", "w.txt", more) == 2
        assert "not allowed with" in capsys.readouterr().err


@pytest.mark.skipif(os.name != "posix", reason="needs a pipe")
def test_a_pipe_is_read_once(monkeypatch, capsys):
    fake_learning(monkeypatch)
    with open("table.npy", "rb") as file:
        content = file.read()
    os.mkfifo("pipe")

    def with_pipe(*arguments):
        writer = threading.Thread(target=_write, args=("pipe", content))
        writer.start()
        code = compress("pipe", *arguments)
        writer.join()
        return code

    assert with_pipe() == 0
    with open("out/report.json") as file:
        source = json.load(file)["input"]
    assert source["path"] == "pipe" and source["bytes"] == len(content)
    assert source["sha256"] == hashlib.sha256(content).hexdigest()
    content = content[:-1]
    assert with_pipe("--force") == 2
    error = capsys.readouterr().err
    assert error.startswith("kd-keras: error: pipe: The file is truncated")
    # What is refused leaves the pipe alone.
    for arguments in (["--codebooks-only"], ["--seed", "-1"]):
        assert compress("pipe", "--force", *arguments) == 2
    assert "a pipe" in capsys.readouterr().err
    assert cli.main(["compress", "pipe", "--K", "4", "--D", "2"]) == 2
    assert "--output" in capsys.readouterr().err


def _write(path, content):
    with open(path, "wb") as file:
        file.write(content)

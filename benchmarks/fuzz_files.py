"""Files other than vectors that `fuzz_readers.py` damages, and their readers.

A reader gets the path of a damaged file, in a folder whose other files are
valid. It returns, or raises a `BadInputError` of one line.
"""

import contextlib
import copy
import hashlib
import io
import json
import random
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from record import RESULTS

TFLITE = Path(__file__).parent.parent / "tests/golden/0.1.0/linear.tflite"
SETTINGS = {"K": 4, "D": 2, "seed": 0, "table": {"N": 40, "d": 6}}
# What replaces a value in a JSON file.
ODD = [
    None, True, -1, 0, 1, 3, 2**63, 10**30, 1.5, float("nan"), float("inf"),
    "", "x", "a\nb", "1", "\ud800", [], {}, [[]], {"N": 1}, [1, 2], ["x"],
]  # fmt: skip


def make_files(folder):
    """Writes a valid file for each reader, by the package's own commands."""
    from kd_keras.commands.arguments import make_arguments
    from kd_keras.commands.compress_folder import (
        compress_codebooks,
        compress_folder,
        compress_shard,
    )
    from kd_keras.compression.steps import KeptSteps
    from kd_keras.export.export_saved_model import export_saved_model
    from kd_keras.folders.embedding_file import load_embedding
    from kd_keras.folders.unfinished_run import UnfinishedRun

    rows = np.random.default_rng(0).normal(size=(40, 6)).astype("f4")
    words = np.array([f"w{i}" for i in range(40)])
    np.savez(folder / "table.npz", vectors=rows, words=words)
    given = {"vectors": str(folder / "table.npz"), "K": 4, "D": 2, "effort": 0}
    out, books, shard = (str(folder / x) for x in ("out", "books", "shard"))
    compress_folder(make_arguments(**given, output=out))
    compress_codebooks(
        make_arguments(**given, output=books, codebooks_only=True)
    )
    compress_shard(
        make_arguments(**given, output=shard, codebooks=books, shard="1/1")
    )
    run = UnfinishedRun(folder / "run", SETTINGS)
    run.write(slice(0, 9), np.zeros((9, 2), np.uint8))
    kept = {"0": np.zeros(9), "1": rows}
    KeptSteps(folder / "kept", {}).write("a", lambda: kept)
    embedding = load_embedding(folder / "out" / "embedding.keras")
    export_saved_model(embedding, folder / "saved", words.tolist())
    shutil.copyfile(TFLITE, folder / "small.tflite")
    content = TFLITE.read_bytes()
    (folder / "graph.tflite").write_bytes(content[: content.rindex(b"PK\3\4")])
    rows = json.loads((RESULTS / "ptb_small.json").read_text())["rows"][:2]
    (folder / "results.json").write_text(json.dumps({"rows": rows}))
    ptb = folder / "ptb"
    ptb.mkdir()
    from kd_keras.ptb.run_folder import RunFolder
    from kd_keras.ptb.run_settings import RunSettings

    RunFolder(ptb).begin(RunSettings("tiny"))
    (ptb / "log.csv").write_text("epoch,perplexity,seconds\n0,9.5,1\n1,8,1\n")


def read_result(path):
    from kd_keras.explorer.folder_contents import read_folder

    read_folder(path.parent)


def show_result(path):
    from kd_keras.cli.report_tables import Console, print_report
    from kd_keras.explorer.explorer_page import explorer_page
    from kd_keras.explorer.folder_contents import read_folder
    from kd_keras.folders.report_file import read_report

    print_report(read_report(path.parent), path.parent, Console(file=NOWHERE))
    explorer_page(read_folder(path.parent), 10)


def read_codebooks(path):
    from kd_keras.folders.codebooks_folder import read_codebooks

    found = read_codebooks(path.parent)
    found.hold_codes_of({"N": 40, "d": 6})


def read_shard(path):
    from kd_keras.folders.shard_folder import check_shards, read_shard

    for shard in check_shards([read_shard(path.parent)]):
        shard.codes()


def read_run(path):
    from kd_keras.folders.unfinished_run import UnfinishedRun

    output = path.parent.with_suffix("")
    codes = UnfinishedRun(output, SETTINGS).read(slice(0, 9))
    assert codes is None or (codes.shape == (9, 2) and codes.max() < 4)


def read_step(path):
    from kd_keras.compression.steps import KeptSteps

    found = KeptSteps(path.parent.with_suffix(""), {}).read("a")
    assert all(isinstance(x, np.ndarray) for x in found.values())


def read_embedding(path):
    from kd_keras.folders.embedding_file import load_embedding

    assert load_embedding(path).input_dim


def read_size(path):
    from kd_keras.cli.size_table import Console, print_size_report
    from kd_keras.export.size.size_report import size_report

    folders = [p for p in path.parents if p.name == "saved"]
    report = size_report(folders[0] if folders else path)
    print_size_report(report, Console(file=NOWHERE))


def read_archive(path):
    from kd_keras.export.litert import check_configuration
    from kd_keras.export.litert.archive import read_archive

    configuration, words, _ = read_archive(path.read_bytes(), path)
    if configuration is not None:
        check_configuration.fits(configuration, words)


def read_run_of_ptb(path):
    from kd_keras.ptb.run_folder import RunFolder

    folder = RunFolder(path.parent)
    settings = folder.read_settings()
    assert settings.name and settings.configuration
    folder.read_log()


def read_rows_of_ptb(path):
    from kd_keras.cli.report_tables import Console
    from kd_keras.ptb.paper_table import paper_table
    from kd_keras.ptb.results_file import read_rows

    Console(file=NOWHERE).print(paper_table(read_rows(path), "Results"))


NOWHERE = io.StringIO()


DIGEST = hashlib.sha256(b"{}").hexdigest()[:16]  # of no settings
# A reader's name: the file, relative to the folder, and the reader.
FILES = {
    "codes.npz": ("out/codes.npz", read_result),
    "neighbours.npz": ("out/neighbours.npz", read_result),
    "vocabulary.txt": ("out/vocabulary.txt", read_result),
    "report.json": ("out/report.json", show_result),
    "embedding.keras": ("out/embedding.keras", read_embedding),
    "codebooks.json": ("books/codebooks.json", read_codebooks),
    "shard.json": ("shard/shard.json", read_shard),
    "codes.npz of a shard": ("shard/codes.npz", read_shard),
    "unfinished run, settings": ("run.partial/settings.json", read_run),
    "unfinished run, codes": ("run.partial/codes-000000000000.npy", read_run),
    "unfinished model, settings": ("kept.partial/settings.json", read_step),
    "unfinished model, a step": (f"kept.partial/{DIGEST}-a.npz", read_step),
    "ptb run, settings": ("ptb/settings.json", read_run_of_ptb),
    "ptb run, log": ("ptb/log.csv", read_run_of_ptb),
    "ptb results": ("results.json", read_rows_of_ptb),
    "tflite, archive": ("small.tflite", read_archive),
    "tflite, size report": ("small.tflite", read_size),
    "tflite, graph": ("graph.tflite", read_size),
    "SavedModel, kd_keras.json": (
        "saved/assets.extra/kd_keras.json",
        read_size,
    ),
    "SavedModel, vocabulary": ("saved/assets.extra/vocabulary.txt", read_size),
    "SavedModel, graph": ("saved/saved_model.pb", read_size),
    "SavedModel, index": ("saved/variables/variables.index", read_size),
}


def mutated_json(data, rng):
    """Replaces, removes or copies one or two values of a JSON file."""
    tree = json.loads(data)
    for _ in range(rng.choice((1, 1, 2))):
        places = list(_places(tree))
        holder, key = rng.choice(places)
        way = rng.randrange(4)
        if way == 0:
            del holder[key]
            if not tree:
                break
        elif way == 1:
            other, name = rng.choice(places)
            holder[key] = copy.deepcopy(other[name])
        else:
            holder[key] = copy.deepcopy(rng.choice(ODD))
    return json.dumps(tree).encode()


def _places(tree):
    """Yields every place in a JSON value: its holder, and a key or index."""
    keys = tree if isinstance(tree, dict) else range(len(tree))
    for key in list(keys):
        yield tree, key
        if isinstance(tree[key], dict | list):
            yield from _places(tree[key])


def mutate(name, data, rng, damage):
    """Damages a file's bytes, or the values in it."""
    if name.endswith(".json") and rng.random() < 0.7:
        return mutated_json(data, rng)
    if name == "small.tflite":  # the archive is at the end
        at = data.rindex(b"PK\3\4", 0, data.rindex(b"PK\1\2"))
        if rng.random() < 0.5:
            return with_archive(data[:at], rng)
        return data[:at] + damage(data[at:], rng)
    return damage(data, rng)


def with_archive(graph, rng, damaged=True):
    """Appends a valid archive with a valid checksum to a graph."""
    from kd_keras.export.litert.archive import append_archive
    from kd_keras.export.litert.archive import read_archive as read

    configuration = read(TFLITE.read_bytes(), TFLITE)[0]
    for name in ("format", "graph_bytes", "graph_crc32"):
        configuration.pop(name, None)
    text = json.dumps(configuration).encode()
    if damaged:
        configuration = json.loads(mutated_json(text, rng))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "file")
        path.write_bytes(graph)
        append_archive(path, configuration, {})
        return path.read_bytes()


def load_damaged(damage, first, count, seed):
    """Loads files whose graph is damaged and whose checksum is right.

    Prints the number of each file before it is loaded: LiteRT may crash.
    """
    from kd_keras import BadInputError, load_litert

    content = TFLITE.read_bytes()
    graph = content[: content.rindex(b"PK\3\4")]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "v.tflite")
        for i in range(first, count):
            rng = random.Random(f"{seed} {i}")
            path.write_bytes(with_archive(damage(graph, rng), rng, False))
            print(i, flush=True)
            with contextlib.suppress(BadInputError):
                load_litert(path)
                print("read", flush=True)


def crashes(count, seed):
    """Counts the files at which `load_damaged` crashes, in processes."""
    outcomes = {"read": 0, "refused": 0, "crashed": 0}
    first = 0
    while first < count:
        code = (
            "import sys, fuzz_files, fuzz_readers as f; "
            f"fuzz_files.load_damaged(f.mutated, {first}, {count}, {seed})"
        )
        run = subprocess.run(
            [sys.executable, "-c", code],
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
        )
        lines = run.stdout.split()
        numbers = [int(x) for x in lines if x != "read"]
        assert run.returncode <= 0, run.stderr[-2000:]
        crashed = run.returncode < 0
        read = lines.count("read")
        outcomes["read"] += read
        outcomes["refused"] += len(numbers) - read - crashed
        outcomes["crashed"] += crashed
        first = numbers[-1] + 1
    return outcomes

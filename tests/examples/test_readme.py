"""What README, the pages of docs/ and the examples tell a user to run, run."""

import json
import re
import runpy
import shlex
from pathlib import Path

import numpy as np
import pytest
from kd_testing import TEXT_SYMBOLS, run_python, write_texts

ROOT = Path(__file__).parents[2]
PAGES = {
    path.relative_to(ROOT).as_posix(): path.read_text()
    for path in [ROOT / "README.md", *sorted(ROOT.glob("docs/**/*.md"))]
}
ALL = "\n".join(PAGES.values())


def blocks(language, text):
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


WITH_PYTHON = [page for page in PAGES if blocks("python", PAGES[page])]


def test_these_pages_have_python():
    names = (
        "README choosing training bridges huge_tables on_device output_layer"
        " rare_symbols compress new_symbols"
    )
    assert {Path(page).stem for page in WITH_PYTHON} == set(names.split())


@pytest.mark.parametrize("page", WITH_PYTHON)
@pytest.mark.slow
def test_the_python_of_a_page_runs(page, tmp_path, monkeypatch):
    (tmp_path / "saved_models").symlink_to(ROOT / "saved_models")
    monkeypatch.chdir(tmp_path)
    script = tmp_path / "page.py"
    script.write_text("\n".join(blocks("python", PAGES[page])))
    names = runpy.run_path(str(script))
    if page == "README.md":
        assert names["embedding"].codes.shape == (2000, 8)
        assert (tmp_path / "small.keras").exists()
    if page == "docs/training.md":
        assert names["small"].layers[0].codes.dtype == "uint8"


def test_the_commands_of_the_pages_exist():
    makefile = (ROOT / "Makefile").read_text()
    told = "".join(blocks("sh", ALL))
    for target in re.findall(r"^make (\w+)", told, re.M):
        assert f"\n{target}:" in makefile
    from kd_keras.cli.options import make_parser

    commands = re.findall(r"^kd-keras (.*)$", told, re.M)
    assert len(commands) > 10
    for command in commands:
        make_parser().parse_args(shlex.split(command, comments=True))


def test_the_files_that_the_pages_name_exist():
    folders = "examples|results|docs|benchmarks|saved_models"
    for name in re.findall(rf"`((?:{folders})/[\w/.]+)`", ALL):
        assert (ROOT / name).exists(), name


def test_the_links_of_the_pages_lead_somewhere():
    for page, text in PAGES.items():
        for link in re.findall(r"\]\(([\w./]+)\)", text):
            assert ((ROOT / page).parent / link).exists(), link


def numbers_of(page, title):
    """The rows of a table whose first column has a title, by that column."""
    _, _, table = PAGES[page].partition(f"\n| {title} |")
    rows = {}
    for line in table.partition("\n\n")[0].splitlines()[2:]:
        name, *cells = (cell.strip() for cell in line.strip("| ").split("|"))
        rows[name] = cells
    return rows


@pytest.mark.parametrize("name", ["glove", "ptb"])
def test_the_errors_in_the_docs_are_the_measured_ones(name):
    path = ROOT / "results" / "code_learning.json"
    cells = json.loads(path.read_text())["cells"]
    titles = {"glove": "GloVe 10,000 x 50", "ptb": "PTB 10,000 x 200"}
    sizes = [(32, 5), (64, 10), (16, 16), (256, 8), (16, 32), (32, 32)]
    rows = numbers_of("docs/code_learning.md", titles[name])
    assert rows.pop("*bits*") and len(rows) == 15
    for method, shown in rows.items():
        for (K, D), number in zip(sizes, shown, strict=False):
            here = [
                cell
                for cell in cells
                if (cell["table"], cell["K"], cell["D"]) == (name, K, D)
            ]
            found = [c["error"] for c in here if c["method"] == method]
            if method == "*Gaussian bound*":
                found = [cell["bound"] for cell in here if "bound" in cell]
            wanted = f"{np.median(found):#.3g}" if found else ""
            assert number == wanted, (method, K, D)


# What makes an example long and what it is in a test; what is printed.
SHORTER = {
    "codes_in_a_task": ({"epochs=8": "epochs=1"}, "random codes"),
    "tied_language_model": (
        {"64, 20, 12": "16, 20, 1", "verbose=0\n)": "verbose=0, effort=0\n)"},
        "codes, tied",
    ),
}


@pytest.mark.parametrize("name", SHORTER)
@pytest.mark.slow
def test_an_example_runs(name, tmp_path, monkeypatch, capsys):
    changes, printed = SHORTER[name]
    source = (ROOT / "examples" / f"{name}.py").read_text()
    for long, short in changes.items():
        assert source.count(long) == 1
        source = source.replace(long, short)
    (tmp_path / "examples").mkdir()
    (tmp_path / "docs").symlink_to(ROOT / "docs")
    script = tmp_path / "examples" / f"{name}.py"
    script.write_text(source)
    monkeypatch.chdir(tmp_path)
    before = set(tmp_path.rglob("*"))
    runpy.run_path(str(script))
    assert printed in capsys.readouterr().out
    assert set(tmp_path.rglob("*")) == before


@pytest.mark.slow
def test_the_example_of_a_whole_model_runs(monkeypatch, capsys):
    rng = np.random.default_rng(0)
    x = [(20_000 * rng.random(30) ** 4).astype(int).tolist() for _ in "ab" * 50]
    y = [int(min(ids) < 2) for ids in x]
    load = lambda num_words: ((x, y), (x, y))  # noqa: E731
    monkeypatch.setattr("keras.datasets.imdb.load_data", load)
    monkeypatch.setattr("sys.argv", ["shrink", "--budget", "70 KB"])
    runpy.run_path(str(ROOT / "examples" / "shrink_a_classifier.py"))
    printed = capsys.readouterr().out.splitlines()[-2:]
    sizes = [
        int(re.search("([0-9,]+) bytes", x)[1].replace(",", ""))
        for x in printed
    ]
    assert sizes[0] > 1_000_000 and sizes[1] <= 70_000


@pytest.mark.slow
def test_the_example_of_a_recommender_runs(tmp_path, monkeypatch, capsys):
    rng = np.random.default_rng(0)
    film = (400 * rng.random(3000) ** 2).astype(int)
    columns = [rng.integers(120, size=3000), film, film, np.arange(3000)]
    ratings = tmp_path / "ratings.csv"
    rows = np.transpose(columns)
    np.savetxt(ratings, rows, "%d", ",", header="user,film,rating,time")
    words = ["shrink", str(ratings), "--budget", "30 KB"]
    monkeypatch.setattr("sys.argv", words)
    runpy.run_path(str(ROOT / "examples" / "shrink_a_recommender.py"))
    model, small = capsys.readouterr().out.splitlines()[-2:]
    assert "of 120 found" in model and "small: 2" in small


@pytest.mark.slow
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

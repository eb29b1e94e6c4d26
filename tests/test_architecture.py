"""The layout of the package: its wings, and that imports run one way."""

import ast
import subprocess
import sys
from pathlib import Path

import grimp
import pytest

import kd_keras

PACKAGE = Path(kd_keras.__file__).parent
# From the lowest to the highest; docs/architecture.md says what each is for.
WINGS = (
    "utils", "codes", "vectors", "datasets", "search", "report", "layers",
    "folders", "learning", "bridges", "training", "explorer",
    "language_model", "export", "compression", "commands", "ptb", "cli",
)  # fmt: skip
# The rooms of a wing, from the lowest to the highest; last its own files.
ROOMS = {
    "search": ("methods",),
    "layers": ("compositions",),
    "export": ("litert", "size", "signatures"),
}


@pytest.fixture(scope="module")
def graph():
    """All imports of the package, those inside functions included."""
    return grimp.build_graph("kd_keras", cache_dir=None)


def floor_of(module):
    """Gives the place of a module in the order: its wing, then its room."""
    names = module.split(".")
    if names == ["kd_keras", "version"]:
        return (-1, 0)
    if names in (["kd_keras"], ["kd_keras", "__main__"]):
        return (len(WINGS), 0)
    wing, rooms = names[1], ROOMS.get(names[1], ())
    # A module in a room has at least four names, as has the room's `__init__`
    # three.
    room = names[2] if len(names) > 2 and names[2] in rooms else None
    return (
        WINGS.index(wing),
        len(rooms) if room is None else rooms.index(room),
    )


def test_every_import_runs_down(graph):
    wrong = [
        f"{module} imports {imported}"
        for module in sorted(graph.modules)
        for imported in graph.find_modules_directly_imported_by(module)
        if floor_of(imported) > floor_of(module)
    ]
    assert not wrong, "\n".join(wrong)


def test_there_are_no_circles(graph):
    """Takes away modules that import nothing that is left, until none is."""
    left = {
        module: set(graph.find_modules_directly_imported_by(module))
        for module in graph.modules
    }
    while free := [m for m, imported in left.items() if not imported & {*left}]:
        for module in free:
            del left[module]
    assert not left


def test_the_order_would_find_an_import_that_runs_up():
    assert floor_of("kd_keras.utils.cores") < floor_of("kd_keras.cli.main")
    assert floor_of("kd_keras.search.methods.kmeans") < floor_of(
        "kd_keras.search.fit_additive"
    )
    assert floor_of("kd_keras.export.size.report") < floor_of(
        "kd_keras.export.parity"
    )


def test_nothing_else_is_at_the_top():
    files = {path.name for path in PACKAGE.glob("*.py")}
    assert files == {"__init__.py", "__main__.py", "version.py"}
    folders = {
        p.name for p in PACKAGE.iterdir() if (p / "__init__.py").exists()
    }
    assert folders == set(WINGS)
    for wing, rooms in ROOMS.items():
        inside = {p.parent.name for p in (PACKAGE / wing).glob("*/__init__.py")}
        assert inside == set(rooms)


def test_an_init_is_a_docstring():
    for path in PACKAGE.glob("*/**/__init__.py"):
        body = ast.parse(path.read_text("utf-8")).body
        assert len(body) == 1 and isinstance(body[0], ast.Expr), path


def test_every_file_has_a_docstring():
    for path in PACKAGE.rglob("*.py"):
        assert ast.get_docstring(ast.parse(path.read_text("utf-8"))), path


WITHOUT_KERAS = """
import importlib, pkgutil, sys
import kd_keras_command  # so that `import kd_keras` loads no layers
import kd_keras
for name in {modules}:
    importlib.import_module(name)
loaded = {{"keras", "tensorflow", "jax"}} & set(sys.modules)
assert not loaded, loaded
"""


def modules_in(*wings):
    return [
        ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts)
        for wing in wings
        for path in (PACKAGE / wing).rglob("*.py")
        if path.name != "__init__.py"
    ]


def assert_starts_without_keras(modules):
    code = WITHOUT_KERAS.format(modules=modules)
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_the_low_wings_do_without_keras():
    assert_starts_without_keras(
        modules_in("utils", "codes", "vectors", "search", "report")
    )


def test_the_command_line_starts_without_keras():
    assert_starts_without_keras(["kd_keras.cli.main", "kd_keras.cli.options"])


@pytest.mark.slow
def test_a_script_named_as_the_command_has_the_whole_package(tmp_path):
    script = tmp_path / "kd-keras.py"
    script.write_text("import kd_keras; print(kd_keras.KDEmbedding.__name__)")
    done = subprocess.run(
        [sys.executable, script], capture_output=True, text=True
    )
    assert done.stdout == "KDEmbedding\n", done.stderr

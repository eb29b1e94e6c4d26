"""How the command starts: as a module, without TensorFlow, without chatter."""

import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from command_line import ENVIRONMENT, START

import kd_keras

PACKAGE = Path(kd_keras.__file__).parent


def test_bad_input_does_not_start_tensorflow():
    code = (
        "codes = [cli.main(a.split()) for a in ('--help', 'report .', "
        "'compress table.npy --K 21', 'compress none.txt')]; "
        "assert codes == [0, 2, 2, 2], codes; "
        "assert not {'tensorflow', 'keras', 'jax'} & set(sys.modules)"
    )
    run = subprocess.run(
        [sys.executable, "-c", START + code], capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr


@pytest.mark.parametrize(
    ("module", "arguments"),
    [
        ("kd_keras", ["--version"]),
        ("importer", []),
        ("importer", ["-m", "kd_keras"]),
    ],
)
def test_python_m_is_the_command_and_other_modules_have_the_package(
    module, arguments, tmp_path
):
    """A module that is run by -m imports the whole package, ours does not."""
    (tmp_path / "importer").mkdir()
    (tmp_path / "importer" / "__init__.py").write_text("import kd_keras\n")
    (tmp_path / "importer" / "__main__.py").write_text(
        "import kd_keras; print(kd_keras.KDEmbedding.__name__)"
    )
    run = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", module, *arguments],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=ENVIRONMENT | {"PYTHONPATH": str(PACKAGE.parent)},
    )
    assert run.returncode == 0, run.stderr
    ours = module == "kd_keras"
    told = f"kd-keras {kd_keras.__version__}" if ours else "KDEmbedding"
    assert run.stdout.strip() == told
    has_keras = re.search(r"\| +keras$", run.stderr, re.MULTILINE)
    assert (has_keras is None) == ours


def test_lines_that_are_not_chatter_are_passed_on():
    code = """
import os, sys
from kd_keras.utils.quiet_start import quiet_start
with quiet_start():
    os.write(2, b"I0000 00:00:1795456747.571003    7858 port.cc:153] on\\n")
    os.write(2, b"WARNING: All log messages before absl::InitializeLog() is\\n")
    os.write(2, b"something real\\n")
    os.write(2, b"F0000 00:00:1795456747.571003    7858 x.cc:1] no AVX\\n")
    os.abort()
"""
    run = subprocess.run(
        [sys.executable, "-c", START + code.lstrip()],
        capture_output=True,
        env=ENVIRONMENT,
        text=True,
    )
    assert run.returncode == -signal.SIGABRT
    said = run.stderr.splitlines()
    assert said[0] == "something real"
    assert said[1].startswith("F0000")

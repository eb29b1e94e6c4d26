"""The `kd-keras` command, installed beside the package as `kd_keras_command`.

It is outside the package because importing any module of the package first
imports `kd_keras`, which takes several seconds to load Keras. Once this module
has been imported, the package knows that only the command line is wanted: see
`kd_keras`.
"""

import sys


def main() -> int:
    """Runs the command line with the process's arguments."""
    from kd_keras.cli.main import main as run

    return run(sys.argv[1:])

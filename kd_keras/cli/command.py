"""The command `kd-keras`, installed beside the package as `kd_keras_command`.

It lies outside the package because importing anything inside imports
`kd_keras` first, which loads Keras for some seconds. That this module runs
tells the package that only the command line is wanted: see `kd_keras`.
"""

import sys


def main() -> int:
    """Runs the command line with the arguments of the process."""
    from kd_keras.cli.main import main as run

    return run(sys.argv[1:])

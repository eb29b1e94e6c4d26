"""`python -m kd_keras` is the command `kd-keras`."""

import sys

from kd_keras.cli.command import main

if __name__ == "__main__":
    sys.exit(main())

"""Options that are integers."""

import argparse


def integer(text: str) -> int:
    """Reads an integer; argparse tells its error."""
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"must be an integer. Received: {text!r}"
        ) from None

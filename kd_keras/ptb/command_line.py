"""The command line that is recorded beside a result."""

import argparse
import shlex


def command_line(given: argparse.Namespace, path: str) -> str:
    """Rebuilds the command line without options that change no result.

    Args:
        given: The options of the command, and its name as `step`.
        path: str. The folder that it writes.

    Returns:
        str. The same wherever the Penn Treebank lies.
    """
    words = ["kd-keras", "ptb", given.step]
    left_out = {
        "command", "step", "output", "results", "quiet",
    }  # fmt: skip
    if not given.any_text:  # the Penn Treebank is the same everywhere
        left_out.add("data_dir")
    for name, value in vars(given).items():
        if name in left_out or value is None or value is False:
            continue
        option = "from" if name == "run" else name.replace("_", "-")
        words.append(f"--{option}")
        if value is not True:
            words.append(str(value))
    return shlex.join([*words, "--output", path])

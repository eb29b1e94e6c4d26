"""Shared by the scripts of this folder: options, JSON file and figure."""

import argparse
import json
import sys
from pathlib import Path

from kd_keras.utils.experiment_record import write_record

ROOT = Path(__file__).resolve().parents[2]

# Okabe and Ito's colours, which colour-blind people can tell apart.
BLUE, ORANGE, GREEN, RED, PURPLE, SKY, GREY, BLACK = (
    "#0072b2", "#e69f00", "#009e73", "#d55e00", "#cc79a7", "#56b4e9",
    "#777777", "#000000",
)  # fmt: skip


def parse(description, **options):
    """Parses the command line of an experiment.

    Args:
        description: str. Its first line is the description in `--help`.
        **options: str. Help texts of further options by name. Each option
            takes a string.

    Returns:
        A namespace with `quick`, `draw`, `output` (a folder) and the options.
    """
    parser = argparse.ArgumentParser(description=description.splitlines()[0])
    parser.add_argument(
        "--quick",
        action="store_true",
        help="a version that takes seconds, written into figures/",
    )
    parser.add_argument(
        "--draw",
        action="store_true",
        help="only draw the figure again from the JSON file",
    )
    parser.add_argument(
        "--output",
        type=Path,
        help="folder of the JSON file and the figure; default results/",
    )
    for name, text in options.items():
        parser.add_argument(f"--{name.replace('_', '-')}", help=text)
    args = parser.parse_args()
    args.output = args.output or ROOT / ("figures" if args.quick else "results")
    return args


def earlier(args):
    """Reads the results of an earlier call; empty if there are none."""
    path = _path(args, "json")
    return json.loads(path.read_text()) if path.exists() else {}


def record(args, results, seed=None):
    """Writes the results next to the figure that is drawn from them."""
    return write_record(_path(args, "json"), results, seed)


def finish(args, draw):
    """Draws the figure from the JSON file.

    Args:
        args: namespace. The return value of `parse`.
        draw: callable. Takes the file's dictionary and returns a matplotlib
            `Figure`.
    """
    import matplotlib

    matplotlib.use("agg")
    matplotlib.rcParams |= {
        "axes.spines.right": False,
        "axes.spines.top": False,
        "axes.titlesize": "medium",
        "figure.dpi": 150,
        "font.size": 9,
        "legend.frameon": False,
    }
    path = _path(args, "json")
    if not path.exists():
        sys.exit(f"{path} is not there yet: run the script without --draw")
    figure = draw(json.loads(path.read_text()))
    figure.savefig(_path(args, "png"), metadata={"Software": None})
    print(f"{path}\n{_path(args, 'png')}")


def _path(args, ending):
    return args.output / f"{Path(sys.argv[0]).stem}.{ending}"

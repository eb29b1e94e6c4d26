"""Error against seconds: learn_codes by `effort`, faiss' LSQ by its settings.

Every point is a complete run in a process of its own on all cores, without the
imports. Nothing else should run at the same time.

    python benchmarks/error_against_seconds.py --glove glove.6B.50d.txt
    python benchmarks/error_against_seconds.py --draw

Points that are in `results/error_against_seconds.json` are not run again.
"""

import argparse
import json

from apart import learn_apart
from code_learning_figure import TITLES
from faiss_methods import LSQ_SETTINGS
from matplotlib import rc_context
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator
from methods import EFFORTS
from record import RESULTS, measured_now, write_results
from tables import read_tables

from kd_keras.report.measure import measure_error

NAME = "error_against_seconds"
KINDS = {
    "learn_codes linear": ("#0072B2", "o-"),
    "faiss LSQ": ("#D55E00", "^-"),
}

TICKS = (1, 3, 10, 30, 100)


def run_point(key, vectors):
    name, K, D, method = key
    rebuilt, took = learn_apart(method, vectors, K, D, seed=0)
    return {
        "table": name,
        "K": K,
        "D": D,
        "method": method,
        "error": measure_error(vectors, rebuilt)["error"],
        **{name: value for name, value in took.items() if "seconds" in name},
        **measured_now(),
    }


def draw(points, path):
    if not points:
        return
    panels = sorted({(p["table"], p["K"], p["D"]) for p in points})
    with rc_context({"font.size": 9}):
        figure = Figure(figsize=(4.2 * len(panels), 3.6), layout="constrained")
        axes = figure.subplots(1, len(panels), squeeze=False)[0]
        for axis, panel in zip(axes, panels, strict=True):
            for kind, (colour, style) in KINDS.items():
                shown = sorted(
                    (p["seconds"], p["error"])
                    for p in points
                    if (p["table"], p["K"], p["D"]) == panel
                    and p["method"].startswith(kind)
                )
                if shown:
                    axis.plot(
                        *zip(*shown, strict=True),
                        style,
                        color=colour,
                        label=kind,
                    )
            table, K, D = panel
            axis.set(xscale="log", xlabel="seconds", ylabel="error")
            axis.set_xticks(TICKS, [str(tick) for tick in TICKS])
            axis.xaxis.set_minor_locator(NullLocator())
            axis.set_title(f"{TITLES[table]}, K = {K}, D = {D}")
            axis.legend(frameon=False)
        figure.savefig(path, dpi=120, metadata={"Software": None})


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--glove", help="the 10,000 x 50 GloVe table")
    parser.add_argument("--settings", nargs="+", default=["16,16", "32,5"])
    parser.add_argument("--draw", action="store_true")
    args = parser.parse_args()

    path = RESULTS / f"{NAME}.json"
    points = json.loads(path.read_text())["points"] if path.exists() else []
    tables = read_tables(args.glove)
    settings = [tuple(map(int, s.split(","))) for s in args.settings]
    wanted = [
        (name, K, D, method)
        for K, D in settings
        for name in tables
        for method in (*EFFORTS, *LSQ_SETTINGS)
    ]
    have = {(p["table"], p["K"], p["D"], p["method"]) for p in points}
    for key in [] if args.draw else wanted:
        if key in have:
            continue
        points.append(run_point(key, tables[key[0]]))
        print(points[-1], flush=True)
        write_results(NAME, {"points": points}, seed=0)
    draw(points, path.with_suffix(".png"))


if __name__ == "__main__":
    main()

"""Where benchmarks write what they measured."""

from pathlib import Path

from kd_keras.experiment_record import write_record

RESULTS = Path(__file__).resolve().parent.parent / "results"


def write_results(name, results, seed=None):
    """Writes `results/<name>.json`, see `write_record`."""
    return write_record(RESULTS / f"{name}.json", results, seed)

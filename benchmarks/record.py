"""Writes the results of benchmarks."""

import datetime
from pathlib import Path

from kd_keras.utils.cores import usable_cores
from kd_keras.utils.experiment_record import write_record

RESULTS = Path(__file__).resolve().parent.parent / "results"


def measured_now():
    """Returns a row's date and cores; those of a file are of its last row."""
    today = datetime.date.today().isoformat()
    return {"date": today, "cores": usable_cores()}


def write_results(name, results, seed=None):
    """Writes `results/<name>.json`; see `write_record`."""
    return write_record(RESULTS / f"{name}.json", results, seed)

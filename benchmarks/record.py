"""Writing what a benchmark measured, with all that is needed to repeat it."""

import datetime
import importlib.metadata
import json
import os
import platform
import shlex
import sys
from pathlib import Path

RESULTS = Path(__file__).resolve().parent.parent / "results"
PACKAGES = (
    "kd_keras",
    "keras",
    "tensorflow",
    "ai-edge-litert",
    "jax",
    "numpy",
    "faiss-cpu",
    "scikit-learn",
)


def _processor():
    try:
        with open("/proc/cpuinfo") as lines:
            names = [li for li in lines if li.startswith("model name")]
        return names[0].split(":", 1)[1].strip()
    except (OSError, IndexError):
        return platform.processor()


def circumstances(seed=None):
    """Gives the command, seed, versions, machine and date of this run."""
    versions = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    script = f"benchmarks/{Path(sys.argv[0]).name}"
    return {
        "command": shlex.join(["python", script, *sys.argv[1:]]),
        "seed": seed,
        "versions": versions,
        "machine": {
            "processor": _processor(),
            "cores": os.cpu_count(),
            "system": f"{platform.system()} {platform.machine()}",
        },
        "date": datetime.date.today().isoformat(),
    }


def write_results(name, results, seed=None):
    """Writes `results/<name>.json` at once, never half.

    Args:
        name: String, the file's name without ending.
        results: Dictionary of JSON values; `circumstances` are put before it.
        seed: Integer or None.

    Returns:
        The path written.
    """
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    text = json.dumps(circumstances(seed) | results, indent=2) + "\n"
    temporary = path.with_suffix(".tmp")
    temporary.write_text(text)
    temporary.replace(path)
    return path

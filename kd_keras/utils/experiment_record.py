"""Records of experiments: the results and what is needed to repeat them."""

import datetime
import importlib.metadata
import json
import os
import platform
import shlex
import sys
from pathlib import Path
from typing import Any

from kd_keras.utils.cores import usable_cores
from kd_keras.utils.whole_file import write_whole

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


def circumstances() -> dict[str, Any]:
    """Describes the software and the machine that this process runs on.

    Returns:
        Dictionary of JSON values: `versions` of Python and of the installed
        packages; `machine` with its processor, number of cores, system and,
        if there are any, GPUs.
    """
    versions = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    machine: dict[str, Any] = {
        "processor": _processor(),
        "cores": usable_cores(),
        "system": f"{platform.system()} {platform.machine()}",
    }
    if gpus := _gpus():
        machine["gpus"] = gpus
    return {"versions": versions, "machine": machine}


def script_command() -> str:
    """Returns the command line of this script, run from the repository root."""
    script = Path(sys.argv[0]).resolve()
    for root in script.parents:
        if (root / "pyproject.toml").exists():
            script = script.relative_to(root)
            break
    return shlex.join(["python", script.as_posix(), *sys.argv[1:]])


def write_record(
    path: str | os.PathLike[str],
    results: dict[str, Any],
    seed: int | list[int] | None = None,
) -> Path:
    """Writes the results of a script as JSON, in one atomic step.

    Args:
        path: path. File to write. Its folder is created if needed.
        results: Dictionary of JSON values. The command, seed, versions,
            machine and date are put before them.
        seed: int, list of ints, or None. Seed of the experiment.

    Returns:
        The path that was written.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    header = {"command": script_command(), "seed": seed} | circumstances()
    header["date"] = datetime.date.today().isoformat()
    write_whole(path, _layout(header | results))
    return path


def _layout(record: dict[str, Any]) -> str:
    """Formats JSON for people and diffs: one line per key and per row."""
    lines = []
    for name, value in record.items():
        text = json.dumps(value)
        if isinstance(value, list) and value and isinstance(value[0], dict):
            rows = ",\n  ".join(json.dumps(row) for row in value)
            text = f"[\n  {rows}\n ]"
        lines.append(f" {json.dumps(name)}: {text}")
    return "{\n" + ",\n".join(lines) + "\n}\n"


def _processor() -> str:
    """Returns the model name of the processor."""
    try:
        with open("/proc/cpuinfo") as lines:
            name = next(li for li in lines if li.startswith("model name"))
        return name.split(":", 1)[1].strip()
    except (OSError, StopIteration):
        return platform.processor()


def _gpus() -> list[str]:
    """Names the GPUs of this process; none if Keras is not imported."""
    keras = sys.modules.get("keras")
    if keras is None:
        return []
    if keras.backend.backend() == "jax":
        import jax

        found = [d for d in jax.local_devices() if d.platform == "gpu"]
        return [device.device_kind for device in found]
    import tensorflow as tf

    found = tf.config.list_physical_devices("GPU")
    details = map(tf.config.experimental.get_device_details, found)
    return [each.get("device_name", "GPU") for each in details]

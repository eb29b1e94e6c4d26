"""Devices that share a training run: `tf.distribute` strategies by name."""

import contextlib
import functools
import json
import os
from collections.abc import Iterator
from typing import Any

import keras

from kd_keras.utils.errors import BadInputError

STRATEGIES = ("default", "mirrored", "multi-worker", "tpu")


def get_strategy(name: str, replicas: int | None = None) -> Any:
    """Makes a strategy; TensorFlow must not have been started before.

    A cluster is joined only once: later calls return the same strategy.

    Args:
        name: one of `"default"` (one device), `"mirrored"` (several devices on
            this machine), `"multi-worker"` (several processes or machines,
            listed in the environment variable TF_CONFIG), `"tpu"` (a TPU).
        replicas: int or None. Number of devices that share a batch. For
            `"mirrored"`, the number of GPUs or, if there are none, of parts of
            the CPU; None for all GPUs, or one part.

    Returns:
        `tf.distribute.Strategy`, or None for `"default"`.

    Raises:
        BadInputError: If the devices are not available.
    """
    if name == "default":
        if replicas not in (None, 1):
            raise BadInputError(
                "--replicas is for --strategy mirrored. Received: --replicas "
                f"{replicas} --strategy default"
            )
        return None
    if keras.backend.backend() != "tensorflow":
        raise BadInputError(
            f"--strategy {name} needs KERAS_BACKEND=tensorflow. Received: "
            f"KERAS_BACKEND={keras.backend.backend()}"
        )
    if replicas is not None and replicas < 1:
        raise BadInputError(
            f"--replicas must be at least 1. Received: --replicas {replicas}"
        )
    if name == "mirrored":
        return _mirrored(replicas)
    strategy = _multi_worker() if name == "multi-worker" else _tpu()
    if replicas not in (None, strategy.num_replicas_in_sync):
        raise BadInputError(
            f"With --strategy {name}, --replicas must be that of the cluster, "
            f"{strategy.num_replicas_in_sync}. Received: --replicas {replicas}"
        )
    return strategy


def replicas_of(strategy: Any) -> int:
    """Returns the number of devices that share a batch.

    Args:
        strategy: `tf.distribute.Strategy` or None.

    Returns:
        int.
    """
    return 1 if strategy is None else strategy.num_replicas_in_sync


def scope_of(strategy: Any) -> contextlib.AbstractContextManager[Any]:
    """Returns the scope in which a model is built and compiled.

    Args:
        strategy: `tf.distribute.Strategy` or None.

    Returns:
        context manager.
    """
    return contextlib.nullcontext() if strategy is None else strategy.scope()


def worker_index() -> int:
    """Returns the index of this process among the workers, 0 for the first.

    Raises:
        BadInputError: If TF_CONFIG is not a JSON object.
    """
    task = _tf_config().get("task", {})
    return 0 if task.get("type") == "chief" else int(task.get("index", 0))


def in_replica_of_several_workers() -> bool:
    """Checks whether this runs inside a step of a multi-worker strategy."""
    if keras.backend.backend() != "tensorflow":
        return False
    import tensorflow as tf

    return not tf.distribute.in_cross_replica_context() and isinstance(
        tf.distribute.get_strategy(),
        tf.distribute.MultiWorkerMirroredStrategy,
    )


def check_agreement(
    strategy: Any, epochs: int, folder: str | os.PathLike[str]
) -> None:
    """Checks that all workers resume at the same epoch.

    Args:
        strategy: `tf.distribute.Strategy` or None.
        epochs: int. Number of epochs that this worker has finished.
        folder: path. The folder of the worker's run, for the message.

    Raises:
        BadInputError: If another worker has finished more or fewer epochs.
    """
    if replicas_of(strategy) == 1:
        return
    import tensorflow as tf

    together = strategy.reduce(
        "SUM", strategy.run(lambda: tf.constant(epochs)), axis=None
    )
    if int(together) != epochs * strategy.num_replicas_in_sync:
        raise BadInputError(
            "The workers have finished different numbers of epochs, so they "
            f"cannot resume together: {epochs} in {folder}. Expected: the same "
            "--output on all workers, or a new one that exists on none"
        )


class LostWorkerError(BadInputError):
    """The error for a worker that has stopped or does not answer in time."""


@contextlib.contextmanager
def told_of_lost_workers(strategy: Any) -> Iterator[None]:
    """Turns TensorFlow's error for a lost worker into a helpful one.

    Args:
        strategy: `tf.distribute.Strategy` or None.

    Raises:
        LostWorkerError: If a worker is lost while a strategy with several
            replicas runs.
    """
    if replicas_of(strategy) == 1:
        yield
        return
    import tensorflow as tf

    try:
        yield
    except (tf.errors.AbortedError, tf.errors.UnavailableError):
        raise LostWorkerError(
            "Another worker has stopped or does not answer. Run the same "
            "command on every worker to resume at the interrupted epoch"
        ) from None


def _tf_config() -> dict[str, Any]:
    try:
        return dict(json.loads(os.environ.get("TF_CONFIG", "{}")))
    except (ValueError, TypeError):
        raise BadInputError(
            "TF_CONFIG must be a JSON object. Received: "
            f"TF_CONFIG={os.environ['TF_CONFIG']}"
        ) from None


def _mirrored(replicas: int | None) -> Any:
    import tensorflow as tf

    gpus = tf.config.list_physical_devices("GPU")
    replicas = replicas or len(gpus) or 1
    if gpus and replicas > len(gpus):
        raise BadInputError(
            f"--replicas must be at most the number of GPUs, {len(gpus)}. "
            f"Received: --replicas {replicas}"
        )
    kind = "GPU" if gpus else "CPU"
    if not gpus and replicas > 1:
        (cpu,) = tf.config.list_physical_devices("CPU")
        if tf.config.get_logical_device_configuration(cpu) is None:
            tf.config.set_logical_device_configuration(
                cpu, [tf.config.LogicalDeviceConfiguration()] * replicas
            )
    return tf.distribute.MirroredStrategy(
        [f"{kind}:{i}" for i in range(replicas)]
    )


@functools.cache
def _multi_worker() -> Any:
    import tensorflow as tf

    if not _tf_config().get("cluster", {}).get("worker"):
        raise BadInputError(
            "--strategy multi-worker needs the environment variable "
            'TF_CONFIG: {"cluster": {"worker": ["host:port", ...]}, "task": '
            '{"type": "worker", "index": 0}}. Received: '
            f"TF_CONFIG={os.environ.get('TF_CONFIG', '')}"
        )
    return tf.distribute.MultiWorkerMirroredStrategy()


@functools.cache
def _tpu() -> Any:
    import tensorflow as tf

    try:
        resolver = tf.distribute.cluster_resolver.TPUClusterResolver.connect()
    except (ValueError, tf.errors.OpError) as error:
        raise BadInputError(
            f"--strategy tpu found no TPU: {' '.join(str(error).split())}"
        ) from None
    return tf.distribute.TPUStrategy(resolver)

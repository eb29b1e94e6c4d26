"""Devices that share a training: `tf.distribute` strategies by name."""

import contextlib
import functools
import json
import os

import keras

from kd_keras.utils.errors import BadInputError

STRATEGIES = ("default", "mirrored", "multi-worker", "tpu")


def get_strategy(name, replicas=None):
    """Makes a strategy; TensorFlow must not have started before.

    A cluster is joined once: the same strategy is given again.

    Args:
        name: "default" for one device, "mirrored" for several devices of this
            machine, "multi-worker" for several processes or machines, which
            the environment variable TF_CONFIG names, "tpu" for a TPU.
        replicas: Integer, devices that share a batch, for "mirrored": so many
            GPUs or, where there is none, parts of the CPU. None: all GPUs, or
            one part.

    Returns:
        A `tf.distribute.Strategy`, or None for "default".

    Raises:
        BadInputError: If the devices are not there.
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
            f"--replicas is told by the cluster with --strategy {name}: "
            f"{strategy.num_replicas_in_sync}. Received: --replicas {replicas}"
        )
    return strategy


def replicas_of(strategy):
    """Gives the number of devices that share a batch."""
    return 1 if strategy is None else strategy.num_replicas_in_sync


def scope_of(strategy):
    """Gives the scope in which a model is built and compiled."""
    return contextlib.nullcontext() if strategy is None else strategy.scope()


def worker_index():
    """Gives the place of this process among its workers, 0 for the first."""
    task = _tf_config().get("task", {})
    return 0 if task.get("type") == "chief" else int(task.get("index", 0))


def in_replica_of_several_workers():
    """Tells whether this runs inside a step of a multi-worker strategy."""
    if keras.backend.backend() != "tensorflow":
        return False
    import tensorflow as tf

    return not tf.distribute.in_cross_replica_context() and isinstance(
        tf.distribute.get_strategy(),
        tf.distribute.MultiWorkerMirroredStrategy,
    )


def check_agreement(strategy, epochs, folder):
    """Checks that all workers go on at the same epoch.

    Args:
        strategy: A strategy or None.
        epochs: Integer, epochs that this worker has finished.
        folder: Path of the worker's run, for the message.

    Raises:
        BadInputError: If another worker has finished more or fewer.
    """
    if replicas_of(strategy) == 1:
        return
    import tensorflow as tf

    together = strategy.reduce(
        "SUM", strategy.run(lambda: tf.constant(epochs)), axis=None
    )
    if int(together) != epochs * strategy.num_replicas_in_sync:
        raise BadInputError(
            "The workers have finished different epochs, so they cannot go on "
            f"together: {epochs} in {folder}. Expected: the same --output on "
            "all, or a new one, whose folders are not there on any"
        )


class LostWorkerError(BadInputError):
    """Another worker has stopped, or has not answered in time."""


@contextlib.contextmanager
def told_of_lost_workers(strategy):
    """Turns TensorFlow's error for a lost worker into one that helps.

    Raises:
        LostWorkerError: If one is lost while a strategy of several runs.
    """
    if replicas_of(strategy) == 1:
        yield
        return
    import tensorflow as tf

    try:
        yield
    except (tf.errors.AbortedError, tf.errors.UnavailableError):
        raise LostWorkerError(
            "Another worker has stopped or does not answer. The same command "
            "on every worker goes on with the epoch that was broken off"
        ) from None


def _tf_config():
    try:
        return dict(json.loads(os.environ.get("TF_CONFIG", "{}")))
    except (ValueError, TypeError):
        raise BadInputError(
            "TF_CONFIG is not a JSON object. Received: "
            f"TF_CONFIG={os.environ['TF_CONFIG']}"
        ) from None


def _mirrored(replicas):
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
def _multi_worker():
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
def _tpu():
    import tensorflow as tf

    try:
        resolver = tf.distribute.cluster_resolver.TPUClusterResolver.connect()
    except (ValueError, tf.errors.OpError) as error:
        raise BadInputError(
            f"--strategy tpu found no TPU: {' '.join(str(error).split())}"
        ) from None
    return tf.distribute.TPUStrategy(resolver)

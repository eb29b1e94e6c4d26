"""Devices that share a training: `tf.distribute` strategies by name."""

import contextlib

import keras

from kd_keras.bad_input import BadInputError

STRATEGIES = ("default", "mirrored", "tpu")


def strategy_scope(name, replicas=1):
    """Gives the scope in which a model is built and compiled.

    Args:
        name: "default" for one device, "mirrored" for several devices of this
            machine, "tpu" for a TPU.
        replicas: Integer, devices that share a batch. "mirrored" takes that
            many GPUs or, where there is none, cuts the CPU into so many.

    Returns:
        A context manager.

    Raises:
        BadInputError: If the devices are not there.
    """
    if name == "default":
        return contextlib.nullcontext()
    if keras.backend.backend() != "tensorflow":
        raise BadInputError(
            f"--strategy {name} needs KERAS_BACKEND=tensorflow. Received: "
            f"KERAS_BACKEND={keras.backend.backend()}"
        )
    return (_tpu if name == "tpu" else _mirrored)(replicas).scope()


def _mirrored(replicas):
    import tensorflow as tf

    gpus = tf.config.list_physical_devices("GPU")
    if gpus:
        if replicas > len(gpus):
            raise BadInputError(
                f"--replicas must be at most the number of GPUs, {len(gpus)}. "
                f"Received: --replicas {replicas}"
            )
        return tf.distribute.MirroredStrategy(
            [f"GPU:{i}" for i in range(replicas)]
        )
    if len(tf.config.list_logical_devices("CPU")) < replicas:
        raise BadInputError(
            "The CPU can be cut into --replicas devices only before "
            "TensorFlow has started"
        )
    return tf.distribute.MirroredStrategy([f"CPU:{i}" for i in range(replicas)])


def _tpu(replicas):
    import tensorflow as tf

    try:
        resolver = tf.distribute.cluster_resolver.TPUClusterResolver.connect()
    except (ValueError, tf.errors.OpError) as error:
        raise BadInputError(
            f"--strategy tpu found no TPU ({' '.join(str(error).split())})"
        ) from None
    strategy = tf.distribute.TPUStrategy(resolver)
    if strategy.num_replicas_in_sync != replicas:
        raise BadInputError(
            "--replicas must be the number of the TPU's cores, "
            f"{strategy.num_replicas_in_sync}. Received: --replicas {replicas}"
        )
    return strategy

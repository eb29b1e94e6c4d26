"""Fixtures of all tests. Gives TensorFlow two logical CPU devices."""

import gc
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# Two processes run the tests on two cores, so more threads would only wait.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")

import keras
import pytest
import tensorflow as tf

# It must come before TensorFlow initialises its devices, so it applies to the
# whole session.
tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0],
    [tf.config.LogicalDeviceConfiguration()] * 2,
)


# What is imported stays until the end. TensorFlow's converter collects garbage
# after each file, which need not look at it every time.
gc.collect()
gc.freeze()


def pytest_addoption(parser):
    parser.addoption(
        "--speed",
        choices=("quick", "slow", "all"),
        default="all",
        help="quick leaves out the tests marked slow, but for the first and "
        "the last case of a test that has three or more, or for one of them, "
        'marked slow("first") or slow("last"); slow runs the rest',
    )


def pytest_collection_modifyitems(config, items):
    speed = config.getoption("--speed")
    if speed == "all":
        return
    cases = {}
    for item in items:
        if marker := item.get_closest_marker("slow"):
            [which] = marker.args or ["both"]
            key = (item.nodeid.partition("[")[0], which)
            cases.setdefault(key, []).append(item)
    slow = set()
    ends = {"both": (0, -1), "first": (0,), "last": (-1,)}
    for (_, which), found in cases.items():
        slow.update(found)
        if len(found) > 2:
            slow.difference_update(found[i] for i in ends[which])
    wanted = [x for x in items if (x in slow) == (speed == "slow")]
    left_out = [x for x in items if (x in slow) != (speed == "slow")]
    config.hook.pytest_deselected(items=left_out)
    items[:] = wanted


@pytest.fixture(autouse=True)
def seeded():
    keras.utils.set_random_seed(0)


@pytest.fixture(params=[False, True], ids=["graph", "jit"])
def jit(request):
    """Whether XLA compiles the step."""
    return request.param


@pytest.fixture(scope="session")
def strategy():
    """Two replicas, on the two logical CPU devices."""
    return tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])

"""The layers on JAX: the same losses, and TensorFlow is never imported."""

import numpy as np
import pytest
from contract import train

from kd_testing import TESTS, run_python


@pytest.fixture(scope="module")
def on_jax(tmp_path_factory):
    """What `train_on_jax.py` has found, in the one process that runs it."""
    path = tmp_path_factory.mktemp("jax") / "results.npz"
    run_python(
        TESTS / "conformance" / "train_on_jax.py",
        path,
        environment={"KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"},
    )
    with np.load(path) as results:
        return dict(results)


def test_losses_are_those_on_tensorflow(name, on_jax):
    np.testing.assert_allclose(
        on_jax[f"losses {name}"], train(name, "SGD"), rtol=1e-4
    )


def test_temperatures_fall_once_a_step(on_jax):
    wanted = 1 / (1 + 0.5 * np.arange(9))
    for name in ("jit=True", "jit=False", "in executions"):
        used = on_jax[f"temperatures {name}"]
        np.testing.assert_allclose(used, wanted, rtol=1e-5)


@pytest.mark.parametrize("jit", [True, False])
def test_the_last_temperature_is_in_the_history(jit, on_jax):
    shown = on_jax[f"last temperature jit={jit}"]
    np.testing.assert_allclose(shown, 1 / (1 + 0.5 * 8))


def test_ids_out_of_range_are_nan_as_in_keras_embedding(on_jax):
    plain = on_jax.pop("nan plain")
    assert plain.tolist() == [False, False, True, True]
    ours = [value for key, value in on_jax.items() if key.startswith("nan ")]
    assert len(ours) == 6
    for nan in ours:
        np.testing.assert_array_equal(nan, plain)


def test_frozen_codes_give_the_learned_vectors(on_jax):
    np.testing.assert_allclose(on_jax["frozen"], on_jax["learned"], rtol=1e-5)

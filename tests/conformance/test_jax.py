"""Tests of the layers on JAX: the same losses, without TensorFlow."""

import numpy as np
import pytest
from contract import train
from kd_testing import TESTS, run_python


@pytest.fixture(scope="module")
def on_jax(names, tmp_path_factory):
    """The results of `train_on_jax.py`, which runs once, in a new process."""
    path = tmp_path_factory.mktemp("jax") / "results.npz"
    run_python(
        TESTS / "conformance" / "train_on_jax.py",
        path,
        *names,
        environment={"KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"},
    )
    with np.load(path) as results:
        return dict(results)


@pytest.fixture(scope="module")
def on_tensorflow(names):
    return train("SGD", names)


@pytest.mark.slow
def test_losses_are_those_on_tensorflow(name, on_jax, on_tensorflow):
    losses = on_tensorflow[name]
    assert losses[-1] < losses[0]
    np.testing.assert_allclose(on_jax[f"losses {name}"], losses, rtol=1e-4)


def test_temperatures_fall_once_a_step(on_jax):
    wanted = 1 / (1 + 0.5 * np.arange(9))
    used = {k: x for k, x in on_jax.items() if k.startswith("temperatures ")}
    assert len(used) == 7
    for how, temperatures in used.items():
        np.testing.assert_allclose(temperatures, wanted, rtol=1e-5, err_msg=how)


def test_a_layer_called_only_in_a_loop_trains_and_tells_of_its_steps(on_jax):
    np.testing.assert_allclose(on_jax["inside only"], np.ones(9), rtol=1e-5)
    assert on_jax["inside only, steps"] == 0
    (told,) = on_jax["inside only, told"]
    assert "/learner" in told or "kd_code_learner" in told
    assert "call it outside" in told


def test_the_last_temperature_is_in_the_history(on_jax):
    np.testing.assert_allclose(on_jax["last temperature"], 1 / (1 + 0.5 * 8))


def test_ids_out_of_range_are_nan_as_in_keras_embedding(on_jax):
    nan = {key: list(x) for key, x in on_jax.items() if key.startswith("nan ")}
    assert len(nan) == 1 + 8
    assert nan["nan plain"] == [False, False, True, True]
    for ours in nan.values():
        assert ours == nan["nan plain"]


def test_frozen_codes_give_the_learned_vectors(on_jax):
    np.testing.assert_allclose(on_jax["frozen"], on_jax["learned"], rtol=1e-5)


def test_exports_are_refused_in_one_line(on_jax):
    for export in ("export_litert", "export_saved_model"):
        message = str(on_jax[f"refused {export}"])
        assert "Keras on TensorFlow" in message
        assert message.endswith("Received: KERAS_BACKEND=jax")

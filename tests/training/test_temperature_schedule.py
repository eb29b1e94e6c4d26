"""Tests of the temperature that training steps use, and of the logs.

The temperature is computed from the gradients (`kd_testing.TemperatureProbe`),
because the logs could be right while the steps are wrong.
"""

import keras
import numpy as np
import pytest
from kd_testing import TemperatureProbe, ids_and_vectors, learning_model

import kd_keras

LAWS = {
    "inverse_time": lambda T0, rate, t: T0 / (1 + rate * t),
    "exponential": lambda T0, rate, t: T0 * np.exp(-rate * t),
    "linear": lambda T0, rate, t: T0 * (1 - rate * t),
}
RTOL = 1e-5  # of float32


def expected(steps, initial=1.0, decay_rate=1.0, minimum=0.01, law=None):
    t = np.arange(steps)
    law = LAWS[law or "inverse_time"]
    return np.maximum(law(initial, decay_rate, t), minimum)


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.slow
def test_steps_use_the_law_and_its_floor(law, jit):
    options = {"initial": 2.0, "decay_rate": 0.1, "minimum": 0.7, "law": law}
    probe = TemperatureProbe(25, jit_compile=jit)
    probe.fit(0, 25, callbacks=[kd_keras.TemperatureSchedule(**options)])
    wanted = expected(25, **options)
    assert 0 < np.count_nonzero(wanted == 0.7) < 25  # some are at the minimum
    np.testing.assert_allclose(probe.temperatures(), wanted, rtol=RTOL)


def test_without_a_schedule_the_temperature_stays_one():
    probe = TemperatureProbe(5)
    probe.fit(0, 5)
    np.testing.assert_allclose(probe.temperatures(), np.ones(5), rtol=RTOL)


@pytest.mark.parametrize(
    "options",
    [
        {"run_eagerly": True},
        {"steps_per_execution": 10, "jit_compile": False},
        {"steps_per_execution": 10, "jit_compile": True},
        {"calls": ("plain", "plain")},
        {"calls": ("plain", "plain"), "run_eagerly": True},
    ],
    ids=str,
)
@pytest.mark.slow
def test_steps_cool_once_each(options):
    # 23 steps per epoch, so the third execution of ten steps has only three.
    probe = TemperatureProbe(46, **options)
    schedule = kd_keras.TemperatureSchedule(decay_rate=0.1)
    history = probe.fit(0, 23, epochs=2, callbacks=[schedule])
    wanted = expected(46, decay_rate=0.1)
    np.testing.assert_allclose(probe.temperatures(), wanted, rtol=RTOL)
    np.testing.assert_allclose(history.history["temperature"], wanted[-1:])


# Not tested with jit or `steps_per_execution`, because Keras 3.15 fails with
# these under MirroredStrategy on CPU devices, even for a single Dense layer.
def test_replicas_cool_once_a_step(strategy):
    with strategy.scope():
        probe = TemperatureProbe(20)
    schedule = kd_keras.TemperatureSchedule(decay_rate=0.3)
    probe.fit(0, 20, batch_size=2, callbacks=[schedule])
    # Each step trains two symbols, one on each replica.
    np.testing.assert_allclose(
        probe.temperatures(batch_size=2),
        np.repeat(expected(10, decay_rate=0.3), 2),
        rtol=RTOL,
    )


def test_a_second_fit_goes_on():
    probe = TemperatureProbe(10)
    for start, stop in ((0, 4), (4, 10)):
        callbacks = [kd_keras.TemperatureSchedule(decay_rate=0.5)]
        history = probe.fit(start, stop, callbacks=callbacks)
    wanted = expected(10, decay_rate=0.5)
    np.testing.assert_allclose(probe.temperatures(), wanted, rtol=RTOL)
    np.testing.assert_allclose(history.history["temperature"], wanted[-1:])


def test_a_loaded_model_goes_on(tmp_path):
    probe = TemperatureProbe(10)
    probe.fit(0, 4, callbacks=[kd_keras.TemperatureSchedule(2.0, 0.5)])
    probe.model.save(tmp_path / "model.keras")
    probe.model = keras.saving.load_model(tmp_path / "model.keras")
    probe.fit(4, 7, callbacks=[kd_keras.TemperatureSchedule(2.0, 0.5)])
    probe.fit(7, 10)  # the schedule is kept without the callback
    wanted = expected(10, initial=2.0, decay_rate=0.5)
    np.testing.assert_allclose(probe.temperatures(), wanted, rtol=RTOL)


def test_another_schedule_needs_no_second_compilation(jit):
    probe = TemperatureProbe(10, jit_compile=jit)
    probe.fit(0, 4, callbacks=[kd_keras.TemperatureSchedule()])
    compiled = probe.model.train_function
    other = kd_keras.TemperatureSchedule(3.0, 0.1, law="exponential")
    probe.fit(4, 10, callbacks=[other])
    assert probe.model.train_function is compiled
    first = expected(10)[:4]
    second = expected(10, initial=3.0, decay_rate=0.1, law="exponential")[4:]
    np.testing.assert_allclose(
        probe.temperatures(), np.concatenate([first, second]), rtol=RTOL
    )


def test_validation_and_prediction_do_not_cool():
    probe = TemperatureProbe(12)
    validation = np.arange(12), np.zeros((12, 1, 2))
    for start in (0, 6):
        probe.fit(
            start,
            start + 6,
            validation_data=validation,
            callbacks=[kd_keras.TemperatureSchedule()],
        )
        probe.model.evaluate(*validation, verbose=0)
        probe.model.predict(validation[0], verbose=0)
    np.testing.assert_allclose(probe.temperatures(), expected(12), rtol=RTOL)


def test_every_learner_of_a_model_obeys():
    ids = keras.Input((), dtype="int32")
    learners = [kd_keras.KDCodeLearner(8, 4, 2) for _ in range(2)]
    nested = keras.Sequential([learners[1]])
    model = keras.Model(ids, [learners[0](ids), nested(ids)])
    model.compile("sgd", ["mse", "mse"])
    model.fit(
        np.arange(8),
        [np.zeros((8, 2, 4))] * 2,
        verbose=0,
        callbacks=[kd_keras.TemperatureSchedule(2.0, 0.5, "linear", 0.25)],
    )
    for learner in learners:
        initial, decay_rate, minimum, _ = learner.schedule.numpy()
        assert (initial, decay_rate, minimum) == (2.0, 0.5, 0.25)


class Recorder(keras.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.batches = []

    def on_train_batch_end(self, batch, logs=None):
        self.batches.append(logs["temperature"])


@pytest.mark.parametrize("steps_per_execution", [1, 10])
def test_batch_logs_tell_the_temperature_of_the_last_step(
    steps_per_execution,
):
    probe = TemperatureProbe(23, steps_per_execution=steps_per_execution)
    recorder = Recorder()
    schedule = kd_keras.TemperatureSchedule(decay_rate=0.1)
    probe.fit(0, 23, callbacks=[schedule, recorder])
    used = probe.temperatures()
    last = [9, 19, 22] if steps_per_execution == 10 else slice(None)
    np.testing.assert_allclose(recorder.batches, used[last], rtol=RTOL)


def test_temperature_is_in_the_progress_bar_and_the_history(capsys):
    probe = TemperatureProbe(2)
    history = probe.fit(
        0, 2, verbose=2, callbacks=[kd_keras.TemperatureSchedule()]
    )
    assert "temperature: 0.5" in capsys.readouterr().out
    assert history.history["temperature"] == [0.5]


def test_a_model_without_a_learner_is_refused():
    fixed = kd_keras.KDEmbedding(30, 6, 4, 3)
    model = learning_model(embedding=fixed)
    with pytest.raises(ValueError, match=r"learns codes .*Received: model 's"):
        model.fit(
            *ids_and_vectors(),
            verbose=0,
            callbacks=[kd_keras.TemperatureSchedule()],
        )


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"law": "cosine"}, "`law` .* inverse_time, .*law='cosine'"),
        ({"initial": 0}, "`initial` .* Received: initial=0"),
        ({"initial": float("nan")}, "`initial` .* Received: initial=nan"),
        ({"decay_rate": -1}, "`decay_rate` .* Received: decay_rate=-1"),
        ({"minimum": 0}, "`minimum` .* Received: minimum=0"),
        ({"minimum": 2.0}, "`minimum` .* minimum=2.0, initial=1.0"),
    ],
)
def test_wrong_arguments_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        kd_keras.TemperatureSchedule(**arguments)


def test_the_default_law_is_the_papers():
    probe = TemperatureProbe(5)
    probe.fit(0, 5, callbacks=[kd_keras.TemperatureSchedule()])
    np.testing.assert_allclose(
        probe.temperatures(), 1 / (1 + np.arange(5)), rtol=RTOL
    )

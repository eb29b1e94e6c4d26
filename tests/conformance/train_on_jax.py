"""Trains layers on JAX, in a process that cannot import TensorFlow.

KERAS_BACKEND=jax python train_on_jax.py OUTPUT.npz LAYER...
"""

import pathlib
import sys
import warnings

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent))


class Blocker:
    """Refuses to import TensorFlow, which JAX users may not have."""

    BLOCKED = ("tensorflow", "tensorflow_datasets")

    def find_spec(self, fullname, path=None, target=None):
        if fullname.split(".")[0] in self.BLOCKED:
            raise ImportError(f"{fullname} is blocked")
        return None


sys.meta_path.insert(0, Blocker())

# ruff: noqa: E402
import contract
import keras
import numpy as np
from kd_testing import TemperatureProbe

import kd_keras

assert keras.backend.backend() == "jax"
names = sys.argv[2:]
losses = contract.train("SGD", names) if names else {}
results = {f"losses {name}": losses[name] for name in names}

probe = TemperatureProbe(9)
for start, stop in ((0, 4), (4, 9)):
    schedule = kd_keras.TemperatureSchedule(decay_rate=0.5)
    history = probe.fit(start, stop, callbacks=[schedule])
results["temperatures in two fits"] = probe.temperatures()
results["last temperature"] = history.history["temperature"]
for how in (
    {"steps_per_execution": 4},
    {"calls": ("plain", "plain")},
    {"calls": ("plain", "plain"), "run_eagerly": True},
    {"calls": ("plain", "recurrent")},
    {"calls": ("scan", "cond", "plain", "map")},
    {"calls": ("vectorized_map",)},
):
    probe = TemperatureProbe(9, **how)
    probe.fit(0, 9, callbacks=[kd_keras.TemperatureSchedule(decay_rate=0.5)])
    results[f"temperatures {how}"] = probe.temperatures()

# Only inside a loop: it trains, but counts no steps, and the callback says so.
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    probe = TemperatureProbe(9, ("recurrent",))
    probe.fit(0, 9, callbacks=[kd_keras.TemperatureSchedule(decay_rate=0.5)])
results["inside only"] = probe.temperatures()
results["inside only, steps"] = probe.learner.step.numpy()
results["inside only, told"] = [
    str(w.message) for w in caught if "counts no steps" in str(w.message)
]

ids = np.array([0, -1, contract.N, -contract.N - 1])
plain = keras.layers.Embedding(contract.N, contract.SIZE)
results["nan plain"] = np.isnan(plain(ids)).any(axis=-1)
for name in contract.LAYERS:
    if name.startswith(("fixed", "learned")):
        vectors = contract.make(name)(ids)
        results[f"nan {name}"] = np.isnan(vectors).any(axis=-1)

model = keras.Sequential([contract.make("learned_linear")])
model.compile("sgd", "mse")
history = model.fit(
    np.arange(contract.N),
    np.zeros((contract.N, contract.SIZE)),
    verbose=0,
    callbacks=[kd_keras.CodeMetrics()],
)
frozen = kd_keras.freeze(model)
ids = np.arange(contract.N)
results["frozen"] = frozen.predict(ids, verbose=0)
results["learned"] = model.predict(ids, verbose=0)

for export in (kd_keras.export_litert, kd_keras.export_saved_model):
    try:
        export(frozen, pathlib.Path(sys.argv[1]).with_suffix(""))
    except ValueError as error:
        results[f"refused {export.__name__}"] = str(error)

assert not [name for name in sys.modules if name.startswith("tensorflow")]
np.savez(sys.argv[1], **results)

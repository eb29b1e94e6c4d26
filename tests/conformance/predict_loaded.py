"""Loads models in a process that has only imported `kd_keras`.

    python predict_loaded.py FOLDER

Reads FOLDER/*.keras and FOLDER/*.npy (inputs), writes FOLDER/outputs.npz.
"""

import pathlib
import sys

import keras
import numpy as np

import kd_keras  # noqa: F401 - registers the layers

folder = pathlib.Path(sys.argv[1])
outputs = {}
for path in sorted(folder.glob("*.keras")):
    model = keras.saving.load_model(path)  # in safe mode, the default
    inputs = np.load(path.with_suffix(".npy"))
    outputs[path.stem] = model.predict(inputs, verbose=0)
np.savez(folder / "outputs.npz", **outputs)

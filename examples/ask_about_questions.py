"""Asks a model what kind of answer each of 48 questions is after.

    python examples/ask_about_questions.py demo-model

compares the model in `saved_models` with the one that `kd-keras compress` made
of it, which `make demo` does.
"""

import argparse
from pathlib import Path

import keras
import numpy as np

import kd_keras  # noqa: F401 (registers the layers of the small model)

HERE = Path(__file__).parent
KINDS = ("description", "entity", "abbreviation", "person", "place", "number")

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("folder", type=Path, help="what kd-keras compress wrote")
folder = parser.parse_args().folder

lines = (HERE / "questions.tsv").read_text("utf-8").splitlines()
kinds, questions = zip(*(line.split("\t") for line in lines), strict=True)
wanted = np.array([KINDS.index(kind) for kind in kinds])
questions = keras.ops.convert_to_tensor(list(questions), dtype="string")

answers = {}
for name, path in (
    ("the model", HERE.parent / "saved_models" / "question_types.keras"),
    ("made small", folder / "model.keras"),
):
    model = keras.saving.load_model(path, compile=False)
    answers[name] = model.predict(questions, verbose=0).argmax(axis=1)
    right = (answers[name] == wanted).sum()
    print(f"{name}: {right} of {len(wanted)} questions right")
same = np.mean(answers["the model"] == answers["made small"])
print(f"{same:.0%} of the answers are the same")

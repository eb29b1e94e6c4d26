"""A language model on a device: one file, three packages, no TensorFlow.

`kd-keras ptb export` wrote the file. It holds the graph, the packed codes and,
in a zip archive at its end, the vocabulary. This script does what an app would
do with it, and imports only numpy, zipfile and LiteRT:

    pip install numpy ai-edge-litert
    python examples/on_device.py the company said it

This enters the words one by one, as on a phone's keyboard, shows which words
the model expects after each, and measures the time per token.
"""

import argparse
import json
import statistics
import time
import zipfile
from pathlib import Path

import numpy as np
from ai_edge_litert.interpreter import Interpreter

MODEL = Path(__file__).parent.parent / "saved_models/ptb_small_codes.tflite"

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument(
    "words", nargs="*", default=["the", "company", "said", "it"]
)
parser.add_argument("--model", default=MODEL, help="default: %(default)s")
options = parser.parse_args()

# A .tflite file is read from its start and a zip archive from its end, so one
# file can be both.
with zipfile.ZipFile(options.model) as archive:
    vocabulary = archive.read("vocabulary.txt").decode().split("\n")[:-1]
    configuration = json.loads(archive.read("kd_keras.json"))
ids = {word: i for i, word in enumerate(vocabulary)}
unknown = configuration["unknown_id"]

interpreter = Interpreter(str(options.model), num_threads=1)
next_token = interpreter.get_signature_runner("stream")
states = {
    name: np.zeros(shape, np.float32)
    for name, shape in configuration["signatures"]["stream"].items()
    if name != "token_id"
}

milliseconds = []
for word in ["<eos>", *options.words]:
    token = np.array([ids.get(word, unknown)], np.int32)
    began = time.perf_counter()
    outputs = next_token(token_id=token, **states)
    milliseconds.append(1000 * (time.perf_counter() - began))
    states = {name: outputs[name] for name in states}
    best = np.argsort(-outputs["logits"][0])[:4]
    said = word if word in ids else f"{word} (unknown)"
    print(f"{said:>20} ... {', '.join(vocabulary[i] for i in best)}")

megabytes = Path(options.model).stat().st_size / 1e6
print(
    f"\n{len(vocabulary):,} words, {megabytes:.2f} MB, "
    f"{statistics.median(milliseconds):.2f} ms per token on one thread"
)

"""LiteRT's two runtimes with the same interface, and a script to run them.

The script takes the path of a file and `interpreter` or `compiled_model`. It
answers calls on its standard input until that ends. This module imports numpy
and LiteRT only, so that the script starts at once.
"""

import importlib
import os
import pickle
import sys
import threading
from typing import Any

import numpy as np


class InterpreterRuntime:
    """Runs the signatures of a `.tflite` file with LiteRT's Interpreter.

    Several threads may call it: they take turns, since the Interpreter has one
    set of tensors.

    Args:
        path: str. Path of the file.
        num_threads: int, at least 1.
    """

    def __init__(self, path: str, num_threads: int = 1) -> None:
        module = importlib.import_module("ai_edge_litert.interpreter")
        self._interpreter = module.Interpreter(path, num_threads=num_threads)
        # It prints, so do it now rather than in the first call.
        self._interpreter.allocate_tensors()
        self._runners: dict[str, Any] = {}
        self._lock = threading.Lock()

    def input_types(self, signature: str) -> dict[str, Any]:
        """Returns the dtype of each input of a signature, by name."""
        with self._lock:
            details = self._runner(signature).get_input_details()
        return {name: detail["dtype"] for name, detail in details.items()}

    def run(
        self, signature: str, inputs: dict[str, np.ndarray]
    ) -> dict[str, np.ndarray]:
        """Calls a signature with arrays by name; returns arrays by name."""
        with self._lock:
            return self._runner(signature)(**inputs)

    def _runner(self, signature: str) -> Any:
        if signature not in self._runners:
            runner = self._interpreter.get_signature_runner(signature)
            self._runners[signature] = runner
        return self._runners[signature]


class CompiledModelRuntime:
    """Runs the signatures of a `.tflite` file with LiteRT's CompiledModel.

    Several threads may call it: they take turns.

    Args:
        path: str. Path of the file.
    """

    def __init__(self, path: str) -> None:
        module = importlib.import_module("ai_edge_litert.compiled_model")
        self._model = module.CompiledModel.from_file(path)
        self._buffers: dict[str, Any] = {}
        self._lock = threading.Lock()

    def run(
        self, signature: str, inputs: dict[str, np.ndarray]
    ) -> dict[str, np.ndarray]:
        """Calls a signature with arrays by name; returns arrays by name."""
        with self._lock:
            return self._run(signature, inputs)

    def _run(
        self, signature: str, inputs: dict[str, np.ndarray]
    ) -> dict[str, np.ndarray]:
        shapes = {name: value.shape for name, value in inputs.items()}
        if self._buffers.get(signature, (None,))[0] != shapes:
            buffers = self._new_buffers(signature, inputs)
            self._buffers[signature] = (shapes, *buffers)
        _, given, taken, details = self._buffers[signature]
        for name, value in inputs.items():
            given[name].write(np.ascontiguousarray(value))
        self._model.run_by_name(signature, given, taken)
        found = {}
        for name, buffer in taken.items():
            shape = details[name]["shape"]
            dtype = np.dtype(details[name]["dtype"])
            found[name] = buffer.read(int(np.prod(shape)), dtype).reshape(shape)
        return found

    def _new_buffers(
        self, signature: str, inputs: dict[str, np.ndarray]
    ) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
        model = self._model
        there = model.get_input_tensor_details(signature)
        for name, value in inputs.items():
            if tuple(there[name]["shape"]) != value.shape:
                model.resize_input_tensor_by_name(
                    signature, name, list(value.shape)
                )
        given = {
            name: model.create_input_buffer_by_name(signature, name)
            for name in inputs
        }
        taken = {
            name: model.create_output_buffer_by_name(signature, name)
            for name in model.get_signature_list()[signature]["outputs"]
        }
        return given, taken, model.get_output_tensor_details(signature)


RUNTIMES: dict[str, Any] = {
    "interpreter": InterpreterRuntime,
    "compiled_model": CompiledModelRuntime,
}


def serve(path: str, runtime: str) -> None:
    """Answers pickled `(signature, calls)` with `(outputs, error)`.

    Calls are a list of the inputs of each, and outputs a list as well.
    The first answer, `(None, error)`, comes once the file is loaded.

    Args:
        path: str. Path of the file.
        runtime: str. A key of `RUNTIMES`.
    """
    # Lines that LiteRT prints must not come between the answers.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    try:
        model, failed = RUNTIMES[runtime](path), None
    except (RuntimeError, ValueError) as error:
        model, failed = None, str(error)
    pickle.dump((None, failed), answers)
    answers.flush()
    while True:
        try:
            signature, calls = pickle.load(sys.stdin.buffer)
        except EOFError:
            return
        outputs, failed = None, None
        try:
            outputs = [model.run(signature, inputs) for inputs in calls]
        except (RuntimeError, ValueError) as error:
            failed = str(error)
        pickle.dump((outputs, failed), answers, pickle.HIGHEST_PROTOCOL)
        answers.flush()


if __name__ == "__main__":
    serve(*sys.argv[1:])

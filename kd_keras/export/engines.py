"""What runs an exported file: SavedModel, Interpreter, CompiledModel."""

import contextlib
import os
import sys
import tempfile

import numpy as np
import tensorflow as tf

from kd_keras.bad_input import BadInputError


class SavedModelEngine:
    """Runs the signatures of a SavedModel by TensorFlow.

    Args:
        path: Folder of the SavedModel.
    """

    name = "SavedModel"

    def __init__(self, path):
        self._model = tf.saved_model.load(os.fspath(path))

    def run(self, signature, inputs):
        """Calls a signature: numpy arrays by name to numpy arrays by name."""
        tensors = {name: tf.constant(value) for name, value in inputs.items()}
        outputs = self._model.signatures[signature](**tensors)
        return {name: value.numpy() for name, value in outputs.items()}


class InterpreterEngine:
    """Runs the signatures of a `.tflite` file by LiteRT's Interpreter.

    Args:
        path: The file.
        num_threads: Integer.
    """

    name = "the LiteRT Interpreter"

    def __init__(self, path, num_threads=1):
        Interpreter = litert("interpreter").Interpreter
        with quiet_litert():
            self.interpreter = Interpreter(
                os.fspath(path), num_threads=num_threads
            )
        self._runners = {}

    def run(self, signature, inputs):
        """Calls a signature: numpy arrays by name to numpy arrays by name."""
        if signature not in self._runners:
            with quiet_litert():  # the first call allocates
                runner = self.interpreter.get_signature_runner(signature)
                self._runners[signature] = runner
                return runner(**inputs)
        return self._runners[signature](**inputs)


class CompiledModelEngine:
    """Runs the signatures of a `.tflite` file by LiteRT's CompiledModel.

    Args:
        path: The file.
    """

    name = "the LiteRT CompiledModel"

    def __init__(self, path):
        CompiledModel = litert("compiled_model").CompiledModel
        with quiet_litert():
            self._model = CompiledModel.from_file(os.fspath(path))
        self._buffers = {}

    def run(self, signature, inputs):
        """Calls a signature: numpy arrays by name to numpy arrays by name."""
        shapes = {name: value.shape for name, value in inputs.items()}
        if self._buffers.get(signature, (None,))[0] != shapes:
            with quiet_litert():
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

    def _new_buffers(self, signature, inputs):
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
        names = model.get_signature_list()[signature]["outputs"]
        taken = {
            name: model.create_output_buffer_by_name(signature, name)
            for name in names
        }
        return given, taken, model.get_output_tensor_details(signature)


def litert(module):
    """Imports a module of LiteRT's, which is an extra."""
    import importlib

    try:
        return importlib.import_module(f"ai_edge_litert.{module}")
    except ModuleNotFoundError as error:
        if error.name != "ai_edge_litert":
            raise
        raise BadInputError(
            "ai_edge_litert is not installed. Expected: pip install "
            "'kd_keras[litert]'"
        ) from None


@contextlib.contextmanager
def quiet_litert():
    """Keeps what LiteRT's and the converter's C++ says off the terminal.

    Yields:
        A function that gives what was said so far.
    """
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as said:
        os.dup2(said.fileno(), 2)

        def text():
            said.seek(0)
            return said.read().decode(errors="replace")

        try:
            yield text
        finally:
            os.dup2(kept, 2)
            os.close(kept)

"""What runs an exported file to check it: TensorFlow and LiteRT."""

import contextlib
import os
import pickle
import subprocess
import sys
import tempfile

import tensorflow as tf

from kd_keras.export.litert import litert_runtimes
from kd_keras.utils.errors import ParityError


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


class LiteRTEngine:
    """Runs the signatures of a `.tflite` file by LiteRT, in another process.

    LiteRT may crash on a model that it gets wrong, which would end this
    process, and prints what it does.

    Args:
        path: The file.
        runtime: `"interpreter"` or `"compiled_model"`.
    """

    _NAMES = {  # noqa: RUF012
        "interpreter": "LiteRT's Interpreter",
        "compiled_model": "LiteRT's CompiledModel",
    }

    def __init__(self, path, runtime):
        self.name = self._NAMES[runtime]
        self._said = tempfile.TemporaryFile()  # noqa: SIM115
        self._process = subprocess.Popen(
            [
                sys.executable,
                "-P",
                litert_runtimes.__file__,
                str(path),
                runtime,
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said,
        )
        assert self._process.stdin and self._process.stdout
        self._calls, self._answers = self._process.stdin, self._process.stdout

    def begin(self):
        """Waits until the file is loaded."""
        self._answer()

    def run(self, signature, inputs):
        """Calls a signature: numpy arrays by name to numpy arrays by name."""
        with contextlib.suppress(BrokenPipeError):  # told by the answer
            pickle.dump((signature, inputs), self._calls)
            self._calls.flush()
        return self._answer()

    def _answer(self):
        try:
            outputs, error = pickle.load(self._answers)
        except EOFError:
            status = self._process.wait()
            self._said.seek(0)
            lines = self._said.read().decode(errors="replace").split("\n")
            last = next((x for x in reversed(lines) if x.strip()), "nothing")
            error = f"it crashed with status {status}, saying last: {last}"
        if error is not None:
            raise ParityError(
                f"{self.name} cannot run the exported model: "
                f"{' '.join(error.split())[:300]}. Nothing was written. "
                "Where shapes are dynamic, `batch_size` and "
                "`sequence_length` may help"
            )
        return outputs

    def close(self):
        """Ends the process."""
        with contextlib.suppress(BrokenPipeError):
            self._calls.close()
        self._answers.close()
        self._process.wait()
        self._said.close()


@contextlib.contextmanager
def litert_engines(path):
    """Starts both of LiteRT's runtimes for a file, and ends them.

    Args:
        path: The file.

    Yields:
        List of `LiteRTEngine`.
    """
    with contextlib.ExitStack() as stack:
        engines = []
        for runtime in litert_runtimes.RUNTIMES:
            engines.append(LiteRTEngine(path, runtime))
            stack.callback(engines[-1].close)
        for engine in engines:
            engine.begin()
        yield engines

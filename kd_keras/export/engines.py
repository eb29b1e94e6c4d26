"""The engines that run an exported file to check it: TensorFlow and LiteRT."""

import contextlib
import os
import pickle
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import tensorflow as tf

from kd_keras.export.litert import litert_runtimes
from kd_keras.utils.errors import ParityError

# Numpy arrays by name.
Arrays = dict[str, np.ndarray]


class Engine(Protocol):
    """Runs the signatures of an exported file.

    Attributes:
        name: str. Its name in error messages.
    """

    name: str

    def send(self, signature: str, calls: list[Arrays]) -> None:
        """Begins calls of a signature with arrays by name."""

    def receive(self) -> list[Arrays]:
        """Returns the outputs of these calls, arrays by name."""


class SavedModelEngine:
    """Runs the signatures of a SavedModel with TensorFlow.

    Args:
        path: path of the SavedModel, a folder.
    """

    name = "SavedModel"

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._model = tf.saved_model.load(os.fspath(path))
        self._outputs: list[Arrays] = []

    def send(self, signature: str, calls: list[Arrays]) -> None:
        """Calls a signature with arrays by name."""
        function = self._model.signatures[signature]
        self._outputs = []
        for inputs in calls:
            outputs = function(
                **{name: tf.constant(value) for name, value in inputs.items()}
            )
            self._outputs.append(
                {name: value.numpy() for name, value in outputs.items()}
            )

    def receive(self) -> list[Arrays]:
        """Returns the outputs of these calls, arrays by name."""
        return self._outputs


class LiteRTEngine:
    """Runs the signatures of a `.tflite` file with LiteRT in a child process.

    LiteRT may crash on a model that it cannot handle, which would end this
    process, and it prints to the terminal.

    Args:
        path: path of the file.
        runtime: `"interpreter"` or `"compiled_model"`.
    """

    _NAMES = {  # noqa: RUF012
        "interpreter": "LiteRT's Interpreter",
        "compiled_model": "LiteRT's CompiledModel",
    }

    def __init__(self, path: str | os.PathLike[str], runtime: str) -> None:
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

    def begin(self) -> None:
        """Waits until the file is loaded."""
        self._answer()

    def send(self, signature: str, calls: list[Arrays]) -> None:
        """Begins calls of a signature with arrays by name.

        The answers must be received before the next calls are sent.
        """
        with contextlib.suppress(BrokenPipeError):  # `receive` reports it
            pickle.dump(
                (signature, calls), self._calls, pickle.HIGHEST_PROTOCOL
            )
            self._calls.flush()

    def receive(self) -> list[Arrays]:
        """Returns the outputs of these calls, arrays by name."""
        return self._answer()

    def _answer(self) -> Any:
        try:
            outputs, error = pickle.load(self._answers)
        except EOFError:
            status = self._process.wait()
            self._said.seek(0)
            lines = self._said.read().decode(errors="replace").split("\n")
            last = next((x for x in reversed(lines) if x.strip()), "nothing")
            error = f"it crashed with status {status}; its last line: {last}"
        if error is not None:
            raise ParityError(
                f"{self.name} cannot run the exported model: "
                f"{' '.join(error.split())[:300]}. Nothing was written. "
                "If shapes are dynamic, `batch_size` and `sequence_length` "
                "may help",
                may_be_shapes=True,
            )
        return outputs

    def close(self) -> None:
        """Ends the process."""
        with contextlib.suppress(BrokenPipeError):
            self._calls.close()
        self._answers.close()
        self._process.wait()
        self._said.close()


@contextlib.contextmanager
def litert_engines(path: Path) -> Iterator[list[LiteRTEngine]]:
    """Starts both LiteRT runtimes for a file, and ends them afterwards.

    Args:
        path: path of the file.

    Yields:
        list of two `LiteRTEngine`.
    """
    with contextlib.ExitStack() as stack:
        engines: list[LiteRTEngine] = []
        for runtime in litert_runtimes.RUNTIMES:
            engines.append(LiteRTEngine(path, runtime))
            stack.callback(engines[-1].close)
        for engine in engines:
            engine.begin()
        yield engines

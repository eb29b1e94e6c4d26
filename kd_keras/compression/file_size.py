"""The bytes of the file that a model is exported to."""

import dataclasses
import os
from collections.abc import Callable
from typing import Any

import keras

from kd_keras.export.size.model_sizes import report_model

# Of a recurrent model whose sequences have any length; the file's size hardly
# depends on it.
SEQUENCE_LENGTH = 32


@dataclasses.dataclass(frozen=True)
class FileContents:
    """What the file of a model holds.

    Attributes:
        exported: Function of a model that returns the one that is exported.
        sequence_length: int or None. See `export_litert`. None: one is chosen
            if the model needs it.
        vocabulary, unknown_id: See `export_litert`.
    """

    exported: Callable[[Any], Any]
    sequence_length: int | None = None
    vocabulary: Any = None
    unknown_id: Any = None


class FileSize:
    """Measures the file of a model by writing it.

    Args:
        model: Keras model, built.
        quantization, example: See `export_litert`.
        contents: `FileContents` or None. None: of a model that begins with
            text, what follows its vectoriser.

    Attributes:
        before: `SizeReport` of the model.
        note: str or None. Why the sizes are not those of a file: the model
            cannot be exported as it is.
    """

    def __init__(
        self,
        model: Any,
        quantization: str | None,
        example: Any = None,
        contents: FileContents | None = None,
    ) -> None:
        self.quantization, self.example = quantization, example
        self._contents = contents or FileContents(without_look_up)
        self.note: str | None = None
        self.before, error = self._first(model)
        if self.before is None:
            self.note = (
                "sizes are those of the weights, without a graph, since the "
                f"model cannot be exported: {error}"
            )
            self.before = report_model(model, quantization)

    def of(self, model: Any) -> int:
        """Returns the bytes of the file of a model like the first one."""
        if self.note is not None:
            return int(report_model(model, self.quantization).total)
        return int(self._report(model).total)

    def export(self, model: Any, path: str | os.PathLike[str]) -> Any:
        """Writes the file of a model like the first one, and checks it.

        Returns:
            `SizeReport`, see `export_litert`.
        """
        from kd_keras.export.export_litert import export_litert

        return export_litert(
            self._contents.exported(model), path, **self._options()
        )

    def _options(self) -> dict[str, Any]:
        return {
            "quantization": self.quantization,
            "sequence_length": self._contents.sequence_length,
            "example": self.example,
            "vocabulary": self._contents.vocabulary,
            "unknown_id": self._contents.unknown_id,
        }

    def _first(self, model: Any) -> tuple[Any, str]:
        given = self._contents
        lengths = [given.sequence_length]
        if given.sequence_length is None:
            lengths.append(SEQUENCE_LENGTH)
        why = ""
        for length in lengths:
            self._contents = dataclasses.replace(given, sequence_length=length)
            try:
                return self._report(model), ""
            except Exception as error:  # of the model's own code too
                why = why or " ".join(str(error).split())[:400]
                if "sequence_length" not in why:
                    break
        self._contents = given
        return None, why

    def _report(self, model: Any) -> Any:
        # Needs TensorFlow, which other backends do without.
        from kd_keras.export.write_litert import trial_report

        return trial_report(self._contents.exported(model), **self._options())


def without_look_up(model: Any) -> Any:
    """Returns what follows the layer that turns text into ids.

    Args:
        model: Keras model.

    Returns:
        A Keras model of the same layers that takes ids. The model itself, if
        it has no such layer, or if that is not the first one of a Sequential
        or functional model with one input.
    """
    kinds = (
        keras.layers.TextVectorization,
        keras.layers.StringLookup,
        keras.layers.IntegerLookup,
    )
    found = [x for x in getattr(model, "layers", ()) if isinstance(x, kinds)]
    inputs = getattr(model, "inputs", None) or ()
    if len(found) != 1 or len(inputs) != 1:
        return model
    for node in found[0]._inbound_nodes:  # one of them is in this model
        [ids] = node.output_tensors
        try:
            after = keras.Model(ids, model.outputs)
        except ValueError:
            continue
        fresh = keras.Input(ids.shape[1:], dtype="int32", name="token_ids")
        return keras.Model(fresh, after(fresh), name=model.name)
    return model

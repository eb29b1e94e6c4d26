"""The bytes of the file that a model is exported to."""

import dataclasses
import os
from collections.abc import Callable
from typing import Any

from kd_keras.export.size.coded_model import table_role
from kd_keras.export.size.model_sizes import report_model
from kd_keras.utils.errors import BadInputError, told_by

# Of a recurrent model whose sequences have any length; the file's size hardly
# depends on it.
SEQUENCE_LENGTH = 32


class NotExportedError(BadInputError):
    """A model like the first one cannot be exported."""

    def __init__(self, why: str) -> None:
        super().__init__(f"The small model cannot be exported: {why}")
        self.why = why


@dataclasses.dataclass(frozen=True)
class FileContents:
    """What the file of a model holds.

    Attributes:
        exported: Function of a model that returns the one that is exported.
        sequence_length: int or None. See `export_litert`. None: one is chosen
            if the model needs it.
        vocabulary, unknown_id: See `export_litert`.
    """

    exported: Callable[[Any], Any] = lambda model: model
    sequence_length: int | None = None
    vocabulary: Any = None
    unknown_id: Any = None


class FileSize:
    """Measures the file of a model by writing it.

    Args:
        model: Keras model, built.
        quantization, example: See `export_litert`.
        contents: `FileContents` or None.

    Attributes:
        before: `SizeReport` of the model.
        note: str or None. Why the sizes are not those of a file, since the
            model cannot be exported as it is; or for what length of a sequence
            they are, if that had to be chosen.
        is_measured: bool. Whether sizes are those of a file.

    Raises:
        BadInputError: If the model cannot be exported with the sequence length
            that was given.
    """

    def __init__(
        self,
        model: Any,
        quantization: str | None,
        example: Any = None,
        contents: FileContents | None = None,
    ) -> None:
        self.quantization, self.example = quantization, example
        self._contents = contents or FileContents()
        # What `export_litert` falls back to, 1, or None for its default.
        self._batch_size: int | None = None
        self.note: str | None = None
        self.before, error = self._first(model)
        self.is_measured = self.before is not None
        if not self.is_measured:
            self.count_weights(model, f"the model cannot be exported: {error}")

    def count_weights(self, model: Any, why: str) -> None:
        """From now on, counts weights instead of writing files.

        Args:
            model: Keras model. The first one.
            why: str. For the note.
        """
        self.is_measured = False
        self.note = (
            f"sizes are those of the weights, without a graph, since {why}"
        )
        self.before = report_model(model, self.quantization)

    def of(self, model: Any, is_last: bool = False) -> int:
        """Returns the bytes of the file of a model like the first one.

        Args:
            model: Keras model.
            is_last: bool. Whether its file will be written. If the file of the
                first model had to be for one row, that of this model is checked
                for it too.

        Raises:
            NotExportedError: If it cannot be exported.
        """
        if not self.is_measured:
            return int(report_model(model, self.quantization).total)
        finds = is_last and self._batch_size is not None
        try:
            return int(self._trial(model, finds).size.total)
        except Exception as error:  # of the model's own code too
            raise NotExportedError(told_by(error, 400)) from error

    def bytes_of_table(self, name: str) -> int:
        """Returns the bytes of a table of the model, 0 if it is not known."""
        return int(self.before.parts.get(table_role(name), 0))

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
                trial = self._trial(model, finds_batch_size=True)
            except Exception as error:  # of the model's own code too
                why = told_by(error, 400)
                if "sequence_length" not in why:
                    break
                if given.sequence_length is not None:
                    raise BadInputError(why) from None
            else:
                if length != given.sequence_length:
                    self.note = (
                        f"the file reads sequences of {length}, since the "
                        "model's have no length: `sequence_length` "
                        "(--sequence-length) names another"
                    )
                self._batch_size = trial.batch_size
                return trial.size, ""
        self._contents = given
        return None, why

    def _trial(self, model: Any, finds_batch_size: bool) -> Any:
        # Needs TensorFlow, which other backends do without.
        from kd_keras.export.trial_export import trial_export

        return trial_export(
            self._contents.exported(model),
            batch_size=None if finds_batch_size else self._batch_size,
            finds_batch_size=finds_batch_size,
            **self._options(),
        )

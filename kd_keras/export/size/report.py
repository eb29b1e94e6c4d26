"""The bytes of a file by role."""

import dataclasses
from typing import Any

from kd_keras.codes.sizes import FORMULAS, embedding_bytes, parameter_count
from kd_keras.export.litert.precisions import PRECISIONS


@dataclasses.dataclass(frozen=True)
class SizeReport:
    """The bytes of a file or model by role, made by `size_report`.

    Attributes:
        name: The path, or the model's name.
        format: "tflite", "SavedModel", "keras", or "model" for a model that
            is in no file.
        total: All bytes.
        parts: Bytes by role: "codes", "code embeddings", "composition",
            "output layer", "rest" (other weights), "optimizer",
            "vocabulary", "overhead" (graph, names, configuration). Their sum
            is `total`.
        embeddings: For each KD embedding its N, d, K, D, code_dim and
            composition; `hidden_dim` of a residual one; and `shares`, "codes"
            or "composition" or both, if it has them in common with an earlier
            one, where they are counted.
        quantization: None, "int8" or "float16".
        predicted: Bytes that codes, code embeddings and composition must
            have, from these numbers alone; None without them.
        operators: How often each operator of the graph stands in it.
        peak_bytes: An estimate of the live tensors at the worst moment of a
            call, constants not counted, dynamic sizes counted as 1; None
            where there is no graph to look at.
    """

    name: str
    format: str
    total: int
    parts: dict[str, int]
    embeddings: list[dict[str, Any]]
    quantization: str | None = None
    predicted: int | None = None
    operators: dict[str, int] = dataclasses.field(default_factory=dict)
    peak_bytes: int | None = None

    @property
    def embedding_bytes(self) -> int:
        """Bytes of codes, code embeddings and compositions."""
        names = ("codes", "code embeddings", "composition")
        return sum(self.parts.get(name, 0) for name in names)

    @property
    def symbols(self) -> int:
        """Symbols of all embeddings; those that share codes count once."""
        return sum(e["N"] for e in self.embeddings if not _shares(e, "codes"))

    @property
    def bits_per_symbol(self) -> float | None:
        """Bits of the embeddings a symbol; None where none is known."""
        if not self.symbols:
            return None
        return 8 * self.embedding_bytes / self.symbols

    @property
    def parameters(self) -> int | None:
        """Parameters of the embeddings as the paper counts them."""
        counts = [_own(e, parameter_count) for e in self._counted()]
        return sum(counts) if counts else None

    @property
    def conventional_parameters(self) -> int:
        """Parameters of the `(N, d)` tables that they stand for."""
        return sum(e["N"] * e["d"] for e in self.embeddings)

    def _counted(self):
        return [e for e in self.embeddings if e["composition"] in FORMULAS]

    def to_dict(self) -> dict[str, Any]:
        """Returns everything as JSON types."""
        names = (
            "embedding_bytes",
            "bits_per_symbol",
            "parameters",
            "conventional_parameters",
        )
        return dataclasses.asdict(self) | {n: getattr(self, n) for n in names}


def predict(embeddings, quantization):
    """Predicts the bytes of embeddings in a file from their sizes alone.

    Args:
        embeddings: List of dictionaries with N, d, K, D, code_dim and
            composition.
        quantization: None, "int8" or "float16".

    Returns:
        Integer, or None where a composition is of another class.
    """
    width = PRECISIONS[quantization].bytes
    if not embeddings or any(
        e["composition"] not in FORMULAS for e in embeddings
    ):
        return None
    return sum(
        _own(e, embedding_bytes, bytes_per_float=width) for e in embeddings
    )


def _own(embedding, count, **options):
    """Counts what an embedding does not share with an earlier one."""
    names = ("N", "d", "K", "D", "code_dim", "composition")
    options["hidden_dim"] = embedding.get("hidden_dim")
    parts = count(**{name: embedding[name] for name in names}, **options)
    codes = 0 if _shares(embedding, "codes") else parts.codes
    rest = 0 if _shares(embedding, "composition") else parts.without_codes
    return codes + rest


def _shares(embedding, part):
    return part in embedding.get("shares", ())

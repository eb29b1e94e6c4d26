"""The bytes of a file by role."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

from kd_keras.codes.int8_scales import scale_bytes
from kd_keras.codes.sizes import (
    FORMULAS,
    embedding_bytes,
    packed_code_bytes,
    parameter_count,
)
from kd_keras.export.litert.precisions import PRECISIONS


@dataclasses.dataclass(frozen=True)
class SizeReport:
    """The bytes of a file or model by role, made by `size_report`.

    Attributes:
        name: str. The path, or the model's name.
        format: One of `"tflite"`, `"SavedModel"`, `"keras"`, or `"model"` for
            a model that is not in a file.
        total: int. Bytes of the whole file or model.
        parts: dict. Bytes by role: "codes", "code embeddings", "composition",
            "output layer", "other layers" (all other weights), "embedding
            table (not coded): NAME" for each `keras.layers.Embedding` and
            `ReducedEmbedding`, "optimizer", "vocabulary", "overhead" (all that
            is no weight: graph, names, configuration), and "rest" (constants
            and variables of a file that this package did not write). Their sum
            is `total`.
        embeddings: list of dict. For each layer with codes, its N, d, K, D,
            code_dim and composition; `layer`, `"logits"`, for a `KDLogits`;
            `tiers` for codes with tiers; `hidden_dim` for a residual
            composition and `scaled` for a scaled one; and `shares`, a list
            of "codes" and "composition", if it shares them with an earlier
            embedding, for which they are counted.
        quantization: None, `"int8"` or `"float16"`.
        predicted: int or None. Bytes that codes, code embeddings and
            compositions must have, computed from `embeddings` and
            `quantization` alone; None if they cannot be.
        operators: dict. How often each operator occurs in the graph.
        peak_bytes: int or None. Estimate of the largest total size in bytes
            of the tensors alive at one time in a call, without constants and
            with dynamic sizes counted as 1; None if the graph is not known.
        tables: list of dict. For each embedding table that is not coded, the
            `name` of its layer, N and d.
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
    tables: list[dict[str, Any]] = dataclasses.field(default_factory=list)

    @property
    def embedding_bytes(self) -> int:
        """Bytes of codes, code embeddings and compositions."""
        names = ("codes", "code embeddings", "composition")
        return sum(self.parts.get(name, 0) for name in names)

    @property
    def symbols(self) -> int:
        """Symbols of all embeddings. Shared codes are counted once."""
        return sum(e["N"] for e in self.embeddings if not _shares(e, "codes"))

    @property
    def bits_per_symbol(self) -> float | None:
        """Bits of the embeddings per symbol, or None without embeddings.

        A damaged file may describe embeddings and hold none of their bytes.
        """
        if not (self.symbols and self.embedding_bytes):
            return None
        return 8 * self.embedding_bytes / self.symbols

    @property
    def parameters(self) -> int | None:
        """Parameters of the embeddings as the paper counts them, or None."""
        counts = [_own(e, parameter_count) for e in self._counted()]
        return sum(counts) if counts else None

    @property
    def conventional_parameters(self) -> int:
        """Parameters of the `(N, d)` tables that the embeddings replace."""
        return sum(e["N"] * e["d"] for e in self.embeddings)

    def _counted(self) -> list[dict[str, Any]]:
        return [e for e in self.embeddings if e["composition"] in FORMULAS]

    def to_dict(self) -> dict[str, Any]:
        """Returns all attributes and properties as JSON types."""
        names = (
            "embedding_bytes",
            "bits_per_symbol",
            "parameters",
            "conventional_parameters",
        )
        return dataclasses.asdict(self) | {n: getattr(self, n) for n in names}


def predict(
    embeddings: Sequence[dict[str, Any]],
    quantization: str | None,
    row_scales: bool,
) -> int | None:
    """Predicts the bytes of embeddings in a file from their sizes alone.

    Args:
        embeddings: list of dict. See `SizeReport`.
        quantization: None, `"int8"` or `"float16"`.
        row_scales: bool. Whether long code embeddings in int8 have scales of
            their own, which files of earlier versions have not.

    Returns:
        int, or None if there are no embeddings or if the size of a
        composition is unknown, because its class is the user's.
    """
    width = PRECISIONS[quantization].bytes
    if not embeddings or any(
        e["composition"] not in FORMULAS for e in embeddings
    ):
        return None
    numbers = sum(
        _own(e, embedding_bytes, bytes_per_float=width, **_in_order(e))
        for e in embeddings
    )
    if quantization != "int8":
        return numbers
    return numbers + sum(
        scale_bytes(e["K"], e["D"], e["code_dim"] if row_scales else 0)
        for e in embeddings
        if not _shares(e, "composition")
    )


def code_bytes(embedding: dict[str, Any]) -> int:
    """Returns the bytes of the packed codes of an embedding.

    Args:
        embedding: dict. See `SizeReport`.
    """
    names = ("N", "K", "D")
    sizes = {name: embedding[name] for name in names} | _tiers(embedding)
    return packed_code_bytes(**sizes, **_in_order(embedding))


def _tiers(embedding: dict[str, Any]) -> dict[str, Any]:
    """Returns the arguments D and `tiers` of an embedding with tiers."""
    tiers = embedding.get("tiers")
    return {} if tiers is None else {"D": tiers["D"], "tiers": tiers["ends"]}


def _in_order(embedding: dict[str, Any]) -> dict[str, Any]:
    tiers = embedding.get("tiers", {})
    return {name: tiers[name] for name in tiers if name == "in_order"}


def _own(
    embedding: dict[str, Any], count: Callable[..., Any], **options: Any
) -> int:
    """Counts the parts that an embedding does not share with an earlier one."""
    names = ("N", "d", "K", "D", "code_dim", "composition")
    for name in ("hidden_dim", "scaled"):
        if name in embedding:
            options[name] = embedding[name]
    sizes = {name: embedding[name] for name in names} | _tiers(embedding)
    parts = count(**sizes, **options)
    codes = 0 if _shares(embedding, "codes") else parts.codes
    rest = 0 if _shares(embedding, "composition") else parts.without_codes
    return codes + rest


def _shares(embedding: dict[str, Any], part: str) -> bool:
    return part in embedding.get("shares", ())

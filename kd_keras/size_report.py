"""What every byte of a file is for."""

import dataclasses
import json
import os
import zipfile
from pathlib import Path
from typing import Any

from kd_keras.codes.sizes import COMPOSITIONS, embedding_bytes, parameter_count
from kd_keras.utils.errors import BadInputError


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
        return [e for e in self.embeddings if e["composition"] in COMPOSITIONS]

    def to_dict(self) -> dict[str, Any]:
        """Returns everything as JSON types."""
        names = (
            "embedding_bytes",
            "bits_per_symbol",
            "parameters",
            "conventional_parameters",
        )
        return dataclasses.asdict(self) | {n: getattr(self, n) for n in names}


def size_report(path_or_model, quantization=None):
    """Tells what the bytes of a file are for.

    Args:
        path_or_model: Path of a `.tflite` or `.keras` file or of a
            SavedModel; or a built Keras layer or model, of which the bytes
            that its export will have are told, without the graph.
        quantization: As in `export_litert`; for a model only.

    Returns:
        A `SizeReport`.

    Raises:
        ValueError: If there is no such file, or it is damaged or of another
            kind (`kd_keras.utils.errors.BadInputError`).

    Example:

    >>> import kd_keras
    >>> embedding = kd_keras.KDEmbedding(10_000, 200, K=16, D=32)
    >>> embedding.build()
    >>> report = kd_keras.size_report(embedding, quantization="int8")
    >>> print(report.parts["codes"], report.parts["code embeddings"])
    160000 102528
    """
    if hasattr(path_or_model, "variables"):
        from kd_keras.export.report_model import report_model

        return report_model(path_or_model, quantization)
    from kd_keras.export.archive import read_file

    if quantization is not None:
        raise ValueError(
            "`quantization` is for a model; a file has its own. "
            f"Received: quantization={quantization!r}"
        )
    if not isinstance(path_or_model, str | os.PathLike):
        raise BadInputError(
            "size_report needs a path or a built Keras layer or model. "
            f"Received: {path_or_model!r}"
        )
    path = Path(path_or_model)
    if path.is_dir():
        if (path / "saved_model.pb").is_file():
            return _report_saved_model(path)
        raise BadInputError(f"{path} is a folder without a saved_model.pb")
    content = read_file(path)
    # A .tflite file may end in an archive, which makes it a zip too.
    if content[:4] == b"PK\x03\x04":
        return _report_keras(path, len(content))
    return _report_tflite(path, content)


def _report_tflite(path, content):
    from kd_keras.export.archive import VOCABULARY, read_archive
    from kd_keras.export.flatbuffer import read_flatbuffer
    from kd_keras.export.peak_memory import peak_bytes
    from kd_keras.export.roles import ROLES

    configuration, _, sizes = read_archive(content, path)
    flatbuffer = read_flatbuffer(content, path)
    parts = dict.fromkeys(ROLES, 0)
    if configuration is None:
        # Not ours: constants can be counted, but not told apart.
        constants = flatbuffer.constants()
        parts["rest"] = sum(len(flatbuffer.buffers[i]) for i in constants)
        configuration = {"embeddings": [], "quantization": None}
    try:
        for role, buffers in configuration.get("buffers", {}).items():
            parts[role] = sum(len(flatbuffer.buffers[i]) for i in buffers)
        parts["vocabulary"] = sizes.get(VOCABULARY, 0)
        parts["overhead"] = len(content) - sum(parts.values())
        embeddings = configuration["embeddings"]
        quantization = configuration["quantization"]
        report = SizeReport(
            str(path),
            "tflite",
            len(content),
            parts,
            embeddings,
            quantization,
            predict(embeddings, quantization),
            flatbuffer.operators,
            peak_bytes(flatbuffer),
        )
        report.to_dict()  # fails here, if it does
        return report
    # What is read from the file does not fit together.
    except (AttributeError, IndexError, KeyError, TypeError, ValueError):
        raise BadInputError(
            f"{path} is damaged: its parts do not fit together"
        ) from None


def _report_saved_model(path):
    try:
        return _read_saved_model(path)
    except Exception as error:  # as many kinds as there are ways to damage it
        raise BadInputError(
            f"{path} is a damaged SavedModel: "
            f"{' '.join(str(error).split())[:200]}"
        ) from None


def _read_saved_model(path):
    import tensorflow as tf
    from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

    from kd_keras.export.roles import ROLES

    SavedModel.FromString((path / "saved_model.pb").read_bytes())
    parts = dict.fromkeys(ROLES, 0)
    reader = tf.train.load_checkpoint(str(path / "variables" / "variables"))
    for name, dtype in reader.get_variable_to_dtype_map().items():
        value = reader.get_tensor(name)  # checks its checksum, too
        role = name.split("/")[0].replace("_", " ")
        role = role if role in ROLES else "rest"
        if dtype != tf.string:  # that is the graph of objects
            parts[role] += value.nbytes
    extra = path / "assets.extra"
    configuration: dict[str, Any] = {"embeddings": []}
    if (extra / "kd_keras.json").is_file():
        configuration = json.loads((extra / "kd_keras.json").read_text("utf-8"))
    words = extra / "vocabulary.txt"
    parts["vocabulary"] = words.stat().st_size if words.is_file() else 0
    total = sum(f.stat().st_size for f in path.rglob("*") if f.is_file())
    parts["overhead"] = total - sum(parts.values())
    report = SizeReport(
        str(path),
        "SavedModel",
        total,
        parts,
        configuration["embeddings"],
        predicted=predict(configuration["embeddings"], None),
    )
    report.to_dict()  # fails here, if it does
    return report


def _report_keras(path, total):
    import keras

    from kd_keras.export.report_model import optimizer_bytes, parts_in_memory

    try:
        with zipfile.ZipFile(path) as archive:
            if "config.json" not in archive.namelist():
                raise BadInputError(f"{path} is a zip, but not a .keras file")
        model = keras.saving.load_model(path, compile=False)
        optimizer = optimizer_bytes(path)
    except Exception as error:  # as many kinds as there are ways to damage it
        if isinstance(error, BadInputError):
            raise
        raise BadInputError(
            f"{path} cannot be loaded: {' '.join(str(error).split())[:200]}"
        ) from None
    parts, embeddings = parts_in_memory(model)
    parts["optimizer"] = optimizer
    parts["overhead"] = total - sum(parts.values())
    return SizeReport(str(path), "keras", total, parts, embeddings)


def predict(embeddings, quantization):
    """Predicts the bytes of embeddings in a file from their sizes alone.

    Args:
        embeddings: List of dictionaries with N, d, K, D, code_dim and
            composition.
        quantization: None, "int8" or "float16".

    Returns:
        Integer, or None where a composition is of another class.
    """
    width = {None: 4, "float16": 2, "int8": 1}[quantization]
    if not embeddings or any(
        e["composition"] not in COMPOSITIONS for e in embeddings
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

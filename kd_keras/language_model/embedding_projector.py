"""The words' vectors for TensorBoard's projector."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np


def write_projector(
    folder: Path, words: Sequence[str], vectors: np.ndarray
) -> None:
    """Writes what the projector tab of TensorBoard shows.

    Args:
        folder: Folder of a run of TensorBoard, one that holds curves.
        words: N strings.
        vectors: Array `(N, d)`.
    """
    from tensorboard.plugins import projector

    folder.mkdir(parents=True, exist_ok=True)
    np.savetxt(folder / "vectors.tsv", vectors, "%.5g", delimiter="\t")
    text = "".join(f"{word}\n" for word in words)
    (folder / "words.tsv").write_text(text, "utf-8")
    config = projector.ProjectorConfig()
    embedding = config.embeddings.add()
    embedding.tensor_name = "embedding"
    embedding.tensor_path = "vectors.tsv"
    embedding.metadata_path = "words.tsv"
    (folder / "projector_config.pbtxt").write_text(str(config), "utf-8")

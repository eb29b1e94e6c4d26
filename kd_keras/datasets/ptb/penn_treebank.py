"""The Penn Treebank as a data set of tensorflow-datasets."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import tensorflow_datasets as tfds

from kd_keras.datasets.ptb.corpus import Corpus, corpus_of_lines, read_lines
from kd_keras.datasets.ptb.ptb_files import SPLITS, ptb_files

TFDS_SPLITS = {"train": "train", "valid": "validation", "test": "test"}


class PennTreebank(tfds.core.GeneratorBasedBuilder):
    """The Penn Treebank with one example per line, without `<eos>`.

    An example is `{"text": "..."}`. The splits are `train`, `validation` and
    `test`. `import kd_keras.datasets.ptb.penn_treebank` registers the data
    set, so that `tfds.load("penn_treebank")` works. The text is downloaded
    from a public mirror and checked, or it is read from a folder with
    `builder_kwargs={"text_dir": folder}`.

    Args:
        text_dir: path or None. Folder with the three files; None downloads
            them.
        **kwargs: Arguments of `tfds.core.GeneratorBasedBuilder`, such as
            `data_dir`, the folder of the prepared data set.

    References:
        Marcus, Marcinkiewicz and Santorini, 1993; the split and the
        vocabulary of 10,000 are Mikolov's, 2010.
    """

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES: ClassVar = {"1.0.0": "Mikolov's split."}

    def __init__(
        self,
        *,
        text_dir: str | os.PathLike[str] | None = None,
        **kwargs: Any,
    ) -> None:
        self._text_dir = text_dir
        super().__init__(**kwargs)

    def _info(self) -> tfds.core.DatasetInfo:
        """Describes the data set."""
        return self.dataset_info_from_configs(
            description="Newspaper text with a vocabulary of 10,000 words.",
            features=tfds.features.FeaturesDict({"text": tfds.features.Text()}),
            disable_shuffling=True,  # the lines of a text stay in order
        )

    def _split_generators(self, dl_manager: Any) -> dict[str, Any]:
        """Returns a generator of examples for each split."""
        paths = ptb_files(self._text_dir)
        return {
            TFDS_SPLITS[split]: self._generate_examples(paths[split])
            for split in SPLITS
        }

    def _generate_examples(
        self, path: Path
    ) -> Iterator[tuple[int, dict[str, str]]]:
        """Yields the number of each line, and its example."""
        for number, line in enumerate(read_lines(path)):
            yield number, {"text": line}


def read_corpus_by_tfds(
    text_dir: str | os.PathLike[str] | None = None,
    data_dir: str | os.PathLike[str] | None = None,
) -> Corpus:
    """Reads the Penn Treebank through tensorflow-datasets.

    Args:
        text_dir: path or None. Folder with the three files; None downloads
            them.
        data_dir: path or None. Folder in which tensorflow-datasets keeps the
            prepared data set; None means its default.

    Returns:
        The same `Corpus` as `read_corpus`.

    Raises:
        BadInputError: As `read_corpus`.
    """
    ptb_files(text_dir)  # fails without the files, even if already prepared
    builder = PennTreebank(text_dir=text_dir, data_dir=data_dir)
    tfds.disable_progress_bar()  # it takes seconds, once
    builder.download_and_prepare()
    lines = {}
    for split, name in TFDS_SPLITS.items():
        examples = builder.as_dataset(
            split=name,
            read_config=tfds.ReadConfig(interleave_cycle_length=1),
        )
        lines[split] = [
            example["text"].decode() for example in tfds.as_numpy(examples)
        ]
    return corpus_of_lines(lines)

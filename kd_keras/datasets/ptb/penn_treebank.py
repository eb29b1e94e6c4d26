"""The Penn Treebank as a data set of tensorflow-datasets."""

import os
from typing import ClassVar

import tensorflow_datasets as tfds

from kd_keras.datasets.ptb.corpus import Corpus, corpus_of_lines, read_lines
from kd_keras.datasets.ptb.ptb_files import SPLITS, ptb_files

TFDS_SPLITS = {"train": "train", "valid": "validation", "test": "test"}


class PennTreebank(tfds.core.GeneratorBasedBuilder):
    """A line of text an example: `{"text": "..."}`, without `<eos>`.

    `import kd_keras.datasets.ptb.penn_treebank` registers it, so that
    `tfds.load("penn_treebank")` works. The splits are `train`, `validation`
    and `test`. The text is downloaded from a public mirror and checked, or
    read from a folder: `builder_kwargs={"text_dir": folder}`.

    Args:
        text_dir: A folder with the three files, or None to download them.
        **kwargs: Arguments of `tfds.core.GeneratorBasedBuilder`, `data_dir`
            (where the prepared data set is) among them.

    References:
        Marcus, Marcinkiewicz and Santorini, 1993; the split and the
        vocabulary of 10,000 are Mikolov's, 2010.
    """

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES: ClassVar = {"1.0.0": "Mikolov's split."}

    def __init__(self, *, text_dir=None, **kwargs):
        self._text_dir = text_dir
        super().__init__(**kwargs)

    def _info(self):
        return self.dataset_info_from_configs(
            description="Newspaper text with a vocabulary of 10,000 words.",
            features=tfds.features.FeaturesDict({"text": tfds.features.Text()}),
            disable_shuffling=True,  # a text: its lines stay in their order
        )

    def _split_generators(self, dl_manager):
        paths = ptb_files(self._text_dir)
        return {
            TFDS_SPLITS[split]: self._generate_examples(paths[split])
            for split in SPLITS
        }

    def _generate_examples(self, path):
        for number, line in enumerate(read_lines(path)):
            yield number, {"text": line}


def read_corpus_by_tfds(
    text_dir: str | os.PathLike | None = None,
    data_dir: str | os.PathLike | None = None,
) -> Corpus:
    """Reads the Penn Treebank through tensorflow-datasets.

    Args:
        text_dir: A folder with the three files, or None to download them.
        data_dir: Where tensorflow-datasets keeps what it has prepared; None
            for its default.

    Returns:
        The same `Corpus` as `read_corpus`.

    Raises:
        BadInputError: If the files are not right.
    """
    ptb_files(text_dir)  # what was prepared once may not be there any more
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

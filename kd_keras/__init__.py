"""K-way D-dimensional discrete codes for embedding tables, for Keras 3."""

import sys

from kd_keras.version import __version__

# Importing the package registers its layers with Keras, so that
# `keras.saving.load_model` finds them. Only the command line does without: it
# answers `--help` and bad arguments before it loads Keras, which takes
# seconds, and imports from the modules what a command needs.
# `python -m kd_keras` is the command line too. While it imports the package,
# `sys.argv` is "-m" and the arguments that follow the module's name.
_command = "kd_keras_command" in sys.modules or (
    sys.argv[:1] == ["-m"] and sys.orig_argv[-len(sys.argv) :][:1] == [__name__]
)
if not _command:
    from kd_keras.bridges.faiss_bridge import from_faiss, to_faiss
    from kd_keras.bridges.nanopq_bridge import from_nanopq, to_nanopq
    from kd_keras.codes.packing import pack_codes, unpack_codes
    from kd_keras.codes.random_codes import compact_codes, random_codes
    from kd_keras.codes.shared_codes import format_groups, symbol_groups
    from kd_keras.codes.sizes import embedding_bytes, parameter_count
    from kd_keras.codes.statistics import code_statistics
    from kd_keras.compression.compress import compress, plan
    from kd_keras.export.export_litert import export_litert
    from kd_keras.export.export_saved_model import export_saved_model
    from kd_keras.export.litert.load_litert import load_litert
    from kd_keras.export.size.size_report import size_report
    from kd_keras.language_model import model as _registers_language_model
    from kd_keras.layers.compositions.composition import Composition
    from kd_keras.layers.compositions.concat import ConcatComposition
    from kd_keras.layers.compositions.linear import LinearComposition
    from kd_keras.layers.compositions.lstm import LSTMComposition
    from kd_keras.layers.compositions.residual import ResidualComposition
    from kd_keras.layers.kd_code_learner import KDCodeLearner
    from kd_keras.layers.kd_embedding import KDEmbedding
    from kd_keras.layers.kd_logits import KDLogits
    from kd_keras.layers.reduced_embedding import ReducedEmbedding
    from kd_keras.layers.straight_through import smooth_code, straight_through
    from kd_keras.learning.freeze import freeze
    from kd_keras.learning.grow_embedding import grow_embedding
    from kd_keras.learning.learn_codes import learn_codebooks, learn_codes
    from kd_keras.learning.replace_layers import replace_layers
    from kd_keras.learning.unfreeze import unfreeze
    from kd_keras.search.shards import shard_rows
    from kd_keras.training.code_metrics import CodeMetrics
    from kd_keras.training.code_summaries import CodeSummaries
    from kd_keras.training.lazy_adam import LazyAdam
    from kd_keras.training.temperature_schedule import TemperatureSchedule
    from kd_keras.utils.errors import BadInputError, ParityError
    from kd_keras.vectors.read_vectors import read_vectors
    from kd_keras.vectors.write_vectors import write_vectors

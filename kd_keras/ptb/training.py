"""One training run of the language model, from its settings to its row."""

import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from kd_keras.datasets.ptb.batches import cut_batches
from kd_keras.datasets.ptb.corpus import Corpus
from kd_keras.language_model.copies import streaming_model
from kd_keras.language_model.evaluation import evaluate_perplexity
from kd_keras.language_model.model import (
    LanguageModel,
    build_language_model,
    compile_language_model,
    uniform_initializers,
)
from kd_keras.language_model.strategies import (
    check_agreement,
    get_strategy,
    scope_of,
    told_of_lost_workers,
)
from kd_keras.ptb.embeddings import (
    NO_CODES,
    GivenCodes,
    make_embedding,
    make_output_layer,
)
from kd_keras.ptb.kept_weights import KeptWeights
from kd_keras.ptb.results_file import Row
from kd_keras.ptb.run_callbacks import run_callbacks
from kd_keras.ptb.run_folder import RunFolder
from kd_keras.ptb.run_settings import (
    RunSettings,
    check_settings,
    size_of_embedding,
    size_of_output,
)
from kd_keras.ptb.tuned_model import make_tuned_model
from kd_keras.utils.errors import BadInputError
from kd_keras.utils.experiment_record import circumstances
from kd_keras.utils.whole_file import whole_file, write_whole


def train(
    settings: RunSettings,
    corpus: Corpus,
    folder: RunFolder,
    given: GivenCodes = NO_CODES,
    command: str | None = None,
    verbose: int = 1,
    teacher: LanguageModel | None = None,
    inputs: dict[str, str] | None = None,
) -> Row:
    """Trains a language model, or resumes an interrupted run.

    A finished run is not run again. An interrupted run resumes at the start of
    the epoch in which it stopped and produces the same results.

    Args:
        settings: `RunSettings`.
        corpus: `Corpus`.
        folder: `RunFolder`.
        given: `GivenCodes`. Codes that were learned beforehand.
        command: str or None. The command line, for the row.
        verbose: int. As in `fit`.
        teacher: `LanguageModel` or None. The trained model that a run with
            `settings.tuned` goes on from.
        inputs: dict or None. Digests of the files that `given` and `teacher`
            were read from, by option. A resumed run must have the same.

    Returns:
        dict of JSON values. The row, see `results_file`.

    Raises:
        BadInputError: If the settings, the folder or the corpus are invalid.
    """
    vocabulary_size = len(corpus.vocabulary)
    check_settings(settings, vocabulary_size)
    configuration = settings.configuration
    batch = (configuration.batch_size, configuration.steps)
    texts = [cut_batches(t, *batch) for t in (corpus.train, corpus.valid)]
    with folder.reserved():
        return _train(
            settings,
            corpus,
            texts,
            folder,
            given,
            command,
            verbose,
            teacher,
            inputs or {},
        )


def _train(
    settings: RunSettings,
    corpus: Corpus,
    texts: list[tuple[np.ndarray, np.ndarray]],
    folder: RunFolder,
    given: GivenCodes,
    command: str | None,
    verbose: int,
    teacher: LanguageModel | None,
    inputs: dict[str, str],
) -> Row:
    """Trains in a folder that no other process writes to."""
    configuration = settings.configuration
    vocabulary_size = len(corpus.vocabulary)
    folder.begin(settings, corpus.digest(), inputs)
    strategy = get_strategy(settings.strategy, settings.replicas)
    log, kept = folder.read_log(), KeptWeights(folder)
    row = folder.read_row()
    check_agreement(strategy, len(log) if row else kept.epochs, folder.path)
    if row is not None:
        folder.clean()
        return row
    write_whole(folder.vocabulary, "\n".join(corpus.vocabulary) + "\n")

    keras.config.set_dtype_policy(settings.precision)
    keras.utils.set_random_seed(settings.seed)
    with scope_of(strategy):
        if teacher is None:
            model = _build(settings, vocabulary_size, given)
        else:
            steps = len(texts[0][0]) // configuration.batch_size
            steps *= configuration.epochs
            model = make_tuned_model(settings, teacher, given, steps)
        kept.load(model)
    folder.cut_log(kept.epochs)
    if kept.epochs < configuration.epochs:
        (ids, targets), validation = texts
        with told_of_lost_workers(strategy):
            model.fit(
                ids,
                targets,
                batch_size=configuration.batch_size,
                epochs=configuration.epochs,
                initial_epoch=kept.epochs,
                shuffle=False,
                validation_data=validation,
                validation_batch_size=configuration.batch_size,
                callbacks=run_callbacks(model, settings, folder, kept),
                verbose=verbose,
            )
        log = folder.read_log()
    if not folder.best_weights.exists():
        raise _diverged()
    model.load_weights(folder.best_weights)
    model = streaming_model(model)
    test = evaluate_perplexity(model, corpus.test, verbose)
    with whole_file(folder.model, ".keras") as temporary:
        model.save(temporary)
    vectors = np.asarray(model.embedding(np.arange(vocabulary_size)))
    if settings.embedding == "conventional":
        words = np.array(corpus.vocabulary)
        with whole_file(folder.table, ".npz") as temporary:
            np.savez(temporary, words=words, vectors=vectors)
    if keras.backend.backend() == "tensorflow":
        # TensorBoard looks for the projector beside the curves of Keras.
        projector = folder.tensorboard / "train"
        write_projector(projector, corpus.vocabulary, vectors)
    row = _row(settings, corpus, log, test, command)
    folder.finish(row)
    return row


def _build(
    settings: RunSettings,
    vocabulary_size: int,
    given: GivenCodes,
) -> LanguageModel:
    configuration = settings.configuration
    uniform = uniform_initializers(configuration, settings.seed)
    embedding = make_embedding(
        settings, vocabulary_size, uniform(), given.embedding
    )
    model = build_language_model(
        configuration,
        embedding,
        vocabulary_size,
        configuration.batch_size // settings.replicas,
        configuration.steps,
        seed=settings.seed + 1,
        output=make_output_layer(
            settings, vocabulary_size, uniform, embedding, given.output
        ),
    )
    compile_language_model(
        model,
        configuration,
        settings.codes_learning_rate or 0.01,
        settings.lstm_rate,
    )
    return model


def _row(
    settings: RunSettings,
    corpus: Corpus,
    log: list[dict[str, float]],
    test: float,
    command: str | None,
) -> Row:
    if any(not line["val_perplexity"] < float("inf") for line in log):
        raise _diverged()
    N = len(corpus.vocabulary)
    parameters, size = size_of_embedding(settings, N)
    output_parameters, output_size = size_of_output(settings, N)
    seconds = [line["seconds"] for line in log]
    row: dict[str, Any] = {
        "code_learning": settings.code_learning,
        "relearning": settings.composition or "none",
        "K": settings.K,
        "D": settings.D,
        "code_dim": settings.code_dim,
        "lstm_rate": settings.lstm_rate,
        "seed": settings.seed,
        "train_perplexity": [line["perplexity"] for line in log],
        "valid_perplexity_by_epoch": [line["val_perplexity"] for line in log],
        "valid_perplexity": min(line["val_perplexity"] for line in log),
        "test_perplexity": test,
        "embedding_parameters": parameters,
        "embedding_bytes": size,
        "output_layer": settings.output_layer,
        "output_code_learning": settings.output_code_learning,
        "output_composition": settings.output_composition,
        "output_K": settings.output_K,
        "output_D": settings.output_D,
        "output_code_dim": settings.output_code_dim,
        "output_parameters": output_parameters,
        "output_bytes": output_size,
        "seconds_per_epoch": statistics.median(seconds),
        "warm_start": settings.warm_start,
        "tuned": settings.tuned,
        "count_power": settings.count_power,
        "output_count_power": settings.output_count_power,
        "backend": settings.backend,
        "precision": settings.precision,
        "model": settings.model,
        "text": corpus.digest(),
        "epochs": len(log),
        "strategy": settings.strategy,
        "replicas": settings.replicas,
    }
    if settings.embedding == "learn":
        row |= {
            name: getattr(settings, name)
            for name in (
                "codes_learning_rate",
                "temperature",
                "temperature_decay",
                "least_temperature",
            )
        }
    return row | {"command": command} | circumstances()


def _diverged() -> BadInputError:
    return BadInputError(
        "The training diverged: the perplexity is not finite. Expected: "
        "a lower learning rate"
    )


def write_projector(
    folder: Path, words: Sequence[str], vectors: np.ndarray
) -> None:
    """Writes the files for the projector tab of TensorBoard.

    Args:
        folder: path. The folder of a TensorBoard run that contains curves.
        words: sequence of N str.
        vectors: array of float, shape `(N, d)`.
    """
    from tensorboard.plugins import projector

    folder.mkdir(parents=True, exist_ok=True)
    with whole_file(folder / "vectors.tsv") as temporary:
        np.savetxt(temporary, vectors, "%.5g", delimiter="\t")
    write_whole(folder / "words.tsv", "".join(f"{word}\n" for word in words))
    config = projector.ProjectorConfig()
    embedding = config.embeddings.add()
    embedding.tensor_name = "embedding"
    embedding.tensor_path = "vectors.tsv"
    embedding.metadata_path = "words.tsv"
    write_whole(folder / "projector_config.pbtxt", str(config))

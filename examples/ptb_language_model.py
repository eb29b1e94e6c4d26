"""The paper's main experiment, step by step.

Most of a language model is its embedding table. This script trains a model,
learns codes from its table, and trains the model again from scratch over these
codes. The paper's claim is that the table was not needed.

    python examples/ptb_language_model.py

This trains the small model twice, for about 40 minutes each on two cores;
`kd-keras ptb` does the same with checkpoints, TensorBoard and several devices.
The text is downloaded. `--data-dir FOLDER` reads it from a folder instead,
`--any-text` accepts another text there, and `--model tiny --K 8 --D 4` runs in
seconds.
"""

import argparse

import keras
from rich.console import Console
from rich.table import Table

import kd_keras
from kd_keras.datasets.ptb.batches import cut_batches
from kd_keras.datasets.ptb.corpus import read_corpus
from kd_keras.language_model.configurations import CONFIGURATIONS
from kd_keras.language_model.copies import streaming_model
from kd_keras.language_model.evaluation import evaluate_perplexity
from kd_keras.language_model.model import (
    build_language_model,
    compile_language_model,
    uniform_initializers,
)
from kd_keras.ptb.run_callbacks import FreshState

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("--model", choices=CONFIGURATIONS, default="small")
parser.add_argument("--K", type=int, default=50)
parser.add_argument("--D", type=int, default=10)
parser.add_argument("--data-dir")
parser.add_argument("--any-text", action="store_true")
options = parser.parse_args()

# 10,000 words. A batch is 20 pieces of the text, each 20 words long. The next
# batch continues where each of them ended, so the state of the LSTM is kept.
corpus = read_corpus(options.data_dir, options.any_text)
words = len(corpus.vocabulary)
configuration = CONFIGURATIONS[options.model]
rows, steps = configuration.batch_size, configuration.steps
inputs, targets = cut_batches(corpus.train, rows, steps)
validation = cut_batches(corpus.valid, rows, steps)
uniform = uniform_initializers(configuration)


def train_and_test(embedding):
    """Trains a model; only the embedding differs between the two."""
    keras.utils.set_random_seed(0)
    model = build_language_model(configuration, embedding, words, rows, steps)
    compile_language_model(model, configuration)
    epochs = configuration.epochs
    model.fit(
        inputs,
        targets,
        batch_size=rows,
        epochs=epochs,
        shuffle=False,
        validation_data=validation,
        validation_batch_size=rows,
        verbose=2,
        callbacks=[
            FreshState(),
            keras.callbacks.LearningRateScheduler(
                configuration.learning_rate_of
            ),
            # Never stops; restores the epoch that was best on validation.
            keras.callbacks.EarlyStopping(
                patience=epochs, restore_best_weights=True
            ),
        ],
    )
    model = streaming_model(model)
    return model.embedding, evaluate_perplexity(model, corpus.test)


# 1. The conventional model has one row of floats per word.
table, conventional = train_and_test(
    keras.layers.Embedding(words, configuration.hidden, uniform())
)

# 2. Codes for the words, learned from the table: D numbers below K each.
# Words that the model uses in similar ways get similar codes.
learned = kd_keras.learn_codes(
    table.embeddings.numpy(), K=options.K, D=options.D
)

# 3. From scratch over these codes. Nothing else is kept: the D times K code
# embeddings start at random, like all other weights.
_, over_codes = train_and_test(
    kd_keras.KDEmbedding(
        words,
        configuration.hidden,
        K=options.K,
        D=options.D,
        codes=learned.codes,
        embeddings_initializer=uniform(),
    )
)

size = kd_keras.embedding_bytes(
    words, configuration.hidden, K=options.K, D=options.D
)
report = Table("embedding", "bytes", "test perplexity")
report.add_row("conventional", f"{size.conventional:,}", f"{conventional:.1f}")
report.add_row("over codes", f"{size.total:,}", f"{over_codes:.1f}")
Console().print(report)

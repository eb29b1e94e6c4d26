"""Words that share a code, as in Table 2 of the paper.

With few codes, words must collide, and it shows what a code means: words that
are used alike get the same one. The table here is that of a small language
model trained on the Penn Treebank (10,000 words, 200 dimensions); the paper
shows GloVe's, which knows more of the world. Give its file as the argument to
see them:

    python examples/words_that_share_a_code.py [glove.6B.50d.txt]
"""

import sys
from pathlib import Path

import numpy as np

import kd_keras

PTB = Path(__file__).parent.parent / "saved_models" / "ptb_small_200.npz"

# The vectors may be in any form that `kd-keras compress` reads. The most
# frequent words come first in both files; rarer ones have noisier vectors.
table = kd_keras.read_vectors(sys.argv[1] if len(sys.argv) > 1 else PTB)
words, vectors = table.words[:3000], table.vectors[:3000]

# Directions tell more about the sense of a word than lengths, which follow
# its frequency.
vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)

# K = 6, D = 4 as in the paper: 1,296 codes in all.
embedding = kd_keras.learn_codes(vectors, K=6, D=4, seed=0)
codes = embedding.codes

statistics = kd_keras.code_statistics(codes, K=6)
print(
    f"{statistics.N} words, {statistics.distinct} different codes; "
    f"{statistics.collisions} words share theirs. The largest groups:\n"
)
print(kd_keras.format_groups(codes, words, most=12, words_per_group=10))

# Do words of one code mean alike? Compare their cosine similarity with that
# of words drawn at random.
groups = [g for g in kd_keras.symbol_groups(codes) if len(g) > 1]
same = np.array([(g[0], g[1]) for g in groups])
drawn = np.random.default_rng(0).integers(len(words), size=same.shape)


def mean_cosine(pairs):
    return np.mean(np.sum(vectors[pairs[:, 0]] * vectors[pairs[:, 1]], axis=1))


print(
    f"\nMean cosine similarity of two words: {mean_cosine(same):.2f} if they "
    f"share a code, {mean_cosine(drawn):.2f} if drawn at random"
)

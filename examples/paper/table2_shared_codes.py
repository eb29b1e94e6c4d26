"""Table 2: words that share a code have similar meanings.

K = 6 and D = 4 allow 1,296 codes for 10,000 words, so words must share codes,
which shows what a code means. The paper's table is for GloVe; with

    python examples/paper/table2_shared_codes.py --vectors glove.6B.50d.txt

this script uses the same vectors (or any file that `kd-keras compress` reads).
Without a file it uses the table of a small language model of the Penn Treebank,
which knows less of the world.

It prints the closest and the loosest groups, and which codes weekdays, months
and years have. It measures the cosine similarity of words whose codes agree in
0 to 4 of the parts, and of random words.
"""

from pathlib import Path

import numpy as np
from experiment import BLUE, GREY, ORANGE, ROOT, finish, parse, record
from rich.console import Console
from rich.table import Table

import kd_keras

K, D = 6, 4
PTB = ROOT / "saved_models" / "ptb_small_200.npz"
PAIRS = 200_000
BOX = (
    "whislo",
    "q1",
    "med",
    "q3",
    "whishi",
)  # matplotlib's names of five percentiles
SHOWN, LEAST = 8, 4  # groups at either end, words of a group to be shown
FAMILIES = {
    "weekdays": "monday tuesday wednesday thursday friday saturday sunday",
    "months": "january february march april may june july august september "
    "october november december",
    "years": " ".join(str(year) for year in range(1990, 2010)),
    "numbers": "two three four five six seven eight nine ten",
    "family": "mother father son daughter brother sister wife husband",
}


def cosines(unit, pairs):
    return np.sum(unit[pairs[:, 0]] * unit[pairs[:, 1]], axis=1)


def mean_cosine(unit, group):
    """Averages over all pairs of a group."""
    n = len(group)
    return float((np.square(unit[group].sum(axis=0)).sum() - n) / (n * (n - 1)))


def distribution(values):
    return {
        "pairs": len(values),
        "mean": float(np.mean(values)),
        "percentiles": np.percentile(values, [5, 25, 50, 75, 95]).tolist(),
    }


def by_agreement(codes, unit, seed):
    """Measures cosines of random pairs by the parts that agree."""
    rng = np.random.default_rng(seed)
    pairs = rng.integers(len(codes), size=(PAIRS, 2))
    pairs = pairs[pairs[:, 0] != pairs[:, 1]]
    same = codes[pairs[:, 0]] == codes[pairs[:, 1]]
    groups = [g for g in kd_keras.symbol_groups(codes) if len(g) > 1]
    sharing = np.concatenate(
        [rng.permuted(np.stack([g, np.roll(g, 1)], 1), axis=1) for g in groups]
    )
    agreeing = [
        cosines(unit, pairs[same.sum(axis=1) == parts]) for parts in range(D)
    ]
    prefixes = [
        cosines(unit, pairs[same[:, :length].all(axis=1)])
        for length in range(D)
    ]
    all_parts = cosines(unit, sharing)
    return {
        "parts_that_agree": [distribution(x) for x in [*agreeing, all_parts]],
        "shared_prefix": [distribution(x) for x in [*prefixes, all_parts]],
    }


def families(codes, words):
    """Counts the codes of a family of words, and how much they agree."""
    place = {word: i for i, word in enumerate(words)}
    found = {}
    for name, members in FAMILIES.items():
        rows = [place[w] for w in members.split() if w in place]
        if len(rows) < 2:
            continue
        distinct, counts = np.unique(codes[rows], axis=0, return_counts=True)
        parts = (codes[rows][:, None] == codes[rows]).sum(axis=2)
        upper = np.triu_indices(len(rows), 1)
        found[name] = {
            "words": len(rows),
            "codes": len(distinct),
            "in_the_largest": int(counts.max()),
            "mean_parts_that_agree": float(parts[upper].mean()),
        }
    return found


def measure(path, most, seed):
    table = kd_keras.read_vectors(path)
    words, vectors = table.words[:most], table.vectors[:most]
    embedding = kd_keras.learn_codes(vectors, K, D, seed=seed)
    codes = embedding.codes
    centred = vectors - vectors.mean(axis=0)
    unit = centred / np.linalg.norm(centred, axis=1, keepdims=True)
    groups = [
        {
            "code": "-".join(map(str, codes[group[0]])),
            "cosine": mean_cosine(unit, group),
            "words": [words[i] for i in group],
        }
        for group in kd_keras.symbol_groups(codes)
        if len(group) > 1
    ]
    groups.sort(key=lambda group: -group["cosine"])
    shown = [group for group in groups if len(group["words"]) >= LEAST]
    statistics = kd_keras.code_statistics(codes, K)
    parts = np.mean(codes[:, None, :][:1000] == codes[None, :1000], axis=(0, 1))
    return {
        "vectors": Path(path).name,
        "words": len(words),
        "distinct_codes": statistics.distinct,
        "words_that_share": statistics.collisions,
        "chance_that_a_part_agrees": parts.tolist(),
        "closest": shown[:SHOWN],
        "loosest": shown[-SHOWN:],
        "families": families(codes, words),
        **by_agreement(codes, unit, seed),
    }


def show(results):
    console = Console()
    for name in ("closest", "loosest"):
        table = Table("code", "cosine", "words", title=f"{name} groups")
        for group in results[name]:
            words = " ".join(group["words"][:12])
            table.add_row(group["code"], f"{group['cosine']:.2f}", words)
        console.print(table)
    for name, found in results["families"].items():
        console.print(
            f"{name}: {found['in_the_largest']} of {found['words']} words in "
            f"one code, {found['codes']} codes; "
            f"{found['mean_parts_that_agree']:.1f} of {D} parts agree"
        )
    random, *_, same = results["shared_prefix"]
    console.print(
        f"Mean cosine of two words: {same['mean']:.2f} if they share a code, "
        f"{random['mean']:.2f} if drawn at random"
    )


def draw(results):
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(
        1, 2, figsize=(8, 3.2), sharey=True, layout="constrained"
    )
    for axis, what, colour, title in (
        (axes[0], "parts_that_agree", BLUE, "parts of the code that agree"),
        (axes[1], "shared_prefix", ORANGE, "length of the prefix they share"),
    ):
        boxes = [
            dict(zip(BOX, x["percentiles"], strict=True)) for x in results[what]
        ]
        axis.bxp(
            boxes,
            positions=range(len(boxes)),
            showfliers=False,
            patch_artist=True,
            boxprops={"facecolor": colour, "alpha": 0.5},
            medianprops={"color": "black"},
        )
        axis.axhline(0, color=GREY, linewidth=0.5)
        axis.set_xlabel(title)
    axes[0].set_ylabel("cosine similarity of two words")
    return figure


if __name__ == "__main__":
    args = parse(__doc__, vectors="file of word vectors; default: PTB's")
    if not args.draw:
        results = measure(
            args.vectors or PTB, 1000 if args.quick else 10_000, 0
        )
        show(results)
        record(args, results, seed=0)
    finish(args, draw)

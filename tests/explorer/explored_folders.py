"""A folder of `kd-keras compress`, written without learning."""

import json

import numpy as np

from kd_keras.codes.packing import pack_codes

K, D, N = 4, 3, 60
NASTY = ["<script>fail()</script>", "</script>", '"quoted"', "[b]", "é%2F#"]
WORDS = [*NASTY, *(f"word{i}" for i in range(len(NASTY), N))]


def write_folder(folder, N=N, K=K, measured=None, words=WORDS):
    """Writes a small folder like those of `kd-keras compress`."""
    generator = np.random.default_rng(0)
    codes = generator.integers(0, K, (N, D)).astype(np.uint16)
    codes = codes.astype(np.uint8) if K <= 256 else codes
    codes[[7 % N, 20 % N]] = codes[1]
    words = [*words, *(f"word{i}" for i in range(len(words), N))][:N]
    symbols = np.arange(N) if measured is None else np.array(measured, int)
    near = generator.integers(0, N, (2, len(symbols), 10))
    folder.mkdir()
    report = {
        "format": 1, "N": N, "K": K, "D": D, "d": 8,
        "input": {"path": "<vectors>.txt"},
        "command": "kd-keras compress", "composition": "linear",
        "examples": [{"id": 3}, {"id": 9}],
    }  # fmt: skip
    (folder / "report.json").write_text(json.dumps(report))
    lines = "".join(f"{word}\n" for word in words)
    (folder / "vocabulary.txt").write_text(lines, "utf-8")
    np.savez(folder / "codes.npz", codes=pack_codes(codes, K), N=N, D=D, K=K)
    np.savez(
        folder / "neighbours.npz", symbols=symbols, before=near[0],
        after=near[1],
    )  # fmt: skip
    return codes, words, near

"""A small table, and its folder."""

from kd_keras.commands.arguments import Arguments
from kd_keras.commands.compress_folder import compress_folder

N, SIZE, K, D = 50, 8, 4, 3
WORDS = ["<unk>", "two words", '"q"', "ü", "\x85", "日本"] + [
    f"word{i}" for i in range(N - 6)
]


def compress(source, output, **given):
    given = {"K": K, "D": D, "output": str(output)} | given
    return compress_folder(Arguments(str(source), **given))

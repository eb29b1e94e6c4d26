"""What an embedding of KD codes costs: parameters, bits, bytes.

Lemma 1 and Table 1 of the paper (Chen, Min, Sun 2017) count a code as D
integers. A file holds it in ceil(D * ceil(log2 K) / 8) bytes, so bytes tell
more, and both are here. Others call K the codebook size and D the number of
codebooks.
"""

import dataclasses
import math

from kd_keras.codes.checks import check_kd
from kd_keras.codes.packing import packed_width

COMPOSITIONS = ("linear", "lstm", "concat", "residual")
# Hidden units of the residual composition for each dimension of a code
# embedding, where it is not told.
RESIDUAL_WIDTH = 4


@dataclasses.dataclass(frozen=True)
class _Parts:
    """What codes, code embeddings and composition cost in one unit.

    Attributes:
        codes: The codes of all symbols.
        code_embeddings: W, `(D, K, d')`.
        composition: H and the network's weights; 0 where there are none.
        conventional: The `(N, d)` table of a one-hot embedding.
    """

    codes: int
    code_embeddings: int
    composition: int
    conventional: int

    @property
    def total(self) -> int:
        """All that the coded embedding costs, codes included."""
        return self.codes + self.without_codes

    @property
    def without_codes(self) -> int:
        """What is trained once the codes are fixed."""
        return self.code_embeddings + self.composition

    @property
    def ratio(self) -> float:
        """How many times smaller than the conventional table."""
        return self.conventional / self.total

    @property
    def saved(self) -> float:
        """Share of the conventional table that is saved; 0.82 is 82 %."""
        return 1 - self.total / self.conventional

    @property
    def saved_without_codes(self) -> float:
        """The share that is saved if codes are not counted."""
        return 1 - self.without_codes / self.conventional

    def to_dict(self) -> dict[str, int | float]:
        """Returns parts, totals and ratios as JSON types."""
        derived = ("total", "without_codes", "ratio", "saved")
        return dataclasses.asdict(self) | {
            name: getattr(self, name)
            for name in (*derived, "saved_without_codes")
        }


class ParameterCount(_Parts):
    """Numbers of parameters, made by `parameter_count`."""


class EmbeddingBytes(_Parts):
    """Numbers of bytes, made by `embedding_bytes`."""


def parameter_count(
    N: int,
    d: int,
    K: int,
    D: int,
    code_dim: int | None = None,
    composition: str = "linear",
    hidden_dim: int | None = None,
) -> ParameterCount:
    """Counts the parameters of an embedding as the paper's Table 1 does.

    Codes are N*D integers and code embeddings D*K*d' numbers. The linear
    composition adds H, d'*d numbers, absent where d' = d; the LSTM adds
    4 * (d'^2 + d') to that, four recurrent matrices and biases (section 2.2),
    the residual one h * (d' + 1 + d), a layer of h hidden units; concat adds
    nothing. Lemma 1 is `without_codes`.

    Args:
        N: int, the number of symbols.
        d: int, the size of a symbol's vector.
        K: int, 2 to 65536.
        D: int, at least 1.
        code_dim: int, d'. None for d, or d/D with "concat".
        composition: "linear", "lstm", "concat" or "residual".
        hidden_dim: int, h of "residual". None for 4 d'.

    Returns:
        A `ParameterCount`.

    Raises:
        ValueError: If an argument is out of range, or D does not divide d
            with "concat".

    Example:

    >>> small = parameter_count(10_000, 200, K=50, D=10, composition="lstm")
    >>> small.total, small.conventional, f"{small.saved:.1%}"
    (360800, 2000000, '82.0%')
    """
    K, D = check_kd(K, D)
    for name, value in (("N", N), ("d", d)):
        if value < 1:
            raise ValueError(
                f"{name} must be at least 1. Received: {name}={value}"
            )
    code_dim = _code_dim(d, D, code_dim, composition)
    if hidden_dim is not None and (
        composition != "residual"
        or not isinstance(hidden_dim, int)
        or hidden_dim < 1
    ):
        raise ValueError(
            "hidden_dim must be an integer, at least 1, of the residual "
            f"composition. Received: hidden_dim={hidden_dim!r}, "
            f"composition={composition!r}"
        )
    network = 0
    if composition == "lstm":
        network = 4 * (code_dim**2 + code_dim)
    elif composition == "residual":
        hidden = hidden_dim or RESIDUAL_WIDTH * code_dim
        network = hidden * (code_dim + 1 + d)
    if composition != "concat" and code_dim != d:
        network += code_dim * d
    return ParameterCount(
        codes=N * D,
        code_embeddings=D * K * code_dim,
        composition=network,
        conventional=N * d,
    )


def embedding_bytes(
    N: int,
    d: int,
    K: int,
    D: int,
    code_dim: int | None = None,
    composition: str = "linear",
    bytes_per_float: int = 4,
    hidden_dim: int | None = None,
) -> EmbeddingBytes:
    """Counts the bytes of an embedding with packed codes.

    Args:
        N: int, the number of symbols.
        d: int, the size of a symbol's vector.
        K: int, 2 to 65536.
        D: int, at least 1.
        code_dim: int, d'. None for d, or d/D with "concat".
        composition: "linear", "lstm", "concat" or "residual".
        bytes_per_float: int, of all that is no code, the conventional table
            included: 4 for float32, 2 for float16.
        hidden_dim: int, h of "residual". None for 4 d'.

    Returns:
        An `EmbeddingBytes`.

    Raises:
        ValueError: As `parameter_count`, or if `bytes_per_float` is below 1.

    Example:

    >>> size = embedding_bytes(10_000, 200, K=16, D=32)
    >>> size.codes, size.total, round(size.ratio, 1)
    (160000, 569600, 14.0)
    """
    count = parameter_count(N, d, K, D, code_dim, composition, hidden_dim)
    if bytes_per_float < 1:
        raise ValueError(
            "bytes_per_float must be at least 1. "
            f"Received: bytes_per_float={bytes_per_float}"
        )
    return EmbeddingBytes(
        codes=packed_code_bytes(N, K, D),
        code_embeddings=count.code_embeddings * bytes_per_float,
        composition=count.composition * bytes_per_float,
        conventional=count.conventional * bytes_per_float,
    )


def code_size_bits(N: int, K: int, D: int) -> float:
    """Returns the information that N codes hold, N * D * log2 K bits.

    Args:
        N: int, the number of symbols.
        K: int, 2 to 65536.
        D: int, at least 1.

    Returns:
        A float.

    Example:

    >>> code_size_bits(10_000, K=16, D=32)
    1280000.0
    """
    K, D = check_kd(K, D)
    return N * D * math.log2(K)


def packed_code_bytes(N: int, K: int, D: int) -> int:
    """Returns the bytes of N packed codes, N * ceil(D*b / 8).

    Args:
        N: int, the number of symbols.
        K: int, 2 to 65536; b = ceil(log2 K).
        D: int, at least 1.

    Returns:
        An int.

    Example:

    >>> packed_code_bytes(10_000, K=50, D=10)
    80000
    """
    return N * packed_width(K, D)


def _code_dim(d: int, D: int, code_dim: int | None, composition: str) -> int:
    """Returns d' where it is given by the composition; checks it."""
    if composition not in COMPOSITIONS:
        raise ValueError(
            f"composition must be one of {', '.join(COMPOSITIONS)}. "
            f"Received: composition={composition!r}"
        )
    if composition == "concat":
        if d % D or code_dim not in (None, d // D):
            raise ValueError(
                'composition="concat" needs D to divide d, and code_dim d/D. '
                f"Received: d={d}, D={D}, code_dim={code_dim}"
            )
        return d // D
    if code_dim is None:
        return d
    if code_dim < 1:
        raise ValueError(
            f"code_dim must be at least 1. Received: code_dim={code_dim}"
        )
    return code_dim

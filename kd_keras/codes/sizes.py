"""The size of a coded embedding in parameters, bits and bytes.

Lemma 1 and Table 1 of the paper (Chen, Min and Sun, 2017) count a code as D
integers. A file stores it in ceil(D * ceil(log2 K) / 8) bytes, so the number of
bytes is the more useful size. This module computes both.
"""

import dataclasses
import math

from kd_keras.codes.checks import check_kd
from kd_keras.codes.packing import packed_width

COMPOSITIONS = ("linear", "lstm", "concat", "residual")
# Hidden units of the residual composition per dimension of a code embedding,
# unless `hidden_dim` is given.
RESIDUAL_WIDTH = 4


@dataclasses.dataclass(frozen=True)
class _Parts:
    """Sizes of the codes, code embeddings and composition, in one unit.

    Attributes:
        codes: int. Size of the codes of all symbols.
        code_embeddings: int. Size of W, `(D, K, d')`.
        composition: int. Size of H and of the network's weights; 0 if there
            are none.
        conventional: int. Size of the `(N, d)` table of a conventional
            embedding.
    """

    codes: int
    code_embeddings: int
    composition: int
    conventional: int

    @property
    def total(self) -> int:
        """Size of the coded embedding, codes included."""
        return self.codes + self.without_codes

    @property
    def without_codes(self) -> int:
        """Size of the weights that are trained once the codes are fixed."""
        return self.code_embeddings + self.composition

    @property
    def ratio(self) -> float:
        """How many times smaller this is than the conventional table."""
        return self.conventional / self.total

    @property
    def saved(self) -> float:
        """Share of the conventional table that is saved; 0.82 means 82 %."""
        return 1 - self.total / self.conventional

    @property
    def saved_without_codes(self) -> float:
        """Share that is saved if the codes are not counted."""
        return 1 - self.without_codes / self.conventional

    def to_dict(self) -> dict[str, int | float]:
        """Returns the parts, totals and ratios as JSON types."""
        derived = ("total", "without_codes", "ratio", "saved")
        return dataclasses.asdict(self) | {
            name: getattr(self, name)
            for name in (*derived, "saved_without_codes")
        }


class ParameterCount(_Parts):
    """Numbers of parameters, returned by `parameter_count`."""


class EmbeddingBytes(_Parts):
    """Numbers of bytes, returned by `embedding_bytes`."""


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

    The codes are N*D integers and the code embeddings D*K*d' numbers. The
    composition adds:

    - linear: H, d'*d numbers, or nothing if d' = d;
    - LSTM: the same, and 4 * (d'^2 + d') for the four recurrent matrices and
      biases (section 2.2);
    - residual: the same as linear, and h * (d' + 1 + d) for a layer of h
      hidden units;
    - concat: nothing.

    Lemma 1 of the paper is `without_codes`.

    Args:
        N: int, at least 1. Number of symbols.
        d: int, at least 1. Dimension of a symbol's vector.
        K: int, 2 to 65536.
        D: int, at least 1.
        code_dim: int or None. The dimension d' of a code embedding. None means
            d, or d/D with `"concat"`.
        composition: One of `"linear"`, `"lstm"`, `"concat"`, `"residual"`.
        hidden_dim: int or None. The number h of hidden units of
            `"residual"`. None means 4 d'.

    Returns:
        A `ParameterCount`.

    Raises:
        ValueError: If an argument is out of range, or D does not divide d
            with `"concat"`.

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
            "hidden_dim must be an integer of at least 1, and only given for "
            f"the residual composition. Received: hidden_dim={hidden_dim!r}, "
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
        N: int, at least 1. Number of symbols.
        d: int, at least 1. Dimension of a symbol's vector.
        K: int, 2 to 65536.
        D: int, at least 1.
        code_dim: int or None. The dimension d' of a code embedding. None means
            d, or d/D with `"concat"`.
        composition: One of `"linear"`, `"lstm"`, `"concat"`, `"residual"`.
        bytes_per_float: int, at least 1. Bytes of each number that is not part
            of a code, also in the conventional table: 4 for float32, 2 for
            float16.
        hidden_dim: int or None. The number h of hidden units of
            `"residual"`. None means 4 d'.

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
    """Returns the information in N codes, N * D * log2 K bits.

    Args:
        N: int. Number of symbols.
        K: int, 2 to 65536.
        D: int, at least 1.

    Returns:
        A float, in bits.

    Example:

    >>> code_size_bits(10_000, K=16, D=32)
    1280000.0
    """
    K, D = check_kd(K, D)
    return N * D * math.log2(K)


def packed_code_bytes(N: int, K: int, D: int) -> int:
    """Returns the size of N packed codes, N * ceil(D*b / 8) bytes.

    Here b = ceil(log2 K) is the number of bits of a value.

    Args:
        N: int. Number of symbols.
        K: int, 2 to 65536.
        D: int, at least 1.

    Returns:
        An int, in bytes.

    Example:

    >>> packed_code_bytes(10_000, K=50, D=10)
    80000
    """
    return N * packed_width(K, D)


def _code_dim(d: int, D: int, code_dim: int | None, composition: str) -> int:
    """Checks d' and returns it, or the composition's default for None."""
    if composition not in COMPOSITIONS:
        raise ValueError(
            f"composition must be one of {', '.join(COMPOSITIONS)}. "
            f"Received: composition={composition!r}"
        )
    if composition == "concat":
        if d % D or code_dim not in (None, d // D):
            raise ValueError(
                'composition="concat" requires that D divides d and that '
                "code_dim is d/D or None. "
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

"""The size of a coded embedding in parameters, bits and bytes.

Lemma 1 and Table 1 of the paper (Chen, Min and Sun, 2017) count a code as D
integers. A file stores it in ceil(D * ceil(log2 K) / 8) bytes, so the number of
bytes is the more useful size. This module computes both.
"""

import dataclasses
import inspect
import math
from collections.abc import Callable, Sequence

from kd_keras.codes.checks import AT_LEAST_1, check_kd
from kd_keras.codes.packing import packed_width
from kd_keras.codes.tiers import rank_bytes, read_tiers
from kd_keras.utils.checks import check_integer

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
    D: int | Sequence[int],
    code_dim: int | None = None,
    composition: str = "linear",
    hidden_dim: int | None = None,
    scaled: bool = False,
    tiers: Sequence[int] | None = None,
) -> ParameterCount:
    """Counts the parameters of an embedding as the paper's Table 1 does.

    The codes are N*D integers, or fewer with tiers, and the code embeddings
    D*K*d' numbers. The composition adds:

    - linear: H, d'*d numbers, or nothing if d' = d;
    - LSTM: the same, and 4 * (d'^2 + d') for the four recurrent matrices and
      biases (section 2.2);
    - residual: the same as linear, and h * (d' + 1 + d) for a layer of h
      hidden units;
    - concat: nothing.

    A scaled composition adds 1 + d numbers more.

    Lemma 1 of the paper is `without_codes`.

    Args:
        N: int, at least 1. Number of symbols.
        d: int, at least 1. Dimension of a symbol's vector.
        K: int, 2 to 65536.
        D: int, at least 1. With `tiers`, several.
        code_dim: int or None. The dimension d' of a code embedding. None means
            d, or d/D with `"concat"`.
        composition: One of `"linear"`, `"lstm"`, `"concat"`, `"residual"`.
        hidden_dim: int or None. The number h of hidden units of
            `"residual"`. None means 4 d'.
        scaled: bool. Whether the composition has a scale and an offset, as
            the LSTM composition of `learn_codes` does. See `Composition`.
        tiers: None or a sequence of int. See `KDEmbedding`.

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
    N = check_integer("N", N, AT_LEAST_1)
    K, D, found = read_tiers(K, D, tiers, N)
    d = check_integer("d", d, AT_LEAST_1)
    if not isinstance(composition, str) or composition not in FORMULAS:
        raise ValueError(
            f"composition must be one of {', '.join(FORMULAS)}. "
            f"Received: composition={composition!r}"
        )
    formula = FORMULAS[composition]
    more = {} if hidden_dim is None else {"hidden_dim": hidden_dim}
    if not more.keys() <= inspect.signature(formula).parameters.keys():
        raise ValueError(
            "hidden_dim must be an integer of at least 1, and only given for "
            f"the residual composition. Received: hidden_dim={hidden_dim!r}, "
            f"composition={composition!r}"
        )
    code_dim, network = formula(d, D, code_dim, **more)
    return ParameterCount(
        codes=N * D if found is None else int(found.lengths(N).sum()),
        code_embeddings=D * K * code_dim,
        composition=network + (1 + d if scaled else 0),
        conventional=N * d,
    )


def embedding_bytes(
    N: int,
    d: int,
    K: int,
    D: int | Sequence[int],
    code_dim: int | None = None,
    composition: str = "linear",
    bytes_per_float: int = 4,
    hidden_dim: int | None = None,
    scaled: bool = False,
    tiers: Sequence[int] | None = None,
    in_order: bool = True,
) -> EmbeddingBytes:
    """Counts the bytes of an embedding with packed codes.

    Args:
        N: int, at least 1. Number of symbols.
        d: int, at least 1. Dimension of a symbol's vector.
        K: int, 2 to 65536.
        D: int, at least 1. With `tiers`, several.
        code_dim: int or None. The dimension d' of a code embedding. None means
            d, or d/D with `"concat"`.
        composition: One of `"linear"`, `"lstm"`, `"concat"`, `"residual"`.
        bytes_per_float: int, at least 1. Bytes of each number that is not part
            of a code, also in the conventional table: 4 for float32, 2 for
            float16.
        hidden_dim: int or None. The number h of hidden units of
            `"residual"`. None means 4 d'.
        scaled: bool. See `parameter_count`.
        tiers: None or a sequence of int. See `KDEmbedding`.
        in_order: bool. Whether the ids are in the order of the tiers.
            Otherwise their ranks are stored too, two bytes a symbol up to
            65,536 symbols, else four.

    Returns:
        An `EmbeddingBytes`.

    Raises:
        ValueError: As `parameter_count`, or if `bytes_per_float` is below 1.

    Example:

    >>> size = embedding_bytes(10_000, 200, K=16, D=32)
    >>> size.codes, size.total, round(size.ratio, 1)
    (160000, 569600, 14.0)
    """
    count = parameter_count(
        N, d, K, D, code_dim, composition, hidden_dim, scaled, tiers
    )
    if bytes_per_float < 1:
        raise ValueError(
            "bytes_per_float must be at least 1. "
            f"Received: bytes_per_float={bytes_per_float}"
        )
    return EmbeddingBytes(
        codes=packed_code_bytes(N, K, D, tiers, in_order),
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


def packed_code_bytes(
    N: int,
    K: int,
    D: int | Sequence[int],
    tiers: Sequence[int] | None = None,
    in_order: bool = True,
) -> int:
    """Returns the size of N packed codes, N * ceil(D*b / 8) bytes.

    Here b = ceil(log2 K) is the number of bits of a value.

    Args:
        N: int. Number of symbols.
        K: int, 2 to 65536.
        D: int, at least 1. With `tiers`, several.
        tiers: None or a sequence of int. See `KDEmbedding`.
        in_order: bool. See `embedding_bytes`.

    Returns:
        An int, in bytes.

    Example:

    >>> packed_code_bytes(10_000, K=50, D=10)
    80000
    >>> packed_code_bytes(10_000, K=50, D=(10, 2), tiers=(1_000,))
    26000
    """
    K, D, found = read_tiers(K, D, tiers, N)
    if found is None:
        return N * packed_width(K, D)
    sizes = [
        (rows.stop - rows.start) * packed_width(K, length)
        for rows, length in found.parts(N)
        if length
    ]
    return sum(sizes) + (0 if in_order else N * rank_bytes(N))


def _linear(d: int, D: int, code_dim: int | None) -> tuple[int, int]:
    """Returns d' and the size of H, `(d', d)`, which is absent if d' = d."""
    code_dim = d if code_dim is None else code_dim
    if code_dim < 1:
        raise ValueError(
            f"code_dim must be at least 1. Received: code_dim={code_dim}"
        )
    return code_dim, 0 if code_dim == d else code_dim * d


def _lstm(d: int, D: int, code_dim: int | None) -> tuple[int, int]:
    """Adds four recurrent matrices and biases to the linear composition."""
    code_dim, network = _linear(d, D, code_dim)
    return code_dim, network + 4 * (code_dim**2 + code_dim)


def _concat(d: int, D: int, code_dim: int | None) -> tuple[int, int]:
    if d % D or code_dim not in (None, d // D):
        raise ValueError(
            'composition="concat" requires that D divides d and that '
            "code_dim is d/D or None. "
            f"Received: d={d}, D={D}, code_dim={code_dim}"
        )
    return d // D, 0


def _residual(
    d: int, D: int, code_dim: int | None, hidden_dim: int | None = None
) -> tuple[int, int]:
    """Adds a layer of hidden units to the linear composition."""
    code_dim, network = _linear(d, D, code_dim)
    if hidden_dim is None:
        hidden_dim = RESIDUAL_WIDTH * code_dim
    hidden_dim = check_integer(
        "hidden_dim", hidden_dim, "an integer of at least 1"
    )
    return code_dim, network + hidden_dim * (code_dim + 1 + d)


# By the names of the compositions: from d, D and d' to d', which None leaves to
# the composition, and the number of weights besides the code embeddings.
FORMULAS: dict[str, Callable[..., tuple[int, int]]] = {
    "linear": _linear,
    "lstm": _lstm,
    "concat": _concat,
    "residual": _residual,
}

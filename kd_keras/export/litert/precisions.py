"""The precisions that weights can have in an exported file."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Precision:
    """A precision of weights.

    Attributes:
        name: str. Its name on the command line.
        quantization: `quantization` of `export_litert`.
        bytes: int. Bytes of a number.
        tolerance: float. Largest distance of an output's vector (its last
            axis) from that of Keras that passes the parity check, relative to
            the longest such vector. In float32 the order of a sum differs;
            float16 and int8 round. A miscompiled graph is off by as much as
            the signal.
    """

    name: str
    quantization: str | None
    bytes: int
    tolerance: float


# In int8 the converter leaves weights of fewer numbers in float32.
LEAST_ROUNDED = 1024

# By the `quantization` of `export_litert`.
PRECISIONS: dict[str | None, Precision] = {
    precision.quantization: precision
    for precision in (
        Precision("float32", None, 4, 1e-5),
        Precision("float16", "float16", 2, 1e-2),
        Precision("int8", "int8", 1, 0.25),
    )
}
PRECISION_NAMES = tuple(p.name for p in PRECISIONS.values())


def precision_by_name(name: str) -> Precision:
    """Returns the precision that has this name on the command line."""
    return next(p for p in PRECISIONS.values() if p.name == name)

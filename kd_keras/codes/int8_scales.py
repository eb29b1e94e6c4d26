"""The scales of code embeddings in int8, by their sizes alone."""

# Numbers of a code embedding from which it has a scale of its own. That takes a
# byte, so at most a thirtieth of what the code embedding takes.
LEAST_WITH_ROW_SCALES = 32


def has_row_scales(code_dim: int) -> bool:
    """Tells whether each code embedding in an int8 file has its own scale.

    Args:
        code_dim: int. The dimension d' of a code embedding.
    """
    return code_dim >= LEAST_WITH_ROW_SCALES


def scale_bytes(K: int, D: int, code_dim: int) -> int:
    """Counts the bytes of the scales of code embeddings in int8.

    Args:
        K, D, code_dim: int. The sizes of the code embeddings.

    Returns:
        int: four bytes for each position, and one for each code embedding if
        it has its own.
    """
    return 4 * D + (K * D if has_row_scales(code_dim) else 0)

"""Telling that an error comes from a full disk."""

import errno

FULL = (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC))
WORDS = ("No space left on device", "Disk quota exceeded")


def is_full_disk(error: BaseException | None) -> bool:
    """Returns whether an error, or one that led to it, is of a full disk.

    TensorFlow and h5py raise errors of their own, which only name it.

    Args:
        error: exception or None.

    Example:

    >>> is_full_disk(OSError(28, "No space left on device"))
    True
    >>> is_full_disk(OSError(2, "No such file or directory"))
    False
    """
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        if isinstance(error, OSError) and error.errno in FULL:
            return True
        if any(words in str(error) for words in WORDS):
            return True
        error = error.__cause__ or error.__context__
    return False

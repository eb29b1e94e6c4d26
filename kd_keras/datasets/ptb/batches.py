"""Cutting a text into consecutive batches."""

import numpy as np

from kd_keras.utils.errors import BadInputError


def cut_batches(
    tokens: np.ndarray, batch_size: int, steps: int
) -> tuple[np.ndarray, np.ndarray]:
    """Cuts a text into batches as the TensorFlow tutorial does.

    The text is cut into `batch_size` pieces of equal length. A batch has the
    next `steps` tokens of each piece. So row i of a batch continues row i of
    the previous batch, and a recurrent state can be carried over. Tokens at
    the end that do not fill a batch are dropped.

    Args:
        tokens: array of int, shape `(tokens,)`. Ids of the words.
        batch_size: int, at least 1. Number of rows of a batch.
        steps: int, at least 1. Number of tokens of a row.

    Returns:
        `(inputs, targets)`, both of shape `(batches * batch_size, steps)`, one
        batch after another. A target is the token that follows its input.

    Raises:
        BadInputError: If the text is too short for one batch.

    Example:

    >>> import numpy as np
    >>> from kd_keras.datasets.ptb.batches import cut_batches
    >>> inputs, targets = cut_batches(np.arange(13), batch_size=2, steps=2)
    >>> print(inputs.tolist())
    [[0, 1], [6, 7], [2, 3], [8, 9]]
    >>> print(targets.tolist())
    [[1, 2], [7, 8], [3, 4], [9, 10]]
    """
    length = len(tokens) // batch_size
    batches = max(length - 1, 0) // steps
    if not batches:
        needed = batch_size * (steps + 1)
        raise BadInputError(
            f"The text must have at least {needed} tokens for a batch of "
            f"{batch_size} x {steps}. Received: {len(tokens)} tokens"
        )
    pieces = tokens[: batch_size * length].reshape(batch_size, length)

    def cut(first: int) -> np.ndarray:
        """Returns the batches whose first tokens have the index `first`."""
        used = pieces[:, first : first + batches * steps]
        cut = used.reshape(batch_size, batches, steps).swapaxes(0, 1)
        return cut.reshape(-1, steps)

    return cut(0), cut(1)

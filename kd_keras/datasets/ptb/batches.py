"""A text cut into batches that carry on where the former one ended."""

import numpy as np

from kd_keras.utils.errors import BadInputError


def cut_batches(
    tokens: np.ndarray, batch_size: int, steps: int
) -> tuple[np.ndarray, np.ndarray]:
    """Cuts a text as the TensorFlow tutorial does.

    The text is cut into `batch_size` pieces that stand side by side; a batch
    is the next `steps` tokens of each. So row i of a batch carries on where
    row i of the one before ended, and a recurrent state may be carried over.
    What does not fill a batch at the end is left out.

    Args:
        tokens: Integer array of ids.
        batch_size: Integer, rows of a batch.
        steps: Integer, tokens of a row.

    Returns:
        `(inputs, targets)`, both `(batches * batch_size, steps)`, batch after
        batch; a target is the token that follows its input.

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
            f"The text must have at least {needed} tokens for one batch of "
            f"{batch_size} x {steps}. Received: {len(tokens)} tokens"
        )
    pieces = tokens[: batch_size * length].reshape(batch_size, length)

    def cut(first: int) -> np.ndarray:
        used = pieces[:, first : first + batches * steps]
        cut = used.reshape(batch_size, batches, steps).swapaxes(0, 1)
        return cut.reshape(-1, steps)

    return cut(0), cut(1)

"""Sizes and training schedules of the language model.

Small, medium and large are those of Zaremba, Sutskever and Vinyals (2014) and
of the TensorFlow tutorial, except for the gradient clipping of large. The paper
uses small and large.
"""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Configuration:
    """The size of a language model and its training schedule.

    Attributes:
        name: str. Name on the command line.
        hidden: int. Size of the embedding and of each LSTM layer.
        layers: int. Number of LSTM layers.
        steps: int. Number of tokens in a row of a batch, over which gradients
            are propagated back.
        batch_size: int. Number of rows in a batch.
        init_scale: float. All weights start uniformly distributed between
            minus and plus this value.
        learning_rate: float. Learning rate of SGD, for the loss summed over
            the steps.
        clip: float. Largest global norm of the gradient.
        dropout: float, 0 to 1. Fraction of inputs dropped before, between and
            after the LSTM layers.
        constant_epochs: int. Number of epochs before the learning rate falls.
        epochs: int. Total number of epochs.
        decay: float. Factor that the learning rate is multiplied by in each
            later epoch.
    """

    name: str
    hidden: int
    layers: int = 2
    steps: int = 20
    batch_size: int = 20
    init_scale: float = 0.1
    learning_rate: float = 1.0
    clip: float = 5.0
    dropout: float = 0.0
    constant_epochs: int = 4
    epochs: int = 13
    decay: float = 0.5

    def learning_rate_of(self, epoch: int) -> float:
        """Returns the learning rate of an epoch.

        Args:
            epoch: int, from 0.

        Returns:
            float.
        """
        falling = max(epoch + 1 - self.constant_epochs, 0)
        return self.learning_rate * self.decay**falling


CONFIGURATIONS = {
    configuration.name: configuration
    for configuration in (
        Configuration("small", hidden=200),
        Configuration(
            "medium",
            hidden=650,
            steps=35,
            init_scale=0.05,
            dropout=0.5,
            constant_epochs=6,
            epochs=39,
            decay=0.8,
        ),
        Configuration(
            "large",
            hidden=1500,
            steps=35,
            init_scale=0.04,
            # The tutorial clips at 10. The first steps then have gradients of
            # norm 5, 17 and 465 (without dropout), which saturate the LSTMs:
            # the best validation perplexity of eight epochs is 722
            # (`results/ptb_large_clip.json`).
            clip=5.0,
            dropout=0.65,
            constant_epochs=14,
            epochs=55,
            decay=1 / 1.15,
        ),
        # For trying out the commands; the paper has no results for it.
        Configuration(
            "tiny",
            hidden=16,
            steps=8,
            batch_size=4,
            init_scale=0.4,
            clip=1.0,  # with 5, a difference in the last digit grows to 1 %
            epochs=3,
        ),
    )
}


def usual_lstm_rate(D: int | None) -> float | None:
    """Returns the default `lstm_rate` for an LSTM composition.

    Args:
        D: int or None. Number of positions.

    Returns:
        float, or None if D is None.
    """
    return 1 / D**2 if D else None

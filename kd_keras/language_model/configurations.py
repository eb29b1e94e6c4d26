"""Sizes and schedules of the language model.

Small, medium and large are those of Zaremba, Sutskever and Vinyals (2014) and
of the TensorFlow tutorial, but for the clipping of large; the paper uses small
and large.
"""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Configuration:
    """A language model and how it is trained.

    Attributes:
        name: Its name on the command line.
        hidden: Size of the embedding and of each LSTM layer.
        layers: Number of LSTM layers.
        steps: Tokens of a row of a batch, over which gradients go back.
        batch_size: Rows of a batch.
        init_scale: All weights start uniform in plus and minus this.
        learning_rate: That of SGD, on the loss summed over the steps.
        clip: Largest global norm of the gradient.
        dropout: Share of inputs dropped before, between and after the LSTMs.
        constant_epochs: Epochs before the learning rate falls.
        epochs: All epochs.
        decay: Factor of the learning rate in each later epoch.
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
        """Gives the learning rate of an epoch, counted from 0."""
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
            # The tutorial has 10. The first steps then have gradients of norm
            # 5, 17 and 465 (without dropout), which saturate the LSTMs: in
            # eight epochs the validation perplexity is 722 at best
            # (`results/ptb_large_clip.json`).
            clip=5.0,
            dropout=0.65,
            constant_epochs=14,
            epochs=55,
            decay=1 / 1.15,
        ),
        # To try the commands out: no figure of the paper belongs to it.
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
    """Gives the usual `lstm_rate` where an LSTM runs over D positions."""
    return 1 / D**2 if D else None

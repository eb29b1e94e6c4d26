"""The weights that a training run keeps, to resume and for its end."""

import math
from pathlib import Path
from typing import Any

import keras

from kd_keras.ptb.run_folder import RunFolder
from kd_keras.utils.errors import BadInputError
from kd_keras.utils.whole_file import whole_file

ENDING = ".weights.h5"


class KeptWeights(keras.callbacks.Callback):
    """Keeps the weights of the best epoch and of the last one.

    `best.weights.h5` has those of the epoch with the lowest validation
    perplexity; `backup/3.weights.h5`, with the state of the optimizer, those
    after 3 epochs. Each file is complete whenever the process is killed. The
    next run goes on after the epochs that the second names, and so repeats an
    epoch after which only the first was written.

    Args:
        folder: `RunFolder`.

    Attributes:
        epochs: int. The number of epochs after which a resume goes on.
        best: float. The lowest validation perplexity of these epochs.
    """

    def __init__(self, folder: RunFolder) -> None:
        super().__init__()
        self._folder = folder
        names = [path.name for path in folder.backup.glob(f"*{ENDING}")]
        numbers = [name.removesuffix(ENDING) for name in names]
        self.epochs = max((int(n) for n in numbers if n.isdecimal()), default=0)
        # The log may have one more line, of an epoch that is run again.
        lines = folder.read_log()[: self.epochs]
        self.best = min((x["val_perplexity"] for x in lines), default=math.inf)

    def load(self, model: keras.Model) -> None:
        """Loads the weights and the state of the optimizer, if any are kept.

        Args:
            model: `keras.Model`, compiled and built.

        Raises:
            BadInputError: If the file is damaged.
        """
        if not self.epochs:
            return
        if not model.optimizer.built:
            model.optimizer.build(model.trainable_variables)
        path = self._path(self.epochs)
        try:
            model.load_weights(path)
        except (OSError, ValueError, KeyError) as error:
            raise BadInputError(
                f"{path} is damaged; remove {self._folder.path} to train "
                f"again. Received: {' '.join(str(error).split())[:200]}"
            ) from None

    def on_epoch_end(
        self, epoch: int, logs: dict[str, Any] | None = None
    ) -> None:
        perplexity = (logs or {})["val_perplexity"]
        if perplexity < self.best:
            self.best = perplexity
            self._save(self._folder.best_weights)
        before, self.epochs = self.epochs, epoch + 1
        self._folder.backup.mkdir(exist_ok=True)
        self._save(self._path(self.epochs))
        if before:
            self._path(before).unlink(missing_ok=True)

    def _path(self, epochs: int) -> Path:
        return self._folder.backup / f"{epochs}{ENDING}"

    def _save(self, path: Path) -> None:
        with whole_file(path, ENDING) as temporary:
            self.model.save_weights(temporary)

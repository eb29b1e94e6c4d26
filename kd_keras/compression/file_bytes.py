"""The bytes of a model's file, if its tables had other forms."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from kd_keras.compression.file_size import FileSize
from kd_keras.compression.forms import Form
from kd_keras.compression.model_tables import ModelTable
from kd_keras.compression.with_forms import with_forms


class FileBytes:
    """Estimates and measures files of one model with other forms of its tables.

    A file of some forms is estimated to have the bytes of their weights, of
    their operators, and `rest`. What a file that is written has more is `added`
    to the estimates of others.

    Args:
        model: Keras model.
        tables: list of `ModelTable` of it. How often the file has each is set.
        size: `FileSize` of the model.

    Attributes:
        rest: int. Bytes of the model's file that are not of these tables.
        added: int. What files have more than is estimated without it.
    """

    def __init__(
        self, model: Any, tables: Sequence[ModelTable], size: FileSize
    ) -> None:
        self.model, self.tables, self.size = model, tables, size
        self._set_times()
        now = self.of_tables([Form()] * len(tables))
        self.rest = int(size.before.total) - sum(now)
        self.added = 0
        self._written: dict[tuple[Form, ...], int] = {}

    def _set_times(self) -> None:
        """Tells how often the file has each table."""
        once: Counter[str] = Counter()
        for table in self.tables:
            table.times = 1
            once[table.name] += Form().bytes(table, self.size.quantization)
        for table in self.tables:
            stored = self.size.bytes_of_table(table.name)
            table.times = max(1, round(stored / once[table.name]))

    def of_tables(self, forms: Sequence[Form]) -> list[int]:
        """Returns the bytes of each table's weights."""
        return [
            form.bytes(table, self.size.quantization)
            for form, table in zip(forms, self.tables, strict=True)
        ]

    def of_others(self) -> int:
        """Estimates the bytes of all but the tables and their operators."""
        return self.rest + self.added

    def estimated(self, forms: Sequence[Form]) -> int:
        """Estimates the bytes of a file."""
        graphs = [
            form.graph_bytes(table.kind)
            for form, table in zip(forms, self.tables, strict=True)
        ]
        return self.of_others() + sum(self.of_tables(forms)) + sum(graphs)

    def missing(self, forms: Sequence[Form], total: int) -> int:
        """Returns what a file of `total` bytes has more than is estimated."""
        return total - self.estimated(forms)

    def written(self, forms: Sequence[Form]) -> int:
        """Returns the bytes of a file of these forms, with random codes."""
        key = tuple(forms)
        if key not in self._written:
            small = with_forms(
                self.model, self.tables, forms, Form.outline, compiled=False
            )
            self._written[key] = self.size.of(small)
        return self._written[key]

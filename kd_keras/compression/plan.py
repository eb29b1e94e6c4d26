"""What is to be done with each table of a model, and what else could be."""

import dataclasses
import io
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from kd_keras.compression.forms import Form
from kd_keras.compression.model_tables import LeftAlone


@dataclasses.dataclass(frozen=True)
class TablePlan:
    """The plan for one table.

    Attributes:
        name: str. The layer's name.
        kind: str. `"embedding"`, `"tied embedding"` or `"output layer"`.
        N, d: int. Symbols, and size of a vector.
        form: `Form` that the table will have.
        bytes_before, bytes: int. Of the table's weights in the file.
        error: float. Estimated squared error, relative to that of a constant
            table; rows count by their weights.
        weighted: bool. Whether the data say how often symbols occur.
    """

    name: str
    kind: str
    N: int
    d: int
    form: Form
    bytes_before: int
    bytes: int
    error: float
    weighted: bool


@dataclasses.dataclass(frozen=True)
class Alternative:
    """What another way would give within the same bytes.

    Attributes:
        way: str. The kind of forms, such as `"codes"` or `"cut"`.
        bytes: int. Of the file.
        error: float. Sum of the tables' errors.
        loss: float or None. Of the validation data after a short training.
    """

    way: str
    bytes: int
    error: float
    loss: float | None = None


@dataclasses.dataclass(frozen=True)
class Plan:
    """How a model will be made small.

    Attributes:
        model: str. The model's name.
        quantization: str or None. See `export_litert`.
        budget: int. Bytes that the file may have.
        before: int. Bytes of the model's file now.
        bytes: int. Bytes of the file after it.
        rest: int. Bytes of the file that are not of tables.
        tables: tuple of `TablePlan`.
        left: tuple of `LeftAlone`. Tables that stay as they are.
        way: str or None. Which of the alternatives was taken.
        alternatives: tuple of `Alternative`.
        notes: tuple of str. What a user should know.
    """

    model: str
    quantization: str | None
    budget: int
    before: int
    bytes: int
    rest: int
    tables: tuple[TablePlan, ...] = ()
    left: tuple[LeftAlone, ...] = ()
    way: str | None = None
    alternatives: tuple[Alternative, ...] = ()
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Returns the plan as JSON types."""
        found = dataclasses.asdict(self)
        for table, told in zip(found["tables"], self.tables, strict=True):
            table["told"] = str(told.form)
        return found

    def __str__(self) -> str:
        text = io.StringIO()
        console = Console(file=text, width=100, highlight=False)
        for part in self._parts():
            console.print(part)
        return "\n".join(x.rstrip() for x in text.getvalue().splitlines())

    def _parts(self) -> list[Any]:
        precision = self.quantization or "float32"
        parts: list[Any] = [
            Text(
                f"{self.model}: {self.before:,} bytes in {precision}, "
                f"budget {self.budget:,}, planned {self.bytes:,}"
            )
        ]
        if self.tables:
            table = _table("table", "form", "bytes now", "bytes", "error")
            for x in self.tables:
                table.add_row(
                    f"{x.name}, {x.N:,} x {x.d:,}",
                    str(x.form),
                    f"{x.bytes_before:,}",
                    f"{x.bytes:,}",
                    f"{x.error:.3f}",
                )
            table.add_row("all else", "", "", f"{self.rest:,}", "")
            parts.append(table)
        if self.alternatives:
            parts.append(self._shown_alternatives())
        parts += [Text(f"left: {x.name}, {x.reason}") for x in self.left]
        return parts + [Text(f"note: {note}") for note in self.notes]

    def _shown_alternatives(self) -> Table:
        has_losses = any(x.loss is not None for x in self.alternatives)
        names = ("in the same bytes", "bytes", "error")
        table = _table(*names, *(["loss"] if has_losses else []))
        for x in self.alternatives:
            numbers = [f"{x.bytes:,}", f"{x.error:.3f}"]
            if has_losses:
                numbers.append("" if x.loss is None else f"{x.loss:#.5g}")
            taken = " (taken)" if x.way == self.way else ""
            table.add_row(x.way + taken, *numbers)
        return table


def _table(*names: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="")
    for i, name in enumerate(names):
        right = i > 0 and name != "form"
        table.add_column(name, justify="right" if right else "left")
    return table

"""What each form of a table costs: bytes in the file, and error.

Few codes are learned for it. A draft tells the error of each row for a number
of positions; the errors of tiers, and of numbers of positions in between, are
put together from drafts. The errors of reduced tables are computed exactly.
"""

import dataclasses
import json
from collections.abc import Collection

import numpy as np

from kd_keras.compression.coded_forms import coded_forms
from kd_keras.compression.forms import Form
from kd_keras.compression.model_tables import EMBEDDING, ModelTable
from kd_keras.compression.reduced_forms import reduced_forms
from kd_keras.compression.steps import Arrays
from kd_keras.utils.progress_bar import Progress
from kd_keras.vectors.row_sums import constant_error


@dataclasses.dataclass
class Curve:
    """Forms of one table, with their sizes and errors.

    Attributes:
        forms: list of `Form`.
        bytes: array of int. The sizes of their weights in a file, and of their
            graph as it is estimated.
        errors: array of float. Weighted squared errors, relative to those of a
            table that is constant; times the table's `cost`.
    """

    forms: list[Form]
    bytes: np.ndarray
    errors: np.ndarray

    def to_arrays(self) -> Arrays:
        """Returns the arrays that `from_arrays` makes a curve of."""
        forms = json.dumps([dataclasses.asdict(form) for form in self.forms])
        return {
            "forms": np.frombuffer(forms.encode(), np.uint8),
            "bytes": self.bytes,
            "errors": self.errors,
        }

    @classmethod
    def from_arrays(cls, found: Arrays) -> "Curve":
        forms = json.loads(found["forms"].tobytes())
        return cls(
            [
                Form(**x | {"D": tuple(x["D"]), "tiers": tuple(x["tiers"])})
                for x in forms
            ],
            found["bytes"],
            found["errors"],
        )

    def of_kinds(self, kinds: Collection[str]) -> "Curve":
        """Returns the curve of some kinds of forms."""
        kept = [i for i, x in enumerate(self.forms) if x.kind in kinds]
        return Curve(
            [self.forms[i] for i in kept], self.bytes[kept], self.errors[kept]
        )

    def frontier(self) -> "Curve":
        """Returns the forms that no smaller one is better than, in order."""
        order = np.lexsort((self.errors, self.bytes))
        kept: list[int] = []
        for i in order.tolist():
            if not kept or self.errors[i] < self.errors[kept[-1]]:
                kept.append(i)
        return Curve(
            [self.forms[i] for i in kept], self.bytes[kept], self.errors[kept]
        )


def curve_of(
    table: ModelTable,
    quantization: str | None,
    limit: int,
    seed: int,
    progress: Progress = lambda done, error: None,
) -> Curve:
    """Estimates the errors of the forms of a table.

    Args:
        table: `ModelTable`.
        quantization: See `export_litert`.
        limit: int. The most bytes that the table may take: longer codes need
            not be drafted.
        seed: int. Of the drafts.
        progress: See `Progress`. There is no error.

    Returns:
        A `Curve`, of the table as it is and of forms that are smaller. Codes
        that are far longer than the limit allows are left out.
    """
    most = Form().bytes(table, quantization)
    rows, shares = table.measured_rows, table.shares
    if not table.in_order:
        order = np.argsort(-shares, kind="stable")
        rows, shares = rows[order], shares[order]
    whole = constant_error(rows, shares)
    found = [(Form(), 0.0)]
    if table.kind == EMBEDDING:
        found += reduced_forms(rows, shares)
    found += coded_forms(
        table, rows, shares, min(limit + 1, most), quantization, seed, progress
    )
    rounding = 0.0
    if quantization == "int8":
        step = float(np.abs(table.rows).max()) / 127
        metric = np.eye(rows.shape[1]) if table.metric is None else table.metric
        rounding = float(np.square(metric).sum()) * step**2 / 12
    sizes = np.array(
        [
            form.bytes(table, quantization) + form.graph_bytes(table.kind)
            for form, _ in found
        ]
    )
    errors = np.array([(error + rounding) / whole for _, error in found])
    kept = np.flatnonzero((sizes < most) | (np.arange(len(found)) == 0))
    return Curve(
        [found[i][0] for i in kept], sizes[kept], table.cost * errors[kept]
    )

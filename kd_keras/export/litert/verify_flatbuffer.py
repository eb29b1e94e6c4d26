"""Checks that every part of a `.tflite` file lies inside the file.

LiteRT's Interpreter follows the offsets in a file without a check, so that a
damaged one can crash the process.

A table begins with the distance back to its vtable. A vtable holds its own
size and that of the table, each in 2 bytes, and for each field the position
inside the table, or 0 if there is none. Strings, vectors and other tables are
offsets from the field. See https://flatbuffers.dev/internals/.
"""

import struct
from typing import Any

# The fields of each table, by their number. An integer is the size of a number
# in bytes; a list holds the size of a vector's elements, or their table.
TABLES: dict[str, dict[int, Any]] = {
    "Model": {
        0: 4, 1: ["OperatorCode"], 2: ["SubGraph"], 3: [1], 4: ["Buffer"],
        5: [4], 6: ["Metadata"], 7: ["SignatureDef"],
    },
    "OperatorCode": {0: 1, 1: [1], 2: 4, 3: 4},
    "SubGraph": {0: ["Tensor"], 1: [4], 2: [4], 3: ["Operator"], 4: [1]},
    "Tensor": {
        0: [4], 1: 1, 2: 4, 3: [1], 4: "Quantization", 5: 1, 6: "Other",
        7: [4], 8: 1,
    },
    "Quantization": {0: [4], 1: [4], 2: [4], 3: [8], 4: 1, 5: "Other", 6: 4},
    "Operator": {
        0: 4, 1: [4], 2: [4], 3: 1, 4: "Options", 5: [1], 6: 1, 7: [1],
        8: [4], 9: 8, 10: 8, 11: 1, 12: "Other",
    },
    "Buffer": {0: [1], 1: 8, 2: 8},
    "SignatureDef": {0: ["TensorMap"], 1: ["TensorMap"], 2: [1], 4: 4},
    "TensorMap": {0: [1], 1: 4},
    "Metadata": {0: [1], 1: 4},
    # Of which only the size is known.
    "Other": {},
    "Vector": {0: [4]},
}  # fmt: skip
OPTIONS = (3, 4)  # of an operator: the kind of its options, and these
WITH_VECTOR = (17, 30)  # the options of RESHAPE and SQUEEZE


def verify_flatbuffer(content: bytes) -> None:
    """Checks the offsets, sizes and indices in a `.tflite` file.

    The parameters of operators are checked only for their sizes, except those
    of RESHAPE and SQUEEZE. It takes a time proportional to the file's size.

    Args:
        content: bytes. The whole file.

    Raises:
        ValueError: If a part lies outside of the file, or two parts overlap.
        struct.error: If the file ends too early.
    """
    _Verifier(content).verify()


class _Verifier:
    def __init__(self, content: bytes) -> None:
        self._content = content
        # Each takes 8 bytes or more, so there cannot be more of them.
        self._tables_left = len(content) // 8

    def verify(self) -> None:
        model = self._table(self._offset(0), "Model")
        tensors = []
        buffers, codes = (self._length(model.get(i)) for i in (4, 1))
        for graph in self._elements(model.get(2)):
            fields = self._fields(graph)
            count = self._length(fields.get(0))
            tensors.append(count)
            for at in self._elements(fields.get(0)):
                self._below(self._number(self._fields(at).get(2)), buffers)
            for number in (1, 2):
                self._check_tensors(fields.get(number), count)
            for at in self._elements(fields.get(3)):
                operator = self._fields(at)
                self._below(self._number(operator.get(0)), codes)
                for number in (1, 2, 8):
                    self._check_tensors(operator.get(number), count, least=-1)
        for at in self._elements(model.get(7)):
            signature = self._fields(at)
            graph = self._number(signature.get(4))
            self._below(graph, len(tensors))
            for number in (0, 1):
                for entry in self._elements(signature.get(number)):
                    index = self._number(self._fields(entry).get(1))
                    self._below(index, tensors[graph])
        for at in self._elements(model.get(6)):
            self._below(self._number(self._fields(at).get(1)), buffers)

    def _table(self, at: int, kind: str) -> dict[int, int]:
        """Checks a table and all that it points to; returns its fields."""
        self._tables_left -= 1
        if self._tables_left < 0:
            raise ValueError("tables overlap")
        fields = self._fields(at)
        size = self._size(at)
        wanted = TABLES[kind]
        for number, place in fields.items():
            form = wanted.get(number)
            width = form if isinstance(form, int) else 1 if form is None else 4
            if place - at + width > size:
                raise ValueError("a field lies outside of its table")
            if isinstance(form, list):
                self._vector(self._offset(place), form[0])
            elif isinstance(form, str):
                if form == "Options":
                    form = self._kind_of_options(fields)
                self._table(self._offset(place), form)
        return fields

    def _kind_of_options(self, operator: dict[int, int]) -> str:
        place = operator.get(OPTIONS[0])
        kind = 0 if place is None else self._content[place]
        return "Vector" if kind in WITH_VECTOR else "Other"

    def _vector(self, at: int, form: int | str) -> None:
        count = self._length_at(at)
        width = form if isinstance(form, int) else 4
        if at + 4 + count * width > len(self._content):
            raise ValueError("a vector lies outside of the file")
        if isinstance(form, str):
            for i in range(count):
                self._table(self._offset(at + 4 + 4 * i), form)

    def _fields(self, at: int) -> dict[int, int]:
        """Returns the places of the fields that a table has."""
        vtable = at - self._unpack("<i", at)
        length = self._unpack("<H", vtable)
        if length < 4 or length % 2:
            raise ValueError("a vtable has a wrong size")
        if at + self._size(at) > len(self._content):
            raise ValueError("a table lies outside of the file")
        if vtable + length > len(self._content):
            raise ValueError("a vtable lies outside of the file")
        positions = struct.unpack_from(
            f"<{length // 2 - 2}H", self._content, vtable + 4
        )
        return {i: at + place for i, place in enumerate(positions) if place}

    def _size(self, at: int) -> int:
        return self._unpack("<H", at - self._unpack("<i", at) + 2)

    def _offset(self, place: int) -> int:
        """Follows an offset."""
        return place + self._unpack("<I", place)

    def _length_at(self, at: int) -> int:
        return self._unpack("<I", at)

    def _length(self, place: int | None) -> int:
        return 0 if place is None else self._length_at(self._offset(place))

    def _number(self, place: int | None) -> int:
        return 0 if place is None else self._unpack("<I", place)

    def _elements(self, place: int | None) -> list[int]:
        """Returns where the tables of a vector that was checked are."""
        if place is None:
            return []
        at = self._offset(place)
        places = range(at + 4, at + 4 + 4 * self._length_at(at), 4)
        return [self._offset(p) for p in places]

    def _check_tensors(
        self, place: int | None, count: int, least: int = 0
    ) -> None:
        if place is None:
            return
        at = self._offset(place)
        indices = struct.unpack_from(
            f"<{self._length_at(at)}i", self._content, at + 4
        )
        if indices and not (least <= min(indices) and max(indices) < count):
            raise ValueError("there is no tensor of an operator or graph")

    @staticmethod
    def _below(index: int, count: int) -> None:
        if index >= count:
            raise ValueError("an index has no element")

    def _unpack(self, form: str, at: int) -> int:
        if at < 0:
            raise ValueError("an offset lies before the file")
        return struct.unpack_from(form, self._content, at)[0]

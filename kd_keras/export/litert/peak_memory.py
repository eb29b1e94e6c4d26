"""An estimate of the memory that a call of a `.tflite` file needs."""

from kd_keras.export.litert.flatbuffer import Flatbuffer, Subgraph


def peak_bytes(flatbuffer: Flatbuffer) -> int:
    """Estimates the largest total size of the tensors alive at one time.

    A tensor is alive from the operator that writes it to the last operator
    that reads it. LiteRT plans its memory in much the same way, but needs some
    more.

    Args:
        flatbuffer: `Flatbuffer`.

    Returns:
        int. Bytes, without constants and with dynamic sizes counted as 1.
    """
    return max((_peak(flatbuffer, s) for s in flatbuffer.subgraphs), default=0)


def _peak(flatbuffer: Flatbuffer, subgraph: Subgraph) -> int:
    operators = subgraph.operators
    end = len(operators)
    born = dict.fromkeys(subgraph.inputs, 0)
    dies = dict.fromkeys(subgraph.outputs, end)
    for step, operator in enumerate(operators):
        for tensor in operator.outputs:
            born.setdefault(tensor, step)
        for tensor in operator.inputs:
            if tensor in born and dies.get(tensor, 0) < end:
                dies[tensor] = step
    peak = 0
    for step in range(end):
        live = [
            subgraph.tensors[t].bytes
            for t, first in born.items()
            if first <= step <= dies.get(t, first)
        ]
        peak = max(peak, sum(live))
    return peak

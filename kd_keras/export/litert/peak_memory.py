"""An estimate of the memory that a call of a file needs."""


def peak_bytes(flatbuffer):
    """Estimates the live tensors at the worst moment of any function.

    A tensor lives from the operator that gives it to the last that takes it.
    LiteRT plans its memory in much the same way, but keeps more beside it.

    Args:
        flatbuffer: `Flatbuffer`.

    Returns:
        Integer, bytes; constants are not counted, dynamic sizes count as 1.
    """
    return max((_peak(flatbuffer, s) for s in flatbuffer.subgraphs), default=0)


def _peak(flatbuffer, subgraph):
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

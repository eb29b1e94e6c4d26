"""The check that an exported file computes what Keras computes."""

import itertools

import numpy as np

# Largest deviation that passes, relative to the largest absolute value of an
# output. In float32 the order of a sum differs; int8 and float16 round. A
# miscompiled graph is off by as much as the signal.
TOLERANCES = {None: 1e-4, "float16": 1e-2, "int8": 0.1}

SEQUENCES = 3  # random ones, of each signature
STEPS = 16  # of a sequence where any length will do
ELEMENTS = 4_000_000  # of all outputs of a call
IDS_OF_A_CALL = 1024


class ParityError(RuntimeError):
    """An exported file does not compute what Keras computes."""


def check_parity(engine, signatures, tolerance):
    """Compares an engine with Keras over the whole vocabulary.

    Every id is an input at least once, and so are some random sequences.

    Args:
        engine: One of `kd_keras.export.engines`.
        signatures: List of `Signature`.
        tolerance: Float, see `TOLERANCES`.

    Returns:
        Float: the largest relative deviation that was met.

    Raises:
        ParityError: If an output differs; it names the first id that does.
    """
    return max(_check(engine, s, tolerance) for s in signatures)


def _check(engine, signature, tolerance):
    worst = 0.0
    carried = {
        name: np.zeros(signature.inputs[name].shape, np.float32)
        for name in signature.carried
    }
    mine = dict(carried)
    signature.restart()
    for inputs in _calls(signature):
        wanted = signature.reference(**inputs, **carried)
        found = engine.run(signature.name, inputs | mine)
        for name, value in wanted.items():
            scale = max(float(np.abs(value).max(initial=0)), 1e-12)
            there = found.get(name)
            if there is None or there.shape != value.shape:
                raise ParityError(
                    f"{engine.name} gives {name!r} of shape "
                    f"{getattr(there, 'shape', None)} in signature "
                    f"{signature.name!r}. Expected: {value.shape}"
                )
            deviation = np.abs(there - value) / scale
            # Not `>`: NaN differs too.
            wrong = ~(deviation <= tolerance)
            if wrong.any():
                raise ParityError(_difference(
                    engine, signature, inputs, name, there, value, wrong,
                    tolerance,
                ))  # fmt: skip
            worst = max(worst, float(deviation.max(initial=0)))
        carried = {k: wanted[v] for k, v in signature.carried.items()}
        mine = {k: found[v] for k, v in signature.carried.items()}
    return worst


def _difference(engine, signature, inputs, name, there, value, wrong, most):
    place = tuple(np.argwhere(wrong)[0])
    said = []
    for which in signature.vocabularies:
        ids = inputs[which]
        axes = min(ids.ndim, wrong.ndim)
        if ids.shape[:axes] == wrong.shape[:axes]:
            said.append(f"{which}={ids[place[:axes]]}")
        else:
            said.append(f"{which}={ids[place[0] % len(ids)].tolist()}")
    return (
        f"{engine.name} differs from Keras in signature {signature.name!r}, "
        f"first at {', '.join(said) or f'position {place}'}: {name!r} is "
        f"{there[place]:.6g} instead of {value[place]:.6g}, more than "
        f"{most:g} of the largest value apart. Nothing was written"
    )


def _calls(signature):
    """Yields inputs: all ids in order, then random ones."""
    generator = np.random.default_rng(0)
    rows = _rows_of_a_call(signature, generator)
    most = max(signature.vocabularies.values(), default=1)
    position = 0
    while position < most:
        inputs, used = _ids_from(signature, position, rows, generator)
        yield inputs
        position += used
    for _ in range(SEQUENCES):
        yield {
            name: _random(signature, name, min(rows, 2), generator)
            for name in _given(signature)
        }


def _rows_of_a_call(signature, generator):
    """Finds how many rows a call may have for its outputs to stay small."""
    one = {n: _random(signature, n, 1, generator) for n in _given(signature)}
    states = {
        name: np.zeros(signature.inputs[name].shape, np.float32)
        for name in signature.carried
    }
    outputs = signature.reference(**one, **states)
    signature.restart()
    elements = sum(value.size for value in outputs.values())
    return max(1, min(IDS_OF_A_CALL, ELEMENTS // max(elements, 1)))


def _given(signature):
    return [name for name in signature.inputs if name not in signature.carried]


def _ids_from(signature, position, rows, generator):
    """Gives inputs with the ids from a position on, and how many they are.

    Where the number of rows is free, a row repeats one id, so that a row of
    the output belongs to an id. Otherwise the ids follow each other.
    """
    inputs, used = {}, 1
    for name in _given(signature):
        N = signature.vocabularies.get(name)
        if N is None:
            inputs[name] = _random(signature, name, rows, generator)
            continue
        shape = _shape(signature, name, rows)
        if signature.inputs[name].shape[0] is None:
            ids = np.arange(position, position + rows) % N
            ids = ids.reshape([rows] + [1] * (len(shape) - 1))
            used = rows
        else:
            used = int(np.prod(shape))
            ids = np.arange(position, position + used).reshape(shape) % N
        inputs[name] = np.broadcast_to(ids, shape).astype(np.int32)
    return inputs, used


def _random(signature, name, rows, generator):
    spec = signature.inputs[name]
    shape = _shape(signature, name, rows)
    if name in signature.vocabularies:
        ids = generator.integers(0, signature.vocabularies[name], shape)
        return ids.astype(np.int32)
    return generator.normal(size=shape).astype(spec.dtype.as_numpy_dtype)


def _shape(signature, name, rows):
    sizes = signature.inputs[name].shape.as_list()
    free = itertools.chain([rows], itertools.repeat(STEPS))
    first = next(free)
    return [
        s if s is not None else first if i == 0 else next(free)
        for i, s in enumerate(sizes)
    ]

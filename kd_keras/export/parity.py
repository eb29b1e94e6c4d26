"""The check that an exported file computes what Keras computes."""

import itertools

import numpy as np

from kd_keras.export.signatures.signature import STEPS
from kd_keras.utils.errors import ParityError

SEQUENCES = 3  # random ones, of each signature
ELEMENTS = 4_000_000  # of all outputs of a call
IDS_OF_A_CALL = 1024
CALLS_AT_ONCE = 256  # that Keras reads together where shapes are static


def check_parity(engines, signatures, tolerance):
    """Compares engines with Keras over the whole vocabulary.

    Every id is an input at least once, and so are some random sequences.

    Args:
        engines: List of `kd_keras.export.engines`.
        signatures: List of `Signature`.
        tolerance: Float, see `Precision`.

    Raises:
        ParityError: If an output differs; it names the first id that does.
    """
    for signature in signatures:
        longest: dict = {}
        doubts = []
        for inputs, wanted in _wanted(signature, longest):
            for engine in engines:
                found = engine.run(signature.name, inputs)
                for name, distances in _distances(
                    engine, signature, found, wanted
                ):
                    if _is_far(distances, tolerance * longest[name]).any():
                        doubts.append((engine, inputs, name, distances))
        # Only now is it known how long the longest vector is.
        for doubt in doubts:
            _settle(signature, *doubt, tolerance, longest)


def _wanted(signature, longest):
    """Yields inputs and the outputs that Keras gives for them.

    Where a state is carried from call to call, it is Keras' state that goes
    into the next: what is compared is a call, not what roundings add up to.
    Keras reads many calls at once where no state is carried.

    Writes into `longest`, by output, the length of the longest vector so far.
    """
    rows = _rows_of_a_call(signature)
    size = min(rows, CALLS_AT_ONCE) if signature.is_static else 1
    if signature.one_row:
        size = 1
    states = _first_states(signature)
    signature.restart()
    calls = _calls(signature, rows)
    while group := list(itertools.islice(calls, size)):
        together = states | {
            name: np.concatenate([inputs[name] for inputs in group])
            for name in group[0]
        }
        outputs = signature.reference(**together)
        for name, value in outputs.items():
            lengths = _lengths(value)
            # NaN: what Keras' pooling gives for a sequence that is all mask.
            lengths = lengths[np.isfinite(lengths)]
            longest[name] = lengths.max(initial=longest.get(name, 1e-9))
        for i, inputs in enumerate(group):
            yield (
                inputs | states,
                {
                    name: np.split(value, len(group))[i]
                    for name, value in outputs.items()
                },
            )
        states = {k: outputs[v] for k, v in signature.carried.items()}


def _first_states(signature):
    return {
        name: np.zeros(signature.inputs[name].shape, np.float32)
        for name in signature.carried
    }


def _lengths(vectors):
    vectors = np.atleast_1d(np.asarray(vectors, np.float64))
    return np.linalg.norm(vectors, axis=-1)


def _distances(engine, signature, found, wanted):
    """Yields each output's name and its vectors' distances from Keras'."""
    for name, value in wanted.items():
        there = found.get(name)
        if there is None or there.shape != value.shape:
            raise ParityError(
                f"{engine.name} gives {name!r} of shape "
                f"{getattr(there, 'shape', None)} in signature "
                f"{signature.name!r}. Expected: {value.shape}"
            )
        there, value = (np.asarray(x, np.float64) for x in (there, value))
        # Infinities too: what a mask puts where no softmax should look.
        same = (there == value) | (np.isnan(there) & np.isnan(value))
        difference = np.where(same, 0, there) - np.where(same, 0, value)
        yield name, _lengths(difference)


def _is_far(distances, most):
    return ~(distances <= most)  # not `>`: NaN in one differs


def _settle(signature, engine, inputs, name, distances, tolerance, longest):
    """Refuses an output that is too far from Keras'."""
    wrong = _is_far(distances, tolerance * longest[name])
    if wrong.any():
        place = tuple(np.argwhere(wrong)[0])
        raise ParityError(
            f"{engine.name} differs from Keras in signature "
            f"{signature.name!r}, first at "
            f"{_ids_at(signature, inputs, wrong.shape, place)}: {name!r} "
            f"is {distances[place] / longest[name]:.3g} of the longest vector "
            f"away. Expected: at most {tolerance:g}. Nothing was written"
        )


def _ids_at(signature, inputs, shape, place):
    """Says which ids a place of an output comes from."""
    said = []
    for name in signature.vocabularies:
        ids = inputs[name]
        axes = min(ids.ndim, len(shape))
        if ids.shape[:axes] == shape[:axes]:
            said.append(f"{name}={ids[place[:axes]]}")
        else:
            said.append(f"{name}={ids[place[0] % len(ids)].tolist()}")
    return ", ".join(said)


def _calls(signature, rows):
    """Yields inputs: all ids in order, then random ones."""
    generator = np.random.default_rng(0)
    most = max(np.max(ends) for ends in signature.vocabularies.values())
    position = 0
    while position < most - signature.first_id:
        inputs, used = _ids_from(signature, position, rows, generator)
        yield inputs
        position += used
    for _ in range(SEQUENCES):
        yield {
            name: _random(signature, name, min(rows, 2), generator)
            for name in _given(signature)
        }


def _rows_of_a_call(signature):
    """Finds how many rows Keras may read at once for small outputs."""
    generator = np.random.default_rng(0)
    one = {n: _random(signature, n, 1, generator) for n in _given(signature)}
    outputs = signature.reference(**one, **_first_states(signature))
    elements = sum(value.size for value in outputs.values())
    return max(1, min(IDS_OF_A_CALL, ELEMENTS // max(elements, 1)))


def _given(signature):
    return [name for name in signature.inputs if name not in signature.carried]


def _ids_from(signature, position, rows, generator):
    """Gives inputs with the ids from a position on, and how many they are.

    Where the number of rows is free, a row repeats one id, so that a row of
    the output belongs to an id; also where the columns are ids of different
    embeddings. Otherwise the ids follow each other.
    """
    inputs, uses = {}, []
    for name in _given(signature):
        sizes = signature.vocabularies.get(name)
        if sizes is None:
            inputs[name] = _random(signature, name, rows, generator)
            continue
        shape = _shape(signature, name, rows)
        if signature.inputs[name].shape[0] is None or np.ndim(sizes):
            uses.append(shape[0])
            ids = np.arange(position, position + shape[0])
            ids = ids.reshape([-1] + [1] * (len(shape) - 1))
        else:
            uses.append(int(np.prod(shape)))
            ids = np.arange(position, position + uses[-1]).reshape(shape)
        first, dtype = signature.first_id, signature.inputs[name].dtype
        ids = first + np.broadcast_to(ids, shape) % (sizes - first)
        inputs[name] = ids.astype(dtype.as_numpy_dtype)
    return inputs, min(uses)


def _random(signature, name, rows, generator):
    spec = signature.inputs[name]
    shape = _shape(signature, name, rows)
    if name in signature.vocabularies:
        ends = signature.vocabularies[name]
        ids = generator.integers(signature.first_id, ends, shape)
        return ids.astype(spec.dtype.as_numpy_dtype)
    if spec.dtype.as_numpy_dtype is np.bool_:
        return generator.random(shape) < 0.5
    return generator.normal(size=shape).astype(spec.dtype.as_numpy_dtype)


def _shape(signature, name, rows):
    sizes = signature.inputs[name].shape.as_list()
    free = itertools.chain([rows], itertools.repeat(STEPS))
    first = next(free)
    return [
        s if s is not None else first if i == 0 else next(free)
        for i, s in enumerate(sizes)
    ]

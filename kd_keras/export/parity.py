"""The check that an exported file computes what Keras computes."""

import itertools
from collections.abc import Iterator, Sequence

import numpy as np

from kd_keras.export.engines import Arrays, Engine
from kd_keras.export.signatures.signature import STEPS, Signature
from kd_keras.utils.errors import ParityError

SEQUENCES = 3  # random sequences per signature
ELEMENTS = 4_000_000  # largest size of all outputs of a call together
IDS_OF_A_CALL = 1024
CALLS_AT_ONCE = 256  # calls that Keras computes in one if shapes are static


def check_parity(
    engines: Sequence[Engine],
    signatures: Sequence[Signature],
    tolerance: float,
) -> None:
    """Compares engines with Keras over the whole vocabulary.

    Every id is an input at least once; some random sequences follow.

    Args:
        engines: list of `Engine`.
        signatures: list of `Signature`.
        tolerance: float. See `Precision`.

    Raises:
        ParityError: If an output differs. The message names the first id for
            which it does.
    """
    for signature in signatures:
        longest: dict[str, float] = {}
        doubts = []
        for engine, inputs, found, wanted in _compared(
            engines, signature, longest
        ):
            for name, distances in _distances(engine, signature, found, wanted):
                if _is_far(distances, tolerance * longest[name]).any():
                    doubts.append((engine, inputs, name, distances))
        # The length of the longest vector is known only now.
        for doubt in doubts:
            _settle(engines, signature, *doubt, tolerance, longest)


def _compared(
    engines: Sequence[Engine],
    signature: Signature,
    longest: dict[str, float],
) -> Iterator[tuple[Engine, Arrays, Arrays, Arrays]]:
    """Yields an engine, inputs, its outputs and those of Keras.

    All engines compute a group of calls at the same time, while Keras computes
    the next group.
    """
    groups = _wanted(signature, longest)
    group = next(groups, None)
    while group is not None:
        calls = [inputs for inputs, _ in group]
        for engine in engines:
            engine.send(signature.name, calls)
        following = next(groups, None)
        answers = [engine.receive() for engine in engines]
        for number, (inputs, wanted) in enumerate(group):
            for engine, found in zip(engines, answers, strict=True):
                yield engine, inputs, found[number], wanted
        group = following


def _wanted(
    signature: Signature, longest: dict[str, float]
) -> Iterator[list[tuple[Arrays, Arrays]]]:
    """Yields groups of calls: inputs and what Keras computes for them.

    If a state is carried from call to call, the next call gets Keras' state,
    so that single calls are compared and roundings do not add up. If no state
    is carried, Keras computes many calls in one.

    The length of each output's longest vector so far is written to `longest`.
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
            # Keras' pooling returns NaN for a sequence that is all masked.
            lengths = lengths[np.isfinite(lengths)]
            longest[name] = lengths.max(initial=longest.get(name, 1e-9))
        parts = {
            name: np.split(value, len(group)) for name, value in outputs.items()
        }
        yield [
            (inputs | states, {name: part[i] for name, part in parts.items()})
            for i, inputs in enumerate(group)
        ]
        states = {k: outputs[v] for k, v in signature.carried.items()}


def _first_states(signature: Signature) -> Arrays:
    return {
        name: np.zeros(signature.inputs[name].shape, np.float32)
        for name in signature.carried
    }


def _lengths(vectors: np.ndarray) -> np.ndarray:
    vectors = np.atleast_1d(np.asarray(vectors, np.float64))
    return np.linalg.norm(vectors, axis=-1)


def _distances(
    engine: Engine, signature: Signature, found: Arrays, wanted: Arrays
) -> Iterator[tuple[str, np.ndarray]]:
    """Yields each output's name and its vectors' distances from Keras'."""
    for name, value in wanted.items():
        there = found.get(name)
        if there is None or there.shape != value.shape:
            raise ParityError(
                f"{engine.name} returns {name!r} of shape "
                f"{getattr(there, 'shape', None)} in signature "
                f"{signature.name!r}. Expected: {value.shape}. Nothing was "
                "written. If shapes are dynamic, `batch_size` and "
                "`sequence_length` may help",
                may_be_shapes=True,
            )
        there, value = (np.asarray(x, np.float64) for x in (there, value))
        # Infinities are equal too: a mask may write them for a softmax.
        same = (there == value) | (np.isnan(there) & np.isnan(value))
        difference = np.where(same, 0, there) - np.where(same, 0, value)
        yield name, _lengths(difference)


def _is_far(distances: np.ndarray, most: float) -> np.ndarray:
    return ~(distances <= most)  # not `>`, which is false for NaN


def _settle(
    engines: Sequence[Engine],
    signature: Signature,
    engine: Engine,
    inputs: Arrays,
    name: str,
    distances: np.ndarray,
    tolerance: float,
    longest: dict[str, float],
) -> None:
    """Raises a `ParityError` if an output is too far from Keras'."""
    wrong = _is_far(distances, tolerance * longest[name])
    if wrong.any():
        place = tuple(np.argwhere(wrong)[0])
        raise ParityError(
            f"{engine.name} differs from Keras in signature "
            f"{signature.name!r}, first at "
            f"{_ids_at(signature, inputs, wrong.shape, place)}: {name!r} "
            f"is {distances[place] / longest[name]:.3g} times the longest "
            f"vector away. Expected: at most {tolerance:g}. Nothing was "
            "written",
            may_be_shapes=engine is not engines[0],
        )


def _ids_at(
    signature: Signature,
    inputs: Arrays,
    shape: tuple[int, ...],
    place: tuple[int, ...],
) -> str:
    """Names the ids that a place of an output comes from."""
    said = []
    for name in signature.vocabularies:
        ids = inputs[name]
        axes = min(ids.ndim, len(shape))
        if ids.shape[:axes] == shape[:axes]:
            said.append(f"{name}={ids[place[:axes]]}")
        else:
            said.append(f"{name}={ids[place[0] % len(ids)].tolist()}")
    return ", ".join(said)


def _calls(signature: Signature, rows: int) -> Iterator[Arrays]:
    """Yields the inputs of calls: all ids in order, then random ids."""
    generator = np.random.default_rng(0)
    most = max(map(np.max, signature.vocabularies.values()), default=0)
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


def _rows_of_a_call(signature: Signature) -> int:
    """Returns the number of rows per call that keeps the outputs small."""
    generator = np.random.default_rng(0)
    one = {n: _random(signature, n, 1, generator) for n in _given(signature)}
    outputs = signature.reference(**one, **_first_states(signature))
    elements = sum(value.size for value in outputs.values())
    return max(1, min(IDS_OF_A_CALL, ELEMENTS // max(elements, 1)))


def _given(signature: Signature) -> list[str]:
    return [name for name in signature.inputs if name not in signature.carried]


def _ids_from(
    signature: Signature,
    position: int,
    rows: int,
    generator: np.random.Generator,
) -> tuple[Arrays, int]:
    """Returns inputs with the ids from a position on, and their number.

    If the number of rows is dynamic, or if the columns are ids of different
    embeddings, each row repeats one id, so that a row of the output belongs to
    one id. Otherwise consecutive ids fill the input.
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


def _random(
    signature: Signature,
    name: str,
    rows: int,
    generator: np.random.Generator,
) -> np.ndarray:
    spec = signature.inputs[name]
    shape = _shape(signature, name, rows)
    if name in signature.vocabularies:
        ends = signature.vocabularies[name]
        ids = generator.integers(signature.first_id, ends, shape)
        return ids.astype(spec.dtype.as_numpy_dtype)
    if spec.dtype.as_numpy_dtype is np.bool_:
        return generator.random(shape) < 0.5
    return generator.normal(size=shape).astype(spec.dtype.as_numpy_dtype)


def _shape(signature: Signature, name: str, rows: int) -> list[int]:
    sizes = signature.inputs[name].shape.as_list()
    free = itertools.chain([rows], itertools.repeat(STEPS))
    first = next(free)
    return [
        s if s is not None else first if i == 0 else next(free)
        for i, s in enumerate(sizes)
    ]

"""Tests of the compositions against the paper's equations in plain numpy."""

import keras
import numpy as np
import pytest
from kd_testing import D, K, as_numpy, one_hot

from kd_keras import (
    Composition,
    ConcatComposition,
    KDCodeLearner,
    LinearComposition,
    LSTMComposition,
    ResidualComposition,
)

SIZE = 6

CASES = {
    "linear": (LinearComposition, None),
    "linear with H": (LinearComposition, 2),
    "lstm": (LSTMComposition, None),
    "lstm with H": (LSTMComposition, 4),
    "concat": (ConcatComposition, None),
    "residual": (ResidualComposition, None),
    "residual with H": (ResidualComposition, 4),
}
# Tolerance by dtype, for sums of at most a few dozen products of order 1.
TOLERANCES = {"float64": {"atol": 1e-6}, "float32": {"rtol": 1e-5}}


@pytest.fixture(params=CASES)
def case(request):
    return CASES[request.param]


def make(case, dtype="float64"):
    """Returns a built composition with all weights drawn from N(0, 1)."""
    composition_class, code_dim = case
    layer = composition_class(K, D, SIZE, code_dim, dtype=dtype)
    layer.build()
    generator = np.random.default_rng(0)
    for weight in layer.weights:
        weight.assign(generator.normal(size=weight.shape))
    return layer


def random_codes(*shape):
    return np.random.default_rng(1).integers(0, K, (*shape, D))


def in_numpy(layer, one_hot_codes):
    """Composes codes `(..., D, K)` one by one, as the paper writes it."""
    W = as_numpy(layer.code_embeddings).astype("float64")
    H = getattr(layer, "kernel", None)
    H = None if H is None else as_numpy(H).astype("float64")
    shape = one_hot_codes.shape[:-2]
    result = np.empty((*shape, layer.output_dim))
    for index in np.ndindex(shape):
        embedded = [one_hot_codes[index][j] @ W[j] for j in range(D)]
        if isinstance(layer, ConcatComposition):
            result[index] = np.concatenate(embedded)
            continue
        if isinstance(layer, LSTMComposition):
            embedded = lstm_outputs(layer, embedded)
        total = sum(embedded)
        result[index] = total if H is None else total.T @ H
        if isinstance(layer, ResidualComposition):
            A, b, U = map(as_numpy, layer.weights[-3:])
            result[index] += np.maximum(total.T @ A + b, 0).T @ U
    return result


def lstm_outputs(layer, embedded):
    U_f, U_i, U_t, U_m = np.split(as_numpy(layer.recurrent_kernel), 4, axis=1)
    b_f, b_i, b_t, b_m = np.split(as_numpy(layer.bias), 4)
    h = m = np.zeros(layer.code_dim)
    outputs = []
    for W_j in embedded:
        f = sigmoid(W_j + h @ U_f + b_f)
        i = sigmoid(W_j + h @ U_i + b_i)
        o = sigmoid(W_j + h @ U_t + b_t)
        m = f * m + i * np.tanh(W_j + h @ U_m + b_m)
        h = o * np.tanh(m)
        outputs.append(h)
    return outputs


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


@pytest.mark.parametrize("dtype", TOLERANCES)
def test_equals_numpy(case, dtype):
    layer = make(case, dtype)
    codes = random_codes(20)
    expected = in_numpy(layer, one_hot(codes))
    for given in (codes, one_hot(codes).astype(dtype)):
        result = as_numpy(layer(given))
        assert result.dtype == dtype
        np.testing.assert_allclose(
            result, expected, **{"rtol": 0} | TOLERANCES[dtype]
        )


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int32", "int64"])
@pytest.mark.slow
def test_integer_codes_of_any_dtype_equal_one_hot_ones(case, dtype):
    layer = make(case)
    codes = random_codes(2, 5)
    np.testing.assert_allclose(
        layer(codes.astype(dtype)), layer(one_hot(codes)), atol=1e-12
    )


def test_relaxed_codes_equal_numpy(case):
    layer = make(case)
    relaxed = np.random.default_rng(2).dirichlet(np.ones(K), (7, D))
    np.testing.assert_allclose(
        layer(relaxed), in_numpy(layer, relaxed), atol=1e-6
    )


@pytest.mark.parametrize("name", ["linear", "linear with H", "concat"])
def test_linear_and_concat_are_linear_in_relaxed_codes(name):
    layer = make(CASES[name])
    one, other = one_hot(random_codes(2, 9))
    np.testing.assert_allclose(
        layer(0.3 * one + 0.7 * other),
        0.3 * layer(one) + 0.7 * layer(other),
        atol=1e-12,
    )


@pytest.mark.parametrize("shape", [(), (4,), (2, 3, 4)])
def test_any_batch_shape(case, shape):
    layer = make(case)
    codes = random_codes(*shape)
    for given in (codes, one_hot(codes)):
        assert layer(given).shape == (*shape, SIZE)


def test_h_is_absent_where_code_dim_is_output_dim():
    shapes = {
        name: [weight.shape for weight in make(case).weights]
        for name, case in CASES.items()
    }
    assert shapes == {
        "linear": [(D, K, SIZE)],
        "linear with H": [(D, K, 2), (2, SIZE)],
        "lstm": [(D, K, SIZE), (SIZE, 4 * SIZE), (4 * SIZE,)],
        "lstm with H": [(D, K, 4), (4, 16), (16,), (4, SIZE)],
        "concat": [(D, K, SIZE // D)],
        "residual": [(D, K, SIZE), (SIZE, 24), (24,), (24, SIZE)],
        "residual with H": [(D, K, 4), (4, SIZE), (4, 16), (16,), (16, SIZE)],
    }


def test_config_round_trip(case):
    layer = make(case)
    copy = type(layer).from_config(layer.get_config())
    assert copy.get_config() == layer.get_config()
    copy.build()
    copy.set_weights(layer.get_weights())
    codes = random_codes(8)
    np.testing.assert_array_equal(copy(codes), layer(codes))


def test_code_embeddings_are_initialised_as_asked(case):
    composition_class, code_dim = case
    layer = composition_class(
        K, D, SIZE, code_dim, embeddings_initializer="ones"
    )
    layer.build()
    assert np.all(as_numpy(layer.code_embeddings) == 1)


@pytest.mark.slow
def test_follows_a_learner_in_a_functional_model(case):
    composition_class, code_dim = case
    ids = keras.Input((None,), dtype="int32")
    vectors = composition_class(K, D, SIZE, code_dim)(
        KDCodeLearner(10, K, D)(ids)
    )
    assert vectors.shape == (None, None, SIZE)
    result = keras.Model(ids, vectors).predict(np.zeros((2, 5)), verbose=0)
    assert result.shape == (2, 5, SIZE)


def test_symbolic_shape_of_integer_codes(case):
    composition_class, code_dim = case
    codes = keras.Input((None, D), dtype="uint8")
    vectors = composition_class(K, D, SIZE, code_dim)(codes)
    assert vectors.shape == (None, None, SIZE)


def test_a_composition_of_the_users_own():
    class Largest(Composition):
        def compose(self, embedded):
            return keras.ops.max(embedded, axis=-2)

    layer = make((Largest, None))
    codes = random_codes(5)
    W = as_numpy(layer.code_embeddings)
    expected = W[np.arange(D), codes].max(axis=1)
    for given in (codes, one_hot(codes)):
        np.testing.assert_allclose(layer(given), expected)


@pytest.mark.parametrize(
    "shape, dtype",
    [
        ((5, 1), "int32"),
        ((5, D + 1), "int32"),
        ((5, D), "float32"),
        ((5, K, D), "float32"),
        ((), "int32"),
    ],
)
def test_codes_of_a_wrong_shape_are_refused(case, shape, dtype):
    layer = make(case)
    with pytest.raises(ValueError, match=r"\(\.\.\., D\).*Received: shape="):
        layer(np.zeros(shape, dtype))


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"K": 1}, "K must be .* Received: K=1"),
        ({"D": 0}, "D must be .* Received: D=0"),
        ({"output_dim": 0}, "`output_dim` .* Received: output_dim=0"),
        ({"output_dim": 6.0}, "`output_dim` .* Received: output_dim=6.0"),
        ({"code_dim": 0}, "`code_dim` .* Received: code_dim=0"),
        ({"code_dim": "8"}, "`code_dim` .* Received: code_dim='8'"),
    ],
)
def test_wrong_sizes_are_refused(case, arguments, message):
    with pytest.raises(ValueError, match=message):
        case[0](**{"K": K, "D": D, "output_dim": SIZE} | arguments)


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"output_dim": 7}, "D divides. Received: output_dim=7, D=3"),
        ({"output_dim": 2}, "D divides. Received: output_dim=2, D=3"),
        ({"code_dim": 3}, "output_dim / D = 2. Received: code_dim=3"),
    ],
)
def test_concat_refuses_sizes_that_do_not_fit(arguments, message):
    with pytest.raises(ValueError, match=message):
        ConcatComposition(**{"K": K, "D": D, "output_dim": SIZE} | arguments)


def test_the_residual_one_starts_as_the_linear_one():
    residual = ResidualComposition(K, D, SIZE, hidden_dim=9)
    linear = LinearComposition(K, D, SIZE)
    for layer in (residual, linear):
        layer.build()
    assert residual.hidden_bias.shape == (9,)
    linear.code_embeddings.assign(residual.code_embeddings)
    codes = random_codes(8)
    np.testing.assert_array_equal(residual(codes), linear(codes))


@pytest.mark.parametrize("hidden_dim", [0, 2.0, "4"])
def test_a_wrong_hidden_dim_is_refused(hidden_dim):
    with pytest.raises(ValueError, match=f"hidden_dim={hidden_dim!r}"):
        ResidualComposition(K, D, SIZE, hidden_dim=hidden_dim)

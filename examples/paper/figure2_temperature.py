"""Figure 2: the effect of the temperature, forward and backward, at K = 2.

With K = 2 the tempered softmax of the logits (x, 0) is the sigmoid
y = 1 / (1 + exp(-x / T)). The paper draws this: the lower T, the closer to a
step. Next to it, this script draws the gradient that the straight-through
estimator passes back, y (1 - y) / T: at a low temperature, logits that are
about to change their code get a large gradient, and all others get none.

    python examples/paper/figure2_temperature.py
"""

import numpy as np
import tensorflow as tf
from experiment import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    PURPLE,
    RED,
    finish,
    parse,
    record,
)

import kd_keras

TEMPERATURES = (2.0, 1.0, 0.5, 0.2, 0.1)
COLOURS = (BLUE, GREEN, ORANGE, PURPLE, RED)


def measure(points):
    x = np.linspace(-4, 4, points)
    logits = tf.constant(np.stack([x, np.zeros_like(x)], axis=1))
    curves = []
    for T in TEMPERATURES:
        with tf.GradientTape() as tape:
            tape.watch(logits)
            code = kd_keras.straight_through(logits, T)[:, 0]
        passed = tape.gradient(code, logits)[:, 0].numpy()
        curves.append(
            {
                "T": T,
                "soft": kd_keras.smooth_code(logits, T)[:, 0].numpy().tolist(),
                "passed_back": passed.tolist(),
                # How many logits of a standard normal still learn?
                "share_that_learns": _share(passed, x),
            }
        )
    return {"x": x.tolist(), "code": code.numpy().tolist(), "curves": curves}


def _share(passed, x):
    """Share of normal logits that get over 1 % of the largest gradient."""
    weight = np.exp(-(x**2) / 2)
    return float(weight[passed > 0.01 * passed.max()].sum() / weight.sum())


def draw(results):
    import matplotlib.pyplot as plt

    figure, (left, right) = plt.subplots(
        1, 2, figsize=(8, 3.2), layout="constrained"
    )
    x = results["x"]
    left.plot(x, results["code"], color=GREY, linestyle="--", label="the code")
    for curve, colour in zip(results["curves"], COLOURS, strict=True):
        label = f"T = {curve['T']:g}"
        left.plot(x, curve["soft"], color=colour, label=label)
        right.plot(
            x,
            curve["passed_back"],
            color=colour,
            label=f"{label}: {curve['share_that_learns']:.0%}",
        )
    left.set_title("forward: one-hot; the softmax it stands for")
    right.set_title("backward: the gradient passed back")
    for axis in (left, right):
        axis.set_xlabel("difference x of the two logits")
    left.legend()
    right.legend(
        loc="upper right",
        title="unit normal logits that\nget over 1 % of the peak",
        fontsize=8,
        title_fontsize=8,
    )
    return figure


if __name__ == "__main__":
    args = parse(__doc__)
    if not args.draw:
        record(args, measure(81 if args.quick else 801))
    finish(args, draw)

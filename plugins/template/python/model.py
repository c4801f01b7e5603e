"""The smallest useful model: a factor times the sum of two fields. `load` reads the factor and says what comes in and goes out,
`score` answers a batch of rows. The folder sandstream is the kit's own."""

import math

from sandstream import Input, Output, Signature

# What `load` keeps for `score`: weights, tables, thresholds.
factor = 1.0


def load(config):
    """`config` is whatever was announced with the model, as bytes; here a number as text, or nothing."""
    global factor
    if config:
        factor = float(config.decode())
    # One matrix of the named record fields in, one number a row out.
    return Signature(
        inputs=[Input("x", "float32", ["alcohol", "pH"])],
        outputs=[Output("score", "float32", 1)],
    )


def score(rows, inputs, reject):
    """`inputs` has a list per input, row after row; NaN is a missing number, None a missing text. A list per output is returned."""
    x = inputs[0]
    scores = [factor * (x[i] + x[i + 1]) for i in range(0, 2 * rows, 2)]
    for row, value in enumerate(scores):
        if math.isnan(value):
            reject(row, "alcohol or pH is missing")
    return [scores]

from sandstream import Input, Output, Signature, artifact, log

greeting = None


def load(config):
    global greeting
    try:
        artifact("no such file")
    except Exception:
        pass
    else:
        raise ValueError("an artifact that is not there was read")
    greeting = artifact(config.decode()).decode()
    log("debug", f"loaded {len(greeting)} characters")
    return Signature(
        inputs=[
            Input("name", "text", ["name"]),
            Input("raw", "bytes", ["$value"]),
            Input("count", "int64", ["count"]),
            Input("x", "float64", ["x"]),
        ],
        outputs=[
            Output("greeting", "text"),
            Output("raw", "bytes"),
            Output("next", "int64"),
            Output("twice", "float64", 2),
        ],
    )


def score(rows, inputs, reject):
    names, raws, counts, x = inputs
    for row, count in enumerate(counts):
        if count < 0:
            reject(row, f"{names[row]}: a count below 0")
    return [
        [None if name is None else greeting + name for name in names],
        [raw[:3] for raw in raws],
        [count + 1 for count in counts],
        [times * value for value in x for times in (1, 2)],
    ]

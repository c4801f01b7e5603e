"""Between the contract and model.py: what the component exports. Texts and bytes are packed there and plain values here."""

import traceback

import model
from componentize_py_types import Err
from wit_world.imports import types

TENSORS = {
    "float32": types.Tensor_Float32,
    "float64": types.Tensor_Float64,
    "int64": types.Tensor_Int64,
    "text": types.Tensor_Text,
    "bytes": types.Tensor_Bytes,
}

outputs = []


class Scoring:
    def load(self, config):
        return answer(lambda: declared(model.load(config)))

    def score(self, rows, inputs):
        return answer(lambda: scored(rows, inputs))


def declared(signature):
    outputs[:] = signature.outputs
    return types.Signature(
        [types.Input(i.name, types.Dtype[i.dtype.upper()], list(i.fields)) for i in signature.inputs],
        [types.Output(o.name, types.Dtype[o.dtype.upper()], o.width) for o in signature.outputs],
    )


def scored(rows, inputs):
    rejected = []
    answers = model.score(rows, [plain(one) for one in inputs], lambda row, reason: rejected.append(types.Rejection(row, str(reason))))
    if len(answers) != len(outputs):
        raise ValueError(f"score returned {len(answers)} lists for {len(outputs)} outputs")
    return types.Scores([tensor(o.dtype, values) for o, values in zip(outputs, answers)], rejected)


def answer(run):
    """What is raised becomes the call's error, with where it was."""
    try:
        return run()
    except Exception as error:
        # By hand: formatting a traceback looks for the sources on a disk.
        frames = [(frame.f_code, line) for frame, line in traceback.walk_tb(error.__traceback__)]
        frames = [(code, line) for code, line in frames if not code.co_filename.endswith("sandstream/main.py")]
        where = " < ".join(f"{code.co_name} ({code.co_filename.rsplit('/', 1)[-1]}:{line})" for code, line in reversed(frames))
        what = f"{type(error).__name__}: {error}"
        raise Err(f"{what}; in {where}" if where else what) from None


def plain(tensor):
    value = tensor.value
    if not isinstance(value, types.Packed):
        return value
    values, start = [], 0
    for end in value.ends:
        values.append(value.data[start:end])
        start = end
    if isinstance(tensor, types.Tensor_Text):
        values = [value.decode() for value in values]
    for at in value.missing:
        values[at] = None
    return values


def tensor(dtype, values):
    if dtype not in ("text", "bytes"):
        return TENSORS[dtype](values)
    data, ends, missing = bytearray(), [], []
    for at, value in enumerate(values):
        if value is None:
            missing.append(at)
        else:
            data += value.encode() if dtype == "text" else value
        ends.append(len(data))
    return TENSORS[dtype](types.Packed(bytes(data), ends, missing))

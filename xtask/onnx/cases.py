"""Writes the node tests of the package `onnx`, one folder a case: model.onnx, input_<i>.pb, output_<i>.pb, tolerance.txt.

Non-expanded cases only. Secondary inputs (shapes, axes, counts, limits, quantisation parameters), which real models have as constants and
the tests as inputs, become initialisers.
"""

import sys
import warnings
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, defs, numpy_helper

warnings.filterwarnings("ignore")

# Operator -> names of its secondary inputs, as the schema calls them.
SECONDARY = {
    "AffineGrid": {"size"},
    "BatchNormalization": {"scale", "B", "input_mean", "input_var", "mean", "var"},
    "BlackmanWindow": {"size"},
    "CenterCropPad": {"shape"},
    "Clip": {"min", "max"},
    "Col2Im": {"image_shape", "block_shape"},
    "ConstantOfShape": {"input"},
    "ConvInteger": {"x_zero_point", "w_zero_point"},
    "CumProd": {"axis"},
    "CumSum": {"axis"},
    "DFT": {"dft_length", "axis"},
    "DequantizeLinear": {"x_scale", "x_zero_point"},
    "Dropout": {"ratio", "training_mode"},
    "Expand": {"shape"},
    "GRU": {"sequence_lens"},
    "HammingWindow": {"size"},
    "HannWindow": {"size"},
    "LSTM": {"sequence_lens"},
    "MatMulInteger": {"a_zero_point", "b_zero_point"},
    "MaxUnpool": {"output_shape"},
    "MelWeightMatrix": {"num_mel_bins", "dft_length", "sample_rate", "lower_edge_hertz", "upper_edge_hertz"},
    "NonMaxSuppression": {"max_output_boxes_per_class", "iou_threshold", "score_threshold"},
    "OneHot": {"depth", "values"},
    "Pad": {"pads", "constant_value", "axes"},
    "QLinearConv": {"x_scale", "x_zero_point", "w_scale", "w_zero_point", "y_scale", "y_zero_point"},
    "QLinearMatMul": {"a_scale", "a_zero_point", "b_scale", "b_zero_point", "y_scale", "y_zero_point"},
    "QuantizeLinear": {"y_scale", "y_zero_point"},
    "RNN": {"sequence_lens"},
    "Range": {"start", "limit", "delta"},
    "Reshape": {"shape"},
    "Resize": {"roi", "scales", "sizes"},
    "STFT": {"frame_step", "window", "frame_length"},
    "Slice": {"starts", "ends", "axes", "steps"},
    "Split": {"split"},
    "SplitToSequence": {"split"},
    "Squeeze": {"axes"},
    "Tile": {"repeats"},
    "TopK": {"K"},
    "Trilu": {"k"},
    "Unsqueeze": {"axes"},
    "Upsample": {"scales"},
}


def secondary(model: onnx.ModelProto) -> set[str]:
    """Names of the graph's inputs that are secondary inputs wherever they are used."""
    versions = {opset.domain: opset.version for opset in model.opset_import}
    found, other = set(), set()
    for node in model.graph.node:
        names = SECONDARY.get(node.op_type, set())
        if node.op_type.startswith("Reduce"):
            names = {"axes"}
        inputs = defs.get_schema(node.op_type, versions[node.domain], node.domain).inputs if versions.get(node.domain) else []
        for at, value in enumerate(node.input):
            name = inputs[min(at, len(inputs) - 1)].name if inputs else ""
            (found if name in names else other).add(value)
    return found - other


def fold(model: onnx.ModelProto, inputs: list) -> list:
    """Makes secondary inputs constants; the values of the inputs that are left."""
    names, left, kept = secondary(model), [], []
    for info, value in zip(list(model.graph.input), inputs, strict=False):
        if info.name in names and isinstance(value, np.ndarray | np.generic):
            model.graph.initializer.append(numpy_helper.from_array(np.asarray(value), info.name))
        else:
            left.append(info)
            kept.append(value)
    del model.graph.input[:]
    model.graph.input.extend(left)
    return kept


def tensor(value: object) -> TensorProto | None:
    """A tensor; None for sequences, maps and optional values."""
    if isinstance(value, TensorProto):
        return value
    if isinstance(value, np.ndarray | np.generic):
        return numpy_helper.from_array(np.asarray(value))
    return None


def main(folder: Path) -> None:
    """Writes all cases."""
    from onnx.backend.test.loader import load_model_tests

    for case in load_model_tests(kind="node"):
        if "_expanded" in case.name:
            continue
        place = folder / case.name
        place.mkdir(parents=True, exist_ok=True)
        inputs, outputs = case.data_sets[0]
        model = onnx.ModelProto()
        model.CopyFrom(case.model)
        kept = fold(model, list(inputs))
        (place / "model.onnx").write_bytes(model.SerializeToString())
        (place / "tolerance.txt").write_text(f"{case.rtol} {case.atol}\n")
        for kind, values in (("input", kept), ("output", outputs)):
            for at, value in enumerate(values):
                made = tensor(value)
                if made is not None:
                    (place / f"{kind}_{at}.pb").write_bytes(made.SerializeToString())
                else:
                    (place / f"{kind}_{at}.none").write_bytes(b"")


main(Path(sys.argv[1]))

"""Files that hold a model which no host takes as it is, and the line that makes one of it that hosts do take."""

from __future__ import annotations

import json
import shlex
from pathlib import PurePath

from . import pickles, sniff

PICKLE_ENDINGS = (".pkl", ".pickle", ".joblib", ".sav")


def refused(data: bytes, name: str) -> str | None:
    """Why the file cannot be published, and what to do; None where nothing speaks against it."""
    for look in (_wasm, _pointer, _saved_model, _zip, _packed, _magic, _json, _pickle):
        reason = look(data, name)
        if reason:
            return f"{name}: {reason}"
    return None


def not_component(data: bytes, name: str) -> str | None:
    """Why WASM cannot be published."""
    reason = _wasm(data, name)
    return f"{name}: {reason}" if reason else None


def _wasm(data: bytes, name: str) -> str | None:
    if not sniff.is_core_wasm(data):
        return None
    return (
        "expected a WebAssembly component, got a core module. `sandstream build` makes a component of a guest; by hand: "
        f"wasm-tools component new {shlex.quote(name)} -o {shlex.quote(_with(name, '.component.wasm'))}"
    )


def _pointer(data: bytes, name: str) -> str | None:
    if not data.startswith(b"version https://git-lfs.github.com/spec/"):
        return None
    return f"this is Git LFS's note of where the file is, not the file: git lfs pull --include {shlex.quote(name)}"


def _saved_model(data: bytes, name: str) -> str | None:
    if not sniff.is_saved_model_pb(data):
        return None
    return "this is one file of a TensorFlow SavedModel, which has its weights in others: publish the folder that it is in"


def _zip(data: bytes, name: str) -> str | None:
    names = {PurePath(entry).name: entry for entry in sniff.zip_names(data)}
    if "config.json" in names and "metadata.json" in names:
        return _keras(name)
    if "constants.pkl" in names and "data.pkl" in names:
        return "this is a TorchScript model; " + _torch(name, "torch.jit.load", ")")
    if "data.pkl" in names:
        return "this is a PyTorch file; " + _torch_pickle(name, pickles.names(sniff.zip_start(data, names["data.pkl"])))
    return None


def _packed(data: bytes, name: str) -> str | None:
    inside = pickles.unpacked(data)
    if inside is None:
        return None
    if pickles.is_pickle(inside) or name.lower().endswith(PICKLE_ENDINGS):
        return _export(pickles.names(inside), name, packed=True)
    return "this file is compressed; unpack it first"


def _magic(data: bytes, name: str) -> str | None:
    if data.startswith(b"\x89HDF\r\n\x1a\n"):
        return _keras(name)
    if data[4:8] == b"TFL3":
        return "this is a TensorFlow Lite model, which hosts do not run; publish the SavedModel that it was made of"
    if data.startswith(b"CBM1"):
        code = (
            f"import catboost; catboost.CatBoost().load_model({json.dumps(name)})"
            f'.save_model({json.dumps(_with(name, ".onnx"))}, format="onnx")'
        )
        return "this is a CatBoost model in CatBoost's own format; export it to ONNX:\n" + _line(code)
    if data.startswith(b"binf"):
        return "this is XGBoost's old binary format; write it again as JSON, with an XGBoost below 3.1:\n" + _line(
            f"import xgboost; xgboost.Booster(model_file={json.dumps(name)}).save_model({json.dumps(_with(name, '.json'))})"
        )
    return None


def _json(data: bytes, name: str) -> str | None:
    if data[:1] == b"[" and b'"nodeid"' in data[:256]:
        return (
            "this is what XGBoost's `dump_model` writes, for people to read; publish what `booster.save_model` writes:\n"
            f"    booster.save_model({json.dumps(_with(name, '.model.json'))})"
        )
    keys = sniff.json_keys(data)
    if "tree_info" in keys and "num_tree_per_iteration" in keys:
        return (
            "this is what LightGBM's `dump_model` writes, for people to read; publish what `booster.save_model` writes:\n"
            f"    booster.save_model({json.dumps(_with(name, '.txt'))})"
        )
    return None


def _pickle(data: bytes, name: str) -> str | None:
    if pickles.is_pickle(data):
        return _export(pickles.names(data), name, packed=False)
    taken = any(is_it(data) for _, is_it in sniff.SNIFFERS)
    if name.lower().endswith(PICKLE_ENDINGS) and not taken:
        return _export(pickles.names(data), name, packed=False)
    return None


def _export(names: list[str], name: str, packed: bool) -> str:
    """What to do with a pickle that imports these; the first known library is the outermost object's."""
    packages = list(dict.fromkeys(path.split(".")[0] for path in names))
    libraries = [package for package in packages if package in _LIBRARIES]
    loader = "joblib" if packed or name.lower().endswith(".joblib") or "joblib" in packages else "pickle"
    load = f"joblib.load({json.dumps(name)})" if loader == "joblib" else f'pickle.load(open({json.dumps(name)}, "rb"))'
    start = "this is a pickle, which is a Python program and not a model that a host can check"
    if not libraries:
        what = names[0] if names else "an object that it does not name"
        return (
            f"{start}; it holds {what}, and no exporter for that is known here. Export it to ONNX or PMML with its library's "
            "own tools, or write a guest (`sandstream new`)"
        )
    head = f"{start}. It was made by {_LIBRARIES[libraries[0]]}; "
    if libraries[0] == "torch":
        return head + _torch_pickle(name, names)
    if libraries[0] == "keras":
        return head + _keras(name)
    if libraries[0] == "xgboost":
        code = f"import {loader}; {load}.save_model({json.dumps(_with(name, '.json'))})"
        return f"{head}write the booster itself:\n{_line(code)}"
    if libraries[0] == "lightgbm":
        code = f'import {loader}; m = {load}; getattr(m, "booster_", m).save_model({json.dumps(_with(name, ".txt"))})'
        return f"{head}write the booster itself:\n{_line(code)}"
    if libraries[0] == "catboost":
        code = f'import {loader}; {load}.save_model({json.dumps(_with(name, ".onnx"))}, format="onnx")'
        return f"{head}export it to ONNX:\n{_line(code)}"
    return head + _sklearn(loader, load, name, libraries[1:])


_LIBRARIES = {
    "sklearn": "scikit-learn",
    "imblearn": "imbalanced-learn",
    "xgboost": "XGBoost",
    "lightgbm": "LightGBM",
    "catboost": "CatBoost",
    "torch": "PyTorch",
    "keras": "Keras",
}


def _sklearn(loader: str, load: str, name: str, inside: list[str]) -> str:
    code = (
        f"import {loader}, numpy, skl2onnx; m = {load}; "
        'onnx = skl2onnx.to_onnx(m, numpy.zeros((1, m.n_features_in_), "float32")); '
        f'open({json.dumps(_with(name, ".onnx"))}, "wb").write(onnx.SerializeToString())'
    )
    text = f"export it with skl2onnx (pip install skl2onnx):\n{_line(code)}"
    others = [_LIBRARIES[library] for library in inside if library in ("xgboost", "lightgbm", "catboost")]
    if others:
        text += (
            f"\nIts {' and '.join(others)} part needs the converter of onnxmltools, registered with "
            "skl2onnx.update_registered_converter before that"
        )
    return text


def _torch_pickle(name: str, names: list[str]) -> str:
    # A pickled module names its class, and the classes of torch.nn below it; a file of weights names neither.
    if all(path.startswith(("torch.", "torch._utils.", "collections.")) and ".nn." not in path for path in names):
        return (
            "it holds weights only. Make the model, load them into it, then, N being the number of features:\n"
            f"    torch.onnx.export(model.eval(), torch.zeros(1, N), {json.dumps(_with(name, '.onnx'))})"
        )
    return _torch(name, "torch.load", ", weights_only=False)")


def _torch(name: str, load: str, end: str) -> str:
    loaded = f"{load}({json.dumps(name)}{end}"
    return (
        "export it to ONNX, N being the number of features:\n"
        f"    import torch; torch.onnx.export({loaded}.eval(), torch.zeros(1, N), {json.dumps(_with(name, '.onnx'))})"
    )


def _keras(name: str) -> str:
    folder = _with(name, "")
    code = f"import keras; keras.models.load_model({json.dumps(name)}).export({json.dumps(folder)})"
    return f"Keras models are published as SavedModels. Export it, and publish the folder `{folder}`:\n{_line(code)}"


def _with(name: str, ending: str) -> str:
    return str(PurePath(name).with_suffix(ending))


def _line(code: str) -> str:
    return f"    python -c {shlex.quote(code)}"

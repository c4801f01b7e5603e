"""What a file is told to be, and what is said of one that is no model. Black-box: through `publish` up to where it would send."""

from __future__ import annotations

import bz2
import gzip
import shlex
import zlib
from pathlib import Path
from typing import Any

import pytest
from files import COMPONENT, CORE, GRAPH, LGB, NODE, ONNX, PFA, PMML, SAVED, XGB_JSON, XGB_UBJ, message, pickled, zipped

from sandstream import ArgumentError, Client, ModelFileError
from sandstream.modelfile import kind, load
from sandstream.proto.sandstream_pb2 import ModelDescriptor

ModelType = ModelDescriptor.ModelType


def told(path: Path, said: str | None = None) -> str:
    return str(ModelType.Name(kind(said, load(path))))


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        # By their bytes, whatever they are called.
        ("m.wasm", COMPONENT, "WASM"),
        ("m.bin", COMPONENT, "WASM"),
        ("m.onnx", ONNX, "ONNX"),
        ("m.pb", ONNX, "ONNX"),
        ("m.pb", GRAPH, "TENSORFLOW"),
        ("m", GRAPH, "TENSORFLOW"),
        ("m.zip", zipped("1/saved_model.pb", "1/variables/variables.index"), "TENSORFLOWSAVED"),
        ("m.xml", PMML, "PMML"),
        ("m.pmml", b"\xef\xbb\xbf" + PMML, "PMML"),
        ("m.pmml", PMML.decode().encode("utf-16"), "PMML"),
        ("m.pmml", b"<!DOCTYPE PMML [<!ENTITY a 'b'>]> <p:PMML xmlns:p='x'/>", "PMML"),
        ("m.json", XGB_JSON, "XGBOOST"),
        ("m.json", b'\n { "version" : [1], "learner" : {} }', "XGBOOST"),
        ("m.ubj", XGB_UBJ, "XGBOOST"),
        ("m.model", XGB_UBJ, "XGBOOST"),
        ("m.txt", LGB, "LIGHTGBM"),
        ("m.txt", LGB.replace(b"\n", b"\r\n"), "LIGHTGBM"),
        ("m.json", PFA, "PFA"),
        ("m.pfa", b'{"cells": {"a": "\\"}{"}, "input":1,"output":2,"action":3}', "PFA"),
        ("m.pkl", ONNX, "ONNX"),
        # Nothing in the bytes: a name that is a format's own.
        ("m.onnx", b"\x01", "ONNX"),
        ("M.PMML", b"?", "PMML"),
        ("m.pfa", b'{"input": 1}', "PFA"),
        # Two at once: the name decides.
        ("m.pfa", b'{"learner": 1, "input": 1, "output": 1, "action": 1}', "PFA"),
    ],
)
def test_type_is_told(tmp_path: Path, name: str, content: bytes, expected: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    assert told(path) == expected


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("m.wasm", b"", ["is empty"]),
        ("m.wasm", CORE, ["expected a WebAssembly component, got a core module", "wasm-tools component new", "m.component.wasm"]),
        ("m.txt", b"hello", ["cannot tell the type", "say type=, one of wasm, onnx"]),
        ("m.xml", b"<html><PMML/></html>", ["XML with the root <html>"]),
        ("m.json", b'{"a": {"learner": 1}, "b": 2}', ["JSON with the keys a, b"]),
        ("m.pb", message((1, message((9, b"x")))), ["cannot tell the type"]),
        ("m.pb", GRAPH[:-1], ["cannot tell the type"]),
        (
            "m.json",
            b'{"learner": 1, "input": 1, "output": 1, "action": 1}',
            ["more than one type", "type='xgboost' or type='pfa'"],
        ),
        ("saved_model.pb", SAVED, ["publish the folder that it is in"]),
        ("m.onnx", b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", ["git lfs pull"]),
        ("m.pmml.gz", gzip.compress(PMML), ["compressed; unpack it first"]),
        ("m.h5", b"\x89HDF\r\n\x1a\n", ["keras", "published as SavedModels", "/m`"]),
        ("m.keras", zipped("config.json", "metadata.json"), ["keras.models.load_model"]),
        ("m.tflite", b"\x20\0\0\0TFL3", ["TensorFlow Lite"]),
        ("m.cbm", b"CBM1", ["CatBoost", 'format="onnx"']),
        ("m.bin", b"binf" + bytes(40), ["XGBoost's old binary format", "m.json"]),
        ("m.json", b'{"name": "tree", "num_tree_per_iteration": 1, "tree_info": []}', ["dump_model", "save_model"]),
        ("m.json", b'[\n  { "nodeid": 0, "depth": 0 }\n]', ["XGBoost's `dump_model`", "save_model", "m.model.json"]),
        ("m.pt", zipped("m/data.pkl", "m/constants.pkl"), ["TorchScript", "torch.jit.load"]),
        ("m.pt", zipped("m/data.pkl", content=pickled("torch._utils._rebuild_tensor_v2")), ["weights only"]),
        (
            "m.pt",
            zipped("m/data.pkl", content=pickled("net.Net", "torch.nn.modules.linear.Linear")),
            ["torch.onnx.export(torch.load"],
        ),
    ],
)
def test_what_is_no_model_is_said(tmp_path: Path, name: str, content: bytes, words: list[str]) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(ModelFileError) as error:
        told(path)
    for word in [str(path), *words]:
        assert word in str(error.value)


FOREST = pickled("sklearn.ensemble._forest.RandomForestRegressor", "joblib.numpy_pickle.NumpyArrayWrapper")


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("rf.joblib", FOREST, ["scikit-learn", "joblib.load(", "skl2onnx.to_onnx", "rf.onnx"]),
        ("rf.pkl", pickled("sklearn.svm._classes.SVR"), ["pickle.load(open(", "skl2onnx.to_onnx"]),
        ("rf.pkl", pickled("sklearn.svm._classes.SVR", protocol=2), ["skl2onnx.to_onnx"]),
        ("rf.pkl", pickled("sklearn.svm._classes.SVR", protocol=2)[2:], ["skl2onnx.to_onnx"]),
        ("rf.sav", zlib.compress(FOREST), ["joblib.load(", "skl2onnx.to_onnx"]),
        ("rf.sav", bz2.compress(FOREST), ["skl2onnx.to_onnx"]),
        ("m.bin", FOREST, ["skl2onnx.to_onnx"]),
        (
            "p.pkl",
            pickled("sklearn.pipeline.Pipeline", "xgboost.sklearn.XGBRegressor"),
            ["skl2onnx", "XGBoost part", "onnxmltools"],
        ),
        ("x.pkl", pickled("xgboost.sklearn.XGBRegressor", "sklearn.base.X"), ["XGBoost", ".save_model(", "x.json"]),
        ("l.pkl", pickled("lightgbm.sklearn.LGBMRegressor"), ["LightGBM", "booster_", "l.txt"]),
        ("c.pkl", pickled("catboost.core.CatBoostRegressor"), ["CatBoost", "c.onnx"]),
        ("k.pkl", pickled("keras.src.saving.deserialize"), ["Keras", "SavedModels"]),
        ("o.pkl", pickled("mine.Model"), ["mine.Model", "sandstream new"]),
        ("o.joblib", b"?", ["a pickle", "an object that it does not name"]),
        ('it\'s "$HOME".pkl', pickled("lightgbm.basic.Booster"), ["LightGBM"]),
    ],
)
def test_pickle_gets_the_line_to_run(tmp_path: Path, name: str, content: bytes, words: list[str]) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(ModelFileError) as error:
        told(path)
    for word in words:
        assert word in str(error.value)
    for line in str(error.value).splitlines():
        if line.startswith("    python -c"):
            python, flag, code = shlex.split(line)
            assert (python, flag) == ("python", "-c")
            compile(code, "line", "exec")


def test_pickle_is_not_run(tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    path = tmp_path / "m.pkl"
    path.write_bytes(f"cos\nsystem\n(S'touch {trace}'\ntR.".encode())
    with pytest.raises(ModelFileError, match=r"os\.system"):
        told(path)
    assert not trace.exists()


@pytest.mark.parametrize(
    "content", [b"\x80\x04\x8c\xff", b"\x80\x04h\x09\x93.", b"\x80\x02" + b"X" + b"\xff" * 9, b"\x80\x05" + b"N" * 999]
)
def test_broken_pickle_is_a_pickle(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "m.pkl"
    path.write_bytes(content)
    with pytest.raises(ModelFileError, match="pickle"):
        told(path)


@pytest.mark.parametrize(
    "start",
    [b"", b"{", b"<", b'{"', b'{"a\\', b"{L", b"PK\3\4", b"\x08", b"\x0a\xff\xff", b"\0asm", b"\x80\4", b"x\x9c", b"tree"],
)
def test_anything_is_answered(tmp_path: Path, start: bytes) -> None:
    """Quickly, and with an error of this package or a type."""
    path = tmp_path / "m.bin"
    for tail in (b"", b"\0", b'"' * 300_000, b'\\"' * 300_000, b"<!--" * 100_000, b"[" * 300_000, bytes(range(256)) * 100):
        path.write_bytes(start + tail)
        try:
            told(path)
        except ModelFileError:
            continue


def test_type_that_was_said_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "m.bin"
    path.write_bytes(FOREST)
    assert told(path, "EVALUATOR") == "EVALUATOR"
    path.write_bytes(CORE)
    with pytest.raises(ModelFileError, match="core module"):
        told(path, "wasm")
    with pytest.raises(ArgumentError, match="expected one of wasm, onnx"):
        told(path, "onyx")


def test_folder_of_a_saved_model_is_the_same_bytes_again(tmp_path: Path) -> None:
    folders = [tmp_path / "a" / "1", tmp_path / "b" / "7"]
    for at, folder in enumerate(folders):
        (folder / "variables").mkdir(parents=True)
        files = {"saved_model.pb": SAVED, "variables/variables.index": b"i", "variables/variables.data-00000-of-00001": b"d"}
        for name, content in list(files.items())[:: 1 - 2 * at]:
            (folder / name).write_bytes(content)
    first, second = map(load, folders)
    assert first.sha256 == second.sha256
    assert told(folders[0]) == "TENSORFLOWSAVED"
    with pytest.raises(ModelFileError, match=r"no SavedModel; there is one in .*a/1"):
        load(tmp_path / "a")


def test_model_files_of_other_tools_are_told(data: Path) -> None:
    endings = {".onnx": "ONNX", ".pmml": "PMML", ".json": "XGBOOST", ".txt": "LIGHTGBM", ".pb": "TENSORFLOW"}
    files = [*data.glob("onnxml/*.onnx"), *data.glob("wine/*.pmml"), *data.glob("wine/*.pb"), *data.glob("trees/*_reg.*")]
    for path in (path for path in files if path.suffix in endings):
        assert told(path) == endings[path.suffix], path
    assert told(data / "wine" / "saved" / "1") == "TENSORFLOWSAVED"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"data_type": ""}, "data type: it is empty"),
        ({"data_type": "x" * 256}, "at most 255 bytes"),
        ({"name": "é" * 128}, "this one has 256"),
        ({"version": ""}, "version: it is empty"),
        ({"model_file": COMPONENT}, "bytes have none"),
        ({"model_file": COMPONENT, "name": "\ud800"}, "UTF-8"),
        ({"wait": -1}, "expected seconds"),
        ({"wait": float("nan")}, "expected seconds"),
        ({"grants": {"memry": "1MiB"}}, "the nearest is `memory`"),
        ({"grants": {"memory": "1MB"}}, "a size such as"),
        ({"grants": {"call": 5}}, "a time such as"),
        ({"grants": {"instances": -1}}, "a whole number"),
        ({"grants": {"instances": 1 << 40}}, "instances"),
        ({"grants": {"stateful": "yes"}}, "True or False"),
    ],
)
def test_argument_that_cannot_be_meant(arguments: dict[str, object], words: str) -> None:
    # Nothing is connected for that: nobody listens there.
    client = Client("127.0.0.1:1")
    given: dict[str, object] = {"model_file": COMPONENT, "data_type": "wine", "name": "m", **arguments}
    if arguments.keys() == {"model_file"}:
        del given["name"]
    with pytest.raises(ArgumentError, match=words):
        client.publish(**given)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("properties", "words"),
    [({"foo_bar": 1}, "foo.bar"), ({"group_id": "x"}, "cannot be set"), ({"security_protocol": "none"}, "security.protocol")],
)
def test_property_that_cannot_be_set(properties: dict[str, Any], words: str) -> None:
    with pytest.raises(ArgumentError, match=words):
        Client("127.0.0.1:1", **properties).status()


def test_node_is_no_graph(tmp_path: Path) -> None:
    path = tmp_path / "m.pb"
    path.write_bytes(NODE)
    with pytest.raises(ModelFileError):
        told(path)

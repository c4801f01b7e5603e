"""What kind of model some bytes are. Each format is told by what its own readers look for; nothing is parsed beyond."""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Iterator
from io import BytesIO

from .proto import sandstream_pb2 as pb

ModelType = pb.ModelDescriptor.ModelType

START = 4 << 20
"""Bytes from the start in which texts are looked at."""

_VARINT, _FIXED64, _LEN, _FIXED32 = 0, 1, 2, 5


def is_wasm(data: bytes) -> bool:
    return data[:4] == b"\0asm"


def is_core_wasm(data: bytes) -> bool:
    """A core module: what most compilers write before it is made a component. Bytes 6 and 7 are the layer."""
    return is_wasm(data) and data[6:8] == b"\0\0"


def is_onnx(data: bytes) -> bool:
    """onnx.proto, ModelProto: ir_version = 1, graph = 7, which every model has."""
    known = {1: _VARINT, 5: _VARINT, **dict.fromkeys((2, 3, 4, 6, 7, 8, 14, 20, 25, 26), _LEN)}
    return _made_of(data, known, must=(1, 7))


def is_saved_model_pb(data: bytes) -> bool:
    """saved_model.proto: saved_model_schema_version = 1, meta_graphs = 2."""
    return _made_of(data, {1: _VARINT, 2: _LEN}, must=(1, 2))


def is_graph_def(data: bytes) -> bool:
    """graph.proto, GraphDef: node = 1, with name = 1 and op = 2; library = 2, version = 3, versions = 4."""
    if not _made_of(data, {1: _LEN, 2: _LEN, 3: _VARINT, 4: _LEN}, must=(1,)):
        return False
    try:
        node = next(value for number, _, value in _fields(memoryview(data)) if number == 1)
        kinds = {number: kind for number, kind, _ in _fields(node)}
    except ValueError:
        return False
    return kinds.get(1) == _LEN and kinds.get(2) == _LEN


def is_saved_model_zip(data: bytes) -> bool:
    return any(name.split("/")[-1] in SAVED_MODEL for name in zip_names(data))


SAVED_MODEL = ("saved_model.pb", "saved_model.pbtxt")


def is_pmml(data: bytes) -> bool:
    return xml_root(data) == "PMML"


def is_xgboost(data: bytes) -> bool:
    if data[:1] == b"{" and data[1:2] in b"iUIlL" and data[1:2]:
        # Universal Binary JSON: the length of a key, then the key; XGBoost's first is `learner` or `version`.
        return re.match(rb"\{(?:[iU].|I..|l.{4}|L.{8})(?:learner|version)", data[:32], re.DOTALL) is not None
    return "learner" in json_keys(data)


def is_lightgbm(data: bytes) -> bool:
    return re.match(rb"tree\r?\n", data[:8]) is not None


def is_pfa(data: bytes) -> bool:
    keys = json_keys(data)
    return "action" in keys and "input" in keys and "output" in keys


SNIFFERS = (
    (ModelType.WASM, is_wasm),
    (ModelType.ONNX, is_onnx),
    (ModelType.TENSORFLOW, is_graph_def),
    (ModelType.TENSORFLOWSAVED, is_saved_model_zip),
    (ModelType.PMML, is_pmml),
    (ModelType.XGBOOST, is_xgboost),
    (ModelType.LIGHTGBM, is_lightgbm),
    (ModelType.PFA, is_pfa),
)
"""The one list of what is told by its bytes. An EVALUATOR is a WASM component too, so it is told by its publisher alone."""


def zip_names(data: bytes) -> list[str]:
    """Names in a zip file; none where it is no zip file."""
    if data[:4] != b"PK\3\4":
        return []
    try:
        with zipfile.ZipFile(BytesIO(data)) as archive:
            return archive.namelist()
    except (zipfile.BadZipFile, NotImplementedError, ValueError, OSError):
        return []


def zip_start(data: bytes, name: str) -> bytes:
    """The start of a file in a zip file; nothing where it cannot be read."""
    try:
        with zipfile.ZipFile(BytesIO(data)) as archive, archive.open(name) as file:
            return file.read(START)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, ValueError, OSError, EOFError):
        return b""


def xml_root(data: bytes) -> str | None:
    """Name of the root element, without its prefix; None where there is none near the start."""
    text = _text(data).lstrip()
    # Declarations, comments and a document type may come first.
    first = r"(?:\s|<\?.*?\?>|<!--.*?-->|<!DOCTYPE[^>\[]*(?:\[.*?\]\s*)?>)*<(?:[\w.-]+:)?([\w.-]+)[\s/>]"
    found = re.match(first, text[: 64 << 10], re.DOTALL) if text.startswith("<") else None
    return found.group(1) if found else None


def json_keys(data: bytes) -> set[str]:
    """Keys of the outermost object, as far as the start of the text shows them."""
    text = _text(data)
    keys: set[str] = set()
    if not text.lstrip().startswith("{"):
        return keys
    depth = 0
    # A text that is cut off in the middle ends a string too, so that a search never starts over inside of it.
    for token in re.finditer(r'"((?:[^"\\]|\\.)*)(?:"|\\?\Z)(\s*:)?|[{}\[\]]', text, re.DOTALL):
        mark = token.group()
        if mark in ("{", "["):
            depth += 1
        elif mark in ("}", "]"):
            depth -= 1
        elif depth == 1 and token.group(2):
            keys.add(token.group(1))
    return keys


def _text(data: bytes) -> str:
    for mark, code in ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16")):
        if data.startswith(mark):
            return data[:START].decode(code, errors="replace")
    return data[:START].decode(errors="replace")


def _made_of(data: bytes, known: dict[int, int], must: tuple[int, ...]) -> bool:
    """Whether it is a Protobuf message with these fields and no others."""
    seen = set()
    try:
        for number, kind, _ in _fields(memoryview(data)):
            if known.get(number) != kind:
                return False
            seen.add(number)
    except ValueError:
        return False
    return seen.issuperset(must)


def _fields(data: memoryview) -> Iterator[tuple[int, int, memoryview]]:
    """Fields of a Protobuf message: number, wire type, and the bytes of those that have a length."""
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        number, kind = tag >> 3, tag & 7
        start = at
        if kind == _VARINT:
            _, at = _varint(data, at)
        elif kind == _LEN:
            size, start = _varint(data, at)
            at = start + size
        elif kind in (_FIXED64, _FIXED32):
            at += 8 if kind == _FIXED64 else 4
        else:
            raise ValueError("no wire type")
        if number == 0 or at > len(data):
            raise ValueError("no field")
        yield number, kind, data[start:at]


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(data):
            break
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise ValueError("no varint")

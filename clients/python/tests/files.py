"""Tiny files of every format, made from what the formats' own documents say."""

from __future__ import annotations

import io
import zipfile


def message(*fields: tuple[int, int | bytes]) -> bytes:
    """A Protobuf message of small fields: numbers and byte strings."""
    out = b""
    for number, value in fields:
        if isinstance(value, int):
            out += bytes([number << 3]) + varint(value)
        else:
            out += varint(number << 3 | 2) + varint(len(value)) + value
    return out


def varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def zipped(*names: str, content: bytes = b"x") -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name in names:
            archive.writestr(name, content)
    return packed.getvalue()


def pickled(*imports: str, protocol: int = 4) -> bytes:
    """A pickle that imports these, `module.name`, and calls each without arguments."""
    out = bytes([0x80, protocol])
    for path in imports:
        module, _, name = path.rpartition(".")
        if protocol >= 4:
            out += b"".join(b"\x8c" + bytes([len(text)]) + text.encode() + b"\x94" for text in (module, name)) + b"\x93\x94"
        else:
            out += f"c{module}\n{name}\n".encode()
        out += b")R0"
    return out + b"N."


COMPONENT = b"\0asm\x0d\0\1\0"
CORE = b"\0asm\1\0\0\0"
NODE = message((1, b"x"), (2, b"Placeholder"))
ONNX = message((1, 8), (2, b"skl2onnx"), (7, message((2, b"graph"))), (8, message((2, 17))))
GRAPH = message((1, NODE), (1, NODE), (4, message((1, 24))))
SAVED = message((1, 1), (2, message((2, GRAPH))))
XGB_JSON = b'{"learner":{"attributes":{},"learner_model_param":{}},"version":[3,2,0]}'
XGB_UBJ = b"{L" + (7).to_bytes(8, "big") + b"learner{L" + (10).to_bytes(8, "big") + b"attributes{}}}"
LGB = b"tree\nversion=v4\nnum_class=1\n"
PFA = b'{"name": "M", "input": "double", "output": "double", "action": [{"+": ["input", 1]}]}'
PMML = b'<?xml version="1.0"?>\n<!-- <x> -->\n<PMML xmlns="http://www.dmg.org/PMML-4_3" version="4.3"></PMML>'

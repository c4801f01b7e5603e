"""What models are called, and the keys under which the control log speaks of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Union
from urllib.parse import quote, unquote_to_bytes

NAME_BYTES_MAX = 255
"""Bytes of a data type, a name or a version: they are in every result, header and activation."""

EXPECTS_HEADER = "sandstream-expects"
"""Header that carries the revision its writer had seen, in decimal: a write that is stale is refused everywhere."""

# Everything printable of ASCII but what separates the parts of a key, and `%` itself.
_UNESCAPED = "".join(chr(code) for code in range(0x21, 0x7F) if chr(code) not in "%/@")


@dataclass(frozen=True)
class ModelId:
    """`dataType/name@version`"""

    data_type: str
    name: str
    version: str

    def __str__(self) -> str:
        return f"{self.data_type}/{self.name}@{self.version}"

    @property
    def key(self) -> str:
        return f"model/{escape(self.data_type)}/{escape(self.name)}@{escape(self.version)}"


@dataclass(frozen=True)
class DeploymentKey:
    data_type: str

    @property
    def key(self) -> str:
        return f"deployment/{escape(self.data_type)}"


@dataclass(frozen=True)
class LabelKey:
    data_type: str
    label: str


@dataclass(frozen=True)
class EvaluatorKey:
    name: str
    version: str


Key = Union[ModelId, DeploymentKey, LabelKey, EvaluatorKey]


def escape(part: str) -> str:
    """A part of a key, percent-encoded."""
    return quote(part, safe=_UNESCAPED)


def unescape(part: str) -> str | None:
    """A part of a key as it was before; None where it was not UTF-8."""
    try:
        return unquote_to_bytes(part).decode()
    except UnicodeDecodeError:
        return None


def parse_key(key: bytes) -> Key | None:
    """Reads a key of the control log; None where it is none."""
    try:
        kind, *parts = key.decode().split("/")
    except UnicodeDecodeError:
        return None
    last, at, version = parts[-1].partition("@") if parts and kind in ("model", "evaluator") else ("", "", "")
    raw = [*parts[:-1], last, version] if at else parts
    clear = [text for text in map(unescape, raw) if text]
    if len(clear) != len(raw) or bool(at) != (kind in ("model", "evaluator")):
        return None
    if kind == "model" and len(clear) == 3:
        return ModelId(*clear)
    if kind == "evaluator" and len(clear) == 2:
        return EvaluatorKey(*clear)
    if kind == "label" and len(clear) == 2:
        return LabelKey(*clear)
    if kind == "deployment" and len(clear) == 1:
        return DeploymentKey(*clear)
    return None


def too_long(what: str, text: str) -> str | None:
    """Why a name cannot be used; None where it can."""
    size = len(text.encode(errors="replace"))
    if size <= NAME_BYTES_MAX:
        return None
    return f"a {what} has at most {NAME_BYTES_MAX} bytes, as it is in every result; this one has {size}"


def cut(text: str) -> str:
    """As much of a name as is fit to be listed."""
    return text.encode(errors="replace")[:NAME_BYTES_MAX].decode(errors="ignore")

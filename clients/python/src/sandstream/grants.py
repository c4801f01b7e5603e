"""What a model may use beyond the defaults, with the keys and units of the configuration's [limits]."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from typing import Union

from .errors import ArgumentError
from .proto import sandstream_pb2 as pb

Grant = Union[str, int, bool]

_TIMES_NS = {"us": 1_000, "ms": 1_000_000, "s": 1_000_000_000, "min": 60_000_000_000, "h": 3_600_000_000_000}
_SIZES = {"B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40}

# Key, field of the message, and what it is counted in: the unit of a time in nanoseconds, or a word.
_KEYS: dict[str, tuple[str, int | str]] = {
    "memory": ("memory_bytes", "size"),
    "table_elements": ("table_elements", "number"),
    "instances": ("instances", "number"),
    "load": ("load_ms", _TIMES_NS["ms"]),
    "call": ("call_base_us", _TIMES_NS["us"]),
    "call_per_row": ("call_per_row_us", _TIMES_NS["us"]),
    "compile": ("compile_ms", _TIMES_NS["ms"]),
    "compile_memory": ("compile_bytes", "size"),
    "inference_rows": ("inference_rows", "number"),
    "log_lines_per_s": ("log_lines_per_s", "number"),
    "stateful": ("stateful", "truth"),
}


def read(grants: Mapping[str, Grant]) -> pb.Grants:
    """Reads `{"memory": "128MiB", "call": "50ms"}`."""
    message = pb.Grants()
    for key, value in grants.items():
        if key not in _KEYS:
            near = difflib.get_close_matches(key, _KEYS, 1, 0.0)[0]
            raise ArgumentError(f"grants: {key!r}: expected one of {', '.join(_KEYS)}; the nearest is `{near}`")
        field, unit = _KEYS[key]
        try:
            setattr(message, field, _value(value, unit))
        except ValueError as error:
            raise ArgumentError(f"grants: {key}={value!r}: {error}") from None
    return message


def _value(value: Grant, unit: int | str) -> int | bool:
    if unit == "truth":
        if not isinstance(value, bool):
            raise ValueError("expected True or False")
        return value
    if unit == "number":
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise ValueError("expected a whole number")
        return value
    if unit == "size":
        return _scaled(value, _SIZES, "a size such as '128MiB'")
    return _scaled(value, _TIMES_NS, "a time such as '50ms'") // int(unit)


def _scaled(value: Grant, units: Mapping[str, int], expected: str) -> int:
    found = re.fullmatch(r"\s*([0-9]+(?:\.[0-9]+)?)\s*([a-zA-Z]+)\s*", value, re.ASCII) if isinstance(value, str) else None
    if found is None or found.group(2) not in units:
        raise ValueError(f"expected {expected}")
    number, factor = found.group(1), units[found.group(2)]
    return int(number) * factor if number.isdigit() else round(float(number) * factor)

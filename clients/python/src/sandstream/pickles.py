"""What made a pickle, without running it: a pickle is a program, and loading one runs whatever its writer put there."""

from __future__ import annotations

import bz2
import lzma
import pickletools
import zlib
from io import BytesIO
from typing import Callable

OPCODES_MAX = 200_000
UNPACKED_MAX = 8 << 20
"""Bytes that are unpacked and looked at; the first names come first."""

_STRINGS = {"SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8", "UNICODE", "STRING", "BINSTRING", "SHORT_BINSTRING"}
_STORES = {"PUT", "BINPUT", "LONG_BINPUT"}
_LOADS = {"GET", "BINGET", "LONG_BINGET"}

_PACKED: tuple[tuple[bytes, Callable[[bytes], bytes]], ...] = (
    (b"\x1f\x8b", lambda data: zlib.decompressobj(31).decompress(data, UNPACKED_MAX)),
    (b"x", lambda data: zlib.decompressobj().decompress(data, UNPACKED_MAX)),
    (b"BZh", lambda data: bz2.BZ2Decompressor().decompress(data, UNPACKED_MAX)),
    (b"\xfd7zXZ", lambda data: lzma.LZMADecompressor().decompress(data, UNPACKED_MAX)),
    (b"]\0\0", lambda data: lzma.LZMADecompressor().decompress(data, UNPACKED_MAX)),
)


def unpacked(data: bytes) -> bytes | None:
    """The start of what a compressed file holds, as far as joblib writes such; None where it is not compressed."""
    for magic, unpack in _PACKED:
        if data.startswith(magic):
            try:
                return unpack(data)
            except (zlib.error, lzma.LZMAError, OSError, ValueError, EOFError):
                continue
    return None


def is_pickle(data: bytes) -> bool:
    """Whether it says that it is one; pickles of protocols 0 and 1 do not."""
    return data[:1] == b"\x80" and data[1:2] in (b"\2", b"\3", b"\4", b"\5")


def names(data: bytes) -> list[str]:
    """What the pickle imports, `module.name`, in order and each once, as far as it can be read: joblib puts arrays in between,
    and what comes after them is of no matter here."""
    found: dict[str, None] = {}
    strings: list[str] = []
    memo: dict[int, str | None] = {}
    last: str | None = None
    try:
        for count, (opcode, argument, _) in enumerate(pickletools.genops(BytesIO(data[:UNPACKED_MAX]))):
            if count > OPCODES_MAX:
                break
            if opcode.name in ("GLOBAL", "INST"):
                found[str(argument).replace(" ", ".")] = None
                last = None
            elif opcode.name == "STACK_GLOBAL":
                if len(strings) >= 2:
                    found[".".join(strings[-2:])] = None
                last = None
            elif opcode.name == "MEMOIZE":
                memo[len(memo)] = last
            elif opcode.name in _STORES:
                memo[int(argument or 0)] = last
            elif opcode.name in _STRINGS or opcode.name in _LOADS:
                last = memo.get(int(argument or 0)) if opcode.name in _LOADS else str(argument)
                if last is not None:
                    strings = [*strings[-1:], last]
            else:
                last = None
    except Exception:  # noqa: BLE001  pickletools raises whatever its readers happen to meet
        return list(found)
    return list(found)

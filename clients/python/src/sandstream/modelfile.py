"""A model as it is named by whoever publishes it: a file, a folder, bytes, or a place where hosts find it."""

from __future__ import annotations

import hashlib
import os
import re
import zipfile
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Union

from . import foreign, sniff
from .errors import ArgumentError, ModelFileError
from .proto import sandstream_pb2 as pb
from .topics import BYTES_MAX

ModelType = pb.ModelDescriptor.ModelType

# Types as they are written, with the endings that are theirs alone: `.xml` or `.txt` say nothing.
TYPES: dict[str, tuple[pb.ModelDescriptor.ModelType, tuple[str, ...]]] = {
    "wasm": (ModelType.WASM, (".wasm",)),
    "onnx": (ModelType.ONNX, (".onnx",)),
    "pmml": (ModelType.PMML, (".pmml",)),
    "xgboost": (ModelType.XGBOOST, (".ubj",)),
    "lightgbm": (ModelType.LIGHTGBM, ()),
    "pfa": (ModelType.PFA, (".pfa",)),
    "tensorflow": (ModelType.TENSORFLOW, ()),
    "tensorflowsaved": (ModelType.TENSORFLOWSAVED, ()),
    "evaluator": (ModelType.EVALUATOR, ()),
}


@dataclass(frozen=True)
class Location:
    """Where hosts find a file that is too large for a record: a path under a folder of their `control.locations`.

    It is published with its digest, so that every host uses the same bytes: `copy` is the same file here, or `sha256` are its
    64 hexadecimal digits, with or without `sha256:` before them.
    """

    location: str
    copy: str | os.PathLike[str] | None = None
    sha256: str | None = None


Source = Union[str, "os.PathLike[str]", bytes, Location]


@dataclass(frozen=True)
class Loaded:
    """What a descriptor says of a file."""

    # What the file is called in messages.
    shown: str
    # None: hosts find it at `location`.
    data: bytes | None
    location: str | None
    sha256: bytes
    # What the file itself shows of its type; nothing where it is not here.
    look: bytes


def load(source: Source) -> Loaded:
    """Reads what is to be published."""
    if isinstance(source, Location):
        return _located(source)
    if isinstance(source, (bytes, bytearray, memoryview)):
        shown, data = "the model", bytes(source)
    else:
        path = Path(source)
        shown = str(path)
        data = _folder(path) if path.is_dir() else _file(path)
    if not data:
        raise ModelFileError(f"{shown} is empty")
    return Loaded(shown, data, None, hashlib.sha256(data).digest(), data)


def kind(said: str | None, model: Loaded) -> pb.ModelDescriptor.ModelType:
    """The model's type: as it was said, or as its bytes show it, or as its name does."""
    if said is not None:
        found = TYPES.get(said.lower())
        if found is None:
            raise ArgumentError(f"type={said!r}: expected one of {', '.join(TYPES)}")
        reason = foreign.not_component(model.look, model.shown) if found[0] == ModelType.WASM else None
        if reason:
            raise ModelFileError(reason)
        return found[0]
    reason = foreign.refused(model.look, model.shown)
    if reason:
        raise ModelFileError(reason)
    looks = [number for number, is_it in sniff.SNIFFERS if is_it(model.look)]
    ending = os.path.splitext(model.location or model.shown)[1].lower()
    named = [number for number, endings in TYPES.values() if ending in endings]
    words = {number: word for word, (number, _) in TYPES.items()}
    if len(looks) > 1:
        # Two formats at once: the name decides between them, and only between them.
        looks = [number for number in looks if number in named] or looks
    if len(looks) > 1:
        candidates = " or ".join(f"type={words[number]!r}" for number in looks)
        raise ModelFileError(f"{model.shown} could be of more than one type; say {candidates}")
    found_types = looks or named
    if not found_types:
        keys = sorted(sniff.json_keys(model.look))[:8]
        root = sniff.xml_root(model.look)
        seen = f" (JSON with the keys {', '.join(keys)})" if keys else f" (XML with the root <{root}>)" if root else ""
        raise ModelFileError(
            f"cannot tell the type of {model.shown}{seen}: neither its bytes nor its name say it; say type=, one of "
            f"{', '.join(TYPES)}"
        )
    return found_types[0]


def name(source: Source) -> str | None:
    """What a model is called that was given no name: its file's, without the ending. A folder that is called by a number is a
    version of its parent, as TensorFlow's tools write SavedModels."""
    if isinstance(source, Location):
        return Path(source.location).stem or None
    if isinstance(source, (bytes, bytearray, memoryview)):
        return None
    path = Path(os.path.abspath(source))
    if path.is_dir():
        return (path.parent.name if re.fullmatch(r"[0-9]+", path.name) else path.name) or None
    return path.stem or None


def _located(source: Location) -> Loaded:
    if source.sha256 is not None:
        digits = source.sha256[len("sha256:") :] if source.sha256.startswith("sha256:") else source.sha256
        if not re.fullmatch(r"[0-9a-fA-F]{64}", digits):
            raise ArgumentError(f"sha256={source.sha256!r}: expected 64 hexadecimal digits")
        digest = bytes.fromhex(digits)
    if source.copy is None:
        if source.sha256 is None:
            raise ArgumentError(f"`{source.location}` is published with its digest: give copy=, the same file here, or sha256=")
        return Loaded(source.location, None, source.location, digest, b"")
    path = Path(source.copy)
    found, look = _digest(path)
    if source.sha256 is not None and digest != found:
        raise ModelFileError(f"{path} has the digest sha256:{found.hex()}, expected sha256:{digest.hex()}")
    return Loaded(str(path), None, source.location, found, look)


def _digest(path: Path) -> tuple[bytes, bytes]:
    """Digest of a file, and its bytes where they are few enough to be held."""
    sha256 = hashlib.sha256()
    try:
        look = path.read_bytes() if path.stat().st_size <= BYTES_MAX else b""
        with path.open("rb") as file:
            while part := file.read(1 << 20):
                sha256.update(part)
    except OSError as error:
        raise ModelFileError(f"cannot read {path}: {error.strerror or error}") from None
    return sha256.digest(), look


def _file(path: Path) -> bytes:
    try:
        _small_enough(path, path.stat().st_size)
        return path.read_bytes()
    except OSError as error:
        raise ModelFileError(f"cannot read {path}: {error.strerror or error}") from None


def _folder(path: Path) -> bytes:
    """A SavedModel as one zip file. The same files make the same bytes, wherever and whenever, so that publishing them again
    changes nothing: names in order, one time, nothing compressed."""
    if not any((path / file).is_file() for file in sniff.SAVED_MODEL):
        inside = sorted(found.parent for file in sniff.SAVED_MODEL for found in path.glob(f"*/{file}"))
        hint = f"; there is one in {inside[-1]}" if inside else ""
        raise ModelFileError(f"{path} is a folder without {' or '.join(sniff.SAVED_MODEL)}, so it is no SavedModel{hint}")
    packed = BytesIO()
    try:
        files = sorted(found for found in path.rglob("*") if found.is_file())
        _small_enough(path, sum(found.stat().st_size for found in files))
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
            for found in files:
                entry = zipfile.ZipInfo(found.relative_to(path).as_posix(), (1980, 1, 1, 0, 0, 0))
                entry.create_system = 3
                entry.external_attr = 0o644 << 16
                archive.writestr(entry, found.read_bytes())
    except OSError as error:
        raise ModelFileError(f"cannot read {path}: {error.strerror or error}") from None
    return packed.getvalue()


def _small_enough(path: Path, size: int) -> None:
    if size > BYTES_MAX:
        raise ModelFileError(
            f"{path} has {size} bytes, and a record of Kafka at most {BYTES_MAX}: put it where all hosts find it, under a "
            'folder of `control.locations`, and publish it with `Location("<path there>", sha256="<its digest>")`'
        )

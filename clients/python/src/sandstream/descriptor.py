"""A model as it is announced."""

from __future__ import annotations

from collections.abc import Mapping

from . import grants as limits
from . import modelfile
from .errors import ArgumentError
from .modelfile import Loaded, Source
from .names import too_long
from .proto import sandstream_pb2 as pb


def named(what: str, text: str) -> str:
    """A name that hosts take."""
    if not isinstance(text, str):
        raise ArgumentError(f"{what}: expected text, got {text!r}")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ArgumentError(f"{what}: expected text that can be written as UTF-8, got {text!r}") from None
    reason = too_long(what, text)
    if not text or reason:
        raise ArgumentError(f"{what}: {reason or 'it is empty'}")
    return text


def build(
    source: Source,
    data_type: str,
    name: str | None,
    version: str | None,
    *,
    kind: str | None,
    description: str,
    config: bytes | None,
    evaluator: str | None,
    artifacts: Mapping[str, Source] | None,
    grants: Mapping[str, limits.Grant] | None,
) -> pb.ModelDescriptor:
    """Reads the files, and says of them what hosts need to know. Nothing is sent."""
    found = modelfile.name(source) if name is None else name
    if found is None:
        raise ArgumentError("name: bytes have none; say one")
    descriptor = pb.ModelDescriptor(data_type=named("data type", data_type), name=named("name", found), description=description)
    if version is not None:
        descriptor.version = named("version", version)
    model = modelfile.load(source)
    descriptor.model_type = modelfile.kind(kind, model)
    descriptor.sha256 = model.sha256
    _place(descriptor, model)
    if config is not None:
        descriptor.config = config
    if evaluator is not None:
        descriptor.evaluator = evaluator
    for key, file in (artifacts or {}).items():
        _artifact(descriptor, named("artifact", key), modelfile.load(file))
    # An empty message would make another model of the same bytes.
    if grants:
        descriptor.grants.CopyFrom(limits.read(grants))
    return descriptor


def _artifact(descriptor: pb.ModelDescriptor, name: str, file: Loaded) -> None:
    artifact = descriptor.artifacts.add(name=name, sha256=file.sha256)
    _place(artifact, file)


def _place(holder: pb.ModelDescriptor | pb.Artifact, file: Loaded) -> None:
    if file.location is not None:
        holder.location = file.location
    elif file.data is not None:
        holder.data = file.data

"""What a record of the control log asks for. The rules and words are the host's (`host/src/lifecycle/watch.rs`): a client that
read a record otherwise would tell its user what no host does."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Union

from google.protobuf.message import DecodeError

from .identity import Unreadable, identity
from .names import DeploymentKey, EvaluatorKey, LabelKey, ModelId, cut, parse_key, too_long
from .proto import sandstream_pb2 as pb


@dataclass(frozen=True)
class Entry:
    """A record as it was read."""

    revision: int
    key: bytes | None
    value: bytes | None
    expects: bytes | None


@dataclass(frozen=True)
class Announced:
    """A model, without its bytes."""

    id: ModelId
    revision: int
    versioned: bool
    # None where a location came without a digest: only hosts can read what is there.
    digest: str | None
    model_type: str
    description: str
    # No part of the digest: who mends one that was wrong announces the model again.
    goldens: tuple[bytes, ...] = ()


@dataclass(frozen=True)
class Announce:
    model: Announced

    @property
    def data_type(self) -> str:
        return self.model.id.data_type


@dataclass(frozen=True)
class Retire:
    id: ModelId

    @property
    def data_type(self) -> str:
        return self.id.data_type


@dataclass(frozen=True)
class Deploy:
    data_type: str
    # None: the latest version.
    pinned: tuple[str, str] | None


@dataclass(frozen=True)
class SetLabel:
    data_type: str
    label: str
    # None: the label is removed.
    model: tuple[str, str] | None


Change = Union[Announce, Retire, Deploy, SetLabel]


@dataclass(frozen=True)
class Order:
    revision: int
    expects: int | None
    change: Change


def read(entry: Entry) -> Order:
    """Reads a record.

    Raises Unreadable where every host refuses it without looking at what was announced before.
    """
    change = _change(entry)
    return Order(entry.revision, _expects(entry.expects), change)


def _change(entry: Entry) -> Change:
    if entry.key is None:
        if entry.value is None:
            raise Unreadable("a record without key and value says nothing")
        return _announce(None, entry.value, entry.revision)
    key = parse_key(entry.key)
    if key is None:
        raise Unreadable(
            "expected a key `model/<dataType>/<name>@<version>`, `evaluator/<name>@<version>`, `label/<dataType>/<label>` or "
            f"`deployment/<dataType>` with percent-encoded parts, got `{entry.key.decode(errors='replace')}`"
        )
    if isinstance(key, EvaluatorKey):
        raise Unreadable(f"evaluators are not built yet, so `{key.name}` cannot be used; publish the model as a WASM module")
    if isinstance(key, DeploymentKey):
        return _deploy(key.data_type, entry.value)
    if isinstance(key, LabelKey):
        return _label(key, entry.value)
    if entry.value is None:
        _short(key)
        return Retire(key)
    return _announce(key, entry.value, entry.revision)


def _announce(key: ModelId | None, value: bytes, revision: int) -> Announce:
    try:
        descriptor = pb.ModelDescriptor.FromString(value)
    except DecodeError as error:
        raise Unreadable(f"expected a ModelDescriptor, got {len(value)} bytes that are none: {error}") from None
    versioned = descriptor.HasField("version")
    version = descriptor.version if versioned else str(revision)
    model = ModelId(descriptor.data_type, descriptor.name, version)
    if key is not None:
        _short(key)
        _short(model)
        _agree(key, model, versioned)
    _complete(model)
    kind = model_type(descriptor.model_type)
    digest = identity(descriptor)
    return Announce(Announced(model, revision, versioned, digest, kind, descriptor.description, tuple(descriptor.goldens)))


def model_type(number: int) -> str:
    """Kind of payload, as the descriptor's enum names it; the number where it has no name."""
    found = pb.ModelDescriptor.ModelType.DESCRIPTOR.values_by_number.get(number)
    return str(found.name) if found else str(number)


def _agree(key: ModelId, value: ModelId, versioned: bool) -> None:
    if not versioned:
        raise Unreadable(f"the key says `{key}`, but the descriptor has no version; set it, or send the descriptor without a key")
    if key != value:
        raise Unreadable(f"the key says `{key}`, the descriptor `{value}`; they have to agree")


def _complete(model: ModelId) -> None:
    for what, part in (("data type", model.data_type), ("name", model.name), ("version", model.version)):
        if not part:
            shown = ModelId(cut(model.data_type), cut(model.name), cut(model.version))
            raise Unreadable(f"the descriptor of `{shown}` has an empty {what}")
    _short(model)


def _short(model: ModelId) -> None:
    _within("data type", model.data_type)
    _within("name", model.name)
    _within("version", model.version)


def _within(what: str, text: str) -> None:
    reason = too_long(what, text)
    if reason:
        raise Unreadable(reason)


def _expects(header: bytes | None) -> int | None:
    if header is None:
        return None
    text = header.decode(errors="replace")
    if not re.fullmatch(r"\+?[0-9]{1,40}", text, re.ASCII) or int(text) >= 1 << 64:
        raise Unreadable(f"expected a revision in decimal in the header `sandstream-expects`, got `{text}`")
    return int(text)


def _deploy(data_type: str, value: bytes | None) -> Deploy:
    # A deployment that is removed leaves what a data type has from the start.
    if value is None:
        return Deploy(data_type, None)
    try:
        deployment = pb.Deployment.FromString(value)
    except DecodeError as error:
        raise Unreadable(f"expected a Deployment: {error}") from None
    if deployment.data_type != data_type:
        raise Unreadable(f"the key says data type `{data_type}`, the deployment `{deployment.data_type}`")
    kind = deployment.strategy.WhichOneof("kind")
    if kind == "latest":
        return Deploy(data_type, None)
    if kind == "pinned":
        pinned = deployment.strategy.pinned
        _within("name", pinned.name)
        _within("version", pinned.version)
        return Deploy(data_type, (pinned.name, pinned.version))
    raise Unreadable("the deployment has no strategy that this host knows (latest, pinned)")


def _label(key: LabelKey, value: bytes | None) -> SetLabel:
    if value is None:
        return SetLabel(key.data_type, key.label, None)
    try:
        label = pb.Label.FromString(value)
    except DecodeError as error:
        raise Unreadable(f"expected a Label: {error}") from None
    if (label.data_type, label.label) != (key.data_type, key.label):
        raise Unreadable(
            f"the key says label `{key.label}` of `{key.data_type}`, the value `{label.label}` of `{label.data_type}`"
        )
    _within("label", label.label)
    _within("name", label.name)
    _within("version", label.version)
    return SetLabel(key.data_type, key.label, (label.name, label.version))

"""What a model is known by."""

from __future__ import annotations

import hashlib

from google.protobuf.message import Message

from .proto import sandstream_pb2 as pb


class Unreadable(Exception):
    """A record that changes nothing, and why."""


def identity(descriptor: pb.ModelDescriptor) -> str | None:
    """What the model is known by: the digest of its payload, or, where config, evaluator, artifacts, grants or signature are
    set, of the payload's digest and those fields in that order."""
    payload = _content("the model", descriptor, descriptor.WhichOneof("payload"))
    artifacts = [
        (artifact.name, _content(f"artifact `{artifact.name}`", artifact, artifact.WhichOneof("content")))
        for artifact in descriptor.artifacts
    ]
    if payload is None or any(digest is None for _, digest in artifacts):
        return None
    fields = ("config", "evaluator", "grants", "signature")
    if not artifacts and not any(descriptor.HasField(field) for field in fields):
        return f"sha256:{payload.hex()}"
    # A field that is absent and one that is empty are different things: each part begins with a mark.
    parts = [payload, _marked(descriptor, "config"), _marked(descriptor, "evaluator")]
    for name, digest in artifacts:
        parts += [name.encode(), digest or b""]
    parts += [_marked(descriptor, "grants"), _marked(descriptor, "signature")]
    # Each part's length goes in before it, so that no two lists of parts read the same.
    whole = hashlib.sha256(b"".join(len(part).to_bytes(8, "little") + part for part in parts))
    return f"sha256:{whole.hexdigest()}"


def _marked(descriptor: pb.ModelDescriptor, field: str) -> bytes:
    if not descriptor.HasField(field):
        return b"\0"
    value = getattr(descriptor, field)
    if isinstance(value, str):
        return b"\1" + value.encode()
    if isinstance(value, Message):
        # Hosts leave out what they do not know before they write the message again.
        value.DiscardUnknownFields()
        return b"\1" + value.SerializeToString(deterministic=True)
    return b"\1" + bytes(value)


def _content(what: str, holder: pb.ModelDescriptor | pb.Artifact, kind: str | None) -> bytes | None:
    """Digest of bytes that came along, which have to be what they claim to be, or the claimed one of what is elsewhere."""
    claimed = holder.sha256 if holder.HasField("sha256") else None
    if claimed is not None and len(claimed) != 32:
        raise Unreadable(f"sha256 of {what}: expected the 32 bytes of a SHA-256, got {len(claimed)} bytes")
    if holder.HasField("chunks"):
        if kind not in (None, "chunks"):
            raise Unreadable("the descriptor has `chunks` beside `data` or `location`; which is the model?")
        return _chunked(what, claimed, holder.chunks)
    if kind is None:
        if isinstance(holder, pb.Artifact):
            raise Unreadable(f"{what} has neither `data` nor `location` nor `chunks`")
        raise Unreadable("the descriptor has neither `data` nor `location` nor `chunks`, so there is no model")
    if kind == "location":
        return claimed
    digest = hashlib.sha256(holder.data).digest()
    if claimed is not None and claimed != digest:
        raise Unreadable(
            f"{what} has {len(holder.data)} bytes of digest sha256:{digest.hex()}, but its descriptor claims "
            f"sha256:{claimed.hex()}"
        )
    return digest


def _chunked(what: str, claimed: bytes | None, manifest: pb.Manifest) -> bytes:
    """Digest of what lies in chunks beside the control log, whose manifest has to agree with itself."""
    if claimed is None:
        raise Unreadable(f"{what} is in chunks and has no sha256, by which they are found and checked")
    count = len(manifest.chunks)
    if count == 0:
        raise Unreadable(f"{what} is in chunks, but its manifest names none")
    for number, chunk in enumerate(manifest.chunks, 1):
        why = None
        if len(chunk.sha256) != 32:
            why = f"sha256: expected the 32 bytes of a SHA-256, got {len(chunk.sha256)} bytes"
        elif chunk.size == 0:
            why = "expected some bytes, got none"
        elif chunk.partition < 0 or chunk.offset < 0:
            why = f"expected a partition and an offset from 0 on, got {chunk.partition} and {chunk.offset}"
        if why:
            raise Unreadable(f"{what}, chunk {number} of {count}: {why}")
    total = sum(chunk.size for chunk in manifest.chunks)
    if total != manifest.size:
        raise Unreadable(f"{what} has {manifest.size} bytes by its manifest, but its {count} chunks have {total}")
    return claimed

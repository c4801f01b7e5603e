"""Any log that anybody can write is read as the command line reads it, which reads it as every host does."""

from __future__ import annotations

import hashlib
import json

import pytest
from conftest import Stage
from test_publish import assert_agrees

from sandstream.names import ModelId, escape, parse_key, unescape
from sandstream.proto.sandstream_pb2 import Artifact, Deployment, Grants, Label, Manifest, ModelDescriptor, Signature

Strategy = Deployment.Strategy


def model(name: str, version: str | None = None, data: bytes = b"x", **more: object) -> bytes:
    message = ModelDescriptor(name=name, data_type="wine", model_type=ModelDescriptor.WASM, **more)  # type: ignore[arg-type]
    if "location" not in more and "chunks" not in more:
        message.data = data
    if version is not None:
        message.version = version
    return message.SerializeToString()


def pin(name: str, version: str) -> bytes:
    return Deployment(
        data_type="wine", strategy=Strategy(pinned=Deployment.Pinned(name=name, version=version))
    ).SerializeToString()


LATEST = Deployment(data_type="wine", strategy=Strategy(latest=Deployment.Latest())).SerializeToString()
UNKNOWN_STRATEGY = Deployment(data_type="wine").SerializeToString() + b"\x12\x03\x82\x01\x00"
DIGEST = hashlib.sha256(b"x").digest()


def manifest(size: int = 4, piece: int = 2, sha256: bytes = DIGEST, offset: int = 7) -> Manifest:
    chunk = Manifest.Chunk(sha256=sha256, size=piece, partition=0, offset=offset)
    return Manifest(size=size, chunks=[chunk, chunk])


RECORDS: list[tuple[str | None, bytes | None, str | None]] = [
    (None, model("a"), None),
    (None, model("a"), None),  # again
    (None, model("a", data=b"y"), None),
    (None, model("a"), None),  # of an older one: a new version
    ("model/wine/a@1", model("a", "1"), None),
    ("model/wine/a@1", model("a", "1"), None),
    ("model/wine/a@1", model("a", "1", b"other"), None),
    ("model/wine/a@2", model("a", "3"), None),
    ("model/wine/a@2", model("a"), None),
    ("model/wine/a%20b%2F%C3%A9@1%40", model("a b/é", "1@"), None),
    ("model/wine/%FF@1", model("a", "1"), None),
    ("model/wine//a@1", model("a", "1"), None),
    ("model/wine/@1", None, None),
    ("model/wine/a", None, None),
    ("model/wine/a@1@2", model("a", "1@2"), None),
    ("model/wine/" + "n" * 256 + "@1", model("n" * 256, "1"), None),
    (None, model("n" * 256), None),
    (None, model(""), None),
    (None, b"\xff\xff", None),
    (None, b"", None),
    (None, None, None),
    ("nonsense", b"x", None),
    ("evaluator/e@1", b"x", None),
    # Digests of more than a payload.
    (None, model("c", config=b""), None),
    (None, model("c", config=b"1"), None),
    (None, model("c", evaluator="e"), None),
    (None, model("c", artifacts=[Artifact(name="w", data=b"w"), Artifact(name="v", location="l", sha256=DIGEST)]), None),
    (None, model("c", artifacts=[Artifact(name="v", location="l")]), None),
    (None, model("c", artifacts=[Artifact(name="v")]), None),
    (None, model("c", grants=Grants(memory_bytes=1 << 30, stateful=False)), None),
    (None, model("c", grants=Grants()) + b"", None),
    (None, model("c", signature=Signature(outputs=[Signature.Output(name="o", width=1)])), None),
    (None, model("c", grants=Grants(load_ms=1), signature=Signature(), config=b"", evaluator="") + b"\xaa\x01\x02\x78\x01", None),
    (None, model("s", sha256=DIGEST), None),
    (None, model("s", data=b"y", sha256=DIGEST), None),
    (None, model("s", sha256=b"short"), None),
    (None, model("l", location="a/b", sha256=DIGEST), None),
    (None, model("l", location="a/c"), None),
    (None, model("k", chunks=manifest(), sha256=DIGEST), None),
    (None, model("k", chunks=manifest(), sha256=DIGEST), None),  # again
    (None, model("k", sha256=DIGEST), None),  # and carried: the same
    (None, model("k", chunks=manifest()), None),
    (None, model("k", chunks=Manifest(), sha256=DIGEST), None),
    (None, model("k", chunks=manifest(size=3), sha256=DIGEST), None),
    (None, model("k", chunks=manifest(sha256=b"short"), sha256=DIGEST), None),
    (None, model("k", chunks=manifest(piece=0), sha256=DIGEST), None),
    (None, model("k", chunks=manifest(offset=-1), sha256=DIGEST), None),
    (None, model("k", chunks=manifest(), location="l", sha256=DIGEST), None),
    (None, model("k", artifacts=[Artifact(name="w", chunks=manifest(), sha256=DIGEST)]), None),
    (None, ModelDescriptor(name="no payload", data_type="wine").SerializeToString(), None),
    (None, ModelDescriptor(name="t", data_type="other", model_type=99, data=b"x").SerializeToString(), None),  # type: ignore[arg-type]
    # Labels.
    ("label/wine/champion", Label(data_type="wine", label="champion", name="a", version="1").SerializeToString(), None),
    ("label/wine/old", Label(data_type="wine", label="old", name="a", version="1").SerializeToString(), None),
    ("label/wine/old", None, None),
    ("label/wine/wrong", Label(data_type="wine", label="other", name="a", version="1").SerializeToString(), None),
    # Deployments: a pin to what is there, to what comes later, and one that loses its model.
    ("deployment/wine", pin("a", "1"), None),
    ("deployment/wine", pin("later", "1"), None),
    ("deployment/wine", UNKNOWN_STRATEGY, None),
    ("deployment/other", LATEST, None),
    ("model/wine/later@1", model("later", "1"), None),
    ("model/wine/later@1", None, None),
    ("model/wine/later@1", model("later", "1"), None),
    ("model/wine/a@9", None, None),
    # Stale, and not.
    ("model/wine/stale@1", model("stale", "1"), "3"),
    ("model/wine/fresh@1", model("fresh", "1"), "1000"),
    ("model/wine/signed@1", model("signed", "1"), "+1000"),
    ("model/wine/wordy@1", model("wordy", "1"), "soon"),
    ("model/wine/wordy@2", model("wordy", "2"), "9" * 5000),
]


def test_any_log_is_read_as_the_command_line_reads_it(stage: Stage) -> None:
    with stage.client() as client:
        for at, (key, value, expects) in enumerate(RECORDS):
            stage.write(key, value, expects)
            # In the middle too, as a client that is used again reads on.
            if at % 20 == 0:
                client.status()
        assert_agrees(client, stage)
        assert len(client.models("wine")) > 20
        shown = json.loads(stage.run("model", "show", "--config", str(stage.config), "--data-type", "wine", "--json", "a"))
        assert client.status().deployments["wine"] == shown["deployment"]


def test_rolling_back_goes_where_the_command_line_goes(brokers: str, program: str, stage: Stage) -> None:
    """Twice back, with a version in between that was retired; each goes on from where the other has been."""
    with stage.client() as client:
        for version in "12345":
            client.publish(b"\0asm\x0d\0\1\0" + version.encode(), "wine", "m", version, wait=0)
        client.retire("wine", "m@3", wait=0)
        command = ("model", "rollback", "--config", str(stage.config), "--no-wait", "--json")
        assert client.rollback("wine", wait=0).model == "wine/m@4"
        assert json.loads(stage.run(*command))["model"] == "wine/m@2"
        assert client.rollback("wine", wait=0).model == "wine/m@1"
        client.unpin("wine", wait=0)
        assert json.loads(stage.run(*command))["model"] == "wine/m@1"


@pytest.mark.parametrize("text", ["a", "a b", "a/b@c%d", "é\n\x7f", "!\"#$&'()*+,-.:;<=>?[\\]^_`{|}~", "%41"])
def test_part_of_a_key_is_read_as_it_was_written(text: str) -> None:
    named = ModelId(text, text, text)
    assert unescape(escape(text)) == text
    assert parse_key(named.key.encode()) == named

"""The client: one record is written, and what the hosts make of it is said. It obeys the rules of `sandstream model`."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import replace
from types import TracebackType
from typing import Any

from . import descriptor, listing
from . import wait as waiting
from .catalog import Again
from .errors import ArgumentError, KafkaError, NoAnswer, NotDone, Refused, Rejected
from .grants import Grant
from .identity import identity
from .log import Log, Written
from .modelfile import Source
from .names import DeploymentKey, ModelId
from .proto import sandstream_pb2 as pb
from .reports import Model, Report, Status
from .topics import Connection
from .wait import Answers, Outcome

WAIT_S = 60.0


class Client:
    """Publishes models and steers them.

        client = Client("kafka:9092")
        client.publish("forest.onnx", "wine")

    `topic` is the control log; the status topic is `<topic>.status`. Any property of librdkafka can be given, with `_` for `.`:
    `Client(brokers, security_protocol="SASL_SSL", sasl_mechanism="SCRAM-SHA-512", ...)`. It connects when it is used first, and
    may be used by several threads, one after the other. Every method raises KafkaError where brokers refuse, or do not answer.
    """

    def __init__(self, brokers: str, topic: str = "models", **properties: Any) -> None:
        # Callbacks have an underscore of their own.
        dotted = {key if key.endswith("_cb") else key.replace("_", "."): value for key, value in properties.items()}
        self._connection = Connection(brokers, dotted)
        self._topic = topic
        self._log: Log | None = None
        self._lock = threading.Lock()

    def publish(
        self,
        model_file: Source,
        data_type: str,
        name: str | None = None,
        version: str | None = None,
        *,
        type: str | None = None,
        description: str = "",
        config: bytes | None = None,
        artifacts: Mapping[str, Source] | None = None,
        evaluator: str | None = None,
        grants: Mapping[str, Grant] | None = None,
        expects: int | None = None,
        unpin: bool = False,
        wait: float = WAIT_S,
    ) -> Report:
        """Announces a model, and waits until the hosts say what came of it.

        `model_file` is a path, the bytes themselves, the folder of a SavedModel, or a Location. `name` is the file's, without
        its ending, unless given. Without `version` the version is the record's offset in the control log, and publishing the
        newest model's bytes again changes nothing. `type` (wasm, onnx, pmml, xgboost, lightgbm, pfa, tensorflow, tensorflowsaved,
        evaluator) is told by the file's bytes, then by its name. `config` is given to the model's `load`, `artifacts` are files
        that it may read by name, `grants` what it may use beyond the defaults: `{"memory": "128MiB", "call": "50ms"}`.

        With `expects` the record is refused if the data type has changed since that revision. `unpin` lifts the data type's pin
        once the model is ready. `wait` is in seconds; with 0 nobody is waited for.

        Raises ModelFileError and ArgumentError before anything is sent; Refused, Rejected or NoAnswer, with the hosts' words,
        where the model did not become ready everywhere.
        """
        patience = _seconds(wait)
        announced = descriptor.build(
            model_file,
            data_type,
            name,
            version,
            kind=type,
            description=description,
            config=config,
            evaluator=evaluator,
            artifacts=artifacts,
            grants=grants,
        )
        with self._lock, _Use(self) as log:
            return _publish(log, announced, expects, unpin, patience)

    def status(self, data_type: str | None = None) -> Status:
        """The models of the control log with what each host says of them, and which versions are asked for."""
        with self._lock, _Use(self) as log:
            return listing.status(log, data_type)

    def models(self, data_type: str | None = None) -> list[Model]:
        """The models of the control log, oldest first."""
        return list(self.status(data_type).models)

    def rollback(self, data_type: str, to: str | None = None, *, wait: float = WAIT_S) -> Report:
        """Pins the version that was live before, or the one called `to` (`name@version`).

        It stays live, whoever publishes, until `unpin`. Rolling back again goes back one version more.
        """
        patience = _seconds(wait)
        with self._lock, _Use(self) as log:
            target = listing.aim(log, data_type, to)
            pinned = pb.Deployment.Strategy(pinned=pb.Deployment.Pinned(name=target.name, version=target.version))
            written = _deploy(log, data_type, pinned)
            return _deployed(log, data_type, written, Report(str(target), target.version, 0, "Pinned"), patience)

    def unpin(self, data_type: str, *, wait: float = WAIT_S) -> Report:
        """Lifts a pin: the latest version that is fit answers again."""
        patience = _seconds(wait)
        with self._lock, _Use(self) as log:
            in_force, pending = log.catalog.deployment(data_type)
            if in_force.pinned is None and pending is None:
                draft = _live(log, data_type, "Unchanged")
                return replace(draft, reason="no version is pinned, so nothing was written")
            written = _deploy(log, data_type, _latest())
            return _deployed(log, data_type, written, _live(log, data_type, "Unpinned"), patience)

    def retire(self, data_type: str, model: str, *, expects: int | None = None, wait: float = WAIT_S) -> Report:
        """Takes the model `name@version` out of service.

        The version that is live then is the newest one left. A retired version can never come back with other content.
        """
        patience = _seconds(wait)
        with self._lock, _Use(self) as log:
            found = listing.find(log, data_type, model)
            draft = Report(str(found.id), found.id.version, found.revision, "Retired", found.digest)
            written = log.write(found.id.key, None, expects)
            if written.refused is not None:
                raise _refused(draft, written.refused)
            if patience == 0:
                return replace(draft, reason="no host was waited for")
            answers = waiting.retired(log, data_type, written.revision, found.revision, patience)
            return _answered(log, data_type, draft, answers, patience)

    def close(self) -> None:
        """Ends the connections; a client that is used again connects again."""
        with self._lock:
            self._forget()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _ready(self) -> Log:
        """Both topics, read to their ends."""
        for _ in range(2):
            if self._log is None:
                self._log = Log(self._connection, self._topic)
            if self._log.refresh():
                return self._log
            # Somebody made the topic anew.
            self._forget()
        raise KafkaError(f"topic `{self._topic}` gets shorter while it is read: is somebody making it anew?")

    def _forget(self) -> None:
        if self._log is not None:
            self._log.close()
            self._log = None


class _Use:
    """The log for one command. After a failure, or a key pressed in the middle, it is read anew."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def __enter__(self) -> Log:
        try:
            return self._client._ready()
        except BaseException:
            self._client._forget()
            raise

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if error is not None and not isinstance(error, (NotDone, ArgumentError)):
            self._client._forget()


def _publish(log: Log, announced: pb.ModelDescriptor, expects: int | None, unpin: bool, patience: float) -> Report:
    data_type, versioned = announced.data_type, announced.HasField("version")
    # A record under a key needs a version of its own; without one it goes as the tutorial sends it.
    key = ModelId(data_type, announced.name, announced.version).key if versioned else None
    written = log.write(key, announced.SerializeToString(), expects)
    revision, advice = written.revision, []
    model = ModelId(data_type, announced.name, announced.version if versioned else str(revision))
    if isinstance(written.effect, Again):
        revision = written.effect.revision
        known = log.catalog.at(data_type, revision)
        model = known.id if known else model
        advice.append(f"{model} was announced with the same content at revision {revision}; nothing changes")
    draft = Report(str(model), model.version, revision, "Published", identity(announced))
    if written.refused is not None:
        raise _refused(draft, written.refused)
    if patience == 0:
        advice += _unpinned(log, data_type)[1] if unpin else []
        return replace(draft, reason="no host was waited for", advice=tuple(advice))
    answers = waiting.published(log, data_type, revision, patience)
    is_pinned = log.catalog.deployment(data_type)[0].pinned is not None
    ready = bool(answers) and all(judged.outcome != Outcome.FAILED for judged in answers.values())
    if unpin and is_pinned and ready:
        deployed, said = _unpinned(log, data_type)
        advice += said
        if deployed is not None:
            answers, is_pinned = waiting.deployed(log, data_type, deployed, patience), False
    if is_pinned and any(judged.outcome == Outcome.HELD for judged in answers.values()):
        advice.append(f"another version is pinned, so this one waits; `unpin({data_type!r})` lifts the pin")
    return _answered(log, data_type, replace(draft, advice=tuple(advice)), answers, patience)


def _unpinned(log: Log, data_type: str) -> tuple[int | None, list[str]]:
    """Lifts the pin, unless something has changed since this client has looked."""
    written = _deploy(log, data_type, _latest())
    if written.refused is None:
        return written.revision, []
    return None, [f"the pin was not lifted: {written.refused}"]


def _live(log: Log, data_type: str, word: str) -> Report:
    """A report about the version that the log makes live."""
    live = log.catalog.at(data_type, log.catalog.live(data_type))
    if live is None:
        return Report(data_type, "", log.catalog.revision, word)
    return Report(str(live.id), live.id.version, live.revision, word, live.digest)


def _latest() -> pb.Deployment.Strategy:
    return pb.Deployment.Strategy(latest=pb.Deployment.Latest())


def _deploy(log: Log, data_type: str, strategy: pb.Deployment.Strategy) -> Written:
    """Writes a deployment, and has it refused everywhere if the data type has changed meanwhile."""
    value = pb.Deployment(data_type=data_type, strategy=strategy).SerializeToString()
    return log.write(DeploymentKey(data_type).key, value, log.catalog.revision)


def _deployed(log: Log, data_type: str, written: Written, draft: Report, patience: float) -> Report:
    """Waits for a deployment."""
    draft = replace(draft, revision=written.revision)
    if written.refused is not None:
        raise _refused(draft, written.refused)
    if patience == 0:
        return replace(draft, reason="no host was waited for")
    return _answered(log, data_type, draft, waiting.deployed(log, data_type, written.revision, patience), patience)


def _refused(draft: Report, why: str) -> Refused:
    return Refused(replace(draft, state="Refused", reason=why))


def _answered(log: Log, data_type: str, draft: Report, answers: Answers, patience: float) -> Report:
    """What the hosts answered; raises where one of them did not do what was asked for, or none answered."""
    if not answers:
        advice = (*draft.advice, listing.silence(log, data_type, patience))
        raise NoAnswer(replace(draft, state="Unanswered", reason="no host has answered", advice=advice))
    # Of those that failed the ones that are done: what is still under way may become well.
    worst = max(answers.values(), key=lambda judged: (judged.outcome, judged.final))
    said, hosts = worst.answer, tuple(judged.answer for judged in answers.values())
    report = replace(draft, state=said.state, stage=said.stage, reason=said.reason, hosts=hosts)
    if worst.outcome == Outcome.FAILED:
        raise Rejected(report) if worst.final else NoAnswer(report)
    return report


def _seconds(wait: float) -> float:
    if isinstance(wait, bool) or not isinstance(wait, (int, float)) or not 0 <= wait < float("inf"):
        raise ArgumentError(f"wait={wait!r}: expected seconds, 0 or more")
    return float(wait)

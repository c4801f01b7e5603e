"""Topics that are read from their beginning, without a group, and single records that are written."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from typing import Any, Callable

from confluent_kafka import Consumer, KafkaException, Message, Producer, TopicPartition
from confluent_kafka import KafkaError as Code
from confluent_kafka.admin import AdminClient, ConfigResource

from .errors import ArgumentError, KafkaError

WAIT_S = 30.0
"""How long brokers may take to answer."""

ASK_S = 15.0
"""How long they may take to say what topics there are."""

BYTES_MAX = 1_000_000_000
"""What librdkafka takes at most."""

# Keys that are this package's, and why.
_RESERVED = {
    "bootstrap.servers": "it is `brokers`",
    "metadata.broker.list": "it is `brokers`",
    "group.id": "nothing is committed, so there is no group",
    "enable.auto.commit": "nothing is committed",
    "enable.partition.eof": "it tells when a topic was read to its end",
    "isolation.level": "it is read_committed, as for every host",
    "acks": "it is always `all`: a model that is not replicated is not published",
    "enable.idempotence": "it is always on: without it a retry can announce a model twice",
    "transactional.id": "single records need no transaction",
    "error_cb": "it keeps what the client said last, for the messages of errors",
    "logger": "the client's log goes to the logger `sandstream`",
}

# What to do about an error that no repetition cures.
_ADVICE = {
    Code.TOPIC_AUTHORIZATION_FAILED: "Grant the user Read on the control log and the status topic, Write on the control log",
    Code.CLUSTER_AUTHORIZATION_FAILED: "Grant the user the right on the cluster that the broker's log names",
    Code.SASL_AUTHENTICATION_FAILED: "Look at sasl.mechanism, sasl.username and sasl.password",
    Code._AUTHENTICATION: "Look at sasl.mechanism, sasl.username and sasl.password",
    Code.MSG_SIZE_TOO_LARGE: "Raise the topic's max.message.bytes",
}

_log = logging.getLogger("sandstream")
# As libraries do: whoever wants the client's lines configures logging.
_log.addHandler(logging.NullHandler())


class Connection:
    """Where the brokers are, and how to speak to them."""

    def __init__(self, brokers: str, properties: Mapping[str, Any]) -> None:
        if not brokers.strip():
            raise ArgumentError("brokers: expected `host:port,..`, got nothing")
        for key, why in _RESERVED.items():
            if key in properties:
                raise ArgumentError(f"`{key}` cannot be set: {why}")
        self.brokers = brokers
        self._properties = {"client.id": "sandstream-python", "socket.keepalive.enable": True, **properties}
        self._said: str | None = None
        # Kept, as one takes half a second to be ready; dropped when a record of its was not delivered.
        self._producer: Producer | None = None

    def settings(self, **more: Any) -> dict[str, Any]:
        named = {key.replace("_", "."): value for key, value in more.items()}
        return {**self._properties, **named, "bootstrap.servers": self.brokers, "error_cb": self._heard}

    def listen(self) -> None:
        """What the client said before has nothing to do with what fails from now on."""
        self._said = None

    def _heard(self, error: Code) -> None:
        # That all brokers are down is said after why each of them is.
        if error.code() != Code._ALL_BROKERS_DOWN:
            self._said = error.str()

    def made(self, kind: Callable[..., Any], settings: dict[str, Any]) -> Any:
        try:
            return kind({**settings, "logger": _log})
        except (KafkaException, TypeError, ValueError) as error:
            raise ArgumentError(f"kafka: {_words(error)}") from None

    def unreachable(self, what: str, why: str) -> KafkaError:
        why = self._said or why
        return KafkaError(f"no answer from {self.brokers} to {what}: {why}")

    def failed(self, what: str, error: Code) -> KafkaError:
        """An error as this package says it."""
        advice = _ADVICE.get(error.code())
        if advice:
            return KafkaError(f"{what}: {error.str()}. {advice}")
        return self.unreachable(what, error.str())

    def bytes_max(self, topic: str) -> int | None:
        """The largest batch that a topic takes; None where the user may not ask."""
        admin = self.made(AdminClient, self.settings())
        resource = ConfigResource(ConfigResource.Type.TOPIC, topic)
        try:
            found = admin.describe_configs([resource], request_timeout=ASK_S)[resource].result(ASK_S + 5)
            return int(found["max.message.bytes"].value)
        except (KafkaException, KeyError, TypeError, ValueError, TimeoutError):
            return None

    def write(self, topic: str, key: bytes | None, value: bytes | None, headers: list[tuple[str, str | bytes]]) -> int:
        """Writes one record, and returns its offset when every replica in sync has it."""
        what = f"publishing to `{topic}`"
        # A record that failed may have left the client in a state that it does not come out of.
        producer, self._producer = self._producer or self._new_producer(), None
        came: list[tuple[Code | None, Message]] = []
        try:
            producer.produce(
                topic, value, key, partition=0, headers=headers, on_delivery=lambda error, record: came.append((error, record))
            )
        except (KafkaException, BufferError) as error:
            raise KafkaError(f"{what}: {_words(error)}") from None
        producer.flush(WAIT_S + 2)
        if not came or (came[0][0] is not None and came[0][0].code() == Code._MSG_TIMED_OUT):
            raise self.unreachable(what, f"not acknowledged within {WAIT_S:g} s")
        failure, record = came[0]
        if failure is not None:
            raise self.failed(what, failure)
        offset = record.offset()
        if offset is None:
            raise KafkaError(f"{what}: the brokers told no offset")
        self._producer = producer
        return offset

    def _new_producer(self) -> Producer:
        settings = self.settings(
            acks="all",
            enable_idempotence=True,
            linger_ms=0,
            message_max_bytes=BYTES_MAX,
            queue_buffering_max_kbytes=2_097_151,
            message_timeout_ms=int(WAIT_S * 1000),
        )
        producer: Producer = self.made(Producer, settings)
        return producer

    def close(self) -> None:
        self._producer = None


class Topic:
    """A topic, read from its beginning and then followed. `take` is called with every record that comes."""

    def __init__(self, connection: Connection, name: str, take: Callable[[Message], None]) -> None:
        self.name = name
        self._connection = connection
        self._take = take
        self._consumer: Consumer = connection.made(
            Consumer,
            connection.settings(
                # librdkafka's assign wants a group's name; nothing is ever committed under it.
                group_id="sandstream-reader",
                enable_auto_commit=False,
                enable_partition_eof=True,
                isolation_level="read_committed",
                auto_offset_reset="earliest",
                fetch_wait_max_ms=50,
                queued_max_messages_kbytes=65536,
                # Larger records than this never arrive: the connection is closed over them again and again.
                receive_message_max_bytes=BYTES_MAX,
            ),
        )
        partitions = self._existing()
        # The offset up to which each partition has been read.
        self._at = dict.fromkeys(partitions, 0)
        self._consumer.assign([TopicPartition(name, partition, 0) for partition in partitions])

    @property
    def partitions(self) -> int:
        return len(self._at)

    def close(self) -> None:
        self._consumer.close()

    def to_end(self) -> bool:
        """Reads up to the present end. Returns whether the topic is still the one that was read: it is not where it ends before
        what was read."""
        self._connection.listen()
        ends = {partition: self._end(partition) for partition in self._at}
        if any(end < self._at[partition] for partition, end in ends.items()):
            return False
        self.to(ends)
        return True

    def to(self, ends: Mapping[int, int]) -> None:
        """Reads up to these offsets."""
        until = time.monotonic() + WAIT_S
        while any(self._at[partition] < end for partition, end in ends.items()):
            before = dict(self._at)
            self.poll(0.1)
            now = time.monotonic()
            if before != self._at:
                until = now + WAIT_S
            elif now >= until:
                raise self._connection.unreachable(f"reading topic `{self.name}`", f"nothing came for {WAIT_S:g} s")

    def poll(self, wait_s: float) -> None:
        """Takes the next record, if one comes in time."""
        record = self._consumer.poll(wait_s)
        if record is None:
            return
        error, partition, offset = record.error(), record.partition(), record.offset()
        if error is None:
            if partition is not None and offset is not None:
                self._at[partition] = offset + 1
            self._take(record)
        elif error.code() == Code._PARTITION_EOF:
            # What transactions leave in a topic is passed without being seen.
            if partition is not None and offset is not None:
                self._at[partition] = max(self._at[partition], offset)
        else:
            self._fail(error)

    def _fail(self, error: Code) -> None:
        what = f"reading topic `{self.name}`"
        if error.code() in (Code.UNKNOWN_TOPIC_OR_PART, Code._UNKNOWN_TOPIC):
            raise KafkaError(f"{what}: it does not exist any more")
        # Its group is a name without a member: that the user may not use it changes nothing.
        if error.code() != Code.GROUP_AUTHORIZATION_FAILED and (error.fatal() or error.code() in _ADVICE):
            raise self._connection.failed(what, error)
        # Anything else the client mends by itself.
        _log.warning("%s: %s", what, error.str())

    def _existing(self) -> list[int]:
        what = f"metadata of topic `{self.name}`"
        try:
            found = self._consumer.list_topics(self.name, timeout=ASK_S).topics.get(self.name)
        except KafkaException as error:
            # What the client heard meanwhile, it tells when it is polled.
            self._consumer.poll(0)
            raise self._connection.failed(what, _code(error)) from None
        missing = (Code.UNKNOWN_TOPIC_OR_PART, Code._UNKNOWN_TOPIC)
        failure = found.error if found else None
        if found is None or (isinstance(failure, Code) and failure.code() in missing):
            raise KafkaError(
                f"topic `{self.name}` does not exist on {self._connection.brokers}: create it, or run "
                "`sandstream check --kafka --create`"
            )
        if isinstance(failure, Code):
            raise self._connection.failed(what, failure)
        return sorted(found.partitions)

    def _end(self, partition: int) -> int:
        what = f"the end of topic `{self.name}`"
        try:
            ends = self._consumer.get_watermark_offsets(TopicPartition(self.name, partition), timeout=ASK_S)
        except KafkaException as error:
            raise self._connection.failed(what, _code(error)) from None
        if ends is None:
            raise self._connection.unreachable(what, f"nothing came for {ASK_S:g} s")
        return int(ends[1])


def _code(error: KafkaException) -> Code:
    code = error.args[0]
    return code if isinstance(code, Code) else Code(Code._FAIL, str(error))


def _words(error: Exception) -> str:
    cause = error.args[0] if error.args else error
    return str(cause.str()) if isinstance(cause, Code) else str(cause)

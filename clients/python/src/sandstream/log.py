"""The control log and the status topic as a command sees them: read to their ends, then written to and followed."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass

from confluent_kafka import Message

from . import orders, status
from .catalog import Catalog, Effect, RefusedOrder
from .errors import KafkaError
from .identity import Unreadable
from .names import EXPECTS_HEADER
from .status import Notice, States
from .topics import BYTES_MAX, Connection, Topic

FRAMING = 4096
"""What a record's key, headers and framing take of a topic's `max.message.bytes`, at most."""

SMALL = 64 << 10
"""Bytes of a record that are not worth asking for what the topic takes."""


@dataclass(frozen=True)
class Written:
    """A record that is in the control log, and what it comes to: every host decides the same."""

    revision: int
    # None where it changes nothing; then `refused` says why.
    effect: Effect | None
    refused: str | None = None


class Log:
    """Both topics. Models are read once and their bytes forgotten, so a client that is used again reads only what is new."""

    def __init__(self, connection: Connection, topic: str) -> None:
        self.topic = topic
        self.states = States()
        self.catalog = Catalog()
        self._connection = connection
        self._orders: list[orders.Order] = []
        self._news: deque[Notice] = deque()
        self._last: tuple[int, orders.Order | str] | None = None
        self._status = Topic(connection, f"{topic}.status", self._noticed)
        self._control = Topic(connection, topic, self._ordered)
        if self._control.partitions != 1:
            raise KafkaError(
                f"topic `{topic}`: expected 1 partition, so that all hosts see one order, got {self._control.partitions}"
            )

    def close(self) -> None:
        self._status.close()
        self._control.close()
        self._connection.close()

    def refresh(self) -> bool:
        """Reads what is new in both. Returns false where a topic is not the one that was read any more."""
        if not (self._status.to_end() and self._control.to_end()):
            return False
        self._news.clear()
        # Which models are fit is known from the states of now, not from those of when a record was read.
        self.catalog = Catalog(self._orders, self.states.unfit())
        return True

    def write(self, key: str | None, value: bytes | None, expects: int | None) -> Written:
        """Writes a record, and reads on to it, so that what was written before it meanwhile counts."""
        self._fits(value)
        headers: list[tuple[str, str | bytes]] = [] if expects is None else [(EXPECTS_HEADER, str(expects).encode())]
        known = len(self._orders)
        revision = self._connection.write(self.topic, key.encode() if key is not None else None, value, headers)
        self._control.to({0: revision + 1})
        written = None
        for order in self._orders[known:]:
            try:
                effect = self.catalog.apply(order)
            except RefusedOrder as refused:
                written = Written(order.revision, None, str(refused))
            else:
                written = Written(order.revision, effect)
        if self._last and self._last[0] == revision and isinstance(self._last[1], str):
            return Written(revision, None, self._last[1])
        if written is None or written.revision != revision:
            raise KafkaError(f"the record of revision {revision} cannot be read back from `{self.topic}`: look at `status()`")
        return written

    def next_notice(self, until: float) -> Notice | None:
        """The next thing a host says; waits until then at most (`time.monotonic()`)."""
        if not self._news:
            self._status.poll(max(0.0, until - time.monotonic()))
        return self._news.popleft() if self._news else None

    def _fits(self, value: bytes | None) -> None:
        size = len(value or b"")
        if size <= SMALL:
            return
        # Where the user may not ask, the brokers say it when they get the record.
        takes = min(self._connection.bytes_max(self.topic) or BYTES_MAX, BYTES_MAX)
        if size + FRAMING > takes:
            raise KafkaError(
                f"the descriptor has {size} bytes, but topic `{self.topic}` takes {takes} (its max.message.bytes): publish it "
                "with `sandstream model publish`, which sends it in chunks; or put the model where all hosts find it, under a "
                'folder of `control.locations`, and publish it with `Location("<path there>", copy="<file here>")`, big '
                "artifacts too; or "
                "raise the topic's max.message.bytes"
            )

    def _ordered(self, record: Message) -> None:
        expects = next((value for name, value in record.headers() or [] if name == EXPECTS_HEADER), None)
        revision = record.offset() or 0
        expects_bytes = expects.encode() if isinstance(expects, str) else expects
        try:
            order = orders.read(orders.Entry(revision, _bytes(record.key()), _bytes(record.value()), expects_bytes))
        except Unreadable as refused:
            self._last = (revision, str(refused))
            return
        self._last = (revision, order)
        self._orders.append(order)

    def _noticed(self, record: Message) -> None:
        key = _bytes(record.key())
        self.states.hear(key, record.timestamp()[1])
        notice = status.read(key, _bytes(record.value()))
        if notice:
            self.states.take(notice)
            self._news.append(notice)


def _bytes(data: str | bytes | None) -> bytes | None:
    return data.encode() if isinstance(data, str) else data

"""What hosts say on the status topic."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from .names import unescape

REFUSED = "$refused"
"""The name under which a refused record is spoken of."""

DEPLOYMENT = "$deployment"
"""The name under which a deployment is spoken of."""


@dataclass(frozen=True)
class Notice:
    """One thing that one host says about one of its streams."""

    # `<instance>/<stream>`
    place: str
    data_type: str
    # Of the model; `$refused` and `$deployment` are no models.
    name: str
    version: str
    state: str
    stage: str | None
    reason: str | None
    revision: int | None
    digest: str | None
    # Milliseconds since the epoch.
    since: int

    @property
    def model(self) -> int | None:
        """The revision of the model it is about; None where it is about no model."""
        return None if self.name.startswith("$") else self.revision

    @property
    def is_unfit(self) -> bool:
        """Whether the host will not use the model."""
        return self.state in ("Rejected", "Quarantined")


def read(key: bytes | None, value: bytes | None) -> Notice | None:
    """Reads a record of the topic; None for what is no notice: a later host may say more than this package knows."""
    said = _json(value)
    parts = _parts(key)
    if said is None or parts is None or not isinstance(said.get("state"), str):
        return None
    instance, stream, data_type, name, version = parts
    texts = {field: said[field] for field in ("stage", "reason", "digest") if isinstance(said.get(field), str)}
    numbers = {field: said[field] for field in ("revision", "since") if type(said.get(field)) is int}
    return Notice(
        place=f"{instance}/{stream}",
        data_type=data_type,
        name=name,
        version=version,
        state=said["state"],
        stage=texts.get("stage"),
        reason=texts.get("reason"),
        revision=numbers.get("revision"),
        digest=texts.get("digest"),
        since=numbers.get("since", 0),
    )


def _json(value: bytes | None) -> dict[str, Any] | None:
    try:
        said = json.loads(value or b"null")
    except (ValueError, RecursionError):
        return None
    return said if isinstance(said, dict) else None


def _parts(key: bytes | None) -> tuple[str, str, str, str, str] | None:
    parts = _split(key)
    if parts is None or len(parts) != 4:
        return None
    instance, stream, data_type, model = parts
    name, at, version = model.partition("@")
    clear = [part for part in map(unescape, (instance, stream, data_type, name, version)) if part is not None]
    if not at or len(clear) != 5:
        return None
    return (clear[0], clear[1], clear[2], clear[3], clear[4])


def speaker(key: bytes | None) -> tuple[str, str] | None:
    """The data type that a record of the topic is about and the place that wrote it, whatever it says; totals have a lane in
    their key."""
    parts = _split(key)
    if parts is None or len(parts) not in (4, 5):
        return None
    instance, stream, data_type = unescape(parts[0]), unescape(parts[1]), unescape(parts[-2])
    return None if data_type is None else (data_type, f"{instance}/{stream}")


def _split(key: bytes | None) -> list[str] | None:
    try:
        return (key or b"").decode().split("/")
    except UnicodeDecodeError:
        return None


class States:
    """What every host said last."""

    def __init__(self) -> None:
        # By data type, revision of the model, and place.
        self._models: dict[tuple[str, int], dict[str, Notice]] = {}
        # By data type and place: when it spoke last of anything there, in milliseconds since the epoch.
        self.heard: dict[tuple[str, str], int] = {}

    def hear(self, key: bytes | None, at_ms: int) -> None:
        spoke = speaker(key)
        if spoke:
            self.heard[spoke] = max(self.heard.get(spoke, 0), at_ms)

    def take(self, notice: Notice) -> None:
        if notice.model is None:
            return
        if notice.state == "Live":
            self._replace(notice, notice.model)
        self._models.setdefault((notice.data_type, notice.model), {})[notice.place] = notice

    def _replace(self, live: Notice, revision: int) -> None:
        """One version is live at a place. A host that was replaced while it was down has not said so of the one before."""
        for (data_type, at), places in self._models.items():
            before = places.get(live.place)
            if data_type == live.data_type and at != revision and before and before.state == "Live":
                reason = f"replaced by `{live.name}@{live.version}`"
                places[live.place] = replace(before, state="Announced", reason=reason)

    def of(self, data_type: str, revision: int) -> list[Notice]:
        """What is said of a model, by place."""
        said = self._models.get((data_type, revision), {})
        return [said[place] for place in sorted(said)]

    def at(self, place: str, data_type: str, revision: int) -> Notice | None:
        """What one place says of a model."""
        return self._models.get((data_type, revision), {}).get(place)

    def places(self, data_type: str) -> set[str]:
        """Places where some model of the data type is live."""
        return {notice.place for notice in self._of_type(data_type) if notice.state == "Live"}

    def unfit(self) -> set[int]:
        """Models that some place has found unfit, and none fit."""
        return {
            revision
            for (_, revision), said in self._models.items()
            if any(notice.is_unfit for notice in said.values())
            and not any(notice.state in ("Live", "Warm") for notice in said.values())
        }

    def _of_type(self, data_type: str) -> Iterator[Notice]:
        for (of, _), said in self._models.items():
            if of == data_type:
                yield from said.values()

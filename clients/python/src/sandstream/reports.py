"""What is said of a record that was written, and of the models there are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Answer:
    """What came of a record at one host, or what a host says of a model."""

    # `<instance>/<stream>`
    host: str
    state: str
    stage: str | None = None
    reason: str | None = None
    # Milliseconds since the epoch.
    since: int | None = None

    def __str__(self) -> str:
        stage = f" at {self.stage}" if self.stage else ""
        reason = f": {self.reason}" if self.reason else ""
        return f"{self.state} on {self.host}{stage}{reason}"


class _Shown:
    """A notebook shows such a value as text, not as the fields it is made of."""

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(str(self))


@dataclass(frozen=True)
class Report(_Shown):
    """What came of a record.

    `state` is the worst that a host answered: Live; Warm or Live of another version, where a pin or a newer version stands
    before it; or, in the report of an error, Rejected, Quarantined, Refused or whatever a host had got to.
    """

    # `dataType/name@version`
    model: str
    version: str
    # Offset in the control log; a model's is that of its announcement.
    revision: int
    state: str
    # `sha256:<hex>` of the model; None where only hosts know it, or no model was published.
    digest: str | None = None
    stage: str | None = None
    reason: str | None = None
    hosts: tuple[Answer, ...] = ()
    # What to know or to do beside.
    advice: tuple[str, ...] = ()

    def __str__(self) -> str:
        subject = f"{self.model} (revision {self.revision})"
        lines = [f"{subject}: {answer}" for answer in self.hosts]
        if not lines:
            lines = [f"{subject}: {self.state}" + (f": {self.reason}" if self.reason else "")]
        return "\n".join([*lines, *self.advice])


@dataclass(frozen=True)
class Model(_Shown):
    """A model of the control log, and how far each host has got with it; of a host that is down, what it said last."""

    data_type: str
    name: str
    version: str
    revision: int
    type: str
    description: str
    digest: str | None
    # On some host.
    live: bool
    pinned: bool
    labels: tuple[str, ...]
    hosts: tuple[Answer, ...]

    def __str__(self) -> str:
        return f"{self.data_type}/{self.name}@{self.version}"


@dataclass(frozen=True)
class Status(_Shown):
    """The models of the control log, oldest first, and which of them is asked for."""

    models: tuple[Model, ...]
    # By data type: `latest`, or the version that is pinned, and since which revision.
    deployments: dict[str, str]

    def live(self, data_type: str) -> Model | None:
        """The newest model of the data type that is live on some host."""
        return next((model for model in reversed(self.models) if model.data_type == data_type and model.live), None)

    def __str__(self) -> str:
        head = ("data type", "name", "version", "revision", "type", "digest", "", "hosts")
        rows = [head, *map(_row, self.models)]
        deployments = [f"{data_type}: {shown}" for data_type, shown in self.deployments.items()]
        return "\n".join([*_aligned(rows), *deployments])


def _row(model: Model) -> tuple[str, ...]:
    marks = [word for word, is_so in (("live", model.live), ("pinned", model.pinned)) if is_so]
    hosts = ", ".join(f"{answer.host} {answer.state}" for answer in model.hosts) or "none has spoken of it"
    return (
        model.data_type,
        model.name,
        model.version,
        str(model.revision),
        model.type,
        (model.digest or "")[: len("sha256:") + 12],
        " ".join([*marks, *(f"={label}" for label in model.labels)]),
        hosts,
    )


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows]

"""What goes wrong, and what is to be done about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .reports import Report


class SandstreamError(Exception):
    """Whatever this package raises by itself."""


class ModelFileError(SandstreamError, ValueError):
    """A file that is no model, or none whose type can be told. Nothing was sent."""


class ArgumentError(SandstreamError, ValueError):
    """An argument that cannot be meant. Nothing was sent."""


class KafkaError(SandstreamError):
    """The brokers do not answer or refuse, or a topic is not as it has to be."""


class NotDone(SandstreamError):
    """The record was written, and what it asks for was not done everywhere. `report` says what each host answered."""

    def __init__(self, report: Report) -> None:
        super().__init__(str(report))
        self.report = report


class Refused(NotDone):
    """Every host refuses the record: it is stale, or contradicts what was announced before."""

    @property
    def reason(self) -> str:
        return self.report.reason or ""


class Rejected(NotDone):
    """A host does not take the model. `stage` and `reason` are those of the first host that said so."""

    @property
    def stage(self) -> str | None:
        return self.report.stage

    @property
    def reason(self) -> str:
        return self.report.reason or ""


class NoAnswer(NotDone, TimeoutError):
    """No host has said anything, or a host was not done in time. The record stays in the control log and is still obeyed."""

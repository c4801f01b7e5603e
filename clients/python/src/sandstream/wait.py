"""Waiting for the hosts to say what came of a record."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Callable, Union

from .catalog import Pinned
from .log import Log
from .reports import Answer
from .status import DEPLOYMENT, REFUSED, Notice

SETTLE_S = 1.0
"""How long others may take to speak when all that have spoken are done: a host says within milliseconds that it has seen a
record, and one that is down never does."""


class Outcome(IntEnum):
    """How it went, the worst last."""

    # As it was asked for.
    DONE = 0
    # In order, but something else stands before it: a pin, or a newer version.
    HELD = 1
    FAILED = 2


@dataclass(frozen=True)
class Judged:
    """What a notice means for what is waited for. A place that is not final is at work on it."""

    outcome: Outcome
    answer: Answer
    final: bool = True


Judge = Callable[[Notice], Union[Judged, None]]
Answers = dict[str, Judged]


def answer_of(notice: Notice, reason: str | None = None) -> Answer:
    return Answer(notice.place, notice.state, notice.stage, reason or notice.reason, notice.since)


def answers(log: Log, data_type: str, patience_s: float, known: Answers, judge: Judge) -> Answers:
    """Follows the status topic until every place that has spoken is done, or until patience has run out; then those that are
    not are part of the answer as they are."""
    until = time.monotonic() + patience_s
    expected = log.states.places(data_type)
    said = dict(known)
    settled = time.monotonic() + SETTLE_S
    while True:
        now = time.monotonic()
        pending = [place for place, judged in said.items() if not judged.final]
        all_spoke = bool(expected) and expected <= said.keys()
        if now >= until or (said and not pending and (all_spoke or now >= settled)):
            break
        notice = log.next_notice(min(until, now + 0.1))
        judged = judge(notice) if notice and notice.data_type == data_type else None
        if notice and judged:
            said[notice.place] = judged
            settled = time.monotonic() + SETTLE_S
    return {place: judged if judged.final else _late(judged, patience_s) for place, judged in sorted(said.items())}


def _late(judged: Judged, patience_s: float) -> Judged:
    reason = judged.answer.reason or f"not done within {patience_s:g} s"
    return Judged(Outcome.FAILED, replace(judged.answer, reason=reason), final=False)


def published(log: Log, data_type: str, revision: int, patience_s: float) -> Answers:
    """Waits until every host that has seen the model of `revision` has it live, or ready, or does not take it."""
    # What was published again may be live, and then nobody says so again.
    known = {}
    for notice in log.states.of(data_type, revision):
        judged = _of_model(notice, revision)
        if judged and judged.final and judged.outcome != Outcome.FAILED:
            known[notice.place] = judged
    return answers(log, data_type, patience_s, known, lambda notice: _of_model(notice, revision))


def _of_model(notice: Notice, revision: int) -> Judged | None:
    if notice.name == REFUSED and notice.revision == revision:
        return Judged(Outcome.FAILED, answer_of(notice))
    model = notice.model
    if model is not None and model > revision and notice.state == "Live":
        reason = f"`{notice.name}@{notice.version}` of revision {model} is newer and live"
        return Judged(Outcome.HELD, answer_of(notice, reason))
    if model != revision:
        return None
    if notice.state == "Live":
        return Judged(Outcome.DONE, answer_of(notice))
    if notice.state in ("Rejected", "Quarantined", "Retired"):
        return Judged(Outcome.FAILED, answer_of(notice))
    # A version that is warm for a moment before it is live has no reason to be.
    return Judged(Outcome.HELD, answer_of(notice), final=notice.state == "Warm" and notice.reason is not None)


def retired(log: Log, data_type: str, revision: int, model: int, patience_s: float) -> Answers:
    """Waits until every host that has had the model of revision `model` has let it go."""

    def judge(notice: Notice) -> Judged | None:
        if notice.name == REFUSED and notice.revision == revision:
            return Judged(Outcome.FAILED, answer_of(notice))
        if notice.model != model:
            return None
        done = notice.state == "Retired"
        return Judged(Outcome.DONE if done else Outcome.HELD, answer_of(notice), final=done)

    return answers(log, data_type, patience_s, {}, judge)


def deployed(log: Log, data_type: str, revision: int, patience_s: float) -> Answers:
    """Waits until every host that has seen the deployment of `revision` has the version live that it asks for."""
    seen: set[str] = set()

    def judge(notice: Notice) -> Judged | None:
        about_it = notice.revision == revision
        if about_it and notice.name == REFUSED:
            return Judged(Outcome.FAILED, answer_of(notice))
        if about_it and notice.name == DEPLOYMENT:
            seen.add(notice.place)
            if notice.state == "Pending":
                return Judged(Outcome.HELD, answer_of(notice))
        return _in_force(log, notice) if notice.place in seen else None

    return answers(log, data_type, patience_s, {}, judge)


def _in_force(log: Log, notice: Notice) -> Judged:
    """Whether the version that is wanted is live at the place that has spoken."""
    wanted = log.catalog.wanted(notice.data_type)
    at = [wanted.revision] if isinstance(wanted, Pinned) else wanted.newest_first
    for revision in at:
        model = log.states.at(notice.place, notice.data_type, revision)
        if isinstance(wanted, Pinned) and model and model.is_unfit:
            return Judged(Outcome.FAILED, answer_of(model))
        if model and model.state == "Live":
            return Judged(Outcome.DONE, answer_of(model))
        if not (model and model.is_unfit):
            return Judged(Outcome.HELD, answer_of(model or notice), final=False)
    return Judged(Outcome.HELD, answer_of(notice, "there is no model that is fit"))

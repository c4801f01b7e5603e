"""What there is to be shown and chosen from."""

from __future__ import annotations

import difflib
import time

from .catalog import Deployment
from .errors import ArgumentError
from .log import Log
from .names import ModelId
from .orders import Announced
from .reports import Answer, Model, Status


def status(log: Log, data_type: str | None) -> Status:
    """The models of one data type, or of all."""
    shown = [known for known in log.catalog.data_types() if data_type in (None, known)]
    models = [_model(log, model) for known in shown for model in log.catalog.models(known)]
    return Status(tuple(models), {known: _deployment(log, known) for known in shown})


def _model(log: Log, model: Announced) -> Model:
    data_type, named = model.id.data_type, (model.id.name, model.id.version)
    notices = log.states.of(data_type, model.revision)
    # Only hosts know the digest of a file that was announced without one.
    digest = model.digest or next((notice.digest for notice in notices if notice.digest), None)
    return Model(
        data_type=data_type,
        name=model.id.name,
        version=model.id.version,
        revision=model.revision,
        type=model.model_type,
        description=model.description,
        digest=digest,
        live=any(notice.state == "Live" for notice in notices),
        pinned=log.catalog.deployment(data_type)[0].pinned == named,
        labels=tuple(label for label, of in log.catalog.labels(data_type).items() if of == named),
        hosts=tuple(Answer(said.place, said.state, said.stage, said.reason, said.since) for said in notices),
    )


def _deployment(log: Log, data_type: str) -> str:
    in_force, pending = log.catalog.deployment(data_type)
    if pending is None:
        return _asked(in_force)
    return f"{_asked(pending)} is asked for and waits for its model; {_asked(in_force)} is in force"


def _asked(deployment: Deployment) -> str:
    at = f" (revision {deployment.revision})" if deployment.revision is not None else ""
    return f"latest{at}" if deployment.pinned is None else f"{'@'.join(deployment.pinned)} is pinned{at}"


def find(log: Log, data_type: str, text: str) -> Announced:
    """The model called `name@version`; a name may hold an `@`, a version does not."""
    name, _, version = text.rpartition("@")
    if not name or not version:
        raise ArgumentError(f"expected `name@version`, got `{text}`")
    found = log.catalog.find(data_type, name, version)
    if found is None:
        known = [f"{model.id.name}@{model.id.version}" for model in log.catalog.models(data_type)]
        near = difflib.get_close_matches(text, known, 5, 0.0)
        raise ArgumentError(
            f"there is no model `{data_type}/{text}`, or it was retired; "
            + (f"the nearest there are: {', '.join(near)}" if near else _types(log, data_type))
        )
    return found


def aim(log: Log, data_type: str, to: str | None) -> ModelId:
    """The version to roll back to."""
    if to is not None:
        return find(log, data_type, to).id
    live = log.catalog.at(data_type, log.catalog.live(data_type))
    if live is None:
        raise ArgumentError(f"there is nothing to roll back: no model of `{data_type}` is live; {_types(log, data_type)}")
    before = log.catalog.at(data_type, log.catalog.before(data_type))
    if before is None:
        raise ArgumentError(
            f"no version of `{data_type}` that is still there and fit was live before `{live.id}`. `status({data_type!r})` "
            "shows what there is, to=`name@version` pins any of it"
        )
    return before.id


def _types(log: Log, data_type: str) -> str:
    known = [name for name in log.catalog.data_types() if log.catalog.models(name)]
    if data_type in known:
        return "`status()` shows what there is"
    return f"there are models of: {', '.join(known)}" if known else "the control log has no models"


def silence(log: Log, data_type: str, patience: float) -> str:
    """Why nobody may have answered, from what was ever said on the status topic."""
    text = (
        f"No host has answered within {patience:g} s. The record is in the control log: a host that starts, and has this data "
        "type, takes it. "
    )
    heard = log.states.heard
    here = {place: at for (known, place), at in heard.items() if known == data_type}
    if here:
        place, at = max(here.items(), key=lambda item: item[1])
        ago = max(0.0, time.time() - at / 1000)
        return text + f"`{place}` was the last to speak of `{data_type}`, {_ago(ago)} ago: does it run?"
    if not heard:
        return text + f"No host has ever spoken on `{log.topic}.status`: none reads `{log.topic}`, or none runs"
    known = sorted({name for name, _ in heard})
    near = difflib.get_close_matches(data_type, known, 1, 0.0)[0]
    return text + f"Hosts speak of other data types only, {', '.join(known[:10])}; the nearest is `{near}`"


def _ago(seconds: float) -> str:
    for unit, size in (("days", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"

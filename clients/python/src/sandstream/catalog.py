"""What the control log asks for: a pure function of the log, with the rules and words of every host
(`host/src/lifecycle/catalog.rs` and `history.rs`)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Union

from .names import ModelId
from .orders import Announce, Announced, Deploy, Order, Retire


class RefusedOrder(Exception):
    """An order that is stale, or contradicts what was announced before, and why."""


@dataclass(frozen=True)
class Again:
    """What was published is there already, at this revision."""

    revision: int


@dataclass(frozen=True)
class Changed:
    """The order changed something."""


Effect = Union[Again, Changed]


@dataclass(frozen=True)
class Deployment:
    """Which version answers, and the record that asked for it."""

    pinned: tuple[str, str] | None = None
    # None: no record asked for it, it is the default.
    revision: int | None = None


@dataclass(frozen=True)
class Latest:
    """The first of these that is fit answers."""

    newest_first: tuple[int, ...]


@dataclass(frozen=True)
class Pinned:
    """This one answers."""

    revision: int


@dataclass
class _DataType:
    # Announced and not retired, by revision, which only grows.
    models: dict[int, Announced] = field(default_factory=dict)
    # Every name and version that was ever taken: a version means the same bytes for ever, retired or not.
    taken: dict[tuple[str, str], tuple[int, str | None]] = field(default_factory=dict)
    deployment: Deployment = field(default_factory=Deployment)
    # Its model is absent; the deployment in force stays until the model is announced.
    pending: Deployment | None = None
    labels: dict[str, tuple[str, str]] = field(default_factory=dict)
    # Revision of the last record that changed something here: what `expects` is compared with.
    changed: int | None = None

    def announce(self, new: Announced) -> Effect:
        newest = next(reversed(self.models.values()), None)
        same_model = newest and not new.versioned and newest.id.name == new.id.name and _same(newest.digest, new.digest)
        if newest and same_model and newest.goldens == new.goldens:
            return Again(newest.revision)
        key = (new.id.name, new.id.version)
        if key in self.taken:
            revision, digest = self.taken[key]
            if not _same(digest, new.digest):
                raise RefusedOrder(
                    f"`{new.id}` was announced at revision {revision} with {digest or 'an unknown digest'}, and now comes with "
                    f"{new.digest or 'an unknown digest'}; publish other bytes under another version"
                )
            if revision in self.models:
                return Again(revision)
        self.taken[key] = (new.revision, new.digest)
        self.models[new.revision] = new
        self.settle()
        return Changed()

    def retire(self, model: ModelId) -> Effect:
        revision = self.find(model.name, model.version)
        if revision is None:
            raise RefusedOrder(f"there is no model `{model}` to retire")
        del self.models[revision]
        self.settle()
        return Changed()

    def deploy(self, deployment: Deployment) -> Effect:
        self.pending = deployment
        self.settle()
        return Changed()

    def label(self, label: str, model: tuple[str, str] | None) -> Effect:
        if model:
            self.labels[label] = model
        else:
            self.labels.pop(label, None)
        return Changed()

    def settle(self) -> None:
        """Puts the pending deployment in force as soon as its model is there. A pin whose model is retired waits for it again,
        and the latest model answers meanwhile."""
        if not self.present(self.deployment):
            self.pending = self.pending or self.deployment
            self.deployment = Deployment()
        if self.pending and self.present(self.pending):
            self.deployment, self.pending = self.pending, None

    def present(self, deployment: Deployment) -> bool:
        return deployment.pinned is None or self.find(*deployment.pinned) is not None

    def find(self, name: str, version: str) -> int | None:
        found = [model.revision for model in self.models.values() if (model.id.name, model.id.version) == (name, version)]
        return found[-1] if found else None

    def pinned(self) -> int | None:
        return self.find(*self.deployment.pinned) if self.deployment.pinned else None


class Catalog:
    """All data types that the log speaks of, and which versions it made live on the way. `unfit` are the revisions that hosts
    have rejected or quarantined: they were never live, or should not have been."""

    def __init__(self, orders: Iterable[Order] = (), unfit: Iterable[int] = ()) -> None:
        self.revision = 0
        self._types: dict[str, _DataType] = {}
        self._unfit = frozenset(unfit)
        # By data type: the revision that is live, and below it those one would go back to, the last one first.
        self._lives: dict[str, list[int]] = {}
        for order in orders:
            try:
                self.apply(order)
            except RefusedOrder:
                # It was refused to whoever wrote it.
                continue

    def apply(self, order: Order) -> Effect:
        """Takes the next order, and says what it comes to. Raises RefusedOrder where it changes nothing."""
        self.revision = max(self.revision, order.revision)
        change, data_type = order.change, order.change.data_type
        entry = self._types.setdefault(data_type, _DataType())
        if order.expects is not None and entry.changed is not None and entry.changed > order.expects:
            raise RefusedOrder(
                f"its writer had seen revision {order.expects}, but the data type changed at revision {entry.changed}; "
                "look again and repeat it"
            )
        if isinstance(change, Announce):
            effect = entry.announce(change.model)
        elif isinstance(change, Retire):
            effect = entry.retire(change.id)
        elif isinstance(change, Deploy):
            effect = entry.deploy(Deployment(change.pinned, order.revision))
        else:
            effect = entry.label(change.label, change.model)
        if isinstance(effect, Changed):
            entry.changed = order.revision
        live = self.live(data_type)
        if live is not None:
            self._follow(self._lives.setdefault(data_type, []), live)
        return effect

    def data_types(self) -> list[str]:
        return sorted(self._types)

    def models(self, data_type: str) -> list[Announced]:
        """Announced and not retired, oldest first."""
        return list(self._of(data_type).models.values())

    def find(self, data_type: str, name: str, version: str) -> Announced | None:
        wanted = (name, version)
        return next((model for model in self.models(data_type) if (model.id.name, model.id.version) == wanted), None)

    def at(self, data_type: str, revision: int | None) -> Announced | None:
        return self._of(data_type).models.get(-1 if revision is None else revision)

    def deployment(self, data_type: str) -> tuple[Deployment, Deployment | None]:
        """The deployment in force, and the one that waits for its model."""
        entry = self._of(data_type)
        return entry.deployment, entry.pending

    def labels(self, data_type: str) -> dict[str, tuple[str, str]]:
        return dict(sorted(self._of(data_type).labels.items()))

    def wanted(self, data_type: str) -> Latest | Pinned:
        entry = self._of(data_type)
        pinned = entry.pinned()
        return Latest(tuple(reversed(entry.models))) if pinned is None else Pinned(pinned)

    def live(self, data_type: str) -> int | None:
        """The version that the log makes live, where every host that tries it finds it fit."""
        entry = self._of(data_type)
        pinned = entry.pinned()
        if pinned is not None:
            return pinned
        return next((revision for revision in reversed(entry.models) if revision not in self._unfit), None)

    def before(self, data_type: str) -> int | None:
        """The version that was live before the one that is. Going back twice goes back two steps, not forward again: a version
        that was rolled back from is not what anyone would go back to."""
        live, models = self.live(data_type), self._of(data_type).models
        if live is None:
            return None
        lives = reversed(self._lives.get(data_type, []))
        return next((at for at in lives if at != live and at not in self._unfit and at in models), None)

    def _of(self, data_type: str) -> _DataType:
        return self._types.get(data_type) or _DataType()

    @staticmethod
    def _follow(lives: list[int], live: int) -> None:
        # `live` is what answers now: on top, and nothing above it.
        if live in lives:
            del lives[lives.index(live) + 1 :]
        else:
            lives.append(live)


def _same(a: str | None, b: str | None) -> bool:
    return a is not None and a == b

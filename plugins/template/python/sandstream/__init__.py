"""What a model may use of the kit.

A module has no clock, no randomness, no files and no network; what it prints goes nowhere. An exception fails the whole call;
`reject` fails one row. Modules beside model.py may be imported; they are part of the component. Import at the top of a module:
what is imported later is looked for on a disk that is not there, which ends the session."""

from dataclasses import dataclass

from wit_world.imports import artifacts
from wit_world.imports import log as logger


@dataclass
class Input:
    """A matrix the model takes, [rows, fields]. `dtype` is "float32", "float64", "int64", "text" or "bytes"; `fields` names one
    record field per column; "$value", "$key" and "$timestamp" reach the raw record."""

    name: str
    dtype: str
    fields: list


@dataclass
class Output:
    """A matrix the model gives, [rows, width]."""

    name: str
    dtype: str
    width: int = 1


@dataclass
class Signature:
    """What a model takes and gives. Every session must say the same."""

    inputs: list
    outputs: list


def artifact(name):
    """The bytes of a file that was announced with the model."""
    return artifacts.read(name)


def log(level, message):
    """A line in the host's log; the level is "debug", "info", "warn" or "error"."""
    logger.emit(logger.Level[level.upper()], str(message))

"""Publishes models to sandstream hosts from Python.

import sandstream

client = sandstream.Client("kafka:9092")
client.publish("forest.onnx", "wine")    # waits until it is live, or raises with the reason
client.status("wine")
client.rollback("wine")
"""

from __future__ import annotations

from typing import Any

from .client import Client
from .errors import ArgumentError, KafkaError, ModelFileError, NoAnswer, NotDone, Refused, Rejected, SandstreamError
from .modelfile import Location, Source
from .reports import Answer, Model, Report, Status


def publish(model_file: Source, data_type: str, *, brokers: str, topic: str = "models", **arguments: Any) -> Report:
    """Publishes one model with a client of its own; `arguments` are those of `Client.publish`."""
    with Client(brokers, topic) as client:
        return client.publish(model_file, data_type, **arguments)


__all__ = [
    "Answer",
    "ArgumentError",
    "Client",
    "KafkaError",
    "Location",
    "Model",
    "ModelFileError",
    "NoAnswer",
    "NotDone",
    "Refused",
    "Rejected",
    "Report",
    "SandstreamError",
    "Source",
    "Status",
    "publish",
]

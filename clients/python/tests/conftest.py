"""A broker, hosts and topics for tests. `SANDSTREAM_TEST_KAFKA` is a broker's address, `SANDSTREAM_BIN` the host's program;
without them the tests that need them are skipped, and fail where CI is set."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

import pytest
from confluent_kafka import Producer

from sandstream import Client

ROOT = Path(__file__).resolve().parents[3]
PREBUILT = ROOT / "plugins" / "prebuilt"
DATA = Path(os.environ.get("SANDSTREAM_TEST_DATA", ROOT.parent / "shared" / "data"))

CONFIG = """
[kafka]
brokers = "{brokers}"
[control]
topic = "{topic}"
[types.wine]
format = "json"
fields = ["fixed acidity", "volatile acidity", "citric acid", "residual sugar", "chlorides", "free sulfur dioxide",
  "total sulfur dioxide", "density", "pH", "sulphates", "alcohol"]
[streams.wine]
inputs = ["{topic}.wine"]
type = {{ constant = "wine" }}
group = "{topic}"
instance = "tester"
"""


@dataclass
class Stage:
    """A control log of its own with all the topics that go with it, and hosts that are started on it."""

    brokers: str
    program: str
    folder: Path
    topic: str = field(default_factory=lambda: f"py-{uuid.uuid4().hex[:12]}")
    hosts: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.config.write_text(CONFIG.format(brokers=self.brokers, topic=self.topic))
        self.run("check", "--config", str(self.config), "--kafka", "--create")

    @property
    def config(self) -> Path:
        return self.folder / f"{self.topic}.toml"

    def run(self, *arguments: str) -> str:
        done = subprocess.run([self.program, *arguments], capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def host(self) -> None:
        """Starts a host, and waits until it runs."""
        log = (self.folder / f"{self.topic}.log").open("w")
        host = subprocess.Popen([self.program, "run", "--config", str(self.config)], stdout=subprocess.PIPE, stderr=log)
        self.hosts.append(host)
        assert host.stdout is not None
        started = json.loads(host.stdout.readline() or b"{}")
        assert started.get("event") == "running", (self.folder / f"{self.topic}.log").read_text()

    def client(self) -> Client:
        return Client(self.brokers, self.topic)

    def models(self) -> list[dict[str, Any]]:
        """What the command line says that there is."""
        listed: list[dict[str, Any]] = json.loads(self.run("model", "list", "--config", str(self.config), "--json"))
        return listed

    def write(self, key: str | None, value: bytes | None, expects: str | None = None) -> None:
        """Writes a record to the control log as anybody might."""
        producer = Producer({"bootstrap.servers": self.brokers, "message.timeout.ms": 30_000})
        headers: list[tuple[str, str | bytes]] = [] if expects is None else [("sandstream-expects", expects.encode())]
        producer.produce(self.topic, value, key, partition=0, headers=headers)
        assert producer.flush(35) == 0

    def stop(self) -> None:
        for host in self.hosts:
            host.terminate()
        until = time.monotonic() + 20
        for host in self.hosts:
            try:
                host.wait(max(0.1, until - time.monotonic()))
            except subprocess.TimeoutExpired:
                host.kill()
                host.wait(10)


def absent(what: str) -> NoReturn:
    if os.environ.get("CI"):
        pytest.fail(what)
    pytest.skip(what)


@pytest.fixture(scope="session")
def brokers() -> str:
    return os.environ.get("SANDSTREAM_TEST_KAFKA") or absent("SANDSTREAM_TEST_KAFKA is not set: no broker to test on")


@pytest.fixture(scope="session")
def program() -> str:
    found = os.environ.get("SANDSTREAM_BIN") or shutil.which("sandstream")
    return found or absent("SANDSTREAM_BIN is not set: no host to test with")


@pytest.fixture
def stage(brokers: str, program: str, tmp_path: Path) -> Iterator[Stage]:
    made = Stage(brokers, program, tmp_path)
    yield made
    made.stop()


@pytest.fixture(scope="module")
def shared_stage(brokers: str, program: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """One with a host, for tests that do not care what others publish."""
    made = Stage(brokers, program, tmp_path_factory.mktemp("stage"))
    made.host()
    yield made
    made.stop()


@pytest.fixture(scope="session")
def data() -> Path:
    """Model files that are not part of the project; nobody has to have them."""
    if not DATA.is_dir():
        pytest.skip(f"{DATA} is not there: no model files to test with")
    return DATA

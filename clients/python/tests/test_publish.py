"""Publishing to hosts that run, on a broker that runs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient, NewTopic
from conftest import PREBUILT, ROOT, Stage
from files import COMPONENT

import sandstream
from sandstream import ArgumentError, KafkaError, Location, NoAnswer, Refused, Rejected

LINEAR = PREBUILT / "wine-linear.wasm"
FOREST = PREBUILT / "wine-forest.wasm"


def test_models_are_published_rolled_back_and_retired(stage: Stage) -> None:
    stage.host()
    with stage.client() as client:
        linear = client.publish(LINEAR, "wine", description="a line", grants={"memory": "64MiB"})
        assert (linear.state, linear.model) == ("Live", "wine/wine-linear@0")
        assert [(answer.host, answer.state) for answer in linear.hosts] == [("tester/wine", "Live")]

        forest = client.publish(FOREST, "wine", name="a b/c", version="1 @2")
        assert (forest.state, forest.version) == ("Live", "1 @2")
        live = client.status("wine").live("wine")
        assert live is not None
        assert (live.name, live.digest) == ("a b/c", forest.digest)

        again = client.publish(FOREST, "wine", name="a b/c", version="1 @2")
        assert again.revision == forest.revision
        assert "nothing changes" in str(again)

        back = client.rollback("wine")
        assert (back.state, back.model) == ("Live", linear.model)
        assert client.status().deployments["wine"] == f"wine-linear@0 is pinned (revision {back.revision})"

        held = client.publish(FOREST, "wine", version="3")
        assert held.state == "Warm"
        assert "another version is pinned" in str(held)

        lifted = client.unpin("wine")
        assert (lifted.state, lifted.model) == ("Live", "wine/wine-forest@3")
        assert client.unpin("wine").state == "Unchanged"

        assert client.rollback("wine", "wine-linear@0").state == "Live"
        assert client.publish(FOREST, "wine", version="4", unpin=True).state == "Live"

        gone = client.retire("wine", "wine-forest@4")
        assert gone.state == "Retired"
        assert [f"{model.name}@{model.version}" for model in client.models("wine")] == [
            "wine-linear@0",
            "a b/c@1 @2",
            "wine-forest@3",
        ]
        assert_agrees(client, stage)


def test_networks_go_live(shared_stage: Stage, data: Path) -> None:
    networks = [data / "onnxml/mlp_reg.onnx", data / "wine/optimized_WineQuality.pb", data / "wine/saved/1"]
    with shared_stage.client() as client:
        for path in networks:
            report = client.publish(path, "wine", name=path.stem)
            assert report.state == "Live", report


def test_models_that_no_host_runs_are_rejected_by_their_type(shared_stage: Stage, data: Path) -> None:
    kinds = {
        "XGBOOST": sorted(data.glob("trees/*.json")),
        "LIGHTGBM": sorted(data.glob("trees/*.txt")),
        "PMML": sorted(data.glob("wine/*.pmml")),
    }
    with shared_stage.client() as client:
        client.publish(LINEAR, "wine", name="before")
        for kind, files in kinds.items():
            assert files, f"{data} has no model of type {kind}"
            for path in files:
                with pytest.raises(Rejected) as error:
                    client.publish(path, "wine")
                assert error.value.stage == "verify"
                assert re.search(rf"\b{kind}\b", error.value.reason), error.value.reason
                assert error.value.reason in str(error.value)
        with pytest.raises(Rejected, match=r"operator ai\.onnx\.ml\.TreeEnsembleRegressor") as error:
            client.publish(data / "onnxml/gb_reg.onnx", "wine")
        assert error.value.stage == "compile"
        types = {model.type for model in client.models() if model.hosts and model.hosts[0].state == "Rejected"}
        assert types >= kinds.keys()


def test_what_contradicts_is_refused_everywhere(shared_stage: Stage) -> None:
    with shared_stage.client() as client:
        first = client.publish(LINEAR, "wine", name="contradicted", version="1")
        with pytest.raises(Refused, match="publish other bytes under another version"):
            client.publish(FOREST, "wine", name="contradicted", version="1")
        with pytest.raises(Refused, match="its writer had seen revision 0"):
            client.publish(LINEAR, "wine", version="2", expects=0)
        seen = client.models()[-1].revision
        assert seen == first.revision
        with pytest.raises(ArgumentError, match="nearest there are: contradicted@1"):
            client.retire("wine", "contradict@1")
        with pytest.raises(ArgumentError, match="expected `name@version`"):
            client.retire("wine", "contradicted")
        client.retire("wine", "contradicted@1")


def test_broken_model_is_rejected_and_the_one_before_stays(shared_stage: Stage) -> None:
    with shared_stage.client() as client:
        good = client.publish(LINEAR, "wine", name="good", version="1")
        with pytest.raises(Rejected) as error:
            client.publish(COMPONENT + b"\0\1", "wine", name="broken")
        assert error.value.stage == "compile"
        live = client.status().live("wine")
        assert live is not None
        assert str(live) == good.model


def test_silence_is_explained(stage: Stage) -> None:
    with stage.client() as client:
        with pytest.raises(NoAnswer, match=r"No host has ever spoken on `.*\.status`") as error:
            client.publish(LINEAR, "wine", wait=0.2)
        assert isinstance(error.value, TimeoutError)
        assert error.value.report.revision == 0
        assert client.publish(FOREST, "wine", version="1", wait=0).state == "Published"
        # The record was obeyed as soon as somebody reads it.
        stage.host()
        assert client.publish(FOREST, "wine", version="1").state == "Live"
        with pytest.raises(NoAnswer, match="Hosts speak of other data types only, wine; the nearest is `wine`"):
            client.publish(LINEAR, "wien", wait=0.2)
        stage.stop()
        with pytest.raises(NoAnswer, match=r"`tester/wine` was the last to speak of `wine`, \d+ s ago"):
            client.publish(LINEAR, "wine", version="2", wait=0.2)


def test_record_that_is_too_large_is_not_sent(shared_stage: Stage, tmp_path: Path) -> None:
    big = tmp_path / "big.wasm"
    big.write_bytes(COMPONENT + bytes(2 << 20))
    with shared_stage.client() as client:
        before = client.models()
        with pytest.raises(KafkaError, match=r"takes 1048588 \(its max.message.bytes\).*control.locations"):
            client.publish(big, "wine")
        assert client.models() == before
        # The host has no folder for that, and says so.
        with pytest.raises(Rejected, match=r"models/big\.wasm"):
            client.publish(Location("models/big.wasm", copy=big), "wine")
        digest = client.models()[-1].digest
        with pytest.raises(Rejected, match=r"models/big\.wasm"):
            client.publish(Location("models/big.wasm", sha256=digest), "wine", version="2")
        assert client.models()[-1].digest == digest


def test_one_call_publishes(shared_stage: Stage) -> None:
    report = sandstream.publish(LINEAR, "wine", name="at-once", brokers=shared_stage.brokers, topic=shared_stage.topic)
    assert report.state == "Live"


def test_readme_does_what_it_says(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    stage.host()
    text = (ROOT / "clients" / "python" / "README.md").read_text()
    first = text.split("```python\n")[1].split("```")[0]
    monkeypatch.chdir(PREBUILT)
    exec(first.replace('"127.0.0.1:9092"', f"{stage.brokers!r}, {stage.topic!r}"))
    with stage.client() as client:
        assert [str(model) for model in client.models()] == ["wine/wine-linear@0"]


def test_topics_that_are_not_as_they_have_to_be(stage: Stage) -> None:
    with pytest.raises(KafkaError, match=r"topic `absent.status` does not exist .*sandstream check --kafka --create"):
        sandstream.Client(stage.brokers, "absent").status()
    admin = AdminClient({"bootstrap.servers": stage.brokers})
    two = f"{stage.topic}-two"
    for done in admin.create_topics([NewTopic(two, 2, 1), NewTopic(f"{two}.status", 1, 1)]).values():
        done.result(30)
    with pytest.raises(KafkaError, match="expected 1 partition, so that all hosts see one order, got 2"):
        sandstream.Client(stage.brokers, two).status()


def test_client_reads_on_when_the_topic_was_made_anew(stage: Stage) -> None:
    with stage.client() as client:
        client.publish(LINEAR, "wine", wait=0)
        client.publish(FOREST, "wine", wait=0)
        assert len(client.models()) == 2
        admin = AdminClient({"bootstrap.servers": stage.brokers})
        for done in admin.delete_topics([stage.topic]).values():
            done.result(30)
        stage.run("check", "--config", str(stage.config), "--kafka", "--create")
        assert client.models() == []


def assert_agrees(client: sandstream.Client, stage: Stage) -> None:
    """This client and the command line see the same."""
    ours = [
        {
            "dataType": model.data_type,
            "name": model.name,
            "version": model.version,
            "revision": model.revision,
            "type": model.type,
            "description": model.description,
            "digest": model.digest,
            "live": model.live,
            "pinned": model.pinned,
            "labels": list(model.labels),
            "hosts": [vars(answer) for answer in model.hosts],
        }
        for model in client.models()
    ]
    assert ours == stage.models()

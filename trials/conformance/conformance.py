"""What Confluent's Python client observes of a broker: one line per fact, `scenario: outcome`, without ids, times and ports.

    conformance.py BOOTSTRAP [FAMILY..]
    conformance.py BOOTSTRAP --topics NAME:PARTITIONS..   makes topics, for kcat.sh

Needs confluent-kafka of requirements.txt. Names of topics, groups and transactions end in a number of this run, so it may be run again
on the same broker. README.md says more.
"""

import logging
import sys
import threading
import time
import traceback
from concurrent.futures import ThreadPoolExecutor

from confluent_kafka import (
    OFFSET_BEGINNING,
    Consumer,
    ConsumerGroupTopicPartitions,
    ConsumerGroupState,
    IsolationLevel,
    KafkaException,
    Producer,
    TopicCollection,
    TopicPartition,
)
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewPartitions,
    NewTopic,
    OffsetSpec,
    ResourceType,
)

RUN = format(time.time_ns() // 1_000_000 % 10**8, "x")
PATIENCE = 30.0
BOOTSTRAP = sys.argv[1] if len(sys.argv) > 1 else sys.exit(__doc__)
FAMILIES = {}
# What librdkafka logs about errors that are wanted here helps nobody.
SILENT = logging.Logger("silent")
SILENT.addHandler(logging.NullHandler())


def family(function):
    FAMILIES[function.__name__.replace("_", "-")] = function
    return function


def fresh(name):
    return f"{name}-{RUN}"


def settings(**more):
    return {"bootstrap.servers": BOOTSTRAP, "logger": SILENT} | {name.replace("_", "."): value for name, value in more.items()}


ADMIN = AdminClient(settings())


def error(failed):
    """The name of an error, as librdkafka has it."""
    return failed.args[0].name() if isinstance(failed, KafkaException) else type(failed).__name__


def outcome(what):
    try:
        result = what()
        return "ok" if result is None else result
    except Exception as failed:  # whatever it is, it is the outcome
        return error(failed)


def eventually(what, enough):
    """What something comes to, or what it is when patience ends."""
    until = time.monotonic() + PATIENCE
    while True:
        now = outcome(what)
        if enough(now) or time.monotonic() > until:
            return now
        time.sleep(0.1)


def only(futures):
    """The result of the one future in a dictionary."""
    return next(iter(futures.values())).result(20)


def create(topic, partitions=1, **configs):
    named = {name.replace("_", "."): value for name, value in configs.items()}
    only(ADMIN.create_topics([NewTopic(topic, partitions, 1, config=named)]))
    # Kafka's controller answers before its brokers have heard of the topic.
    eventually(lambda: end(topic, partitions - 1), lambda offset: offset == 0)


def offset(topic, partition, spec, isolation=IsolationLevel.READ_UNCOMMITTED):
    return only(ADMIN.list_offsets({TopicPartition(topic, partition): spec}, isolation_level=isolation, request_timeout=5)).offset


def end(topic, partition=0):
    return offset(topic, partition, OffsetSpec.latest())


def ends(topic):
    return f"{end(topic)}, committed {offset(topic, 0, OffsetSpec.latest(), IsolationLevel.READ_COMMITTED)}"


def send(producer, topic, *values, **more):
    """Sends and waits for all answers; says what the last one was."""
    answers = []
    for value in values:
        producer.produce(topic, value, partition=0, on_delivery=lambda failed, message: answers.append((failed, message)), **more)
    producer.flush(20)
    failed, message = answers[-1]
    return failed.name() if failed else message.offset()


def read(topic, isolation="read_committed", partition=0):
    """The values of a partition, up to its end as this isolation level sees it."""
    consumer = Consumer(settings(group_id=fresh("reader"), isolation_level=isolation, enable_partition_eof=True, auto_offset_reset="error"))
    consumer.assign([TopicPartition(topic, partition, OFFSET_BEGINNING)])
    found, until = [], time.monotonic() + PATIENCE
    while time.monotonic() < until:
        message = consumer.poll(0.2)
        if message is not None and message.error():
            break
        if message is not None:
            found.append(message)
    consumer.close()
    return found


def values(topic, isolation="read_committed"):
    return [message.value().decode() for message in read(topic, isolation)]


@family
def producing(say):
    topic = fresh("producing")
    create(topic, max_message_bytes="5000")
    for acks in ("all", "1", "0"):
        producer = Producer(settings(acks=acks, enable_idempotence=acks == "all"))
        send(producer, topic, *[str(number) for number in range(100)])
        say(f"acks {acks}, end", eventually(lambda: end(topic), lambda offset: offset % 100 == 0))
    producer = Producer(settings(message_timeout_ms=3000))
    say("offset", send(producer, topic, "v", key="k", headers=[("a", "1"), ("a", None)]))
    say("too large", send(producer, topic, "x" * 6000))
    say("timestamp of tomorrow", send(producer, topic, "v", timestamp=int(time.time() * 1000) + 86_400_000))
    say("topic that is not", send(producer, fresh("nowhere"), "v"))
    message = read(topic)[-1]
    say("read", (message.offset(), message.key(), message.value(), message.headers()))
    compacted = fresh("compacted")
    create(compacted, cleanup_policy="compact")
    say("no key, compacted", send(producer, compacted, "v"))
    say("no value, compacted", send(producer, compacted, None, key="k"))


@family
def compression(say):
    expected = [f"sand and stream {number}" for number in range(500)]
    for codec in ("none", "gzip", "snappy", "lz4", "zstd"):
        topic = fresh(f"compression-{codec}")
        create(topic, retention_ms="-1")
        send(Producer(settings(compression_type=codec, linger_ms=100)), topic, *expected, timestamp=1_700_000_000_000)
        found = read(topic)
        say(codec, f"{len(found)}, the same {[message.value().decode() for message in found] == expected}")
        say(f"{codec}, by time", offset(topic, 0, OffsetSpec.for_timestamp(1_700_000_000_000)))


def transactional(transactional_id, **more):
    return Producer(settings(transactional_id=fresh(transactional_id), linger_ms=0, **more))


@family
def transactions(say):
    topic = fresh("transactions")
    create(topic)
    producer = transactional("transactional")
    producer.init_transactions(20)
    producer.begin_transaction()
    send(producer, topic, "c1", "c2")
    say("open", ends(topic))
    say("open, read committed", values(topic))
    say("open, read uncommitted", values(topic, "read_uncommitted"))
    producer.commit_transaction(20)
    say("committed", eventually(lambda: ends(topic), lambda text: text == "3, committed 3"))
    producer.begin_transaction()
    send(producer, topic, "a1", "a2")
    producer.abort_transaction(20)
    say("aborted", eventually(lambda: ends(topic), lambda text: text == "6, committed 6"))
    say("aborted, read committed", values(topic))
    say("aborted, read uncommitted", values(topic, "read_uncommitted"))
    say("commit outside of one", outcome(lambda: producer.commit_transaction(20)))


@family
def fencing(say):
    topic = fresh("fencing")
    create(topic)
    for last in ("commit", "abort", "send"):
        zombie, heir = transactional(f"fenced-{last}"), transactional(f"fenced-{last}")
        zombie.init_transactions(20)
        zombie.begin_transaction()
        send(zombie, topic, f"zombie {last}")
        heir.init_transactions(20)
        ways = {
            "commit": lambda: zombie.commit_transaction(20),
            "abort": lambda: zombie.abort_transaction(20),
            "send": lambda: send(zombie, topic, "late"),
        }
        say(f"zombie, {last}", outcome(ways[last]))
        heir.begin_transaction()
        send(heir, topic, f"heir {last}")
        heir.commit_transaction(20)
    say("read committed", eventually(lambda: values(topic), lambda found: len(found) == 3))
    late = transactional("late", transaction_timeout_ms=1000)
    late.init_transactions(20)
    late.begin_transaction()
    send(late, topic, "late")
    say("too late, commit", eventually(lambda: ends(topic).split(", committed ")[0] == ends(topic).split(", committed ")[1], bool)
        and outcome(lambda: late.commit_transaction(20)))
    say("too late, read committed", values(topic))


class Member:
    """A member of a group that reads on a thread of its own."""

    def __init__(self, group, topic, **more):
        self.assigned, self.seen, self.failed, self.running = set(), set(), None, True
        if more.get("group_protocol") != "consumer":
            more = {"session_timeout_ms": 6000, "heartbeat_interval_ms": 300} | more
        self.consumer = Consumer(settings(group_id=fresh(group), auto_offset_reset="earliest", auto_commit_interval_ms=200, **more))
        self.consumer.subscribe([topic], on_assign=self.on_assign, on_revoke=self.on_revoke, on_lost=self.on_revoke)
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def on_assign(self, _, partitions):
        self.assigned |= {partition.partition for partition in partitions}

    def on_revoke(self, _, partitions):
        self.assigned -= {partition.partition for partition in partitions}

    def run(self):
        while self.running:
            message = self.consumer.poll(0.05)
            if message is not None and message.error():
                self.failed = message.error().name()
            elif message is not None:
                self.seen.add((message.partition(), message.offset()))

    def stop(self):
        self.running = False
        self.thread.join()

    def close(self):
        self.stop()
        self.consumer.close()


def shares(*members):
    return [len(member.assigned) for member in members]


def one_two_one(say, name, topic, **more):
    create(topic, 6)
    producer = Producer(settings())

    def fill():
        for number in range(60):
            producer.produce(topic, str(number), partition=number % 6)
        producer.flush(20)

    fill()
    one = Member(name, topic, **more)
    say("one member", eventually(lambda: shares(one), lambda now: now == [6]))
    say("it read", eventually(lambda: len(one.seen), lambda now: now == 60))
    two = Member(name, topic, **more)
    say("two members", eventually(lambda: shares(one, two), lambda now: now == [3, 3]))
    say("describe", eventually(lambda: describe(fresh(name)), lambda text: "STABLE" in text and "[3, 3]" in text))
    fill()
    say("both read", eventually(lambda: len(one.seen | two.seen), lambda now: now == 120))
    two.close()
    say("one member again", eventually(lambda: shares(one), lambda now: now == [6]))
    one.close()
    say("committed", eventually(lambda: committed(fresh(name)), lambda text: text.count("20") == 6))
    say("failures", [one.failed, two.failed])


def describe(group):
    found = only(ADMIN.describe_consumer_groups([group], request_timeout=10))
    sizes = sorted(len(member.assignment.topic_partitions) for member in found.members)
    return f"{found.state.name}, {found.type.name}, assignor '{found.partition_assignor}', {sizes}"


def committed(group):
    found = only(ADMIN.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group)], request_timeout=10)).topic_partitions
    return str([f"{part.partition} at {part.offset}" for part in sorted(found, key=lambda part: part.partition)])


@family
def eager(say):
    one_two_one(say, "eager", fresh("eager"), partition_assignment_strategy="range")


@family
def cooperative(say):
    one_two_one(say, "cooperative", fresh("cooperative"), partition_assignment_strategy="cooperative-sticky")


@family
def consumer_protocol(say):
    one_two_one(say, "consumer", fresh("consumer"), group_protocol="consumer")


@family
def transactional_offsets(say):
    for protocol in ("classic", "consumer"):
        topic = fresh(f"offsets-{protocol}")
        create(topic)
        send(Producer(settings()), topic, *"0123456789")
        group = f"worker-{protocol}"
        member = Member(group, topic, enable_auto_commit=False, group_protocol=protocol)
        eventually(lambda: len(member.seen), lambda now: now == 10)
        member.stop()
        identity = member.consumer.consumer_group_metadata()
        producer = transactional(f"worker-{protocol}")
        producer.init_transactions(20)
        producer.begin_transaction()
        producer.send_offsets_to_transaction([TopicPartition(topic, 0, 3)], identity, 20)
        say(f"{protocol}, open", committed(fresh(group)))
        producer.abort_transaction(20)
        say(f"{protocol}, aborted", committed(fresh(group)))
        producer.begin_transaction()
        producer.send_offsets_to_transaction([TopicPartition(topic, 0, 4)], identity, 20)
        producer.commit_transaction(20)
        say(f"{protocol}, committed", eventually(lambda: committed(fresh(group)), lambda text: "4" in text))
        member.consumer.close()
        producer.begin_transaction()
        late = outcome(lambda: producer.send_offsets_to_transaction([TopicPartition(topic, 0, 5)], identity, 20))
        say(f"{protocol}, of a member that left", late)
        producer.abort_transaction(20)


@family
def administration(say):
    topic = fresh("administration")
    say("create", outcome(lambda: create(topic, 2, retention_ms="3600000")))
    say("create again", outcome(lambda: create(topic)))
    say("create with unknown setting", outcome(lambda: create(fresh("wrong"), no_such_setting="1")))
    say("describe", outcome(lambda: described(topic)))
    say("describe unknown", outcome(lambda: described(fresh("nowhere"))))
    say("more partitions", outcome(lambda: only(ADMIN.create_partitions([NewPartitions(topic, 3)]))))
    say("fewer partitions", outcome(lambda: only(ADMIN.create_partitions([NewPartitions(topic, 1)]))))
    say("describe after that", eventually(lambda: described(topic), lambda text: text.startswith("3")))
    for name in ("retention.ms", "cleanup.policy", "max.message.bytes", "segment.ms"):
        say(name, outcome(lambda: config(topic, name)))
    say("set", outcome(lambda: alter(topic, "retention.ms", "7200000")))
    say("set wrong", outcome(lambda: alter(topic, "retention.ms", "long")))
    say("after set", eventually(lambda: config(topic, "retention.ms"), lambda text: text.startswith("7200000")))
    cluster = ADMIN.describe_cluster(request_timeout=10).result(20)
    say("cluster", f"{len(cluster.nodes)} node, controller {cluster.controller.id}")

    send(Producer(settings()), topic, *"0123456789")
    send(Producer(settings()), topic, "late", timestamp=int(time.time() * 1000) + 60_000)
    say("latest timestamp", offset(topic, 0, OffsetSpec.max_timestamp()))
    say("delete records", only(ADMIN.delete_records([TopicPartition(topic, 0, 4)])).low_watermark)
    say("earliest", offset(topic, 0, OffsetSpec.earliest()))
    say("delete records behind the end", outcome(lambda: only(ADMIN.delete_records([TopicPartition(topic, 0, 40)])).low_watermark))
    say("read", values(topic))

    group = fresh("administered")
    say("set offsets", outcome(lambda: only(ADMIN.alter_consumer_group_offsets(
        [ConsumerGroupTopicPartitions(group, [TopicPartition(topic, 0, 7)])])).topic_partitions[0].error))
    say("offsets", committed(group))
    say("list groups", listed(group))
    say("list groups by state", [found.group_id == group for found in ADMIN.list_consumer_groups(
        states={ConsumerGroupState.EMPTY}).result(20).valid if found.group_id == group])
    say("describe group", outcome(lambda: describe(group)))
    say("describe unknown group", outcome(lambda: describe(fresh("nobody"))))
    say("delete group", outcome(lambda: only(ADMIN.delete_consumer_groups([group]))))
    say("delete unknown group", outcome(lambda: only(ADMIN.delete_consumer_groups([fresh("nobody")]))))
    say("delete", outcome(lambda: only(ADMIN.delete_topics([topic]))))
    say("delete again", eventually(lambda: only(ADMIN.delete_topics([topic])), lambda text: text != "ok"))


def described(topic):
    found = only(ADMIN.describe_topics(TopicCollection([topic]), request_timeout=10))
    first = found.partitions[0]
    replicas, in_sync = [node.id for node in first.replicas], [node.id for node in first.isr]
    return f"{len(found.partitions)}, leader {first.leader.id}, replicas {replicas}, in sync {in_sync}"


def config(topic, name):
    found = only(ADMIN.describe_configs([ConfigResource(ResourceType.TOPIC, topic)]))[name]
    return f"{found.value}, {'a default' if found.is_default else 'set'}"


def alter(topic, name, value):
    entry = ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET)
    return only(ADMIN.incremental_alter_configs([ConfigResource(ResourceType.TOPIC, topic, incremental_configs=[entry])]))


def listed(group):
    found = ADMIN.list_consumer_groups(request_timeout=10).result(20)
    return [f"{one.state.name}, {one.type.name}, simple {one.is_simple_consumer_group}" for one in found.valid if one.group_id == group]


def run(name):
    """The lines of one family, and whether it came to its end."""
    lines = []
    try:
        FAMILIES[name](lambda scenario, outcome: lines.append(f"{name}, {scenario}: {outcome}"))
        return lines, True
    except Exception as failed:  # the others go on, and the line says what happened
        traceback.print_exc()
        return [*lines, f"{name}, broke off: {error(failed)}"], False


def main():
    if sys.argv[2:3] == ["--topics"]:
        wanted = [name.rpartition(":") for name in sys.argv[3:]]
        for made in ADMIN.create_topics([NewTopic(name, int(count), 1) for name, _, count in wanted]).values():
            made.result(20)
        return 0
    # Families run at the same time, because most of them wait.
    with ThreadPoolExecutor(len(FAMILIES)) as threads:
        results = list(threads.map(run, sys.argv[2:] or FAMILIES))
    for lines, _ in results:
        print(*lines, sep="\n")
    return 0 if all(whole for _, whole in results) else 1


if __name__ == "__main__":
    sys.exit(main())

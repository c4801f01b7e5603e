package conformance;

import static conformance.Clients.*;
import static conformance.Outcomes.*;

import java.time.Duration;
import java.util.*;
import java.util.stream.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.*;

/// Consuming without a group, and with one member.
final class Consumers {
    static void consumers(Out out) throws Exception {
        String topic = fresh("consumers");
        create(topic, 2, "retention.ms", "-1");
        long base = 1_700_000_000_000L;
        try (var producer = producer(Map.of())) {
            for (int i = 0; i < 10; i++) {
                producer.send(new ProducerRecord<>(topic, i % 2, base + i * 100, "k" + i, "v" + i)).get();
            }
        }
        var zero = new TopicPartition(topic, 0);
        var one = new TopicPartition(topic, 1);
        try (var consumer = consumer(Map.of("group.id", fresh("assigned"), "enable.auto.commit", "false"))) {
            out.say("partitions", consumer.partitionsFor(topic).size());
            out.attempt("partitions of unknown", () -> consumer.partitionsFor(fresh("nowhere")));
            consumer.assign(List.of(zero, one));
            var found = consumer.offsetsForTimes(Map.of(zero, base + 350, one, base + 5000));
            out.say("offsets for times", found.get(zero).offset() + " of " + (found.get(zero).timestamp() - base) + ", "
                + found.get(one));
            out.say("beginnings and ends", sorted(consumer.beginningOffsets(List.of(zero, one))) + " "
                + sorted(consumer.endOffsets(List.of(zero, one))));
            consumer.pause(List.of(one));
            out.say("paused", values(poll(consumer, 5)));
            consumer.resume(List.of(one));
            out.say("resumed", values(poll(consumer, 5)));
            consumer.seek(zero, 3);
            out.say("sought", values(poll(consumer, 2)) + ", position " + consumer.position(zero));
            consumer.commitSync(Map.of(zero, new OffsetAndMetadata(2, "two")));
            out.say("committed", consumer.committed(Set.of(zero)).get(zero).offset() + ", other "
                + consumer.committed(Set.of(one)).get(one));
            out.attempt("commit of unknown", () -> consumer.commitSync(Map.of(new TopicPartition(fresh("nowhere"), 0),
                new OffsetAndMetadata(1)), Duration.ofSeconds(2)));
            consumer.seek(zero, 1000);
            out.say("sought too far, reset", values(poll(consumer, 5)));
        }
        try (var consumer = consumer(Map.of("group.id", fresh("assigned")))) {
            consumer.assign(List.of(zero));
            out.say("from committed", values(poll(consumer, 3)));
        }
        try (var consumer = consumer(Map.of("group.id", fresh("unseen"), "auto.offset.reset", "none"))) {
            consumer.assign(List.of(zero));
            out.attempt("no offset and no reset", () -> poll(consumer, 1).size());
        }
        try (var consumer = consumer(Map.of("group.id", fresh("latest"), "auto.offset.reset", "latest"))) {
            consumer.assign(List.of(zero));
            out.say("latest", consumer.position(zero));
        }
        try (var consumer = consumer(Map.of("group.id", fresh("committing"), "group.protocol", "classic"))) {
            consumer.subscribe(List.of(topic));
            out.say("subscribed", poll(consumer, 10).size());
        }
        out.attempt("committed at close", () -> committed(fresh("committing")));
        try (var consumer = consumer(Map.of("group.id", fresh("quick"), "session.timeout.ms", "10", "heartbeat.interval.ms", "3",
            "group.protocol", "classic"))) {
            consumer.subscribe(List.of(topic));
            out.attempt("session too short", () -> poll(consumer, 1).size());
        }
        try (var consumer = consumer(Map.of("group.id", ""))) {
            out.attempt("group without a name", () -> {
                consumer.subscribe(List.of(topic));
                return poll(consumer, 1).size();
            });
        } catch (Exception error) {
            out.say("group without a name", name(error));
        }
    }

    static String sorted(Map<TopicPartition, Long> offsets) {
        return offsets.entrySet().stream().sorted(Comparator.comparing(e -> e.getKey().partition())).map(Map.Entry::getValue)
            .toList().toString();
    }

    static void backlog(Out out) throws Exception {
        String topic = fresh("backlog");
        create(topic, 3);
        try (var producer = producer(Map.of("batch.size", "4000"))) {
            for (int i = 0; i < 6000; i++) {
                producer.send(new ProducerRecord<>(topic, i % 3, "k", i + " " + "x".repeat(500)));
            }
            producer.send(new ProducerRecord<>(topic, 0, "k", "6000 " + "x".repeat(200_000)));
        }
        try (var consumer = consumer(Map.of("fetch.max.bytes", "20000", "max.partition.fetch.bytes", "8000", "max.poll.records",
            "100"))) {
            consumer.assign(IntStream.range(0, 3).mapToObj(p -> new TopicPartition(topic, p)).toList());
            var next = new int[] {0, 1, 2};
            boolean ordered = true;
            var found = poll(consumer, 6001);
            for (var record : found) {
                int number = Integer.parseInt(record.value().split(" ")[0]);
                ordered &= number == next[record.partition()];
                next[record.partition()] += 3;
            }
            out.say("read in small fetches", found.size() + ", in order " + ordered);
        }
        try (var consumer = consumer(Map.of("fetch.min.bytes", "1000000", "fetch.max.wait.ms", "300"))) {
            consumer.assign(List.of(new TopicPartition(topic, 1)));
            consumer.seekToEnd(List.of(new TopicPartition(topic, 1)));
            consumer.position(new TopicPartition(topic, 1));
            consumer.poll(Duration.ofMillis(100));
            send(topic, 1, "k", "late");
            out.say("less than the least", values(poll(consumer, 1)));
        }
    }
}

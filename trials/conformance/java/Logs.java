package conformance;

import static conformance.Clients.*;
import static conformance.Outcomes.*;

import java.util.*;
import java.util.concurrent.*;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.*;

/// What the broker does to logs by itself: compaction and retention.
final class Logs {
    static void compaction(Out out) throws Exception {
        String topic = fresh("compaction");
        create(topic, 1, "cleanup.policy", "compact", "segment.ms", "500", "min.cleanable.dirty.ratio", "0.01",
            "delete.retention.ms", "0",
            "min.compaction.lag.ms", "0");
        try (var producer = producer(Map.of("linger.ms", "100", "compression.type", "lz4"))) {
            for (int i = 0; i < 12; i++) {
                producer.send(new ProducerRecord<>(topic, 0, "key" + i % 3, "v" + i));
            }
            producer.send(new ProducerRecord<>(topic, 0, "gone", "v"));
            producer.send(new ProducerRecord<>(topic, 0, "gone", null));
        }
        try (var producer = transactional(fresh("compaction"))) {
            producer.initTransactions();
            producer.beginTransaction();
            sendTo(producer, topic, "key0", "committed");
            producer.commitTransaction();
            producer.beginTransaction();
            sendTo(producer, topic, "key1", "aborted");
            sendTo(producer, topic, "never", "aborted");
            producer.flush();
            producer.abortTransaction();
        }
        long dirty = end(topic, 0);
        // The segment that is written to is never compacted, and it ends with a record that comes late enough.
        Callable<List<ConsumerRecord<String, String>>> clean = () -> {
            send(topic, 0, "roll", "r");
            Thread.sleep(1000);
            return read(topic, 0, false, -1).stream().filter(r -> r.offset() < dirty).toList();
        };
        var left = eventually(clean, records -> records.size() == 3);
        out.say("left", left.stream().map(r -> r.key() + "=" + r.value() + " at " + r.offset()).toList());
        out.attempt("read committed", () -> values(read(topic, 0, true, -1).stream().filter(r -> r.offset() < dirty).toList()));
        out.attempt("earliest", () -> offset(topic, 0, OffsetSpec.earliest()));
        out.attempt("from a hole", () -> {
            try (var consumer = consumer(Map.of())) {
                var part = new TopicPartition(topic, 0);
                consumer.assign(List.of(part));
                consumer.seek(part, 1);
                return poll(consumer, 1).get(0).value();
            }
        });
    }

    static void retention(Out out) throws Exception {
        String topic = fresh("retention");
        create(topic, 1, "segment.bytes", "1048576", "retention.bytes", "2097152");
        try (var producer = producer(Map.of("linger.ms", "0", "batch.size", "0"))) {
            for (int i = 0; i < 30; i++) {
                producer.send(new ProducerRecord<>(topic, 0, "k", "x".repeat(300_000))).get();
            }
        }
        out.attempt("earliest", () -> eventually(() -> offset(topic, 0, OffsetSpec.earliest()), offset -> offset == 21));
        out.attempt("latest", () -> end(topic, 0));
        out.attempt("read", () -> read(topic, 0, false, -1).size());
        String old = fresh("retention-ms");
        create(old, 1, "retention.ms", "60000");
        try (var producer = producer(Map.of())) {
            producer.send(new ProducerRecord<>(old, 0, System.currentTimeMillis() - 120_000, "k", "old")).get();
        }
        out.attempt("earliest of old ones", () -> eventually(() -> offset(old, 0, OffsetSpec.earliest()), offset -> offset == 1));
        out.attempt("latest of old ones", () -> end(old, 0));
    }
}

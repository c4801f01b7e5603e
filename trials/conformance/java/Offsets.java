package conformance;

import static conformance.Clients.*;

import java.util.*;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.*;

/// Offsets of a partition: first, last and by time, and records that are deleted.
final class Offsets {
    static void offsets(Out out) throws Exception {
        String topic = fresh("offsets");
        create(topic, 2, "retention.ms", "-1");
        long base = 1_700_000_000_000L;
        long[] times = {0, 100, 50, 300, 200, 300};
        try (var producer = producer(Map.of())) {
            for (int i = 0; i < times.length; i++) {
                producer.send(new ProducerRecord<>(topic, 0, base + times[i], "k", "v" + i)).get();
            }
        }
        try (var producer = producer(Map.of("linger.ms", "1000", "batch.size", "100000"))) {
            for (long time : new long[] {400, 600, 500}) {
                producer.send(new ProducerRecord<>(topic, 0, base + time, "k", "v"));
            }
        }
        out.attempt("earliest", () -> offset(topic, 0, OffsetSpec.earliest()));
        out.attempt("latest", () -> offset(topic, 0, OffsetSpec.latest()));
        out.attempt("latest timestamp", () -> stamped(topic, 0, OffsetSpec.maxTimestamp(), base));
        for (long time : new long[] {-1000, 0, 60, 100, 101, 250, 300, 301, 401, 500, 600, 601}) {
            out.attempt("by time " + time, () -> stamped(topic, 0, OffsetSpec.forTimestamp(base + time), base));
        }
        out.attempt("earliest of empty", () -> offset(topic, 1, OffsetSpec.earliest()));
        out.attempt("latest of empty", () -> offset(topic, 1, OffsetSpec.latest()));
        out.attempt("latest timestamp of empty", () -> offset(topic, 1, OffsetSpec.maxTimestamp()));
        out.attempt("by time of empty", () -> offset(topic, 1, OffsetSpec.forTimestamp(base)));

        out.attempt("delete records before 4", () -> deleteRecords(topic, 4));
        out.attempt("earliest after that", () -> offset(topic, 0, OffsetSpec.earliest()));
        out.attempt("by time after that", () -> stamped(topic, 0, OffsetSpec.forTimestamp(base), base));
        out.attempt("delete records before 2", () -> deleteRecords(topic, 2));
        out.attempt("delete records before 10", () -> deleteRecords(topic, 10));
        out.attempt("read from the beginning after that", () -> values(read(topic, 0, false, 5)));
        out.attempt("read deleted", () -> {
            try (var consumer = consumer(Map.of("auto.offset.reset", "none"))) {
                var part = new TopicPartition(topic, 0);
                consumer.assign(List.of(part));
                consumer.seek(part, 1);
                return poll(consumer, 1).size();
            }
        });
        out.attempt("delete all records", () -> deleteRecords(topic, -1));
        out.attempt("ends after that", () -> offset(topic, 0, OffsetSpec.earliest()) + ", " + end(topic, 0));
        String compacted = fresh("offsets-compacted");
        create(compacted, 1, "cleanup.policy", "compact");
        send(compacted, 0, "a", "1");
        out.attempt("delete records of a compacted topic", () -> deleteRecords(compacted, 1));
    }

    static String stamped(String topic, int partition, OffsetSpec spec, long base) throws Exception {
        var found = admin.listOffsets(Map.of(new TopicPartition(topic, partition), spec)).all().get().values().iterator().next();
        return found.offset() + (found.offset() < 0 ? "" : " of " + (found.timestamp() - base));
    }

    static Object deleteRecords(String topic, long before) throws Exception {
        var part = new TopicPartition(topic, 0);
        return admin.deleteRecords(Map.of(part, RecordsToDelete.beforeOffset(before))).lowWatermarks().get(part).get().lowWatermark();
    }
}

package conformance;

import static conformance.Clients.*;
import static conformance.Outcomes.*;

import java.nio.charset.StandardCharsets;
import java.util.*;
import java.util.stream.*;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.clients.producer.*;

/// Producing: what is taken, what is refused, all compressions.
final class Producers {
    static void producers(Out out) throws Exception {
        String topic = fresh("producers");
        create(topic, 1, "max.message.bytes", "2000");
        for (String acks : List.of("all", "1", "0")) {
            try (var producer = producer(Map.of("acks", acks, "enable.idempotence", String.valueOf(acks.equals("all"))))) {
                for (int i = 0; i < 100; i++) {
                    producer.send(new ProducerRecord<>(topic, "k" + i, "v" + i));
                }
                producer.flush();
            }
            out.attempt("acks " + acks + ", end", () -> eventually(() -> end(topic, 0), end -> end % 100 == 0));
        }
        try (var producer = producer(Map.of())) {
            out.attempt("offset", () -> producer.send(new ProducerRecord<>(topic, "k", "v")).get().offset());
            out.attempt("too large", () -> producer.send(new ProducerRecord<>(topic, "k", "x".repeat(3000))).get().offset());
            out.attempt("after too large", () -> producer.send(new ProducerRecord<>(topic, "k", "v")).get().offset());
            long late = System.currentTimeMillis() + 86_400_000;
            out.attempt("timestamp of tomorrow", () ->
                producer.send(new ProducerRecord<>(topic, 0, late, "k", "v")).get().offset());
            out.attempt("timestamp of 1970", () -> producer.send(new ProducerRecord<>(topic, 0, 1L, "k", "v")).get().offset());
        }
        try (var producer = producer(Map.of("max.block.ms", "2000"))) {
            out.attempt("partition that is not", () -> producer.send(new ProducerRecord<>(topic, 9, "k", "v")).get().offset());
            out.attempt("topic that is not", () -> producer.send(new ProducerRecord<>(fresh("nowhere"), "k", "v")).get().offset());
        }
        try (var producer = producer(Map.of("linger.ms", "2000", "batch.size", "100000"))) {
            var sent = IntStream.range(0, 10).mapToObj(i -> producer.send(new ProducerRecord<>(topic, "k", "x".repeat(500))))
                .toList();
            producer.flush();
            out.attempt("batch too large is split", () -> sent.get(9).get().offset() - sent.get(0).get().offset());
        }
        String stamps = fresh("append-time");
        create(stamps, 1, "message.timestamp.type", "LogAppendTime");
        try (var producer = producer(Map.of())) {
            long before = System.currentTimeMillis();
            var stamp = producer.send(new ProducerRecord<>(stamps, 0, 5L, "k", "v")).get().timestamp();
            out.say("append time, producer", stamp >= before - 1000);
            var record = read(stamps, 0, false, 1).get(0);
            out.say("append time, consumer", record.timestampType() + ", the same " + (record.timestamp() == stamp));
        }
        String compacted = fresh("compacted");
        create(compacted, 1, "cleanup.policy", "compact");
        try (var producer = producer(Map.of())) {
            out.attempt("no key, compacted", () -> producer.send(new ProducerRecord<>(compacted, null, "v")).get().offset());
            out.attempt("empty key, compacted", () -> producer.send(new ProducerRecord<>(compacted, "", "v")).get().offset());
            out.attempt("no value, compacted", () -> producer.send(new ProducerRecord<>(compacted, "k", null)).get().offset());
        }
        String headers = fresh("headers");
        create(headers, 1);
        try (var producer = producer(Map.of())) {
            var record = new ProducerRecord<String, String>(headers, 0, (Long) null, null, null);
            record.headers().add("a", "1".getBytes(StandardCharsets.UTF_8)).add("a", null).add("", new byte[0]);
            producer.send(record).get();
            var found = read(headers, 0, false, 1).get(0);
            var texts = Arrays.stream(found.headers().toArray())
                .map(h -> h.key() + "=" + (h.value() == null ? "null" : new String(h.value(), StandardCharsets.UTF_8))).toList();
            out.say("headers", found.key() + ", " + found.value() + ", " + texts);
        }
    }

    static void compression(Out out) throws Exception {
        for (String codec : List.of("none", "gzip", "snappy", "lz4", "zstd")) {
            String topic = fresh("compression-" + codec);
            create(topic, 1, "retention.ms", "-1");
            String text = "sand and stream ".repeat(50);
            try (var producer = producer(Map.of("compression.type", codec, "linger.ms", "50"))) {
                for (int i = 0; i < 200; i++) {
                    producer.send(new ProducerRecord<>(topic, 0, 1_700_000_000_000L + i, "k" + i, text + i));
                }
            }
            var found = read(topic, 0, false, 200);
            boolean same = IntStream.range(0, 200).allMatch(i -> found.get(i).value().equals(text + i)
                && found.get(i).key().equals("k" + i));
            out.say(codec, found.size() + ", the same " + same);
            out.attempt(codec + ", by time", () -> offset(topic, 0, OffsetSpec.forTimestamp(1_700_000_000_077L)));
            out.attempt(codec + ", latest timestamp", () -> offset(topic, 0, OffsetSpec.maxTimestamp()));
        }
    }
}

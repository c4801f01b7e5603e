package conformance;

import static conformance.Outcomes.*;

import java.time.Duration;
import java.util.*;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.*;
import org.apache.kafka.common.serialization.*;

/// Clients, and what several families do with them.
final class Clients {
    static final String RUN = Long.toString(System.nanoTime() % 100_000_000, 36);
    static Admin admin;
    private static String bootstrap;

    static void connect(String address) {
        bootstrap = address;
        admin = Admin.create(common(Map.of("default.api.timeout.ms", "30000")));
    }

    static String fresh(String name) {
        return name + "-" + RUN;
    }

    static Properties common(Map<String, String> settings) {
        var all = new Properties();
        all.put("bootstrap.servers", bootstrap);
        all.putAll(settings);
        return all;
    }

    static KafkaProducer<String, String> producer(Map<String, String> settings) {
        var all = common(Map.of("max.block.ms", "8000", "linger.ms", "0", "delivery.timeout.ms", "30000", "request.timeout.ms",
            "15000",
            "max.request.size", "2000000"));
        all.putAll(settings);
        return new KafkaProducer<>(all, new StringSerializer(), new StringSerializer());
    }

    static KafkaProducer<String, String> transactional(String id) {
        return producer(Map.of("transactional.id", id, "transaction.timeout.ms", "60000"));
    }

    static KafkaConsumer<String, String> consumer(Map<String, String> settings) {
        var all = common(Map.of("auto.offset.reset", "earliest", "allow.auto.create.topics", "false", "default.api.timeout.ms",
            "8000",
            "metadata.max.age.ms", "2000"));
        all.putAll(settings);
        return new KafkaConsumer<>(all, new StringDeserializer(), new StringDeserializer());
    }

    static Object create(String topic, int partitions, String... settings) throws Exception {
        var configs = new HashMap<String, String>();
        for (int i = 0; i < settings.length; i += 2) {
            configs.put(settings[i], settings[i + 1]);
        }
        var done = admin.createTopics(List.of(new NewTopic(topic, partitions, (short) 1).configs(configs))).all().get();
        // Kafka's controller answers before its brokers have heard of the topic.
        eventually(() -> outcome(() -> end(topic, partitions - 1)).equals("0"));
        return done;
    }

    static void send(String topic, int partition, String key, String value) throws Exception {
        plain().send(new ProducerRecord<>(topic, partition, key, value)).get();
    }

    private static KafkaProducer<String, String> plain;

    /// One producer for all that need none of their own.
    static synchronized KafkaProducer<String, String> plain() {
        if (plain == null) {
            plain = producer(Map.of());
        }
        return plain;
    }

    static void sendTo(Producer<String, String> producer, String topic, String key, String value) {
        producer.send(new ProducerRecord<>(topic, 0, key, value));
    }

    static void sendAll(Producer<String, String> producer, String topic, int partition, int count, String text) throws Exception {
        for (int i = 0; i < count; i++) {
            var record = new ProducerRecord<>(topic, partition, "k", text + i);
            if (producer == null) {
                plain().send(record).get();
            } else {
                producer.send(record);
            }
        }
    }

    static long end(String topic, int partition) throws Exception {
        var options = new ListOffsetsOptions(IsolationLevel.READ_UNCOMMITTED);
        options.timeoutMs(5000);
        var part = new TopicPartition(topic, partition);
        return admin.listOffsets(Map.of(part, OffsetSpec.latest()), options).partitionResult(part).get().offset();
    }

    static long offset(String topic, int partition, OffsetSpec spec) throws Exception {
        return admin.listOffsets(Map.of(new TopicPartition(topic, partition), spec))
            .all().get().values().iterator().next().offset();
    }

    static String ends(String topic) throws Exception {
        var part = new TopicPartition(topic, 0);
        var committed = new ListOffsetsOptions(IsolationLevel.READ_COMMITTED);
        long stable = admin.listOffsets(Map.of(part, OffsetSpec.latest()), committed).partitionResult(part).get().offset();
        return end(topic, 0) + ", committed " + stable;
    }

    /// Reads a partition from its beginning: as many records as are expected, and whatever else comes soon after. -1: up to its end.
    static List<ConsumerRecord<String, String>> read(String topic, int partition, boolean committed, int expected)
        throws Exception {
        var part = new TopicPartition(topic, partition);
        try (var consumer = consumer(Map.of("isolation.level", committed ? "read_committed" : "read_uncommitted"))) {
            consumer.assign(List.of(part));
            consumer.seekToBeginning(List.of(part));
            if (expected >= 0) {
                return poll(consumer, expected);
            }
            long end = consumer.endOffsets(List.of(part)).get(part);
            var found = new ArrayList<ConsumerRecord<String, String>>();
            long until = System.nanoTime() + 20_000_000_000L;
            while (consumer.position(part) < end && System.nanoTime() < until) {
                consumer.poll(Duration.ofMillis(100)).forEach(found::add);
            }
            return found;
        }
    }

    /// Polls until `expected` records came, and then a little longer, as more than expected would be a finding.
    static List<ConsumerRecord<String, String>> poll(Consumer<String, String> consumer, int expected) {
        var found = new ArrayList<ConsumerRecord<String, String>>();
        long until = System.nanoTime() + 20_000_000_000L;
        while (found.size() < expected && System.nanoTime() < until) {
            consumer.poll(Duration.ofMillis(100)).forEach(found::add);
        }
        for (int i = 0; i < 3; i++) {
            consumer.poll(Duration.ofMillis(100)).forEach(found::add);
        }
        return found;
    }

    static List<String> values(List<ConsumerRecord<String, String>> records) {
        return records.stream().map(ConsumerRecord::value).toList();
    }

    static String describeGroup(String group) throws Exception {
        var found = admin.describeConsumerGroups(List.of(group)).all().get().get(group);
        var sizes = found.members().stream().map(m -> m.assignment().topicPartitions().size()).sorted().toList();
        return found.groupState() + ", " + found.type() + ", assignor '" + found.partitionAssignor() + "', simple "
            + found.isSimpleConsumerGroup() + ", members' partitions " + sizes;
    }

    static Object commit(String group, TopicPartition part, OffsetAndMetadata offset) throws Exception {
        return admin.alterConsumerGroupOffsets(group, Map.of(part, offset)).all().get();
    }

    static String committed(String group) throws Exception {
        var found = admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata().get();
        return found.entrySet().stream().sorted(Comparator.comparing(e -> e.getKey().partition()))
            .map(e -> e.getKey().partition() + " at " + (e.getValue() == null ? "nothing" : e.getValue().offset() + " '"
                + e.getValue().metadata() + "'"))
            .toList().toString();
    }
}

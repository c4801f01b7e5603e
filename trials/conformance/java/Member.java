package conformance;

import static conformance.Clients.*;

import java.time.Duration;
import java.util.*;
import java.util.concurrent.*;
import java.util.function.BiConsumer;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.common.*;

/// A member of a group that polls on a thread of its own.
final class Member implements AutoCloseable, ConsumerRebalanceListener {
    final KafkaConsumer<String, String> consumer;
    final Set<TopicPartition> assigned = ConcurrentHashMap.newKeySet();
    final Set<String> seen = ConcurrentHashMap.newKeySet();
    volatile int revoked;
    volatile int revocations;
    volatile int assignments;
    volatile Exception failed;
    volatile boolean stop;
    final Thread thread;

    Member(String group, Collection<String> topics, Map<String, String> settings) {
        this(group, (consumer, listener) -> consumer.subscribe(topics, listener), settings);
    }

    Member(String group, BiConsumer<KafkaConsumer<String, String>, ConsumerRebalanceListener> subscribe, Map<String,
        String> settings) {
        var all = new HashMap<String, String>(settings);
        all.put("group.id", group);
        if (!"consumer".equals(settings.get("group.protocol"))) {
            all.putIfAbsent("heartbeat.interval.ms", "500");
            all.putIfAbsent("session.timeout.ms", "10000");
        }
        consumer = consumer(all);
        subscribe.accept(consumer, this);
        thread = new Thread(this::run);
        thread.start();
    }

    void run() {
        try {
            while (!stop) {
                for (var record : consumer.poll(Duration.ofMillis(50))) {
                    seen.add(record.partition() + "/" + record.offset());
                }
            }
        } catch (Exception error) {
            failed = error;
        }
    }

    @Override
    public void onPartitionsAssigned(Collection<TopicPartition> partitions) {
        assignments++;
        assigned.addAll(partitions);
    }

    @Override
    public void onPartitionsRevoked(Collection<TopicPartition> partitions) {
        revocations++;
        revoked += partitions.size();
        assigned.removeAll(partitions);
    }

    @Override
    public void close() throws Exception {
        stop = true;
        thread.join();
        consumer.close(CloseOptions.timeout(Duration.ofSeconds(5)));
    }
}

package conformance;

import static conformance.Clients.*;
import static conformance.Outcomes.*;

import java.util.*;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.common.*;

/// Offsets of groups that are committed in transactions.
@SuppressWarnings("removal")
final class TransactionalOffsets {
    static void offsets(Out out) throws Exception {
        String topic = fresh("transactional-offsets");
        create(topic, 1);
        String group = fresh("transactional-group");
        var part = new TopicPartition(topic, 0);
        sendAll(null, topic, 0, 10, "in");
        try (var producer = transactional(fresh("worker"))) {
            producer.initTransactions();
            var member = new Member(group, List.of(topic), Map.of("enable.auto.commit", "false", "group.protocol", "classic"));
            eventually(() -> member.seen.size() == 10);
            member.stop = true;
            member.thread.join();
            producer.beginTransaction();
            producer.sendOffsetsToTransaction(Map.of(part, new OffsetAndMetadata(3, "mine")), member.consumer.groupMetadata());
            out.attempt("while it is open", () -> committed(group));
            out.attempt("while it is open, stable only", () -> {
                var options = new ListConsumerGroupOffsetsOptions().requireStable(true).timeoutMs(2000);
                return admin.listConsumerGroupOffsets(group, options).partitionsToOffsetAndMetadata().get().size();
            });
            producer.abortTransaction();
            out.attempt("aborted", () -> committed(group));
            producer.beginTransaction();
            producer.sendOffsetsToTransaction(Map.of(part, new OffsetAndMetadata(4, "mine")), member.consumer.groupMetadata());
            producer.commitTransaction();
            out.attempt("committed", () -> eventually(() -> committed(group), text -> text.contains("4")));
            member.consumer.close();
            producer.beginTransaction();
            out.attempt("of a member that was never", () -> producer.sendOffsetsToTransaction(Map.of(part,
                new OffsetAndMetadata(5)), new ConsumerGroupMetadata(group, 9, "somebody", Optional.empty())));
            out.attempt("commit after that", () -> producer.commitTransaction());
            producer.abortTransaction();
            producer.beginTransaction();
            producer.sendOffsetsToTransaction(Map.of(part, new OffsetAndMetadata(6)), new ConsumerGroupMetadata(group));
            producer.commitTransaction();
            out.attempt("committed by nobody", () -> eventually(() -> committed(group), text -> text.contains("6")));
        }
        String newer = fresh("transactional-group-consumer");
        try (var producer = transactional(fresh("worker-consumer"))) {
            producer.initTransactions();
            var member = new Member(newer, List.of(topic), Map.of("enable.auto.commit", "false", "group.protocol", "consumer"));
            eventually(() -> member.seen.size() == 10);
            member.stop = true;
            member.thread.join();
            producer.beginTransaction();
            producer.sendOffsetsToTransaction(Map.of(part, new OffsetAndMetadata(10)), member.consumer.groupMetadata());
            producer.commitTransaction();
            out.attempt("consumer protocol, committed", () -> eventually(() -> committed(newer), text -> text.contains("10")));
            var epoch = member.consumer.groupMetadata();
            var stale = new ConsumerGroupMetadata(newer, epoch.generationId() + 5, epoch.memberId(), Optional.empty());
            producer.beginTransaction();
            out.attempt("consumer protocol, wrong epoch", () ->
                producer.sendOffsetsToTransaction(Map.of(part, new OffsetAndMetadata(2)), stale));
            producer.abortTransaction();
            member.consumer.close();
        }
    }
}

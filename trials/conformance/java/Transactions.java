package conformance;

import static conformance.Clients.*;
import static conformance.Outcomes.*;

import java.time.Duration;
import java.util.*;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.*;

/// Transactions, seen by those who read and by administrators.
final class Transactions {
    static void transactions(Out out) throws Exception {
        String topic = fresh("transactions");
        create(topic, 2, "max.message.bytes", "2000");
        String id = fresh("transactional");
        out.attempt("describe unknown", () -> describeTransaction(fresh("no-such")));
        try (var producer = transactional(id)) {
            producer.initTransactions();
            out.attempt("describe before the first", () -> describeTransaction(id));
            producer.beginTransaction();
            sendAll(producer, topic, 0, 5, "c");
            sendAll(producer, topic, 1, 1, "c");
            producer.flush();
            out.attempt("describe open", () -> describeTransaction(id));
            out.attempt("list open", () -> listedTransaction(id, new ListTransactionsOptions()));
            out.attempt("list by state", () ->
                listedTransaction(id, new ListTransactionsOptions().filterStates(Set.of(TransactionState.ONGOING))));
            out.attempt("list by other state", () ->
                listedTransaction(id, new ListTransactionsOptions().filterStates(Set.of(TransactionState.EMPTY))));
            out.attempt("list the long ones", () ->
                listedTransaction(id, new ListTransactionsOptions().filterOnDuration(3_600_000)));
            out.attempt("producers open", () -> describeProducers(topic));
            out.attempt("ends open", () -> ends(topic));
            out.attempt("read committed open", () -> read(topic, 0, true, 0).size());
            out.attempt("read uncommitted open", () -> read(topic, 0, false, 5).size());
            producer.commitTransaction();
            out.attempt("describe committed", () ->
                eventually(() -> describeTransaction(id), text -> text.startsWith("CompleteCommit")));
            out.attempt("ends committed", () -> eventually(() -> ends(topic), text -> text.equals("6, committed 6")));
            out.attempt("read committed after commit", () -> read(topic, 0, true, 5).size());

            producer.beginTransaction();
            sendAll(producer, topic, 0, 3, "a");
            producer.flush();
            producer.abortTransaction();
            out.attempt("describe aborted", () ->
                eventually(() -> describeTransaction(id), text -> text.startsWith("CompleteAbort")));
            out.attempt("ends aborted", () -> eventually(() -> ends(topic), text -> text.equals("10, committed 10")));
            out.attempt("read committed after abort", () -> values(read(topic, 0, true, 5)));
            out.attempt("read uncommitted after abort", () -> values(read(topic, 0, false, 8)));

            producer.beginTransaction();
            producer.commitTransaction();
            out.attempt("ends after an empty one", () -> ends(topic));
            producer.beginTransaction();
            sendAll(producer, topic, 0, 1, "o");
            producer.flush();
            sendAll(null, topic, 0, 2, "plain");
            out.attempt("read committed behind an open one", () -> values(read(topic, 0, true, 5)));
            producer.abortTransaction();
            out.attempt("read committed behind an aborted one", () -> values(read(topic, 0, true, 7)));
            out.attempt("send outside of one", () -> producer.send(new ProducerRecord<>(topic, 0, "k", "v")).get().offset());
            out.attempt("commit outside of one", () -> producer.commitTransaction());
            // It is broken now, and would take half a minute to close.
            producer.close(Duration.ZERO);
        }
        try (var producer = transactional(fresh("large"))) {
            producer.initTransactions();
            producer.beginTransaction();
            sendAll(producer, topic, 0, 1, "small");
            producer.flush();
            out.attempt("too large", () -> producer.send(new ProducerRecord<>(topic, 0, "k", "x".repeat(3000))).get().offset());
            out.attempt("commit of one with a record too large", () -> producer.commitTransaction());
            producer.abortTransaction();
            producer.beginTransaction();
            sendAll(producer, topic, 1, 1, "afterwards");
            producer.commitTransaction();
            out.attempt("read committed after too large", () -> values(read(topic, 1, true, 2)));
        }
        try (var producer = producer(Map.of("transactional.id", fresh("patient"), "transaction.timeout.ms", "3600000"))) {
            out.attempt("timeout over the broker's", () -> producer.initTransactions());
        }
    }

    /// Two transactions in one partition at the same time.
    static void interleaved(Out out) throws Exception {
        String topic = fresh("interleaved");
        create(topic, 1);
        try (var first = transactional(fresh("first")); var second = transactional(fresh("second"))) {
            first.initTransactions();
            second.initTransactions();
            first.beginTransaction();
            second.beginTransaction();
            for (int i = 0; i < 2; i++) {
                sendAll(first, topic, 0, 1, "first" + i);
                first.flush();
                sendAll(second, topic, 0, 1, "second" + i);
                second.flush();
            }
            out.attempt("ends, both open", () -> ends(topic));
            first.abortTransaction();
            out.attempt("ends, second open", () -> eventually(() -> ends(topic), text -> text.equals("5, committed 1")));
            out.attempt("read committed, second open", () -> values(read(topic, 0, true, 0)));
            second.commitTransaction();
            out.attempt("ends, none open", () -> eventually(() -> ends(topic), text -> text.equals("6, committed 6")));
        }
        out.attempt("read committed", () -> values(read(topic, 0, true, 2)));
        out.attempt("read uncommitted", () -> values(read(topic, 0, false, 4)));
        for (long from = 1; from <= 5; from++) {
            try (var consumer = consumer(Map.of("isolation.level", "read_committed"))) {
                var part = new TopicPartition(topic, 0);
                consumer.assign(List.of(part));
                consumer.seek(part, from);
                out.say("read committed from " + from, values(poll(consumer, from <= 1 ? 2 : from <= 3 ? 1 : 0)));
            }
        }
    }

    static String describeTransaction(String id) throws Exception {
        var found = admin.describeTransactions(List.of(id)).all().get().get(id);
        return found.state() + ", partitions " + found.topicPartitions().stream().map(TopicPartition::partition).sorted().toList()
            + ", started " + found.transactionStartTimeMs().isPresent() + ", timeout " + found.transactionTimeoutMs();
    }

    static String listedTransaction(String id, ListTransactionsOptions options) throws Exception {
        var all = admin.listTransactions(options).all().get();
        return all.stream().filter(t -> t.transactionalId().equals(id)).map(t -> t.state().toString()).toList().toString();
    }

    static String describeProducers(String topic) throws Exception {
        var part = new TopicPartition(topic, 0);
        var all = admin.describeProducers(List.of(part)).partitionResult(part).get().activeProducers();
        return all.stream().map(p -> "sequence " + p.lastSequence() + ", open from " + p.currentTransactionStartOffset().orElse(-1)
            + ", recent " + (System.currentTimeMillis() - p.lastTimestamp() < 30_000)).toList().toString();
    }
}

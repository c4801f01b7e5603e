package conformance;

import static conformance.Clients.*;
import static conformance.Outcomes.*;

import java.time.Duration;
import java.util.*;
import java.util.concurrent.*;
import org.apache.kafka.clients.producer.*;

/// Producers whose place was taken, and transactions that took too long.
final class Fencing {
    static void fencing(Out out) throws Exception {
        String topic = fresh("fencing");
        create(topic, 1);
        var zombie = transactional(fresh("fenced"));
        zombie.initTransactions();
        zombie.beginTransaction();
        sendAll(zombie, topic, 0, 2, "zombie");
        zombie.flush();
        try (var heir = transactional(fresh("fenced"))) {
            heir.initTransactions();
            out.attempt("read uncommitted after takeover", () -> values(read(topic, 0, false, 2)));
            out.attempt("zombie commits", () -> zombie.commitTransaction());
            out.attempt("zombie begins", () -> zombie.beginTransaction());
            heir.beginTransaction();
            sendAll(heir, topic, 0, 2, "heir");
            heir.commitTransaction();
            out.attempt("read committed", () -> values(read(topic, 0, true, 2)));
        }
        zombie.close(Duration.ZERO);
        var sender = transactional(fresh("fenced-sender"));
        sender.initTransactions();
        sender.beginTransaction();
        sendAll(sender, topic, 0, 1, "before");
        sender.flush();
        try (var heir = transactional(fresh("fenced-sender"))) {
            heir.initTransactions();
            out.attempt("zombie sends", () -> sender.send(new ProducerRecord<>(topic, 0, "k", "after")).get().offset());
            out.attempt("zombie aborts", () -> sender.abortTransaction());
        }
        sender.close(Duration.ZERO);
        var idle = transactional(fresh("fenced-idle"));
        idle.initTransactions();
        try (var heir = transactional(fresh("fenced-idle"))) {
            heir.initTransactions();
            idle.beginTransaction();
            out.refused("zombie without a transaction sends", () ->
                idle.send(new ProducerRecord<>(topic, 0, "k", "v")).get().offset());
        }
        idle.close(Duration.ZERO);
        var byAdmin = transactional(fresh("fenced-by-admin"));
        byAdmin.initTransactions();
        byAdmin.beginTransaction();
        sendAll(byAdmin, topic, 0, 1, "by admin");
        byAdmin.flush();
        out.attempt("fence by admin", () -> admin.fenceProducers(List.of(fresh("fenced-by-admin"))).all().get());
        out.attempt("fenced by admin commits", () -> byAdmin.commitTransaction());
        byAdmin.close(Duration.ZERO);
        out.attempt("ends", () -> {
            var parts = eventually(() -> ends(topic), text -> text.split(", committed ")[0].equals(text.split(", committed ")[1]));
            return parts;
        });
        out.attempt("read committed in the end", () -> values(read(topic, 0, true, 2)));
    }

    static void timeout(Out out) throws Exception {
        String topic = fresh("timeout");
        create(topic, 1);
        var late = producer(Map.of("transactional.id", fresh("late"), "transaction.timeout.ms", "1000"));
        late.initTransactions();
        late.beginTransaction();
        sendAll(late, topic, 0, 2, "late");
        late.flush();
        out.attempt("ends open", () -> ends(topic));
        out.attempt("ends when it is over", () -> eventually(() -> ends(topic), text -> text.equals("3, committed 3")));
        out.attempt("describe", () ->
            eventually(() -> Transactions.describeTransaction(fresh("late")), text -> text.startsWith("CompleteAbort")));
        out.refused("commit", () -> late.commitTransaction());
        late.close(Duration.ZERO);
        out.attempt("read committed", () -> values(read(topic, 0, true, 0)));
        try (var heir = transactional(fresh("late"))) {
            heir.initTransactions();
            heir.beginTransaction();
            sendAll(heir, topic, 0, 1, "heir");
            heir.commitTransaction();
        }
        out.attempt("read committed of the heir", () -> values(read(topic, 0, true, 1)));
    }
}

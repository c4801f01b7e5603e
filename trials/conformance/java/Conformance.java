package conformance;

import static conformance.Outcomes.name;

import java.util.*;
import java.util.concurrent.*;

/// What Apache Kafka's Java client observes of a broker: one line per fact, `scenario: outcome`, without ids, times and ports, so that
/// the lines of two brokers can be compared. Arguments: the bootstrap address, and names of families if not all are to run.
///
/// Families run at the same time, because most of them wait: for a heartbeat, a timeout, a cleaner. Their lines come in the order below.
public final class Conformance {
    static final Map<String, Family> FAMILIES = new LinkedHashMap<>();
    static {
        FAMILIES.put("topics", Topics::topics);
        FAMILIES.put("configs", Configs::configs);
        FAMILIES.put("offsets", Offsets::offsets);
        FAMILIES.put("groups", Groups::groups);
        FAMILIES.put("eager", Rebalances::eager);
        FAMILIES.put("cooperative", Rebalances::cooperative);
        FAMILIES.put("static", Rebalances::staticMembers);
        FAMILIES.put("consumer", Rebalances::consumerProtocol);
        FAMILIES.put("producers", Producers::producers);
        FAMILIES.put("compression", Producers::compression);
        FAMILIES.put("transactions", Transactions::transactions);
        FAMILIES.put("interleaved", Transactions::interleaved);
        FAMILIES.put("fencing", Fencing::fencing);
        FAMILIES.put("transaction-timeout", Fencing::timeout);
        FAMILIES.put("transactional-offsets", TransactionalOffsets::offsets);
        FAMILIES.put("consumers", Consumers::consumers);
        FAMILIES.put("backlog", Consumers::backlog);
        FAMILIES.put("compaction", Logs::compaction);
        FAMILIES.put("retention", Logs::retention);
    }
    /// Of all families together.
    static final long SECONDS_MAX = 150;

    interface Family {
        void run(Out out) throws Exception;
    }

    public static void main(String[] arguments) throws Exception {
        System.setProperty("org.apache.logging.log4j.level", "OFF");
        System.setProperty("log4j2.StatusLogger.level", "OFF");
        if (arguments.length == 0) {
            System.err.println("expected a bootstrap address, such as 127.0.0.1:9092, and perhaps some of " + FAMILIES.keySet());
            System.exit(2);
        }
        var chosen = Arrays.asList(arguments).subList(1, arguments.length);
        Clients.connect(arguments[0]);
        var threads = Executors.newCachedThreadPool();
        var running = new LinkedHashMap<Out, Future<?>>();
        FAMILIES.forEach((name, family) -> {
            if (chosen.isEmpty() || chosen.contains(name)) {
                var out = new Out(name);
                running.put(out, threads.submit(() -> {
                    family.run(out);
                    return null;
                }));
            }
        });
        long until = System.nanoTime() + TimeUnit.SECONDS.toNanos(SECONDS_MAX);
        boolean broken = false;
        for (var entry : running.entrySet()) {
            try {
                entry.getValue().get(until - System.nanoTime(), TimeUnit.NANOSECONDS);
            } catch (ExecutionException | TimeoutException error) {
                broken = true;
                entry.getKey().say("broke off", name(error));
                error.printStackTrace();
            }
            entry.getKey().print();
        }
        System.out.flush();
        // Clients that still wait for something are not waited for.
        Runtime.getRuntime().halt(broken ? 1 : 0);
    }
}

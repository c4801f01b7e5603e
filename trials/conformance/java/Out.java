package conformance;

import static conformance.Outcomes.outcome;

import java.util.*;
import java.util.concurrent.Callable;

/// The lines of one family.
final class Out {
    /// Whether lines are shown when they come, with the time, and what failed with its message.
    static final boolean TALKS = System.getenv("TIMES") != null;
    private static final long BEGUN = System.nanoTime();
    private final String family;
    private final List<String> lines = Collections.synchronizedList(new ArrayList<>());

    Out(String family) {
        this.family = family;
    }

    void say(String scenario, Object outcome) {
        String line = family + ", " + scenario + ": " + outcome;
        lines.add(line);
        if (TALKS) {
            System.err.printf("%6.1f s %s%n", (System.nanoTime() - BEGUN) / 1e9, line);
        }
    }

    /// Says what came of something, or the class of what it failed with.
    void attempt(String scenario, Callable<?> what) {
        say(scenario, outcome(what));
    }

    /// The same for what has no result.
    void attempt(String scenario, Action what) {
        attempt(scenario, () -> {
            what.run();
            return "ok";
        });
    }

    /// Says that a producer is refused. With which error depends on the version of the transaction protocol: devbroker speaks the first.
    void refused(String scenario, Callable<?> what) {
        var refusals = Set.of("InvalidProducerEpochException", "InvalidTxnStateException", "ProducerFencedException");
        String came = outcome(what);
        say(scenario, refusals.contains(came) ? "refused" : came);
    }

    void refused(String scenario, Action what) {
        refused(scenario, () -> {
            what.run();
            return "ok";
        });
    }

    void print() {
        lines.forEach(System.out::println);
    }

    interface Action {
        void run() throws Exception;
    }
}

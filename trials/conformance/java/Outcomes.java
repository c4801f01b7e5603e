package conformance;

import java.time.Duration;
import java.util.concurrent.*;
import java.util.function.Predicate;
import org.apache.kafka.common.*;

/// What came of something: the lines of the suite.
final class Outcomes {
    /// How long is waited for what comes by itself.
    static final Duration PATIENCE = Duration.ofSeconds(60);

    static void eventually(Callable<Boolean> holds) throws Exception {
        eventually(holds, Boolean::booleanValue);
    }

    /// What something comes to, or what it is when patience ends. What fails meanwhile is tried again.
    static <T> T eventually(Callable<T> what, Predicate<T> enough) throws Exception {
        long until = System.nanoTime() + PATIENCE.toNanos();
        while (true) {
            try {
                T now = what.call();
                if (enough.test(now) || System.nanoTime() > until) {
                    return now;
                }
            } catch (Exception error) {
                if (System.nanoTime() > until) {
                    throw error;
                }
            }
            Thread.sleep(50);
        }
    }

    static String outcome(Callable<?> what) {
        try {
            Object result = what.call();
            return result == null ? "ok" : result.toString();
        } catch (Exception error) {
            if (Out.TALKS) {
                System.err.println(error);
            }
            return name(error);
        }
    }

    /// The class of an error, without what the client has wrapped it in.
    static String name(Throwable error) {
        while (error instanceof ExecutionException || error != null && error.getClass() == KafkaException.class
            && error.getCause() != null) {
            error = error.getCause();
        }
        return error == null ? "nothing" : error.getClass().getSimpleName();
    }
}

package conformance;

import static conformance.Clients.*;
import static conformance.Outcomes.*;

import java.util.*;
import java.util.function.Function;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.common.*;

/// Groups whose members come and go, under both protocols.
final class Rebalances {
    static boolean shared(Member... members) {
        var all = new HashSet<TopicPartition>();
        int sum = 0;
        for (var member : members) {
            all.addAll(member.assigned);
            sum += member.assigned.size();
        }
        return all.size() == 6 && sum == 6 && Arrays.stream(members).allMatch(m -> m.assigned.size() == 6 / members.length);
    }

    static String sizes(Member... members) {
        return Arrays.stream(members).map(m -> m.assigned.size()).toList().toString();
    }

    static void eager(Out out) throws Exception {
        rebalance(out, "eager", RangeAssignor.class.getName());
    }

    static void cooperative(Out out) throws Exception {
        rebalance(out, "cooperative", CooperativeStickyAssignor.class.getName());
    }

    static void rebalance(Out out, String name, String assignor) throws Exception {
        String topic = fresh(name);
        create(topic, 6);
        var settings = Map.of("partition.assignment.strategy", assignor, "group.protocol", "classic", "auto.commit.interval.ms",
            "100");
        oneTwoOne(out, topic, fresh("group-" + name), settings, settings);
        if (name.equals("eager")) {
            var other = Map.of("partition.assignment.strategy", RoundRobinAssignor.class.getName(), "group.protocol", "classic");
            String group = fresh("group-mixed");
            try (var one = new Member(group, List.of(topic), settings); var two = new Member(group, List.of(topic), other)) {
                eventually(() -> one.failed != null || two.failed != null);
                out.say("other assignor", name(one.failed != null ? one.failed : two.failed));
            }
        }
    }

    static void oneTwoOne(Out out, String topic, String group, Map<String, String> settings, Map<String, String> second)
        throws Exception {
        try (var one = new Member(group, List.of(topic), settings)) {
            eventually(() -> shared(one));
            out.say("one member", sizes(one));
            for (int i = 0; i < 60; i++) {
                send(topic, i % 6, "k", "v" + i);
            }
            eventually(() -> one.seen.size() == 60);
            out.say("one member read", one.seen.size());
            Thread.sleep(400);
            int before = one.revoked;
            var two = new Member(group, List.of(topic), second);
            eventually(() -> shared(one, two));
            out.say("two members", sizes(one, two));
            out.say("revoked for the second", one.revoked - before);
            out.attempt("describe two", () ->
                eventually(() -> describeGroup(group), text -> text.startsWith("Stable") && text.endsWith("[3, 3]")));
            for (int i = 0; i < 60; i++) {
                send(topic, i % 6, "k", "w" + i);
            }
            eventually(() -> one.seen.size() + two.seen.size() == 120);
            out.say("two members read", one.seen.size() + two.seen.size() - 60);
            two.close();
            eventually(() -> shared(one));
            out.say("one member again", sizes(one));
            out.say("failures", one.failed + ", " + two.failed);
        }
        out.attempt("empty", () -> eventually(() -> describeGroup(group), text -> text.startsWith("Empty")));
        out.attempt("committed", () -> committed(group));
    }

    static void staticMembers(Out out) throws Exception {
        String topic = fresh("static");
        create(topic, 6);
        for (String protocol : List.of("classic", "consumer")) {
            String group = fresh("static-" + protocol);
            Function<String, Map<String, String>> named = id -> Map.of("group.instance.id", id, "group.protocol", protocol);
            try (var one = new Member(group, List.of(topic), named.apply("one"))) {
                eventually(() -> shared(one));
                var two = new Member(group, List.of(topic), named.apply("two"));
                eventually(() -> shared(one, two));
                out.say(protocol + ", two members", sizes(one, two));
                eventually(() -> describeGroup(group).contains("[3, 3]"));
                int before = one.assignments;
                var had = Set.copyOf(two.assigned);
                two.close();
                Thread.sleep(1000);
                out.say(protocol + ", the other while it is away", sizes(one));
                var again = new Member(group, List.of(topic), named.apply("two"));
                eventually(() -> again.assigned.size() == 3);
                out.say(protocol + ", after it came back", sizes(one, again) + ", the same " + again.assigned.equals(had));
                out.say(protocol + ", assignments of the other meanwhile", one.assignments - before);
                var twin = new Member(group, List.of(topic), named.apply("two"));
                eventually(() -> again.failed != null || twin.failed != null);
                out.say(protocol + ", a twin", "first " + name(again.failed) + ", second " + name(twin.failed));
                again.close();
                twin.close();
            }
        }
    }

    static void consumerProtocol(Out out) throws Exception {
        String topic = fresh("consumer");
        create(topic, 6);
        var settings = Map.of("group.protocol", "consumer", "auto.commit.interval.ms", "100");
        oneTwoOne(out, topic, fresh("group-consumer"), settings, settings);
        var range = Map.of("group.protocol", "consumer", "group.remote.assignor", "range");
        try (var one = new Member(fresh("group-range"), List.of(topic), range)) {
            eventually(() -> shared(one));
            out.attempt("range", () -> eventually(() -> describeGroup(fresh("group-range")), text -> text.endsWith("[6]")));
        }
        var unknown = Map.of("group.protocol", "consumer", "group.remote.assignor", "no-such");
        try (var one = new Member(fresh("group-no-such"), List.of(topic), unknown)) {
            eventually(() -> one.failed != null);
            out.say("unknown assignor", name(one.failed));
        }
        String pattern = "consumer-(" + RUN + "|never)";
        try (var one = new Member(fresh("group-pattern"), (c, l) -> c.subscribe(new SubscriptionPattern(pattern), l),
            Map.of("group.protocol", "consumer"))) {
            eventually(() -> shared(one));
            out.say("pattern", sizes(one));
        }
        try (var one = new Member(fresh("group-bad-pattern"), (c, l) -> c.subscribe(new SubscriptionPattern("(["), l),
            Map.of("group.protocol", "consumer"))) {
            eventually(() -> one.failed != null);
            out.say("pattern that is none", name(one.failed));
        }
        String mixed = fresh("group-mixed");
        try (var one = new Member(mixed, List.of(topic), Map.of("group.protocol", "consumer"))) {
            eventually(() -> shared(one));
            admin.createPartitions(Map.of(topic, NewPartitions.increaseTo(8))).all().get();
            eventually(() -> one.assigned.size() == 8);
            out.say("partitions that were added", sizes(one));
        }
    }
}

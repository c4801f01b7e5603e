package conformance;

import static conformance.Clients.*;
import static conformance.Outcomes.*;

import java.util.*;
import java.util.stream.*;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.common.*;

/// Consumer groups as an administrator sees them.
final class Groups {
    static void groups(Out out) throws Exception {
        String topic = fresh("groups");
        create(topic, 2);
        String group = fresh("by-admin");
        var part = new TopicPartition(topic, 0);
        out.attempt("describe unknown", () -> describeGroup(fresh("nobody")));
        out.attempt("offsets of unknown", () -> committed(fresh("nobody")));
        out.attempt("delete unknown", () -> admin.deleteConsumerGroups(List.of(fresh("nobody"))).all().get());
        out.attempt("set offsets", () -> commit(group, part, new OffsetAndMetadata(7, "note")));
        out.attempt("offsets", () -> committed(group));
        out.attempt("set offsets of unknown topic", () ->
            commit(group, new TopicPartition(fresh("nowhere"), 0), new OffsetAndMetadata(1)));
        out.attempt("note too long", () -> commit(group, part, new OffsetAndMetadata(8, "x".repeat(5000))));
        out.attempt("describe", () -> describeGroup(group));
        out.attempt("list", () -> listed(group));
        out.attempt("delete offsets", () -> admin.deleteConsumerGroupOffsets(group, Set.of(part)).all().get());
        out.attempt("offsets after that", () -> committed(group));
        commit(group, part, new OffsetAndMetadata(3));
        out.attempt("delete", () -> admin.deleteConsumerGroups(List.of(group)).all().get());
        out.attempt("offsets after delete", () -> committed(group));
        out.attempt("describe after delete", () -> describeGroup(group));

        for (String protocol : List.of("classic", "consumer")) {
            String busy = fresh("busy-" + protocol);
            try (var member = new Member(busy, List.of(topic), Map.of("group.protocol", protocol))) {
                eventually(() -> member.assigned.size() == 2);
                out.attempt(protocol + ", describe busy", () ->
                    eventually(() -> describeGroup(busy), text -> text.startsWith("Stable")));
                out.attempt(protocol + ", list busy", () -> listed(busy));
                out.attempt(protocol + ", delete busy", () -> admin.deleteConsumerGroups(List.of(busy)).all().get());
                out.attempt(protocol + ", set offsets of busy", () -> commit(busy, part, new OffsetAndMetadata(1)));
                out.attempt(protocol + ", delete offsets of busy", () ->
                    admin.deleteConsumerGroupOffsets(busy, Set.of(part)).all().get());
                out.attempt(protocol + ", list by state", () ->
                    admin.listGroups(ListGroupsOptions.forConsumerGroups().inGroupStates(Set.of(GroupState.STABLE)))
                    .all().get().stream().anyMatch(g -> g.groupId().equals(busy)));
                out.attempt(protocol + ", list by other type", () -> admin.listGroups(new ListGroupsOptions()
                    .withTypes(Set.of(protocol.equals("classic") ? GroupType.CONSUMER : GroupType.CLASSIC)))
                    .all().get().stream().anyMatch(g -> g.groupId().equals(busy)));
            }
            out.attempt(protocol + ", describe left", () ->
                eventually(() -> describeGroup(busy), text -> text.startsWith("Empty")));
            out.attempt(protocol + ", list left", () -> listed(busy));
            out.attempt(protocol + ", set offsets of left", () -> commit(busy, part, new OffsetAndMetadata(1)));
            out.attempt(protocol + ", delete left", () -> admin.deleteConsumerGroups(List.of(busy)).all().get());
        }
        try (var removed = new Member(fresh("removed"), List.of(topic), Map.of("group.instance.id", "one",
            "heartbeat.interval.ms", "500"))) {
            eventually(() -> removed.assigned.size() == 2);
            var one = new RemoveMembersFromConsumerGroupOptions(List.of(new MemberToRemove("one")));
            out.attempt("remove a static member", () -> admin.removeMembersFromConsumerGroup(fresh("removed"), one).all().get());
            var two = new RemoveMembersFromConsumerGroupOptions(List.of(new MemberToRemove("two")));
            out.attempt("remove an unknown member", () -> admin.removeMembersFromConsumerGroup(fresh("removed"), two).all().get());
        }
    }

    static String listed(String group) throws Exception {
        var all = admin.listGroups().all().get().stream().filter(g -> g.groupId().equals(group)).toList();
        return all.stream().map(g -> g.type().map(Object::toString).orElse("?") + ", protocol '" + g.protocol() + "', "
            + g.groupState().map(Object::toString).orElse("?")).collect(Collectors.joining("; "));
    }
}

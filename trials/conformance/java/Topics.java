package conformance;

import static conformance.Clients.*;
import static conformance.Outcomes.*;

import java.util.*;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.*;

/// Topics: made, described, grown and deleted, and what is refused.
final class Topics {
    static void topics(Out out) throws Exception {
        String topic = fresh("topics");
        var made = admin.createTopics(List.of(new NewTopic(topic, 3, (short) 1).configs(Map.of("retention.ms", "3600000"))));
        out.attempt("create", () -> made.all().get());
        out.say("created partitions", made.numPartitions(topic).get() + ", replication " + made.replicationFactor(topic).get());
        out.say("created setting", made.config(topic).get().get("retention.ms").value());
        out.attempt("create again", () -> create(topic, 1));
        out.attempt("create 'a b'", () -> create("a b", 1));
        out.attempt("create '..'", () -> create("..", 1));
        out.attempt("create name of 250", () -> create("x".repeat(250), 1));
        create(fresh("dotted.name"), 1);
        out.attempt("create a name that collides", () -> create(fresh("dotted_name"), 1));
        out.attempt("create 0 partitions", () -> create(fresh("none"), 0));
        out.attempt("create replication 3", () ->
            admin.createTopics(List.of(new NewTopic(fresh("three"), 1, (short) 3))).all().get());
        for (String setting : List.of("no.such.setting=1", "retention.ms=abc", "retention.ms=-2", "cleanup.policy=shred",
                "segment.bytes=100", "max.message.bytes=-1", "min.cleanable.dirty.ratio=2", "message.timestamp.type=Never",
                "compression.type=brotli", "segment.ms=0", "delete.retention.ms=-1")) {
            out.attempt("create with " + setting, () -> create(fresh("wrong"), 1, setting.split("=")));
        }
        var trial = new NewTopic(fresh("trial"), 2, (short) 1);
        out.attempt("create, validate only", () ->
            admin.createTopics(List.of(trial), new CreateTopicsOptions().validateOnly(true)).all().get());
        out.attempt("create again, validate only", () ->
            admin.createTopics(List.of(new NewTopic(topic, 1, (short) 1)), new CreateTopicsOptions().validateOnly(true))
                .all().get());
        out.attempt("validated topic", () -> describe(fresh("trial")));
        out.attempt("create with defaults", () ->
            admin.createTopics(List.of(new NewTopic(fresh("defaults"), Optional.empty(), Optional.empty())))
                .numPartitions(fresh("defaults")).get());
        out.attempt("create with assignment", () ->
            admin.createTopics(List.of(new NewTopic(fresh("assigned"), Map.of(0, List.of(1), 1, List.of(1))))).all().get());
        out.attempt("create with assignment to a node that is not", () ->
            admin.createTopics(List.of(new NewTopic(fresh("misassigned"), Map.of(0, List.of(7))))).all().get());
        out.attempt("create with partitions assigned from 1 on", () ->
            admin.createTopics(List.of(new NewTopic(fresh("misassigned"), Map.of(1, List.of(1))))).all().get());

        eventually(() -> outcome(() -> describe(topic)).startsWith("3 "));
        out.attempt("describe", () -> describe(topic));
        out.attempt("describe the assigned", () -> describe(fresh("assigned")));
        out.attempt("describe unknown", () -> describe(fresh("nowhere")));
        Uuid id = admin.describeTopics(List.of(topic)).allTopicNames().get().get(topic).topicId();
        out.attempt("describe by id", () ->
            admin.describeTopics(TopicCollection.ofTopicIds(List.of(id))).allTopicIds().get().get(id).name().equals(topic));
        out.attempt("describe by unknown id", () ->
            admin.describeTopics(TopicCollection.ofTopicIds(List.of(Uuid.randomUuid()))).allTopicIds().get().size());
        out.attempt("list", () ->
            admin.listTopics().names().get().contains(topic) + ", id " + (!admin.listTopics().listings().get().isEmpty()));
        out.attempt("cluster", () -> {
            var cluster = admin.describeCluster(new DescribeClusterOptions().includeAuthorizedOperations(true));
            return cluster.nodes().get().size() + " node, controller " + cluster.controller().get().id()
                + ", id of some length " + (cluster.clusterId().get().length() > 8);
        });

        out.attempt("more partitions", () -> grow(topic, 5, false));
        out.attempt("fewer partitions", () -> grow(topic, 2, false));
        out.attempt("as many partitions", () -> grow(topic, 5, false));
        out.attempt("more partitions, validate only", () -> grow(topic, 9, true));
        out.attempt("more partitions of unknown", () -> grow(fresh("nowhere"), 2, false));
        out.attempt("more partitions than can be", () -> grow(topic, 1_000_000, false));
        out.attempt("describe after that", () -> eventually(() -> describe(topic), text -> text.startsWith("5 ")));

        send(topic, 0, "a", "1");
        commit(fresh("of-deleted"), new TopicPartition(topic, 0), new OffsetAndMetadata(1));
        out.attempt("delete", () -> admin.deleteTopics(List.of(topic)).all().get());
        eventually(() -> !admin.listTopics().names().get().contains(topic));
        out.attempt("its groups' offsets", () -> eventually(() -> committed(fresh("of-deleted")), text -> text.equals("[]")));
        out.attempt("delete again", () -> admin.deleteTopics(List.of(topic)).all().get());
        out.attempt("delete by unknown id", () -> admin.deleteTopics(TopicCollection.ofTopicIds(List.of(id))).all().get());
        out.attempt("create after delete", () -> create(topic, 1));
        eventually(() -> outcome(() -> end(topic, 0)).equals("0"));
        out.attempt("its end", () -> end(topic, 0));
        out.attempt("its id is another", () ->
            !admin.describeTopics(List.of(topic)).allTopicNames().get().get(topic).topicId().equals(id));
        Uuid second = admin.describeTopics(List.of(topic)).allTopicNames().get().get(topic).topicId();
        out.attempt("delete by id", () -> admin.deleteTopics(TopicCollection.ofTopicIds(List.of(second))).all().get());
    }

    static String describe(String topic) throws Exception {
        var found = admin.describeTopics(List.of(topic)).allTopicNames().get().get(topic);
        var first = found.partitions().get(0);
        return found.partitions().size() + " partitions, leader " + first.leader().id() + ", replicas "
            + first.replicas().stream().map(Node::id).toList() + ", in sync " + first.isr().stream().map(Node::id).toList()
            + ", internal " + found.isInternal();
    }

    static Object grow(String topic, int count, boolean trial) throws Exception {
        var options = new CreatePartitionsOptions().validateOnly(trial);
        return admin.createPartitions(Map.of(topic, NewPartitions.increaseTo(count)), options).all().get();
    }
}

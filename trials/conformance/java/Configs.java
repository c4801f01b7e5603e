package conformance;

import static conformance.Clients.*;
import static conformance.Outcomes.*;

import java.util.*;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.common.config.ConfigResource;

/// Settings of topics: described and changed; the broker's are looked at.
final class Configs {
    static void configs(Out out) throws Exception {
        String topic = fresh("configs");
        create(topic, 1, "retention.ms", "3600000", "max.message.bytes", "5000");
        for (String name : List.of("cleanup.policy", "compression.type", "delete.retention.ms", "max.message.bytes",
                "message.timestamp.type", "min.cleanable.dirty.ratio", "min.compaction.lag.ms", "min.insync.replicas",
                "retention.ms", "segment.ms", "message.timestamp.after.max.ms")) {
            out.attempt(name, () -> config(topic, name));
        }
        out.attempt("describe unknown topic", () -> config(fresh("nowhere"), "retention.ms"));
        out.attempt("set", () -> alter(topic, "retention.ms", "7200000", AlterConfigOp.OpType.SET));
        out.attempt("after set", () -> eventually(() -> config(topic, "retention.ms"), text -> text.startsWith("7200000")));
        out.attempt("append", () -> alter(topic, "cleanup.policy", "compact", AlterConfigOp.OpType.APPEND));
        out.attempt("after append", () -> eventually(() -> config(topic, "cleanup.policy"), text -> text.contains("compact")));
        out.attempt("append again", () -> alter(topic, "cleanup.policy", "compact", AlterConfigOp.OpType.APPEND));
        out.attempt("after append again", () -> config(topic, "cleanup.policy"));
        out.attempt("subtract", () -> alter(topic, "cleanup.policy", "delete", AlterConfigOp.OpType.SUBTRACT));
        out.attempt("after subtract", () -> eventually(() -> config(topic, "cleanup.policy"), text -> !text.contains("delete")));
        out.attempt("delete", () -> alter(topic, "cleanup.policy", "", AlterConfigOp.OpType.DELETE));
        out.attempt("after delete", () -> eventually(() -> config(topic, "cleanup.policy"), text -> text.startsWith("delete")));
        out.attempt("delete what is not set", () -> alter(topic, "segment.ms", "", AlterConfigOp.OpType.DELETE));
        out.attempt("append to what is no list", () -> alter(topic, "retention.ms", "1", AlterConfigOp.OpType.APPEND));
        out.attempt("set unknown", () -> alter(topic, "no.such.setting", "1", AlterConfigOp.OpType.SET));
        out.attempt("set wrong", () -> alter(topic, "retention.ms", "long", AlterConfigOp.OpType.SET));
        out.attempt("set of unknown topic", () -> alter(fresh("nowhere"), "retention.ms", "1", AlterConfigOp.OpType.SET));
        out.attempt("after what was wrong", () -> config(topic, "retention.ms"));
        var resource = new ConfigResource(ConfigResource.Type.TOPIC, topic);
        var twice = List.of(op("retention.ms", "1000000", AlterConfigOp.OpType.SET), op("retention.ms", "2000000",
            AlterConfigOp.OpType.SET));
        out.attempt("set twice in one", () -> admin.incrementalAlterConfigs(Map.of(resource, twice)).all().get());
        var trial = List.of(op("retention.ms", "1000000", AlterConfigOp.OpType.SET));
        out.attempt("set, validate only", () ->
            admin.incrementalAlterConfigs(Map.of(resource, trial), new AlterConfigsOptions().validateOnly(true)).all().get());
        out.attempt("after validate only", () -> config(topic, "retention.ms"));
        out.attempt("synonyms", () -> {
            var options = new DescribeConfigsOptions().includeSynonyms(true);
            var found = admin.describeConfigs(List.of(resource), options).all().get().get(resource).get("max.message.bytes");
            return found.synonyms().stream().map(s -> s.name() + "=" + s.value() + " " + s.source()).toList();
        });
        var broker = new ConfigResource(ConfigResource.Type.BROKER, "1");
        var settings = admin.describeConfigs(List.of(broker)).all().get().get(broker);
        for (String name : List.of("auto.create.topics.enable", "group.initial.rebalance.delay.ms", "group.max.session.timeout.ms",
                "group.min.session.timeout.ms", "message.max.bytes", "num.partitions", "producer.id.expiration.ms",
                "transaction.max.timeout.ms")) {
            out.attempt("broker's " + name, () -> settings.get(name).value() + " " + settings.get(name).type());
        }
    }

    static String config(String topic, String name) throws Exception {
        var resource = new ConfigResource(ConfigResource.Type.TOPIC, topic);
        var found = admin.describeConfigs(List.of(resource)).all().get().get(resource).get(name);
        boolean own = found.source() == ConfigEntry.ConfigSource.DYNAMIC_TOPIC_CONFIG;
        return found.value() + " " + found.type() + (own ? ", the topic's" : ", a default") + (found.isReadOnly() ? ", read-only"
            : "");
    }

    static AlterConfigOp op(String name, String value, AlterConfigOp.OpType type) {
        return new AlterConfigOp(new ConfigEntry(name, value), type);
    }

    static Object alter(String topic, String name, String value, AlterConfigOp.OpType type) throws Exception {
        var resource = new ConfigResource(ConfigResource.Type.TOPIC, topic);
        return admin.incrementalAlterConfigs(Map.of(resource, List.of(op(name, value, type)))).all().get();
    }
}

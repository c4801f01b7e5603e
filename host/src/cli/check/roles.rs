//! What a configuration wants of each topic it names: partitions, settings and rights, as CONTRACTS states them.

use crate::config::Config;

/// A setting of a topic, its value, and what happens where it has another.
pub(super) type Setting = (&'static str, &'static str, &'static str);

/// What is wanted of the control log.
const CONTROL_LOG: &[Setting] = &[
    (
        "cleanup.policy",
        "delete",
        "a compacted log forgets what was announced before, and hosts that start later disagree with those that run",
    ),
    ("retention.ms", "-1", "models would be forgotten after that time"),
    ("retention.bytes", "-1", "the oldest models would be forgotten when newer ones need the room"),
];
const STATUS: &[Setting] =
    &[("cleanup.policy", "compact", "the topic would grow for ever, or forget the state of what does not change")];
const CHUNKS: &[Setting] = &[(
    "cleanup.policy",
    "compact",
    "large models would be deleted after the topic's retention, and each time one is sent again it would take up room again",
)];
const ACTIVATIONS: &[Setting] = &[("cleanup.policy", "delete", "compaction would leave only the last switch of each partition")];

/// How many partitions a topic is to have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Partitions {
    /// As many as one likes.
    Any,
    /// One, so that all hosts see one order.
    One,
    /// One when it is made; any number works.
    Few,
    /// As many as these inputs; `strict` where it is wrong otherwise.
    As { inputs: Vec<String>, strict: bool },
}

/// What one topic is for.
#[derive(Debug, Clone)]
pub(super) struct Role {
    pub(super) topic: String,
    /// In words, for messages.
    pub(super) what: String,
    pub(super) partitions: Partitions,
    pub(super) settings: &'static [Setting],
    /// What does not work without it, where the rest does.
    pub(super) only_for: Option<&'static str>,
    /// Rights a host needs.
    pub(super) read: bool,
    pub(super) write: bool,
    /// Rights that only the commands of `sandstream model` need.
    pub(super) commands_read: bool,
    pub(super) commands_write: bool,
}

impl Role {
    fn new(topic: &str, what: String) -> Self {
        Self {
            topic: topic.to_owned(),
            what,
            partitions: Partitions::Any,
            settings: &[],
            only_for: None,
            read: false,
            write: false,
            commands_read: false,
            commands_write: false,
        }
    }

    fn reads(self) -> Self {
        Self { read: true, ..self }
    }

    fn writes(self) -> Self {
        Self { write: true, ..self }
    }
}

/// All topics, inputs before what is made like them. A topic with several roles comes once for each.
pub(super) fn of(config: &Config) -> Vec<Role> {
    let control = &config.control;
    let mut roles = vec![
        Role {
            partitions: Partitions::One,
            settings: CONTROL_LOG,
            commands_write: true,
            ..Role::new(&control.topic, "control log".to_owned()).reads()
        },
        Role {
            partitions: Partitions::Few,
            settings: CHUNKS,
            only_for: Some("models that are too large for a record cannot be published"),
            commands_write: true,
            ..Role::new(&control.chunks, "large models in chunks".to_owned()).reads()
        },
        Role {
            partitions: Partitions::Few,
            settings: STATUS,
            commands_read: true,
            ..Role::new(&control.status, "states of models".to_owned()).writes()
        },
        Role {
            partitions: Partitions::Few,
            settings: ACTIVATIONS,
            ..Role::new(&control.activations, "activations".to_owned()).writes()
        },
    ];
    for stream in &config.streams {
        roles.extend(stream.inputs.iter().map(|topic| Role::new(topic, format!("input of `{}`", stream.name)).reads()));
    }
    for stream in &config.streams {
        let sinks = [(&stream.outputs, "output", true), (&stream.dead_letters, "dead letters", false)];
        for (topics, what, strict) in sinks {
            let mut once: Vec<&String> = topics.iter().collect();
            once.dedup();
            for topic in once {
                let pairs = stream.inputs.iter().zip(topics);
                let inputs = pairs.filter(|(_, sink)| *sink == topic).map(|(input, _)| input.clone()).collect();
                let role = Role::new(topic, format!("{what} of `{}`", stream.name)).writes();
                roles.push(Role { partitions: Partitions::As { inputs, strict }, ..role });
            }
        }
    }
    roles
}

//! Dead letters: the record as it came, the reason, and where it came from.

use prost::Message;
use sha2::{Digest, Sha256};

use super::config::Config;
use crate::backend::Fault;
use crate::registry::Version;
use crate::stream::{Headers, Link, LinkError, Outgoing, Partition, Sink};
use crate::telemetry::LetterStage;
use crate::types::Batch;
use crate::types::proto::Envelope;

/// Names of the headers a dead letter carries beside those of its record.
pub mod headers {
    /// Topic the record came from.
    pub const TOPIC: &str = "__connect.errors.topic";
    /// Its partition.
    pub const PARTITION: &str = "__connect.errors.partition";
    /// Its offset.
    pub const OFFSET: &str = "__connect.errors.offset";
    /// Consumer group.
    pub const GROUP: &str = "__connect.errors.connector.name";
    /// Lane.
    pub const LANE: &str = "__connect.errors.task.id";
    /// `decode`, `route`, `bind`, `score` or `encode`.
    pub const STAGE: &str = "__connect.errors.stage";
    /// Kind of error.
    pub const CLASS: &str = "__connect.errors.exception.class.name";
    /// The reason in words.
    pub const MESSAGE: &str = "__connect.errors.exception.message";
    /// `dataType/name@version` of the model, where one was asked.
    pub const MODEL: &str = "sandstream.model";
    /// Its digest.
    pub const DIGEST: &str = "sandstream.digest";
    /// Data type, where it is known.
    pub const DATA_TYPE: &str = "sandstream.data_type";
    /// Set to `1` when the value is a Protobuf `Envelope`, because the record is larger than the topic takes.
    pub const ENVELOPE: &str = "sandstream.envelope";
}

/// Longest reason, bytes: a model's own words may be of any length.
const MESSAGE_MAX: usize = 1024;

/// Kind of error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Why {
    Undecodable,
    Undeclared,
    NoModel,
    Unbindable,
    Rejected,
    Refused,
    Trap,
    Late,
    Shape,
    TooLarge,
}

impl Why {
    pub(super) fn of(fault: &Fault) -> Self {
        match fault {
            Fault::Trap(_) => Self::Trap,
            Fault::Refused(_) => Self::Refused,
            Fault::Shape(_) => Self::Shape,
            Fault::Late => Self::Late,
        }
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::Undecodable => "sandstream.Undecodable",
            Self::Undeclared => "sandstream.UndeclaredDataType",
            Self::NoModel => "sandstream.NoModel",
            Self::Unbindable => "sandstream.MissingValue",
            Self::Rejected => "sandstream.Rejected",
            Self::Refused => "sandstream.Refused",
            Self::Trap => "sandstream.Trap",
            Self::Late => "sandstream.Late",
            Self::Shape => "sandstream.Shape",
            Self::TooLarge => "sandstream.TooLarge",
        }
    }
}

/// What is wrong with a record.
#[derive(Debug)]
pub(super) struct Letter {
    pub(super) stage: LetterStage,
    /// Index among the versions of the slice.
    pub(super) version: Option<u16>,
    why: Why,
    message: String,
    data_type: Option<u16>,
}

/// Where a record came from and who was asked about it.
pub(super) struct Origin<'a> {
    pub(super) config: &'a Config,
    pub(super) partition: Partition,
    pub(super) offset: i64,
    pub(super) version: Option<&'a Version>,
}

impl Letter {
    pub(super) fn new(stage: LetterStage, why: Why, mut message: String) -> Self {
        message.truncate(message.floor_char_boundary(MESSAGE_MAX));
        Self { stage, why, message, data_type: None, version: None }
    }

    pub(super) fn of_type(mut self, data_type: u16) -> Self {
        self.data_type = Some(data_type);
        self
    }

    pub(super) fn of_version(mut self, version: u16) -> Self {
        self.version = Some(version);
        self
    }

    pub(super) fn message(&self) -> &str {
        &self.message
    }

    /// Produces it. `to` is the partition, where the topic has those of the input.
    pub(super) fn send(
        &self,
        link: &mut impl Link,
        origin: &Origin<'_>,
        batch: &Batch,
        record: usize,
        to: Option<i32>,
    ) -> Result<(), LinkError> {
        let config = origin.config;
        let (mut partition, mut offset, mut lane) = (itoa::Buffer::new(), itoa::Buffer::new(), itoa::Buffer::new());
        let (model, digest) = origin.version.map(|v| (v.id.to_string(), v.digest.to_string())).unwrap_or_default();
        let mut added: Vec<(&str, &[u8])> = vec![
            (headers::TOPIC, config.inputs[origin.partition.topic as usize].topic.as_bytes()),
            (headers::PARTITION, partition.format(origin.partition.number).as_bytes()),
            (headers::OFFSET, offset.format(origin.offset).as_bytes()),
            (headers::GROUP, config.group.as_bytes()),
            (headers::LANE, lane.format(config.lane).as_bytes()),
            (headers::STAGE, self.stage.as_str().as_bytes()),
            (headers::CLASS, self.why.as_str().as_bytes()),
            (headers::MESSAGE, self.message.as_bytes()),
        ];
        if let Some(data_type) = self.data_type {
            added.push((headers::DATA_TYPE, config.types[data_type as usize].name.as_bytes()));
        }
        if origin.version.is_some() {
            added.push((headers::MODEL, model.as_bytes()));
            added.push((headers::DIGEST, digest.as_bytes()));
        }
        let at = &batch.records()[record];
        let whole = Outgoing {
            sink: Sink::DeadLetters(origin.partition.topic),
            partition: to,
            key: batch.key(at),
            value: batch.value(at),
            timestamp: at.timestamp,
            headers: Headers { kept: Some((batch, record)), added: &added },
        };
        if size(&whole) <= config.record_bytes_max {
            return link.send(whole);
        }
        let envelope = envelope(config, origin, whole.value.unwrap_or_default());
        let marked = [added.as_slice(), &[(headers::ENVELOPE, b"1")]].concat();
        let small = Outgoing { value: Some(&envelope), headers: Headers { kept: None, added: &marked }, ..whole };
        if size(&small) <= config.record_bytes_max { link.send(small) } else { link.send(Outgoing { key: None, ..small }) }
    }
}

/// Bytes of a record as a topic counts them, with some room for what frames them.
fn size(out: &Outgoing<'_>) -> usize {
    let mut size = 128 + out.key.map_or(0, <[u8]>::len) + out.value.map_or(0, <[u8]>::len);
    out.headers.for_each(|name, value| size += 10 + name.len() + value.map_or(0, <[u8]>::len));
    size
}

/// Stands for a record that is too large: where it is and what it is.
fn envelope(config: &Config, origin: &Origin<'_>, value: &[u8]) -> Vec<u8> {
    let envelope = Envelope {
        topic: config.inputs[origin.partition.topic as usize].topic.clone(),
        partition: origin.partition.number,
        offset: origin.offset,
        size: value.len() as u64,
        sha256: Sha256::digest(value).to_vec(),
    };
    envelope.encode_to_vec()
}

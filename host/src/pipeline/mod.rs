//! The data plane. A lane takes records from a link, finds their data types, decodes them, lets the live versions score them,
//! and delivers results and dead letters in the order of the records. The files are the stations of a record's way:
//! `fetch -> route -> decode -> score -> deliver`; `hold` is for records that wait, `suspects` for those that a model fell over
//! and `witness` for whether it is to blame, `diary` for what is logged of them.
//!
//! A lane is [`Lane::step`]: threads, clocks and Kafka are outside of it. Two rules carry everything else: nothing is produced
//! until every row of the slice in hand has its fate, and whatever fails is answered by going back to what is committed.

mod activation;
mod config;
mod decode;
mod deliver;
mod diary;
mod fetch;
mod hand;
mod hold;
mod lane;
mod letter;
mod positions;
mod rebalance;
mod recover;
mod route;
mod run;
mod score;
mod suspects;
mod witness;

pub use activation::Activation;
pub use config::{Config, DataType, Input, OnNoModel, TypeOf};
pub use lane::{Lane, Step, Stop};
pub use letter::headers;
pub use run::run;

//! The messages of `proto/sandstream.proto`, generated at build time.
#![allow(missing_docs, clippy::all, clippy::pedantic, unreachable_pub, reason = "generated code")]

include!(concat!(env!("OUT_DIR"), "/sandstream.rs"));

//! What a host says of itself over HTTP.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use sandstream::types::ModelId;
use serde_json::Value;

use super::hosts::Host;

/// How long a host may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

impl Host {
    /// Status and body of a GET.
    pub(crate) fn get(&self, path: &str) -> Result<(u16, String)> {
        let asked = format!("GET {path} on {}", self.admin);
        let mut stream = TcpStream::connect(&self.admin).with_context(|| asked.clone())?;
        stream.set_read_timeout(Some(PATIENCE))?;
        write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
        let mut text = String::new();
        stream.read_to_string(&mut text).with_context(|| asked.clone())?;
        let (head, body) = text.split_once("\r\n\r\n").with_context(|| format!("{asked}: no HTTP: {text}"))?;
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
        Ok((status.with_context(|| format!("{asked}: no HTTP: {head}"))?, body.to_owned()))
    }

    /// What the host says of a model on the first stream that has it: `state`, `reason`, ..; null while it knows none.
    pub(crate) fn model(&self, id: &ModelId) -> Result<Value> {
        let (status, body) = self.get(&format!("/models/{}/{}/{}", id.data_type, id.name, id.version))?;
        if status == 404 {
            return Ok(Value::Null);
        }
        let body: Value = serde_json::from_str(&body)?;
        Ok(body["models"][0].clone())
    }

    /// Waits until the model is in one of these states; what is said of it then.
    pub(crate) fn await_model(&self, id: &ModelId, states: &[&str], patience: Duration) -> Result<Value> {
        let until = Instant::now() + patience;
        loop {
            let model = self.model(id)?;
            if states.iter().any(|state| model["state"] == *state) {
                return Ok(model);
            }
            if Instant::now() > until {
                bail!("{id} was not {} within {patience:?}: {model}", states.join(" or "));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Sum of a metric over its labels; 0 where there is none.
    pub(crate) fn metric(&self, name: &str) -> Result<f64> {
        let (_, body) = self.get("/metrics")?;
        let of_name = |line: &&str| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['{', ' ']));
        Ok(body.lines().filter(of_name).filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum())
    }
}

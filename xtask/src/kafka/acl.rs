//! The rights of the secure listener's user: one request of Kafka's protocol (`CreateAcls`, version 1) over the plaintext port,
//! because the tool that does it is another 55 MB of jars.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::secure::USER;

/// Everything whose name begins so is the user's; anything else is forbidden to it.
const PREFIX: &str = "sand";

const TOPIC: i8 = 2;
const GROUP: i8 = 3;
const TRANSACTION: i8 = 5;

const READ: i8 = 3;
const WRITE: i8 = 4;
const CREATE: i8 = 5;
const DESCRIBE: i8 = 8;
const DESCRIBE_CONFIGS: i8 = 10;

/// What an exactly-once worker needs, and what `check --kafka --create` does.
const RIGHTS: [(i8, i8); 9] = [
    (TOPIC, READ),
    (TOPIC, WRITE),
    (TOPIC, CREATE),
    (TOPIC, DESCRIBE),
    (TOPIC, DESCRIBE_CONFIGS),
    (GROUP, READ),
    (GROUP, DESCRIBE),
    (TRANSACTION, WRITE),
    (TRANSACTION, DESCRIBE),
];

const CREATE_ACLS: i16 = 30;
const PREFIXED: i8 = 4;
const ALLOW: i8 = 3;

/// Grants the rights; granting them again changes nothing.
pub(crate) fn grant(port: u16) -> Result<()> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).context("cannot connect to the broker to set ACLs")?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    let request = request();
    stream.write_all(&(request.len() as i32).to_be_bytes())?;
    stream.write_all(&request)?;
    let mut length = [0; 4];
    stream.read_exact(&mut length).context("no answer to CreateAcls")?;
    let mut answer = vec![0; (i32::from_be_bytes(length).clamp(0, 65_536)) as usize];
    stream.read_exact(&mut answer)?;
    check(&answer)
}

fn request() -> Vec<u8> {
    let mut bytes = Vec::new();
    bytes.extend(CREATE_ACLS.to_be_bytes());
    bytes.extend(1_i16.to_be_bytes());
    bytes.extend(1_i32.to_be_bytes());
    string(&mut bytes, "xtask");
    bytes.extend((RIGHTS.len() as i32).to_be_bytes());
    for (resource, operation) in RIGHTS {
        bytes.push(resource as u8);
        string(&mut bytes, PREFIX);
        bytes.push(PREFIXED as u8);
        string(&mut bytes, &format!("User:{USER}"));
        string(&mut bytes, "*");
        bytes.push(operation as u8);
        bytes.push(ALLOW as u8);
    }
    bytes
}

fn string(bytes: &mut Vec<u8>, text: &str) {
    bytes.extend((text.len() as i16).to_be_bytes());
    bytes.extend(text.as_bytes());
}

/// Correlation id, throttle time, then per ACL an error code and a nullable message.
fn check(answer: &[u8]) -> Result<()> {
    let mut rest = answer.get(8..).context("the answer to CreateAcls is too short")?;
    let mut take = |n: usize| -> Result<&[u8]> {
        let (head, tail) = rest.split_at_checked(n).context("the answer to CreateAcls is too short")?;
        rest = tail;
        Ok(head)
    };
    let count = take(4)?.iter().fold(0_u32, |n, byte| n << 8 | u32::from(*byte));
    for _ in 0..count {
        let code = take(2)?.iter().fold(0_u16, |n, byte| n << 8 | u16::from(*byte));
        let length = take(2)?.iter().fold(0_u16, |n, byte| n << 8 | u16::from(*byte)) as i16;
        let message = String::from_utf8_lossy(take(length.max(0) as usize)?).into_owned();
        if code != 0 {
            bail!("the broker refused an ACL: error {code} {message}");
        }
    }
    Ok(())
}

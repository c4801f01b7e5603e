//! The secure listener: TLS with a certificate of its own, SCRAM-SHA-512, and ACLs. Passwords are public knowledge: the broker
//! listens on loopback only and holds nothing but test data.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::jars;

/// The user that the tests log in as; its rights are in `acl`.
pub(crate) const USER: &str = "sand";

/// Added to `StorageTool format`: the users exist from the start.
pub(crate) const FORMAT: [&str; 4] = [
    "--add-scram",
    "SCRAM-SHA-512=[name=admin,password=admin-secret]",
    "--add-scram",
    "SCRAM-SHA-512=[name=sand,password=sand-secret]",
];

/// What a client of the secure listener sets.
pub(crate) fn client_properties(dir: &Path, port: u16) -> String {
    format!(
        "bootstrap.servers=127.0.0.1:{}\n\
         security.protocol=SASL_SSL\n\
         sasl.mechanisms=SCRAM-SHA-512\n\
         sasl.username={USER}\n\
         sasl.password=sand-secret\n\
         ssl.ca.location={}\n",
        port + 2,
        dir.join("ca.pem").display()
    )
}

/// Whoever comes over the plaintext port is ANONYMOUS, an administrator: that port is what tests prepare topics through.
pub(crate) fn broker_properties(dir: &Path, port: u16) -> String {
    let (controller, secure) = (port + 1, port + 2);
    format!(
        "listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller},SECURE://127.0.0.1:{secure}\n\
         advertised.listeners=PLAINTEXT://127.0.0.1:{port},SECURE://127.0.0.1:{secure}\n\
         sasl.enabled.mechanisms=SCRAM-SHA-512\n\
         listener.name.secure.sasl.enabled.mechanisms=SCRAM-SHA-512\n\
         listener.name.secure.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;\n\
         listener.name.secure.ssl.keystore.type=PKCS12\n\
         listener.name.secure.ssl.keystore.location={store}\n\
         listener.name.secure.ssl.keystore.password=changeit\n\
         authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer\n\
         super.users=User:ANONYMOUS;User:admin\n\
         allow.everyone.if.no.acl.found=false\n",
        store = dir.join("broker.p12").display(),
    )
}

/// A self-signed certificate for localhost, made once.
pub(crate) fn certificate(dir: &Path) -> Result<()> {
    let (store, pem) = (dir.join("broker.p12"), dir.join("ca.pem"));
    if pem.exists() {
        return Ok(());
    }
    fs::remove_file(&store).ok();
    let pair = ["-genkeypair", "-alias", "broker", "-keyalg", "EC", "-groupname", "secp256r1", "-dname", "CN=localhost"];
    keytool(&store, &[&pair[..], &["-ext", "san=dns:localhost,ip:127.0.0.1", "-validity", "3650"]].concat())?;
    let text = keytool(&store, &["-exportcert", "-rfc", "-alias", "broker"])?;
    fs::write(&pem, text).with_context(|| format!("cannot write {}", pem.display()))
}

fn keytool(store: &Path, words: &[&str]) -> Result<Vec<u8>> {
    let out = Command::new(jars::program("keytool"))
        .args(words)
        .args(["-storetype", "PKCS12", "-storepass", "changeit", "-keystore"])
        .arg(store)
        .output()
        .context("the certificate is made with keytool, which comes with Java")?;
    if !out.status.success() {
        bail!("keytool failed: {}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
    }
    Ok(out.stdout)
}

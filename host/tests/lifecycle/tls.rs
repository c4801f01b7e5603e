//! Models by TLS: a server is known by its certificate, which has to be one that the system trusts.

use std::io::{BufRead, BufReader, Read as _, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use sandstream::lifecycle::{Locations, WebRoot};

/// A certificate for 127.0.0.1 and its authority's, made for these tests.
fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/lifecycle/tls").join(name)
}

/// A server that says `fake:1` to all it understands; its address.
fn serve() -> String {
    let chain = vec![CertificateDer::from_pem_file(file("server.pem")).unwrap()];
    let key = PrivateKeyDer::from_pem_file(file("server.key")).unwrap();
    let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
    let config = Arc::new(builder.with_single_cert(chain, key).unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let connection = ServerConnection::new(config.clone()).unwrap();
            let mut stream = BufReader::new(StreamOwned::new(connection, stream.unwrap()));
            // A client that does not trust it says nothing.
            if stream.by_ref().lines().map_while(Result::ok).any(|line| line.is_empty()) {
                let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\nConnection: close\r\n\r\nfake:1";
                stream.get_mut().write_all(answer).unwrap();
                stream.get_mut().conn.send_close_notify();
                stream.get_mut().flush().unwrap();
            }
        }
    });
    format!("https://{address}/")
}

/// The system's certificates are found by the environment, so this program is called once more with another.
fn read_by_another(authority: &Path) -> String {
    let root = serve();
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "tls::reads_what_it_is_told_to", "--ignored", "--nocapture"]);
    let out = command.env("SSL_CERT_FILE", authority).env("SSL_CERT_DIR", "").env("ROOT", root).output().unwrap();
    assert!(out.status.success(), "{out:?}");
    String::from_utf8_lossy(&out.stdout).into_owned()
}

#[test]
#[ignore = "called by the tests below"]
fn reads_what_it_is_told_to() {
    let Ok(root) = std::env::var("ROOT") else { return };
    let locations = Locations::open(&[], &[WebRoot::parse(&root).unwrap()], true, 50).unwrap();
    match locations.read(&format!("{root}model")) {
        Ok(found) => println!("read {}", String::from_utf8_lossy(&found.data)),
        Err(error) => println!("refused {error}"),
    }
}

#[test]
fn a_server_is_known_by_its_certificate() {
    let trusted = read_by_another(&file("authority.pem"));
    assert!(trusted.contains("read fake:1"), "{trusted}");
}

#[test]
fn a_server_of_an_unknown_authority_is_refused() {
    // Trusted is an authority that did not sign it.
    let unknown = read_by_another(&file("other.pem"));
    assert!(unknown.contains("refused location no answer to `https://127.0.0.1:") && unknown.contains("ertificate"), "{unknown}");
}

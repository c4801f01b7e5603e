//! Kafka's program: fetched once with Maven into the cache.

use std::env;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use super::VERSION;
use crate::workspace;

/// The slf4j binding must be named: without one the broker logs nothing, and nobody can see when it is ready.
const LOG4J: &str = "2.25.5";
const PLUGIN: &str = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies";
const DONE: &str = ".complete";

/// The folder of the jars; fetches them at first use.
pub(crate) fn installed() -> Result<PathBuf> {
    java()?;
    let dir = workspace::cache()?.join("kafka").join(VERSION);
    fs::create_dir_all(&dir).with_context(|| format!("cannot make the folder {}", dir.display()))?;
    let lock = File::create(dir.join("lock"))?;
    lock.lock().context("cannot lock the folder of Kafka's jars")?;
    if !dir.join(DONE).exists() {
        fetch(&dir)?;
        fs::write(dir.join(DONE), VERSION)?;
    }
    Ok(dir)
}

/// The Java to run: `JAVA_HOME`'s, or the one on the path.
pub(crate) fn program(name: &str) -> PathBuf {
    match env::var_os("JAVA_HOME") {
        Some(home) => Path::new(&home).join("bin").join(name),
        None => name.into(),
    }
}

fn java() -> Result<()> {
    let advice =
        "Kafka needs Java 17 or newer: install it (Debian, Ubuntu: `apt-get install openjdk-17-jdk-headless`) or set JAVA_HOME";
    let out = Command::new(program("java")).arg("-version").output().context(advice)?;
    let text = String::from_utf8_lossy(&out.stderr).into_owned();
    // openjdk version "17.0.15" 2025-04-15; before 9 it was "1.8.0_402".
    let major = text.split('"').nth(1).and_then(|version| version.split(['.', '-', '+']).next()).and_then(|n| n.parse().ok());
    match major {
        Some(17..=u32::MAX) => Ok(()),
        _ => bail!("{advice}. `java -version` said: {}", text.lines().next().unwrap_or("nothing")),
    }
}

fn fetch(dir: &Path) -> Result<()> {
    eprintln!("fetching Apache Kafka {VERSION} from Maven Central (43 MB, once) into {}", dir.display());
    fs::write(dir.join("pom.xml"), pom())?;
    let mut output = std::ffi::OsString::from("-DoutputDirectory=");
    output.push(dir);
    let status = Command::new("mvn")
        .current_dir(dir)
        .args(["--quiet", "--batch-mode", PLUGIN, "-DincludeScope=runtime"])
        .arg(output)
        .stdout(Stdio::null())
        .status()
        .context("Kafka's jars are fetched with Maven: install it (Debian, Ubuntu: `apt-get install maven`)")?;
    if !status.success() {
        bail!("maven could not fetch Kafka {VERSION} ({status}); its lines above say why. A mirror is set in ~/.m2/settings.xml");
    }
    Ok(())
}

fn pom() -> String {
    let dependency = |group: &str, artifact: &str, version: &str| {
        format!(
            "<dependency><groupId>{group}</groupId><artifactId>{artifact}</artifactId><version>{version}</version></dependency>"
        )
    };
    format!(
        "<project><modelVersion>4.0.0</modelVersion><groupId>sandstream</groupId><artifactId>kafka</artifactId>\
         <version>1</version><packaging>pom</packaging><dependencies>{}{}</dependencies></project>\n",
        dependency("org.apache.kafka", "kafka_2.13", VERSION),
        dependency("org.apache.logging.log4j", "log4j-slf4j-impl", LOG4J),
    )
}

//! One broker's folder and process.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process, test_kill_process};

use super::{jars, secure};

const START_MAX: Duration = Duration::from_secs(90);
const STOP_MAX: Duration = Duration::from_secs(20);
const PORTS_MAX: Duration = Duration::from_secs(15);
const READY: &str = "Kafka Server started";

/// How to stop it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stop {
    Clean,
    Kill,
}

pub(crate) struct Broker {
    dir: PathBuf,
    port: u16,
    secure: bool,
}

impl Broker {
    pub(crate) fn new(dir: PathBuf, port: u16, secure: bool) -> Self {
        Self { dir, port, secure }
    }

    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn secure(&self) -> bool {
        self.secure
    }

    /// The bootstrap address, and with a secure listener its client settings, as librdkafka names them.
    pub(crate) fn address(&self) -> String {
        let mut text = format!("127.0.0.1:{}\n", self.port);
        if self.secure {
            text += &secure::client_properties(&self.dir, self.port);
        }
        text
    }

    /// The process, if it runs. A number that was given to another program since is told apart by its command line.
    pub(crate) fn pid(&self) -> Option<i32> {
        let number: i32 = fs::read_to_string(self.dir.join("pid")).ok()?.trim().parse().ok()?;
        test_kill_process(Pid::from_raw(number)?).ok()?;
        match fs::read(format!("/proc/{number}/cmdline")) {
            Ok(line) => {
                let settings = self.settings();
                let ours = String::from_utf8_lossy(&line).split('\0').any(|word| Path::new(word) == settings);
                ours.then_some(number)
            }
            Err(_) => (!Path::new("/proc/self").exists()).then_some(number),
        }
    }

    pub(crate) fn start(&self, jars: &Path) -> Result<()> {
        self.free_ports()?;
        if self.secure {
            secure::certificate(&self.dir)?;
        }
        fs::write(self.settings(), self.properties())?;
        fs::write(self.dir.join("log4j2.properties"), LOG4J)?;
        self.format(jars)?;
        let mut child = self.launch(jars)?;
        fs::write(self.dir.join("pid"), child.id().to_string())?;
        self.wait(&mut child)
    }

    /// Stops it and says which process that was.
    pub(crate) fn stop(&self, how: Stop) -> Result<Option<i32>> {
        let running = self.pid();
        if let Some(pid) = running.and_then(Pid::from_raw) {
            let asked = how == Stop::Clean && kill_process(pid, Signal::TERM).is_ok() && self.gone_within(STOP_MAX);
            if !asked {
                kill_process(pid, Signal::KILL).ok();
                if !self.gone_within(STOP_MAX) {
                    bail!("kafka (pid {running:?}) does not end, not even by SIGKILL");
                }
            }
        }
        fs::remove_file(self.dir.join("pid")).ok();
        Ok(running)
    }

    /// Deletes the folder; refuses one that no broker has made.
    pub(crate) fn wipe(&self) -> Result<()> {
        let files = fs::read_dir(&self.dir)?.count();
        if files > 1 && !self.settings().exists() {
            bail!("{} holds no Kafka of ours: it is not deleted", self.dir.display());
        }
        fs::remove_dir_all(&self.dir).with_context(|| format!("cannot delete {}", self.dir.display()))
    }

    fn settings(&self) -> PathBuf {
        self.dir.join("server.properties")
    }

    fn gone_within(&self, wait: Duration) -> bool {
        let until = Instant::now() + wait;
        while self.pid().is_some() {
            if Instant::now() >= until {
                return false;
            }
            thread::sleep(Duration::from_millis(50));
        }
        true
    }

    /// A broker that was killed keeps its ports for as long as the system takes to close its files, seconds where they are large.
    fn free_ports(&self) -> Result<()> {
        let until = Instant::now() + PORTS_MAX;
        for port in self.port..=self.port + 2 {
            while std::net::TcpListener::bind(("127.0.0.1", port)).is_err() {
                if Instant::now() >= until {
                    bail!("port {port} is taken by another program: choose another with --port");
                }
                thread::sleep(Duration::from_millis(50));
            }
        }
        Ok(())
    }

    fn java(&self, jars: &Path) -> Command {
        let mut command = Command::new(jars::program("java"));
        let mut log = std::ffi::OsString::from("-Dlog4j2.configurationFile=");
        log.push(self.dir.join("log4j2.properties"));
        command.current_dir(&self.dir).args(["-XX:+UseSerialGC", "-Djava.awt.headless=true"]).arg(log);
        command.arg("-cp").arg(jars.join("*"));
        command
    }

    fn format(&self, jars: &Path) -> Result<()> {
        if self.dir.join("data/meta.properties").exists() {
            return Ok(());
        }
        let mut command = self.java(jars);
        command.args(["kafka.tools.StorageTool", "format", "--cluster-id", CLUSTER, "--config"]).arg(self.settings());
        if self.secure {
            command.args(secure::FORMAT);
        }
        let out = command.output().context("cannot start java")?;
        if !out.status.success() {
            let said = String::from_utf8_lossy(&out.stdout).into_owned() + &String::from_utf8_lossy(&out.stderr);
            bail!("kafka could not format {}: {said}", self.dir.display());
        }
        Ok(())
    }

    fn launch(&self, jars: &Path) -> Result<Child> {
        let log = File::create(self.dir.join("broker.log"))?;
        let mut command = self.java(jars);
        // The archive of loaded classes is written at the first clean stop and halves the time of every later start.
        let archive = jars.join("classes.jsa");
        let option = if archive.exists() { "-XX:SharedArchiveFile=" } else { "-XX:ArchiveClassesAtExit=" };
        let mut option = std::ffi::OsString::from(option);
        option.push(archive);
        command.arg(option).args(["-Xms256m", "-Xmx1g", "-Xlog:cds=off", "-Xlog:cds+dynamic=off"]);
        command.arg("kafka.Kafka").arg(self.settings());
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        // A group of its own: Ctrl-C in the terminal ends what was started from it, not the broker.
        command.process_group(0).spawn().context("cannot start java")
    }

    fn wait(&self, child: &mut Child) -> Result<()> {
        let path = self.dir.join("broker.log");
        let until = Instant::now() + START_MAX;
        while Instant::now() < until {
            let log = fs::read_to_string(&path).unwrap_or_default();
            if log.contains(READY) {
                return Ok(());
            }
            if let Some(status) = child.try_wait()? {
                let tail: Vec<&str> = log.lines().rev().take(20).collect();
                let mut err = std::io::stderr().lock();
                for line in tail.iter().rev() {
                    writeln!(err, "{line}")?;
                }
                bail!("kafka ended with {status} while it started; its log is {}", path.display());
            }
            thread::sleep(Duration::from_millis(50));
        }
        self.stop(Stop::Kill)?;
        bail!("kafka was not ready after {START_MAX:?}; its log is {}", path.display())
    }

    /// One node may take what a cluster's defaults spread: few partitions of the internal topics make the first group and the
    /// first transaction quick, no rebalance delay makes a test's group start at once, and the short broker session lets a killed
    /// broker come back in seconds (the controller refuses it until its old session has expired). Compaction and retention look
    /// after logs every second, so that tests see what they do.
    fn properties(&self) -> String {
        let (port, controller) = (self.port, self.port + 1);
        let mut text = format!(
            "process.roles=broker,controller\n\
             node.id=1\n\
             controller.quorum.voters=1@127.0.0.1:{controller}\n\
             controller.listener.names=CONTROLLER\n\
             inter.broker.listener.name=PLAINTEXT\n\
             listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SECURE:SASL_SSL\n\
             log.dirs={data}\n\
             auto.create.topics.enable=false\n\
             default.replication.factor=1\n\
             min.insync.replicas=1\n\
             offsets.topic.num.partitions=4\n\
             offsets.topic.replication.factor=1\n\
             transaction.state.log.num.partitions=4\n\
             transaction.state.log.replication.factor=1\n\
             transaction.state.log.min.isr=1\n\
             share.coordinator.state.topic.num.partitions=1\n\
             share.coordinator.state.topic.replication.factor=1\n\
             share.coordinator.state.topic.min.isr=1\n\
             group.initial.rebalance.delay.ms=0\n\
             group.min.session.timeout.ms=1000\n\
             num.network.threads=2\n\
             num.io.threads=4\n\
             log.cleaner.dedupe.buffer.size=16777216\n\
             log.cleaner.backoff.ms=1000\n\
             log.retention.check.interval.ms=1000\n\
             log.initial.task.delay.ms=1000\n\
             broker.heartbeat.interval.ms=500\n\
             broker.session.timeout.ms=2000\n",
            data = self.dir.join("data").display(),
        );
        if self.secure {
            text += &secure::broker_properties(&self.dir, port);
        } else {
            text += &format!("listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}\n");
            text += &format!("advertised.listeners=PLAINTEXT://127.0.0.1:{port}\n");
        }
        text
    }
}

/// Any 16 bytes in base64: the clusters never meet.
const CLUSTER: &str = "c2FuZHN0cmVhbS1kZXYtMQ";

const LOG4J: &str = "rootLogger.level=warn\n\
    rootLogger.appenderRef.c.ref=C\n\
    appender.c.type=Console\n\
    appender.c.name=C\n\
    appender.c.layout.type=PatternLayout\n\
    appender.c.layout.pattern=%d{ISO8601} %p %c{1}: %m%n\n\
    logger.start.name=kafka.server.KafkaRaftServer\n\
    logger.start.level=info\n";

//! What belongs to the host as a whole: `[kafka]`, `[control]`, `[limits]`, `[cache]`, `[admin]`.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use super::reader::Section;
use super::{Admin, Control};
use crate::backend::wasm;
use crate::lifecycle;
use crate::stream::kafka;
use crate::types::Limits;

/// Where the admin server listens unless `bind` says otherwise.
const BIND: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8642);

/// Machine code that is kept, unless `size_max` says otherwise.
const CACHE_MAX: u64 = 4 << 30;

pub(super) fn kafka(root: &Section<'_>) -> Option<kafka::Config> {
    let section = root.section("kafka")?;
    let brokers = section.required("brokers", "\"host:port\", several with commas between them");
    let properties: BTreeMap<String, String> = section.others().into_iter().collect();
    if brokers.is_empty() {
        return None;
    }
    let written: Vec<String> = properties.keys().cloned().collect();
    match kafka::Config::new(brokers, properties) {
        Ok(config) => Some(config),
        Err(error) => {
            let text = error.to_string();
            // The library names the property; its line is found by that name.
            let key = written.iter().filter(|key| text.contains(key.as_str())).max_by_key(|key| key.len());
            section.wrong(key.map_or("", String::as_str), text);
            None
        }
    }
}

pub(super) fn control(root: &Section<'_>, folder: &Path) -> Control {
    let Some(section) = root.section("control") else { return Control::of("models".to_owned(), Vec::new(), Vec::new(), false) };
    let topic = section.text("topic").unwrap_or_else(|| "models".to_owned());
    let (mut locations, mut web) = (Vec::new(), Vec::new());
    for text in section.texts("locations").unwrap_or_default() {
        match text.split_once("://") {
            None => locations.push(folder.join(text)),
            Some(("file", path)) => locations.push(folder.join(path)),
            Some(_) => match lifecycle::WebRoot::parse(&text) {
                Ok(root) => web.push(root),
                Err(error) => {
                    section.wrong("locations", format!("expected a folder, or one of a web server or an object store: {error}"));
                }
            },
        }
    }
    let unverified = section.flag("unverified_locations").unwrap_or(false);
    section.finish();
    Control::of(topic, locations, web, unverified)
}

/// What `[limits]` gives.
pub(super) struct Given {
    pub(super) limits: Limits,
    pub(super) maxima: Limits,
    pub(super) sessions: Option<u32>,
    pub(super) golden_tolerance: f64,
}

/// `[limits]` and `[limits.max]`: what a model may use, what a grant may ask for, and how many sessions there may be.
pub(super) fn limits(root: &Section<'_>) -> Given {
    let mut limits = Limits::default();
    let pool = wasm::Config::default();
    let mut maxima = lifecycle::default_maxima();
    maxima.memory_bytes = maxima.memory_bytes.min(pool.memory_max);
    maxima.table_elements = maxima.table_elements.min(pool.table_elements_max);
    maxima.instances = maxima.instances.min(pool.instances_max);
    let Some(section) = root.section("limits") else {
        return Given { limits, maxima, sessions: None, golden_tolerance: lifecycle::GOLDEN_TOLERANCE };
    };
    grantable(&section, &mut limits);
    put(&mut limits.stack_bytes, section.size("stack").and_then(|bytes| usize::try_from(bytes).ok()));
    put(&mut limits.log_line_bytes, section.integer("log_line", 16..=65_536).map(|bytes| bytes as usize));
    put(&mut limits.payload_bytes, section.size("payload"));
    let golden_tolerance = section.share("golden_tolerance").unwrap_or(lifecycle::GOLDEN_TOLERANCE);
    let sessions = section.integer("sessions", 1..=65_536).map(|n| n as u32);
    if let Some(max) = section.section("max") {
        grantable(&max, &mut maxima);
        max.finish();
        if maxima.memory_bytes > 4 << 30 {
            max.wrong("memory", "expected at most \"4GiB\": a component addresses no more");
        }
    }
    section.finish();
    let stated = [
        ("memory", limits.memory_bytes <= maxima.memory_bytes),
        ("table_elements", limits.table_elements <= maxima.table_elements),
        ("instances", limits.instances <= maxima.instances),
        ("load", limits.load <= maxima.load),
        ("call", limits.call_base <= maxima.call_base),
        ("call_per_row", limits.call_per_row <= maxima.call_per_row),
        ("compile", limits.compile <= maxima.compile),
        ("compile_memory", limits.compile_bytes <= maxima.compile_bytes),
    ];
    for (key, _) in stated.iter().filter(|(_, within)| !within) {
        section.wrong(key, format!("is more than a grant may ask for; raise `limits.max.{key}` too"));
    }
    Given { limits, maxima, sessions, golden_tolerance }
}

fn grantable(section: &Section<'_>, limits: &mut Limits) {
    put(&mut limits.memory_bytes, section.size("memory"));
    put(&mut limits.table_elements, section.integer("table_elements", 0..=10_000_000));
    put(&mut limits.instances, section.integer("instances", 1..=1_000).map(|n| n as u32));
    put(&mut limits.load, section.duration("load"));
    put(&mut limits.call_base, section.duration("call"));
    put(&mut limits.call_per_row, section.duration("call_per_row"));
    put(&mut limits.compile, section.duration("compile"));
    put(&mut limits.compile_bytes, section.size("compile_memory"));
    put(&mut limits.inference_rows, section.integer("inference_rows", 0..=1_000_000).map(|n| n as u32));
    put(&mut limits.log_lines_per_s, section.integer("log_lines_per_s", 0..=1_000_000).map(|n| n as u32));
}

fn put<T>(into: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *into = value;
    }
}

/// What the WASM backend reserves follows from the limits; `[cache]` says where machine code is kept.
pub(super) fn wasm(root: &Section<'_>, folder: &Path, limits: &Limits, maxima: &Limits, sessions: Option<u32>) -> wasm::Config {
    let defaults = wasm::Config::default();
    let mut config = wasm::Config {
        sessions_max: sessions.unwrap_or(defaults.sessions_max),
        memory_max: maxima.memory_bytes,
        table_elements_max: maxima.table_elements,
        instances_max: maxima.instances,
        stack_bytes: limits.stack_bytes,
        ..defaults
    };
    let mut cache = user_cache().map(|folder| wasm::CacheConfig { folder, bytes_max: CACHE_MAX });
    if let Some(section) = root.section("cache") {
        let written = section.text("folder").map(|path| folder.join(path));
        let bytes_max = section.size("size_max").unwrap_or(CACHE_MAX);
        cache = written.or_else(user_cache).map(|folder| wasm::CacheConfig { folder, bytes_max });
        section.finish();
    }
    config.cache = cache;
    config
}

/// `compiled` in the folder `sandstream` of the user's cache; `None` for a user without a home.
fn user_cache() -> Option<PathBuf> {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let base = set("SANDSTREAM_CACHE")
        .or_else(|| set("XDG_CACHE_HOME").map(|base| base.join("sandstream")))
        .or_else(|| set("HOME").map(|home| home.join(".cache/sandstream")))?;
    Some(base.join("compiled"))
}

pub(super) fn admin(root: &Section<'_>, folder: &Path) -> Option<Admin> {
    let section = root.section("admin")?;
    let bind = section.text("bind").map_or(Some(BIND), |text| {
        let parsed = text.parse().ok();
        if parsed.is_none() {
            section.wrong("bind", format!("expected an address and a port such as \"127.0.0.1:8642\", got \"{text}\""));
        }
        parsed
    });
    let tokens = section.text("tokens").map(|path| folder.join(path));
    section.finish();
    let bind = bind?;
    if !bind.ip().is_loopback() && tokens.is_none() {
        section
            .wrong("bind", format!("{bind} can be reached from outside, so `tokens`, a file with a token per line, is needed"));
    }
    Some(Admin { bind, tokens })
}

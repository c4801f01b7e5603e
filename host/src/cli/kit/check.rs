//! `sandstream check` in a guest's folder: everything that a host will ask of the guest, asked here first.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::lifecycle::golden;
use anyhow::{Result, anyhow};
use sandstream_kit::project::MANIFEST;
use serde_json::{Value, json};

use super::guest::{Guest, explained};
use crate::backend::{Backend as _, Model, Payload, wasm};
use crate::binding::Binding;
use crate::cli::check::findings::Findings;
use crate::cli::check::models::shown;
use crate::cli::table::bytes;
use crate::codec;
use crate::lifecycle::Trial;
use crate::types::Limits;

/// Looks at the guest of a folder; gives its figures.
pub(in crate::cli) fn check(folder: &Path, findings: &mut Findings) -> Result<Value> {
    let guest = Guest::open(folder)?;
    let payload = guest.payload()?;
    let limits = &guest.manifest.limits;
    if guest.changed_since_build() {
        findings.note("sources", "are newer than the component: run `sandstream build`".to_owned());
    }
    let imports = imports(&guest, &payload, findings);
    let mut about = json!({
        "name": guest.project.name, "language": guest.language.name(), "component": guest.project.component(),
        "bytes": payload.data.len(), "digest": payload.digest.to_string(), "imports": imports,
    });
    size(&payload, limits, findings);
    let began = Instant::now();
    // Compiled anew, so that the time is the one that a host will need.
    let model = match guest.backends(false)?.load(&payload, limits) {
        Ok(model) => model,
        Err(rejected) => {
            findings.wrong(&format!("{}", rejected.stage), explained(&rejected.reason));
            return Ok(about);
        }
    };
    let loaded = began.elapsed();
    findings.ok("component", format!("is valid and keeps to the contract, {}", payload.digest));
    match load(&*model, loaded, limits, findings) {
        Some(figures) => about["load"] = figures,
        None => return Ok(about),
    }
    findings.ok("signature", shown(model.signature()));
    about["fits"] = json!(types(&guest, &*model, findings));
    about["goldens"] = json!(golden_file(&guest, &*model, findings));
    if !findings.any_wrong() {
        let (component, grants) = (guest.project.component(), grants(limits));
        let component = component.display();
        let publish = format!("sandstream model publish --config HOST.toml --data-type TYPE{grants} {component}");
        findings.note("next", format!("sandstream bench; {publish}"));
    }
    Ok(about)
}

/// What the guest's manifest allows it beyond a host's defaults, as whoever publishes it has to say.
fn grants(limits: &Limits) -> String {
    let usual = Limits::default();
    let asked = [
        (limits.memory_bytes != usual.memory_bytes, format!("memory={}B", limits.memory_bytes)),
        (limits.table_elements != usual.table_elements, format!("table_elements={}", limits.table_elements)),
        (limits.instances != usual.instances, format!("instances={}", limits.instances)),
        (limits.load != usual.load, format!("load={}ms", limits.load.as_millis())),
        (limits.call_base != usual.call_base, format!("call={}us", limits.call_base.as_micros())),
        (limits.call_per_row != usual.call_per_row, format!("call_per_row={}us", limits.call_per_row.as_micros())),
        (limits.compile != usual.compile, format!("compile={}ms", limits.compile.as_millis())),
        (limits.compile_bytes != usual.compile_bytes, format!("compile_memory={}B", limits.compile_bytes)),
        (limits.stateful, "stateful=true".to_owned()),
    ];
    asked.iter().filter(|(differs, _)| *differs).map(|(_, grant)| format!(" --grant {grant}")).collect()
}

/// Every import against the list of those that a host answers.
fn imports(guest: &Guest, payload: &Payload, findings: &mut Findings) -> Vec<String> {
    let imports = wasm::imports(&payload.data);
    let foreign: Vec<_> = imports.iter().filter(|import| !wasm::is_offered(import)).cloned().collect();
    for import in &foreign {
        let what = if import.starts_with("wasi:") {
            format!("`{import}`: a guest has no WASI, so no host answers it; {}", guest.language.without_wasi())
        } else {
            format!("`{import}`: no host answers it; a guest may import types, log and artifacts of sandstream:model")
        };
        findings.wrong("import", what);
    }
    if foreign.is_empty() {
        findings.ok("imports", imports.join(", "));
    }
    imports
}

fn size(payload: &Payload, limits: &Limits, findings: &mut Findings) {
    let (has, most) = (payload.data.len(), bytes(limits.payload_bytes as usize));
    let text = format!("{} of at most {most}", bytes(has));
    if has as u64 > limits.payload_bytes { findings.wrong("size", text) } else { findings.ok("size", text) }
}

/// Times of compiling and of `load`, and the memory after it, against the limits.
fn load(model: &dyn Model, total: Duration, limits: &Limits, findings: &mut Findings) -> Option<Value> {
    // The first session is the one that told the signature; the second one is loaded here.
    let open = || model.session(Instant::now() + limits.load);
    let (first, began) = (open(), Instant::now());
    let session = match first.and_then(|_| open()) {
        Ok(session) => session,
        Err(fault) => {
            findings.wrong("load", format!("a second session cannot be opened: {}", explained(&fault.to_string())));
            return None;
        }
    };
    let load = began.elapsed();
    let compile = total.saturating_sub(load);
    findings.ok("compile", format!("{} of at most {}", shown_time(compile), shown_time(limits.compile)));
    findings.ok("load", format!("{} of at most {}", shown_time(load), shown_time(limits.load)));
    let memory = session.memory_bytes();
    if let Some(memory) = memory {
        let most = bytes(limits.memory_bytes as usize);
        findings.ok("memory", format!("{} of at most {most} after `load`", bytes(memory as usize)));
    }
    Some(json!({ "compile_ms": ms(compile), "load_ms": ms(load), "memory_bytes": memory }))
}

/// Binds and tries the guest with each data type that it is meant for.
fn types(guest: &Guest, model: &dyn Model, findings: &mut Findings) -> Vec<String> {
    if guest.manifest.types.is_empty() {
        let what =
            format!("{MANIFEST} has no [types.<name>]: say which records the guest is meant for, as a host's configuration does");
        findings.wrong("data type", what);
    }
    let mut fits = Vec::new();
    for spec in &guest.manifest.types {
        let about = format!("type {}", spec.data_type);
        match tried(model, spec) {
            Ok(()) => {
                findings.ok(&about, "its fields are those that the guest takes".to_owned());
                findings.ok(
                    &about,
                    "made-up rows are answered alike in a batch, reversed, one by one, twice, and by two sessions".to_owned(),
                );
                fits.push(spec.data_type.clone());
            }
            Err(reason) => findings.wrong(&about, explained(&reason)),
        }
    }
    fits
}

fn tried(model: &dyn Model, spec: &codec::Spec) -> Result<(), String> {
    let codec = codec::open(spec).map_err(|error| error.to_string())?;
    let binding = Binding::new(codec.schema(), model.signature()).map_err(|error| error.to_string())?;
    let mut trial = Trial::new(codec.schema(), &binding, model)?;
    for _ in 0..2 {
        let mut session = model.session(Instant::now() + model.limits().load).map_err(|fault| fault.to_string())?;
        trial.run(&mut *session)?;
    }
    Ok(())
}

/// The golden file, where there is one; gives how many cases it has.
fn golden_file(guest: &Guest, model: &dyn Model, findings: &mut Findings) -> usize {
    let path = &guest.manifest.golden;
    let about = path.file_name().map_or_else(|| "goldens".into(), |name| name.to_string_lossy().into_owned());
    let Ok(text) = fs::read_to_string(path) else {
        findings.note(&about, "is not there: write a line {\"record\": {..}} or two, and `sandstream test --update`".to_owned());
        return 0;
    };
    let compared = golden::parse(&text).map_err(anyhow::Error::from).and_then(|cases| {
        let codec = guest.records(None, model.signature())?;
        Ok((cases.len(), golden::mismatches(model, &codec, &cases).map_err(|reason| anyhow!(reason))?))
    });
    match compared {
        Err(error) => findings.wrong(&about, explained(&format!("{error:#}"))),
        Ok((cases, wrong)) => {
            for one in &wrong {
                findings.wrong(&about, explained(&one.to_string()));
            }
            if wrong.is_empty() {
                findings.ok(&about, format!("{cases} cases are answered as written, together and alone"));
            }
            return cases;
        }
    }
    0
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

fn shown_time(time: Duration) -> String {
    if time < Duration::from_secs(1) { format!("{:.1} ms", ms(time)) } else { format!("{:.1} s", time.as_secs_f64()) }
}

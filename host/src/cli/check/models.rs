//! The part of a check that loads a model and joins it with the data types.

use std::path::Path;

use anyhow::{Result, bail};
use serde_json::{Value, json};

use super::Args;
use super::findings::Findings;
use crate::app;
use crate::backend::{Backend as _, wasm};
use crate::binding::Binding;
use crate::cli::table::bytes;
use crate::codec;
use crate::config::Config;
use crate::types::Signature;
use crate::types::proto::model_descriptor::ModelType;

/// Loads a model as a host would, without publishing it; says what it takes and gives, and which data types it fits.
pub(super) fn check(args: &Args, config: &Config, path: &Path, findings: &mut Findings) -> Result<Value> {
    let payload = args.extras.payload(path, args.config_file.as_deref())?;
    let about = format!("model {}", path.display());
    let imports = if payload.kind == ModelType::Wasm { wasm::imports(&payload.data) } else { Vec::new() };
    let mut value = json!({
        "path": path, "type": payload.kind.as_str_name(), "bytes": payload.data.len(),
        "digest": payload.digest.to_string(), "imports": imports,
    });
    let model = match app::backends(&config.wasm, &config.engines)?.load(&payload, &config.limits) {
        Ok(model) => model,
        Err(rejected) => {
            findings.wrong(&about, rejected.to_string());
            return Ok(value);
        }
    };
    let signature = model.signature();
    findings.ok(&about, format!("{} of {}, {}", payload.kind.as_str_name(), bytes(payload.data.len()), payload.digest));
    findings.ok(&about, shown(signature));
    if let Some(cost) = model.cost() {
        let rows = if cost.batched { "rows together" } else { "row by row" };
        findings.ok(&about, format!("run by {}, {rows}", cost.engine));
        value["engine"] = json!(&*cost.engine);
    }
    if !imports.is_empty() {
        findings.ok(&about, format!("imports {}", imports.join(", ")));
    }
    let fits = fits(args, config, signature, &about, findings)?;
    let input =
        |input: &crate::types::Input| json!({ "name": input.name, "dtype": input.dtype.to_string(), "fields": input.fields });
    let output =
        |output: &crate::types::Output| json!({ "name": output.name, "dtype": output.dtype.to_string(), "width": output.width });
    value["inputs"] = signature.inputs.iter().map(input).collect();
    value["outputs"] = signature.outputs.iter().map(output).collect();
    value["fits"] = json!(fits);
    Ok(value)
}

/// The data types it fits. One is enough, as a configuration may have types that are other models'.
fn fits(args: &Args, config: &Config, signature: &Signature, about: &str, findings: &mut Findings) -> Result<Vec<String>> {
    let meant: Vec<_> =
        config.types.iter().filter(|spec| args.data_type.as_ref().is_none_or(|name| *name == spec.data_type)).collect();
    if meant.is_empty()
        && let Some(name) = &args.data_type
    {
        bail!("--data-type {name}: {} has no [types.{name}]", config.file.display());
    }
    let (mut fits, mut not) = (Vec::new(), Vec::new());
    for spec in meant {
        // A schema that cannot be read is a finding of the configuration.
        let Ok(codec) = codec::open(spec) else { continue };
        match Binding::new(codec.schema(), signature) {
            Ok(_) => fits.push(spec.data_type.clone()),
            Err(error) => not.push(format!("does not fit data type `{}`: {error}", spec.data_type)),
        }
    }
    for name in &fits {
        findings.ok(about, format!("fits data type `{name}`"));
    }
    for text in not {
        if fits.is_empty() { findings.wrong(about, text) } else { findings.note(about, text) }
    }
    Ok(fits)
}

/// A signature in words.
pub(in crate::cli) fn shown(signature: &Signature) -> String {
    let input = |input: &crate::types::Input| {
        let named = input.fields.iter().filter(|field| !field.is_empty()).cloned().collect::<Vec<_>>();
        let of = if named.is_empty() { format!("{} unnamed columns", input.fields.len()) } else { named.join(", ") };
        format!("`{}` {} of {of}", input.name, input.dtype)
    };
    let output = |output: &crate::types::Output| format!("`{}` {} x {}", output.name, output.dtype, output.width);
    let inputs: Vec<_> = signature.inputs.iter().map(input).collect();
    let outputs: Vec<_> = signature.outputs.iter().map(output).collect();
    format!("takes {}; gives {}", inputs.join("; "), outputs.join("; "))
}

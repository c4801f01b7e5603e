//! Compiles `proto/tensorflow.proto` with protox, so that no protoc has to be installed: to types for the binary form, and to a
//! description of the fields for the text form.

use std::path::Path;

use prost::Message as _;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo:rerun-if-changed=proto/tensorflow.proto");
    let files = protox::compile(["tensorflow.proto"], ["proto"])?;
    let out = std::env::var("OUT_DIR")?;
    std::fs::write(Path::new(&out).join("tensorflow.fds"), files.encode_to_vec())?;
    prost_build::Config::new().btree_map(["."]).compile_fds(files)?;
    Ok(())
}

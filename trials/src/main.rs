//! Programs that measure sandstream and try to break it. Every one takes `--report FILE` (JSON) and prints the same figures as a
//! table. `cargo xtask <command>` starts them.

mod report;

fn main() -> anyhow::Result<()> {
    anyhow::bail!("no trial is built yet")
}

//! What stays behind, and what to try with it.

use std::env;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use anyhow::Result;
use sandstream_traffic::Load;

use crate::Options;
use crate::host::Host;
use crate::records;
use crate::stage::Stage;

/// Records a second that go on.
const RATE: u32 = 100;
/// As many at a time, between two looks at whether to end.
const CHUNK: u64 = 100;

/// What to type for the program: its name where that finds it.
fn program(path: &Path) -> String {
    let found = env::var_os("PATH").is_some_and(|all| env::split_paths(&all).any(|folder| folder.join("sandstream") == path));
    if found { "sandstream".to_owned() } else { path.display().to_string() }
}

/// Goes on with few records until it is told to stop.
pub(crate) fn running(stage: &Stage, host: &Host, options: &Options) -> Result<()> {
    let (brokers, admin) = (&stage.topics.brokers, &host.admin);
    let (input, config) = (&stage.topics.input, stage.config().display().to_string());
    let sandstream = program(&options.program);
    println!(
        "\nIt stays until Ctrl-C, with {RATE} records a second. What to try next, in another terminal:

  kcat -b {brokers} -t {input}.scores -C -o end                        results as they come
  kcat -b {brokers} -t {input}.dlq -C -o -1 -e -f '%h\\n%s\\n'            the last of what could not be scored, and why
  curl http://{admin}/models                                      what is live, and since when
  curl http://{admin}/metrics
  {sandstream} model list --config {config}
  {sandstream} dlq list   --config {config}

and a model of your own:

  {sandstream} new mine --lang rust && cd mine && {sandstream} build
  {sandstream} model publish build/mine.wasm --version 1 --data-type wine --config {config}
"
    );
    let mut load = Load::new(&stage.topics, records::all())?;
    while !options.stop.load(Ordering::Relaxed) {
        load.pace(RATE.min(options.rate), CHUNK, &options.stop)?;
        thread::yield_now();
    }
    // What was sent last is answered before the host goes.
    thread::sleep(Duration::from_millis(200));
    Ok(())
}

//! The broker alone, without the rest of sandstream, which takes longer to build: `serve ADDRESS [SETTING=VALUE]..`, for those who
//! work on the broker. Everybody else has `sandstream broker`.

use std::error::Error;
use std::io::Write;
use std::{env, io, thread};

use sandstream_devbroker::{Broker, Options};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let listen = arguments.next().ok_or("expected an address, such as 127.0.0.1:9092")?.parse()?;
    let setting = |text: String| {
        text.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned())).ok_or(format!("{text}: expected NAME=VALUE"))
    };
    let settings = arguments.map(setting).collect::<Result<_, _>>()?;
    let broker = Broker::start(Options { listen, settings, ..Options::default() })?;
    writeln!(io::stdout(), "{}", broker.address())?;
    loop {
        thread::park();
    }
}

//! The broker alone, without the rest of sandstream, which takes longer to build: `serve ADDRESS [FOLDER] [SETTING=VALUE]..`,
//! for those who work on the broker. Everybody else has `sandstream broker`.

use std::error::Error;
use std::io::Write;
use std::{env, io, thread};

use sandstream_devbroker::{Broker, Options};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let listen = arguments.next().ok_or("expected an address, such as 127.0.0.1:9092")?.parse()?;
    let mut options = Options { listen, ..Options::default() };
    for argument in arguments {
        match argument.split_once('=') {
            Some((name, value)) => drop(options.settings.insert(name.to_owned(), value.to_owned())),
            None => options.data = Some(argument.into()),
        }
    }
    let broker = Broker::start(options)?;
    writeln!(io::stdout(), "{}", broker.address())?;
    loop {
        thread::park();
    }
}

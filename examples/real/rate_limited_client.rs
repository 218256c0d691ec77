//! RateLimitedClient: three requests at once, five per second, ten addresses (block E13 of the
//! text).
//!
//! # What the text gets wrong
//!
//! - Its rate counts on the wall clock: when that is set back, everybody waits as long as it was set
//!   back. Here it is the runtime's clock, which only goes forward.
//! - A request passes the rate first and then waits for a slot. Those who wait there have passed
//!   already, and begin in a burst as soon as the slots are free. Here it is the other way round.
//! - One failed request ends the program, and the other answers are lost. Here each has its own
//!   result.
//!
//! [`turnwise_real::rate_limit`] stands on its own: lift it into a program.

#[path = "../support/mod.rs"]
mod support;

use std::cell::Cell;
use std::error::Error;
use std::process::ExitCode;
use std::rc::Rc;
use std::time::Duration;

use lexopt::ValueExt;
use lexopt::prelude::*;
use support::{NAME, number, or_exit, part, print, say, usage_error};
use turnwise::io::ctrl_c;
use turnwise::{Runtime, gather_spawned, race};
use turnwise_real::demo::Delays;
use turnwise_real::http::{self, Client, Wire};
use turnwise_real::rate_limit::{RateLimit, RateLimitedClient};
use turnwise_real::server::{direct, listen};
use url::{Position, Url};

struct Arguments {
    virtual_clock: bool,
    at_once: usize,
    per_second: usize,
    timeout: Duration,
    addresses: Vec<Url>,
}

impl Arguments {
    fn parse() -> Arguments {
        let mut parsed = Arguments {
            virtual_clock: false,
            at_once: 3,
            per_second: 5,
            timeout: Duration::from_secs(10),
            addresses: Vec::new(),
        };
        let mut arguments = lexopt::Parser::from_env();
        while let Some(argument) = or_exit(arguments.next()) {
            match argument {
                Long("virtual") => parsed.virtual_clock = true,
                Long("at-once") => {
                    parsed.at_once = number(&mut arguments, "--at-once", 1, 1000) as usize
                }
                Long("per-second") => {
                    parsed.per_second = number(&mut arguments, "--per-second", 1, 1000) as usize
                }
                Long("timeout") => {
                    let seconds = number(&mut arguments, "--timeout", 1, 3600);
                    parsed.timeout = Duration::from_secs(seconds);
                }
                Value(text) => parsed.addresses.push(address(&or_exit(text.string()))),
                Short('h') | Long("help") => help(),
                other => usage_error(other.unexpected()),
            }
        }
        if parsed.virtual_clock && !parsed.addresses.is_empty() {
            usage_error(
                "other servers know no virtual clock; leave out --virtual or the addresses",
            );
        }
        parsed
    }
}

fn address(text: &str) -> Url {
    http::address(text).unwrap_or_else(|problem| usage_error(problem))
}

fn help() -> ! {
    print(format_args!(
        "Gets web pages, a limited number at once and a limited number per second.\n\n\
         Usage: {NAME} [OPTIONS] [ADDRESS...]\n\n\
         Without addresses it asks a server of its own for ten pages and a few that fail.\n\n\
         Options:\n      \
             --at-once N     requests at the same time [default: 3]\n      \
             --per-second N  requests that begin in any second [default: 5]\n      \
             --timeout N     seconds that a request may take [default: 10]\n      \
             --virtual       use the virtual clock: nothing waits, the output is the same every time\n  \
         -h, --help          print this\n\n\
         Exit code: 0, 1 if an address that was asked for failed, or 130 after Ctrl-C."
    ));
    std::process::exit(0)
}

/// What has become of the requests.
#[derive(Default)]
struct Tally {
    answered: Cell<usize>,
    failed: Cell<usize>,
}

impl Tally {
    fn count(&self, answered: bool) {
        let counter = if answered {
            &self.answered
        } else {
            &self.failed
        };
        counter.set(counter.get() + 1);
    }
}

/// Asks for all addresses at the same time; the client sees to it that it is not too much.
async fn get_all(client: RateLimitedClient, addresses: Vec<(String, Url)>, tally: Rc<Tally>) {
    let client = Rc::new(client);
    let requests = addresses.into_iter().map(|(name, url)| {
        let (client, tally) = (client.clone(), tally.clone());
        async move {
            let turn = client.turn().await;
            say!("asks for {name} after {:.2} s", turn.waited().as_secs_f64());
            match turn.get(&url).await {
                Ok(answer) => {
                    say!("{name}: {}, {} bytes", answer.status, answer.body.len());
                    tally.count(answer.status.is_success());
                }
                Err(failure) => {
                    say!("{name}: {failure}");
                    tally.count(false);
                }
            }
        }
    });
    gather_spawned(requests).await;
}

/// The text's program, and what it would end of.
async fn demonstration(arguments: &Arguments, tally: &Rc<Tally>) -> std::io::Result<()> {
    let (wire, server) = match arguments.virtual_clock {
        true => direct(Delays, "server.example"),
        false => listen(Delays).await?,
    };
    let address = |path: &str| {
        let url = server.join(path).expect("paths are addresses");
        (url[Position::BeforePath..].to_owned(), url)
    };
    part("Ten requests");
    let ten = (1..=10).map(|n| address(&format!("/delay/{}", n * 200)));
    let client = arguments.client(wire.clone(), arguments.timeout);
    get_all(client, ten.collect(), tally.clone()).await;

    part("Requests that fail, and one that does not");
    let mixed = ["/missing", "/hang-up", "/silence", "/delay/100"].map(address);
    let client = arguments.client(wire, Duration::from_millis(500));
    get_all(client, mixed.to_vec(), tally.clone()).await;
    Ok(())
}

impl Arguments {
    fn client(&self, wire: Wire, time: Duration) -> RateLimitedClient {
        let size = 16 << 20;
        let rate = RateLimit::new(self.per_second, Duration::from_secs(1));
        RateLimitedClient::new(Client { wire, time, size }, self.at_once, rate)
    }
}

async fn run(arguments: &Arguments) -> Result<ExitCode, Box<dyn Error>> {
    let interrupted = ctrl_c();
    let tally = Rc::new(Tally::default());
    let work = async {
        if arguments.addresses.is_empty() {
            demonstration(arguments, &tally).await?;
            return Ok(ExitCode::SUCCESS);
        }
        let addresses = arguments.addresses.iter();
        let addresses = addresses.map(|url| (url.to_string(), url.clone()));
        let client = arguments.client(Wire::Tcp, arguments.timeout);
        get_all(client, addresses.collect(), tally.clone()).await;
        Ok(match tally.failed.get() {
            0 => ExitCode::SUCCESS,
            _ => ExitCode::FAILURE,
        })
    };
    let code = race((
        async { interrupted.await.map(|()| ExitCode::from(130)) },
        work,
    ))
    .await?;
    let ended = if code == ExitCode::from(130) {
        "interrupted"
    } else {
        "done"
    };
    say!(
        "{ended}: {} answered, {} failed",
        tally.answered.get(),
        tally.failed.get()
    );
    Ok(code)
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let builder = Runtime::builder();
    let runtime = match arguments.virtual_clock {
        true => builder.virtual_clock().build(),
        false => builder.build(),
    };
    support::start();
    runtime.block_on(run(&arguments)).unwrap_or_else(|error| {
        eprintln!("{NAME}: {error}");
        ExitCode::FAILURE
    })
}

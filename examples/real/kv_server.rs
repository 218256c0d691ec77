//! A server that speaks the protocol of Redis: `redis-cli -p 6380 set key value`.
//!
//! The idiomatic port of such a server from tokio; its parts are in [`turnwise_real::kv`], and `tests/peers` tests them
//! with the `redis` crate. Ctrl-C ends it: connections get the answers to what they have asked, and are closed.

#[path = "../support/mod.rs"]
mod support;

use std::io;
use std::net::Ipv4Addr;
use std::rc::Rc;

use lexopt::prelude::*;
use support::{NAME, number, or_exit, print, usage_error};
use turnwise::gather;
use turnwise::io::{TcpListener, ctrl_c};
use turnwise::sync::Event;
use turnwise_real::kv;

/// Reads the port from the command line.
fn port() -> u16 {
    let mut port = 6380;
    let mut arguments = lexopt::Parser::from_env();
    while let Some(argument) = or_exit(arguments.next()) {
        match argument {
            Long("port") => port = number(&mut arguments, "--port", 0, 65535) as u16,
            Short('h') | Long("help") => help(),
            other => usage_error(other.unexpected()),
        }
    }
    port
}

fn help() -> ! {
    print(format_args!(
        "Stores values, and hands messages to subscribers, in the protocol of Redis, on 127.0.0.1 until Ctrl-C.\n\n\
         Usage: {NAME} [--port N]\n\n\
         --port N   the port, 0 for a free one (default: 6380)"
    ));
    std::process::exit(0)
}

#[turnwise::main]
async fn main() -> io::Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port())).await?;
    print(format_args!("listening on {}", listener.local_addr()?));
    let stop = Rc::new(Event::new());
    let interrupted = async {
        let heard = ctrl_c().await;
        stop.set();
        heard
    };
    gather((kv::serve(listener, stop.clone()), interrupted))
        .await
        .1
}

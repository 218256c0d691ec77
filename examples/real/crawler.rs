//! A web crawler: five workers, a queue, a semaphore, and an end when all is done (block E17 of the
//! text).
//!
//! # What the text gets wrong
//!
//! - Links are put into the queue by tasks of their own, which run after `task_done`. So `join`
//!   returns when the first page is done, and its workers are cancelled: one page of four. Here the
//!   links of a page are in the queue before the page counts as done.
//! - An address is marked when it is asked for, not when it is put, so that it is queued many times.
//! - A page that is first found on a long way stays far away, and what it leads to may be missed,
//!   as the answers happen to come in. Here a shorter way that is found later counts.
//! - Links with `#` are dropped, those with `?` cut, and answers read without any limit.
//!
//! `crawl` and `links` in [`turnwise_real`] stand on their own: lift them into a program.

#[path = "../support/mod.rs"]
mod support;

use std::collections::BTreeMap;
use std::error::Error;
use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;
use std::rc::Rc;
use std::time::Duration;

use lexopt::ValueExt;
use lexopt::prelude::*;
use support::{NAME, number, or_exit, part, print, usage_error};
use turnwise::io::ctrl_c;
use turnwise::{Runtime, interval, race};
use turnwise_real::crawl::{Crawler, Found, Place, Plan};
use turnwise_real::demo::Maze;
use turnwise_real::http::{self, Client, Wire};
use turnwise_real::server::{direct, listen};
use url::{Position, Url};

struct Arguments {
    virtual_clock: bool,
    plan: Plan,
    timeout: Option<Duration>,
    size: usize,
    start: Option<Url>,
}

impl Arguments {
    fn parse() -> Arguments {
        let mut parsed = Arguments {
            virtual_clock: false,
            plan: Plan {
                depth: 3,
                addresses: 1000,
                workers: 5,
                at_once: 3,
            },
            timeout: None,
            size: 1 << 20,
            start: None,
        };
        let mut arguments = lexopt::Parser::from_env();
        let plan = &mut parsed.plan;
        while let Some(argument) = or_exit(arguments.next()) {
            match argument {
                Long("virtual") => parsed.virtual_clock = true,
                Long("depth") => plan.depth = number(&mut arguments, "--depth", 0, 1000) as u32,
                Long("max") => {
                    plan.addresses = number(&mut arguments, "--max", 1, 1_000_000) as usize
                }
                Long("workers") => {
                    plan.workers = number(&mut arguments, "--workers", 1, 1000) as usize
                }
                Long("at-once") => {
                    plan.at_once = number(&mut arguments, "--at-once", 1, 1000) as usize
                }
                Long("timeout") => {
                    let seconds = number(&mut arguments, "--timeout", 1, 3600);
                    parsed.timeout = Some(Duration::from_secs(seconds));
                }
                Long("size") => {
                    parsed.size = number(&mut arguments, "--size", 1, 1 << 20) as usize * 1024
                }
                Value(text) if parsed.start.is_none() => {
                    parsed.start = Some(address(&or_exit(text.string())))
                }
                Short('h') | Long("help") => help(),
                other => usage_error(other.unexpected()),
            }
        }
        if parsed.virtual_clock && parsed.start.is_some() {
            usage_error("other servers know no virtual clock; leave out --virtual or the address");
        }
        parsed
    }
}

fn address(text: &str) -> Url {
    http::address(text).unwrap_or_else(|problem| usage_error(problem))
}

fn help() -> ! {
    print(format_args!(
        "Crawls a web site and says what is there.\n\n\
         Usage: {NAME} [OPTIONS] [ADDRESS]\n\n\
         Without an address it crawls a site of its own. Over http only.\n\n\
         Options:\n      \
             --depth N    how many links away from the start to go [default: 3]\n      \
             --max N      ask for so many addresses at most [default: 1000]\n      \
             --workers N  how many workers there are [default: 5]\n      \
             --at-once N  requests at the same time [default: 3]\n      \
             --timeout N  seconds that a request may take [default: 10; its own site: 1]\n      \
             --size N     KiB that a page may have [default: 1024]\n      \
             --virtual    use the virtual clock: nothing waits, the output is the same every time\n  \
         -h, --help       print this\n\n\
         Exit code: 0, 1 if there is no page at the address, or 130 after Ctrl-C."
    ));
    std::process::exit(0)
}

async fn run(arguments: &Arguments) -> Result<ExitCode, Box<dyn Error>> {
    let interrupted = ctrl_c();
    let (wire, start) = match &arguments.start {
        Some(start) => (Wire::Tcp, start.clone()),
        None if arguments.virtual_clock => direct(Maze, "site.example"),
        None => listen(Maze).await?,
    };
    let usual = if arguments.start.is_some() { 10 } else { 1 };
    let client = Client {
        wire,
        time: arguments.timeout.unwrap_or(Duration::from_secs(usual)),
        size: arguments.size,
    };
    let crawler = Rc::new(Crawler::new(client, arguments.plan.clone(), &start));
    let is_interrupted = race((
        async { interrupted.await.map(|()| true) },
        async {
            crawler.run().await;
            Ok(false)
        },
        show_progress(&crawler),
    ))
    .await?;
    let pages = summarize(&crawler, &start);
    if is_interrupted {
        print(format_args!("interrupted before all was found"));
        return Ok(ExitCode::from(130));
    }
    Ok(match pages {
        0 => ExitCode::FAILURE,
        _ => ExitCode::SUCCESS,
    })
}

/// Says now and then how far it is, if somebody is looking. Wipes that away in the end.
async fn show_progress<T>(crawler: &Crawler) -> T {
    struct Line;
    impl Drop for Line {
        fn drop(&mut self) {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }

    if !io::stderr().is_terminal() {
        return std::future::pending().await;
    }
    let _line = Line;
    let mut ticks = interval(Duration::from_millis(100));
    loop {
        ticks.tick().await;
        let (asked, known) = crawler.progress();
        // A terminal that has gone away needs no progress.
        let _ = write!(io::stderr(), "\r\x1b[K{asked} of {known} addresses asked");
    }
}

/// Prints what was found, in the order of the addresses, and returns how many pages that were.
fn summarize(crawler: &Crawler, start: &Url) -> usize {
    let known = crawler.known();
    let name = |url: &Url| match url.origin() == start.origin() {
        true => url[Position::BeforePath..].to_owned(),
        false => url.to_string(),
    };
    part("What is there, and how many links away");
    let width = known.keys().map(|url| name(url).len()).max();
    let width = width.unwrap_or_default().min(40);
    let [mut pages, mut redirects, mut others, mut failures, mut left] = [0; 5];
    for (url, place) in known.iter() {
        let (count, text) = match &place.found {
            None => (&mut left, "not asked for".to_owned()),
            Some(Found::Page(links)) => (&mut pages, format!("a page, links: {}", links.len())),
            Some(Found::Redirect(to)) => {
                let remark = remark(&known, url, to);
                (&mut redirects, format!("is at {}{remark}", name(to)))
            }
            Some(Found::Other(kind)) => (&mut others, kind.clone()),
            Some(Found::Refused(status)) => (&mut failures, status.to_string()),
            Some(Found::Failed(failure)) => (&mut failures, failure.to_string()),
        };
        *count += 1;
        let depth = place.depth;
        print(format_args!("{depth:2} {:width$}  {text}", name(url)));
    }
    print(format_args!(
        "pages: {pages}, redirects: {redirects}, other: {others}, failures: {failures}, \
         not asked for: {left}"
    ));
    if crawler.is_curtailed() {
        print(format_args!("there is more; --max sets the limit"));
    }
    pages
}

/// What is to be said about a redirect.
fn remark(known: &BTreeMap<Url, Place>, from: &Url, to: &Url) -> &'static str {
    let mut next = to;
    for _ in 0..known.len() {
        if next == from {
            return ", in a circle";
        }
        match known.get(next).and_then(|place| place.found.as_ref()) {
            Some(Found::Redirect(to)) => next = to,
            _ => break,
        }
    }
    match known.contains_key(to) {
        true => "",
        false if to.origin() != from.origin() => ", another site",
        false if known[from].is_last() => ", one redirect too many",
        false => ", not followed",
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let builder = Runtime::builder();
    let runtime = match arguments.virtual_clock {
        true => builder.virtual_clock().build(),
        false => builder.build(),
    };
    runtime.block_on(run(&arguments)).unwrap_or_else(|error| {
        eprintln!("{NAME}: {error}");
        ExitCode::FAILURE
    })
}

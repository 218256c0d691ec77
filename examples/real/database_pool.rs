//! DatabasePool: a limited number of connections, here to SQLite, on the threads for blocking calls
//! (block E04 of the text).
//!
//! # What the text gets wrong
//!
//! - Its list of waiters is never made: the first one that has to wait ends with an error.
//! - With that mended, a waiter that is cancelled stays in the list, is sent the next wake-up, and
//!   swallows it: a free connection, and somebody asleep who waits for one. Here a waiter that goes
//!   away leaves the line, and passes on what it had been given.
//! - Between the wake-up and its turn a newcomer may take the connection. Here it is handed over.
//! - What becomes of a query whose waiter is cancelled is left open. Here the query is interrupted,
//!   its transaction undone, and the connection comes back.
//!
//! [`turnwise_real::pool`] stands on its own: lift it into a program.

#[path = "../support/mod.rs"]
mod support;

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::mpsc;
use std::time::Duration;

use fastrand::Rng;
use lexopt::prelude::*;
use rusqlite::{Result, Transaction};
use support::{NAME, number, or_exit, part, print, say, usage_error};
use turnwise::io::ctrl_c;
use turnwise::{Runtime, race, sleep, spawn, spawn_blocking, try_gather_spawned, yield_now};
use turnwise_real::pool::DatabasePool;

struct Arguments {
    virtual_clock: bool,
    seed: u64,
    workers: u64,
    connections: usize,
    file: Option<PathBuf>,
}

impl Arguments {
    fn parse() -> Arguments {
        let mut parsed = Arguments {
            virtual_clock: false,
            seed: 1,
            workers: 8,
            connections: 3,
            file: None,
        };
        let mut arguments = lexopt::Parser::from_env();
        while let Some(argument) = or_exit(arguments.next()) {
            match argument {
                Long("virtual") => parsed.virtual_clock = true,
                Long("seed") => parsed.seed = number(&mut arguments, "--seed", 0, u64::MAX),
                Long("workers") => parsed.workers = number(&mut arguments, "--workers", 1, 10_000),
                Long("connections") => {
                    parsed.connections = number(&mut arguments, "--connections", 1, 100) as usize
                }
                Long("file") => parsed.file = Some(or_exit(arguments.value()).into()),
                Short('h') | Long("help") => help(),
                other => usage_error(other.unexpected()),
            }
        }
        parsed
    }
}

fn help() -> ! {
    print(format_args!(
        "Eight workers share three connections to an SQLite database.\n\n\
         Usage: {NAME} [OPTIONS]\n\n\
         Options:\n      \
             --workers N      how many workers there are [default: 8]\n      \
             --connections N  how many connections they share [default: 3]\n      \
             --file FILE      use this database and keep it [default: one for this run]\n      \
             --seed N         draw other random numbers [default: 1]\n      \
             --virtual        use the virtual clock: nothing waits, the output is the same every time\n  \
         -h, --help           print this\n\n\
         Exit code: 0, 1 if the database cannot be used, or 130 after Ctrl-C."
    ));
    std::process::exit(0)
}

const TABLE: &str = "CREATE TABLE IF NOT EXISTS orders (worker INTEGER NOT NULL, pieces INTEGER CHECK (pieces > 0))";

/// Counts for ever.
const ENDLESS: &str =
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n";

fn order(transaction: &Transaction<'_>, worker: u64, pieces: i64) -> Result<()> {
    let order = "INSERT INTO orders VALUES (?, ?)";
    transaction
        .execute(order, (worker as i64, pieces))
        .map(drop)
}

async fn count(pool: &DatabasePool) -> Result<i64> {
    let lease = pool.acquire().await;
    let count = "SELECT count(*) FROM orders";
    lease
        .read(|read| read.query_row(count, (), |row| row.get(0)))
        .await
}

/// Twice each: gets a connection, thinks while holding it, and places two orders.
async fn many_workers(pool: &DatabasePool, arguments: &Arguments) -> Result<()> {
    let (workers, connections) = (arguments.workers, arguments.connections);
    part(&format!("{workers} workers, {connections} connections"));
    let before = count(pool).await?;
    let mut random = Rng::with_seed(arguments.seed);
    let tasks = (1..=workers).map(|n| worker(pool.clone(), n, random.fork()));
    let waits = try_gather_spawned(tasks).await?;
    let waits: Vec<Duration> = waits.into_iter().flatten().collect();
    let (sum, longest) = (waits.iter().sum::<Duration>(), waits.iter().max());
    let orders = count(pool).await? - before;
    say!(
        "{orders} orders; waited {:.2} s on average, {:.2} s at most",
        sum.as_secs_f64() / waits.len() as f64,
        longest.map_or(0.0, Duration::as_secs_f64)
    );
    assert_eq!(orders, 4 * workers as i64);
    Ok(())
}

async fn worker(pool: DatabasePool, n: u64, mut random: Rng) -> Result<Vec<Duration>> {
    let mut waits = Vec::new();
    for _ in 0..2 {
        let lease = pool.acquire().await;
        let waited = lease.waited();
        say!("worker {n} waited {:.2} s", waited.as_secs_f64());
        waits.push(waited);
        sleep(Duration::from_micros(random.u64(100_000..300_000))).await;
        let both = lease.write(move |write| {
            order(write, n, 1)?;
            order(write, n, 2)
        });
        both.await?;
        say!("worker {n} is done");
    }
    Ok(waits)
}

async fn a_query_that_fails(pool: &DatabasePool) -> Result<()> {
    part("The second query of a transaction fails");
    let before = count(pool).await?;
    let lease = pool.acquire().await;
    let failed = lease.write(|write| {
        order(write, 0, 1)?;
        order(write, 0, -1)
    });
    let error = failed.await.expect_err("nobody orders less than nothing");
    say!("{error}");
    let orders = count(pool).await? - before;
    say!(
        "orders that it left: {orders}; connections that are free: {}",
        pool.free()
    );
    assert_eq!(orders, 0);
    Ok(())
}

async fn waiters_that_go_away(pool: &DatabasePool) {
    part("Waiters that are cancelled");
    let mut leases = Vec::new();
    while pool.free() > 0 {
        leases.push(pool.acquire().await);
    }
    let wait = |name: &'static str| {
        let pool = pool.clone();
        spawn(async move {
            let lease = pool.acquire().await;
            say!("{name} has a connection");
            drop(lease);
        })
    };
    let (first, second, third) = (wait("the first"), wait("the second"), wait("the third"));
    yield_now().await;
    say!("the first is cancelled while it waits");
    first.cancel();
    assert!(first.await.is_err());
    leases.pop();
    say!("the second is cancelled between the hand-over and its turn");
    second.cancel();
    assert!(second.await.is_err());
    assert!(third.await.is_ok());
    drop(leases);
    say!("connections that are free: {}", pool.free());
}

async fn a_query_without_end(pool: &DatabasePool) -> Result<()> {
    part("Nobody waits for the answer any more");
    let before = count(pool).await?;
    let (begun, has_begun) = mpsc::channel();
    let lease = pool.acquire().await;
    let query = lease.write(move |write| {
        order(write, 0, 1)?;
        let _ = begun.send(());
        write.query_row(ENDLESS, (), |row| row.get::<_, i64>(0))
    });
    let has_begun = spawn_blocking(move || has_begun.recv());
    race((async { drop(query.await) }, async { drop(has_begun.await) })).await;
    say!("the query counts for ever; its waiter gives up");
    pool.close().await;
    let orders = count(pool).await? - before;
    say!(
        "orders that it left: {orders}; connections that are free: {}",
        pool.free()
    );
    assert_eq!(orders, 0);
    Ok(())
}

async fn work(pool: &DatabasePool, arguments: &Arguments) -> Result<()> {
    let lease = pool.acquire().await;
    lease
        .write(|write| write.execute(TABLE, ()).map(drop))
        .await?;
    many_workers(pool, arguments).await?;
    a_query_that_fails(pool).await?;
    waiters_that_go_away(pool).await;
    a_query_without_end(pool).await
}

async fn run(arguments: &Arguments) -> Result<ExitCode, Box<dyn Error>> {
    let interrupted = ctrl_c();
    let folder = tempfile::tempdir()?;
    let file = arguments.file.clone();
    let file = file.unwrap_or_else(|| folder.path().join("orders.sqlite"));
    let pool = DatabasePool::of_file(file, arguments.connections);
    let code = race((
        async { Ok(interrupted.await.map(|()| ExitCode::from(130))?) },
        async {
            work(&pool, arguments).await?;
            Ok::<_, Box<dyn Error>>(ExitCode::SUCCESS)
        },
    ))
    .await;
    pool.close().await;
    if matches!(code, Ok(code) if code == ExitCode::from(130)) {
        say!("interrupted; what was under way is undone, and all connections are closed");
    }
    code
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

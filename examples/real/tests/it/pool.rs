//! The pool of connections: whatever its users do, no connection and no permit is lost, and every
//! transaction happens as a whole or not at all.

use std::cell::RefCell;
use std::future::poll_fn;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::task::Poll;
use std::time::Duration;

use futures_util::FutureExt;
use rusqlite::{Connection, ErrorCode, Result, Transaction};
use tempfile::TempDir;
use turnwise::{Runtime, gather, gather_spawned, race, spawn, spawn_blocking, yield_now};
use turnwise_real::pool::{DatabasePool, Lease};

use crate::support::{bounded, on_real_time};

/// A pool on a file of its own, with a table to write to.
struct Bench {
    pool: DatabasePool,
    size: usize,
    /// How often a connection was opened.
    opened: Arc<AtomicUsize>,
    _folder: TempDir,
}

impl Bench {
    async fn new(size: usize) -> Bench {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = folder.path().join("test.sqlite");
        let opened = Arc::new(AtomicUsize::new(0));
        let counter = opened.clone();
        let pool = DatabasePool::new(size, move || {
            counter.fetch_add(1, Ordering::SeqCst);
            let connection = Connection::open(&file)?;
            connection.pragma_update(None, "journal_mode", "wal")?;
            connection.pragma_update(None, "synchronous", "off")?;
            connection.pragma_update(None, "foreign_keys", true)?;
            connection.busy_timeout(Duration::from_secs(30))?;
            Ok(connection)
        });
        let lease = pool.acquire().await;
        let tables = "CREATE TABLE t (n INTEGER PRIMARY KEY);
            CREATE TABLE child (n INTEGER REFERENCES t DEFERRABLE INITIALLY DEFERRED)";
        let made = lease.write(|write| write.execute_batch(tables)).await;
        made.expect("the file is new");
        Bench {
            pool,
            size,
            opened,
            _folder: folder,
        }
    }

    /// The rows of the table.
    async fn rows(&self) -> Vec<i64> {
        let read = self.pool.acquire().await.read(|read| {
            let mut query = read.prepare("SELECT n FROM t ORDER BY n")?;
            query.query_map((), |row| row.get(0))?.collect()
        });
        read.await.expect("the table can be read")
    }

    /// Checks that all connections come back, work, and hold no transaction.
    async fn check(&self, rows: &[i64]) {
        self.pool.close().await;
        assert_eq!(self.pool.free(), self.size);
        assert_eq!(self.rows().await, rows);
        let mut leases = Vec::new();
        for n in 0..self.size as i64 {
            leases.push((-1 - n, self.pool.acquire().await));
        }
        assert_eq!(self.pool.free(), 0);
        let writes = leases
            .into_iter()
            .map(|(n, lease)| async move { lease.write(move |write| insert(write, n)).await });
        for written in gather_spawned(writes).await {
            written.expect("the connection works");
        }
        assert_eq!(self.pool.free(), self.size);
    }
}

fn insert(write: &Transaction<'_>, n: i64) -> Result<()> {
    write.execute("INSERT INTO t VALUES (?)", (n,)).map(drop)
}

/// Holds a thread where a test wants it.
struct Gate {
    reached: Sender<()>,
    open: Receiver<()>,
}

/// The other side of a gate.
struct Keeper {
    reached: Option<Receiver<()>>,
    open: Sender<()>,
}

fn gate() -> (Gate, Keeper) {
    let (reached, is_reached) = mpsc::channel();
    let (open, is_open) = mpsc::channel();
    let gate = Gate {
        reached,
        open: is_open,
    };
    let keeper = Keeper {
        reached: Some(is_reached),
        open,
    };
    (gate, keeper)
}

impl Gate {
    /// Says that it is here, and waits to be let through.
    fn pass(&self) {
        let _ = self.reached.send(());
        let _ = self.open.recv();
    }
}

impl Keeper {
    /// Waits until somebody stands before the gate.
    async fn reached(&mut self) {
        let reached = self.reached.take().expect("asked once");
        let came = spawn_blocking(move || reached.recv()).await;
        came.expect("nobody cancels it").expect("somebody comes");
    }

    fn open(self) {
        let _ = self.open.send(());
    }
}

#[test]
fn connections_are_shared_first_come_first_served() {
    on_real_time(|| async {
        let bench = Bench::new(3).await;
        let running = Arc::new(AtomicUsize::new(0));
        let order = Rc::new(RefCell::new((Vec::new(), Vec::new())));
        let workers = (0..50).map(|n| {
            let (pool, running, order) = (bench.pool.clone(), running.clone(), order.clone());
            async move {
                for round in 0..4 {
                    order.borrow_mut().0.push(n);
                    let lease = pool.acquire().await;
                    order.borrow_mut().1.push(n);
                    let running = running.clone();
                    let write = lease.write(move |write| {
                        let now = running.fetch_add(1, Ordering::SeqCst) + 1;
                        let done = insert(write, 4 * n + round);
                        running.fetch_sub(1, Ordering::SeqCst);
                        done.map(|()| now)
                    });
                    assert_eq!(write.await, Ok(1), "SQLite lets one write at a time");
                }
            }
        });
        gather_spawned(workers).await;
        let (asked, got) = order.take();
        assert_eq!(asked, got);
        assert_eq!(bench.opened.load(Ordering::SeqCst), 3);
        bench.check(&(0..200).collect::<Vec<_>>()).await;
    });
}

#[test]
fn readers_do_not_wait_for_a_writer() {
    on_real_time(|| async {
        let bench = Bench::new(2).await;
        let (stop, mut keeper) = gate();
        let lease = bench.pool.acquire().await;
        let writer = spawn(lease.write(move |write| {
            insert(write, 1)?;
            stop.pass();
            insert(write, 2)
        }));
        keeper.reached().await;
        assert_eq!(bench.rows().await, [0; 0], "nothing is kept yet");
        keeper.open();
        writer.await.expect("it goes on").expect("it can write");
        bench.check(&[1, 2]).await;
    });
}

#[test]
fn a_failed_query_undoes_the_transaction() {
    on_real_time(|| async {
        let bench = Bench::new(1).await;
        let lease = bench.pool.acquire().await;
        let failed = lease.write(|write| {
            insert(write, 1)?;
            insert(write, 1)
        });
        let error = failed.await.expect_err("the number is taken");
        let code = error.sqlite_error_code();
        assert_eq!(code, Some(ErrorCode::ConstraintViolation));
        bench.check(&[]).await;
    });
}

#[test]
fn a_failed_commit_undoes_the_transaction() {
    on_real_time(|| async {
        let bench = Bench::new(1).await;
        let lease = bench.pool.acquire().await;
        let failed = lease.write(|write| {
            insert(write, 1)?;
            write.execute("INSERT INTO child VALUES (2)", ()).map(drop)
        });
        failed
            .await
            .expect_err("the parent is missing at the commit");
        assert_eq!(bench.opened.load(Ordering::SeqCst), 1);
        bench.check(&[]).await;
    });
}

#[test]
fn a_connection_that_cannot_be_opened_is_tried_again() {
    on_real_time(|| async {
        let tries = AtomicUsize::new(0);
        let pool = DatabasePool::new(1, move || match tries.fetch_add(1, Ordering::SeqCst) {
            0 => Connection::open("/nowhere/at/all"),
            _ => Connection::open_in_memory(),
        });
        let one =
            |read: &Transaction<'_>| read.query_row("SELECT 1", (), |row| row.get::<_, i64>(0));
        pool.acquire()
            .await
            .read(one)
            .await
            .expect_err("no such folder");
        assert_eq!(pool.free(), 1);
        assert_eq!(pool.acquire().await.read(one).await, Ok(1));
    });
}

#[test]
fn a_panic_reaches_the_waiter_and_costs_one_connection() {
    on_real_time(|| async {
        let bench = Bench::new(1).await;
        let lease = bench.pool.acquire().await;
        let panicking = lease.write(|write| -> Result<()> {
            insert(write, 1)?;
            panic!("on purpose")
        });
        let caught = AssertUnwindSafe(panicking).catch_unwind().await;
        let payload = caught.expect_err("it panics");
        assert_eq!(payload.downcast_ref(), Some(&"on purpose"));
        assert_eq!(bench.rows().await, [0; 0]);
        assert_eq!(bench.opened.load(Ordering::SeqCst), 2);
        bench.check(&[]).await;
    });
}

#[test]
fn waiters_that_go_away_are_as_if_they_had_never_come() {
    // Head, middle and tail; while they wait, and between the hand-over and their turn.
    for victims in 1..8_u32 {
        for granted in [false, true] {
            on_real_time(move || async move {
                let bench = Bench::new(1).await;
                let held = bench.pool.acquire().await;
                let wait = |n: i64| {
                    let pool = bench.pool.clone();
                    spawn(async move {
                        let lease = pool.acquire().await;
                        lease.write(move |write| insert(write, n)).await
                    })
                };
                let tasks = [wait(0), wait(1), wait(2)];
                yield_now().await;
                let mut held = Some(held);
                if granted {
                    held.take();
                }
                let is_victim = |n: usize| victims & (1 << n) != 0;
                for (n, task) in tasks.iter().enumerate().filter(|(n, _)| is_victim(*n)) {
                    task.cancel();
                    assert!(!task.is_finished(), "waiter {n} has not had its turn");
                }
                drop(held);
                for (n, task) in tasks.into_iter().enumerate() {
                    assert_eq!(task.await.is_err(), is_victim(n));
                }
                let rest = (0..3).filter(|n| !is_victim(*n as usize));
                bench.check(&rest.collect::<Vec<_>>()).await;
            });
        }
    }
}

#[test]
fn a_lease_that_is_not_used_comes_back() {
    on_real_time(|| async {
        let bench = Bench::new(1).await;
        drop(bench.pool.acquire().await);
        let lease = bench.pool.acquire().await;
        drop(lease.write(|write| insert(write, 1)));
        assert_eq!(bench.opened.load(Ordering::SeqCst), 1);
        bench.check(&[]).await;
    });
}

#[test]
fn a_transaction_that_is_given_up_before_it_has_a_thread_does_not_begin() {
    bounded(|| {
        let runtime = Runtime::builder().blocking_threads(1).build();
        runtime.block_on(async {
            let bench = Bench::new(1).await;
            let (plug, keeper) = gate();
            let plug = spawn_blocking(move || plug.pass());
            let lease = bench.pool.acquire().await;
            let (began, begins) = mpsc::channel::<()>();
            let write = lease.write(move |_| {
                let _ = began.send(());
                Ok(())
            });
            give_up_after(1, write).await;
            keeper.open();
            plug.await.expect("it passes");
            bench.check(&[]).await;
            begins.try_recv().expect_err("nobody waited for it");
        });
    });
}

/// Polls `future` so many times and drops it; returns what it gave if it was done before.
async fn give_up_after<F: Future>(polls: usize, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    for _ in 0..polls {
        let polled = poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx))).await;
        if let Poll::Ready(output) = polled {
            return Some(output);
        }
        yield_now().await;
    }
    None
}

#[test]
fn a_transaction_that_is_given_up_while_it_runs_is_undone() {
    on_real_time(|| async {
        let bench = Bench::new(1).await;
        let (stop, mut keeper) = gate();
        let lease = bench.pool.acquire().await;
        let writer = spawn(lease.write(move |write| {
            insert(write, 1)?;
            stop.pass();
            insert(write, 2)
        }));
        keeper.reached().await;
        let next = spawn({
            let pool = bench.pool.clone();
            async move { pool.acquire().await.write(|write| insert(write, 3)).await }
        });
        writer.cancel();
        writer.await.expect_err("it is cancelled");
        assert_eq!(bench.pool.free(), 0, "the thread still has the connection");
        keeper.open();
        next.await.expect("it is served").expect("it can write");
        bench.check(&[3]).await;
    });
}

#[test]
fn a_query_without_end_is_interrupted() {
    const ENDLESS: &str =
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n";
    async fn endless(lease: Lease, writes: bool, stop: Gate) -> Result<i64> {
        let query = move |work: &Transaction<'_>| {
            if writes {
                insert(work, 1)?;
            }
            stop.pass();
            work.query_row(ENDLESS, (), |row| row.get(0))
        };
        match writes {
            true => lease.write(query).await,
            false => lease.read(query).await,
        }
    }

    for writes in [false, true] {
        on_real_time(move || async move {
            let bench = Bench::new(2).await;
            let (stop, mut keeper) = gate();
            let lease = bench.pool.acquire().await;
            let query = endless(lease, writes, stop);
            race((async { drop(query.await) }, async {
                keeper.reached().await;
                keeper.open();
            }))
            .await;
            bench.check(&[]).await;
        });
    }
}

#[test]
fn a_transaction_that_is_given_up_at_its_commit_is_kept() {
    on_real_time(|| async {
        let bench = Bench::new(1).await;
        let (stop, mut keeper) = gate();
        let stop = std::sync::Mutex::new(stop);
        let lease = bench.pool.acquire().await;
        let writer = spawn(lease.write(move |write| {
            // Called when the decision has been made.
            write.commit_hook(Some(move || {
                stop.lock().expect("one thread uses it").pass();
                false
            }));
            insert(write, 1)
        }));
        keeper.reached().await;
        writer.cancel();
        writer.await.expect_err("it is cancelled");
        keeper.open();
        bench.check(&[1]).await;
    });
}

#[test]
fn given_up_at_any_poll_it_is_done_as_a_whole_or_not_at_all() {
    on_real_time(|| async {
        let bench = Bench::new(2).await;
        let mut kept = Vec::new();
        let mut number = 0;
        for polls in 0..12 {
            // Others come and go in the meantime.
            for _ in 0..10 {
                let two = number;
                number += 2;
                let victim = async {
                    let lease = bench.pool.acquire().await;
                    let both = lease.write(move |write| {
                        insert(write, two)?;
                        insert(write, two + 1)
                    });
                    both.await
                };
                let other = async { bench.pool.acquire().await.read(|_| Ok(())).await };
                let (other, done, another) = gather((other, give_up_after(polls, victim), async {
                    bench.pool.acquire().await.read(|_| Ok(())).await
                }))
                .await;
                other.and(another).expect("the others are not disturbed");
                bench.pool.close().await;
                let rows = bench.rows().await;
                let new = &rows[kept.len()..];
                let whole = [two, two + 1];
                assert!(
                    new.is_empty() || new == whole,
                    "{new:?} after {polls} polls"
                );
                if let Some(done) = done {
                    done.expect("nothing is in its way");
                    assert_eq!(new, whole, "what was confirmed is kept");
                }
                kept = rows;
            }
        }
        bench.check(&kept).await;
    });
}

#[test]
fn a_program_that_waits_for_its_own_connection_is_told_where() {
    bounded(|| {
        let runtime = turnwise::Runtime::new();
        let line = line!() + 5;
        let stuck = runtime.try_block_on(async {
            let pool = DatabasePool::new(1, Connection::open_in_memory);
            let first = pool.acquire().await;
            let pool = &pool;
            let second = pool.acquire().await;
            drop((first, second));
        });
        let report = stuck
            .expect_err("nobody gives a connection back")
            .to_string();
        let place = format!("{}:{line}:", file!());
        assert!(report.contains(&place), "{place} in {report}");
    });
}

#[test]
fn closing_waits_for_those_who_are_at_it() {
    on_real_time(|| async {
        let bench = Bench::new(2).await;
        let (stop, mut keeper) = gate();
        let lease = bench.pool.acquire().await;
        let writer = spawn(lease.write(move |write| {
            stop.pass();
            insert(write, 1)
        }));
        keeper.reached().await;
        let closing = spawn({
            let pool = bench.pool.clone();
            async move { pool.close().await }
        });
        yield_now().await;
        assert!(!closing.is_finished());
        keeper.open();
        closing.await.expect("it ends");
        assert!(writer.is_finished());
        writer.await.expect("it ran").expect("it can write");
        bench.check(&[1]).await;
    });
}

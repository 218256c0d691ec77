//! A pool of connections to a database whose calls block.
//!
//! Whoever has waited longest gets the next connection. What is done with it is a transaction on a
//! thread of the blocking pool: it is kept as a whole, or nothing of it is.
//!
//! ```text
//!            acquire               write, read
//!   waiting ─────────▶ has a Lease ───────────▶ begun ──▶ decided ──▶ kept
//!                                                 │
//!                                                 │ fails, or its waiter is gone
//!                                                 └────────▶ undone
//! ```
//!
//! The transaction is a task of its own that owns the lease: when its waiter is dropped, it goes on
//! to its end, which then comes soon, and brings the connection back.

use std::cell::RefCell;
use std::fmt;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use rusqlite::{Connection, Error, Result, Transaction, TransactionBehavior, ffi};
use turnwise::sync::{OwnedPermit, Semaphore};
use turnwise::time::Instant;
use turnwise::{JoinError, spawn, spawn_blocking};

/// How often a query looks whether anybody still wants it, in steps of SQLite's machine.
const STEPS: i32 = 10_000;

/// Lends connections, a limited number at the same time, first come, first served.
///
/// Connections are opened when they are first needed. Clones share them.
#[derive(Clone)]
pub struct DatabasePool {
    shared: Rc<Shared>,
}

struct Shared {
    open: Arc<dyn Fn() -> Result<Connection> + Send + Sync>,
    /// Connections that are open and not lent.
    idle: RefCell<Vec<Connection>>,
    /// One for each connection that may be open.
    permits: Rc<Semaphore>,
    size: usize,
}

/// The right to use a connection, once; made by [`DatabasePool::acquire`].
///
/// Dropping it gives the connection back.
#[must_use = "dropping a lease gives the connection back unused"]
pub struct Lease {
    /// None if it has yet to be opened, is in use, or broke.
    connection: Option<Connection>,
    shared: Rc<Shared>,
    waited: Duration,
    // Returned after the connection is back: fields are dropped after the whole.
    _permit: OwnedPermit,
}

impl DatabasePool {
    /// Lends at most `size` connections to the database in the file at `path`, which is made if
    /// there is none.
    ///
    /// # Panics
    ///
    /// If it is to lend nothing.
    pub fn of_file(path: impl AsRef<Path>, size: usize) -> Self {
        let path = path.as_ref().to_owned();
        DatabasePool::new(size, move || {
            let connection = Connection::open(&path)?;
            // Readers do not wait for the writer, and writers wait for each other, not for ever.
            connection.pragma_update(None, "journal_mode", "wal")?;
            connection.busy_timeout(Duration::from_secs(5))?;
            Ok(connection)
        })
    }

    /// Lends at most `size` connections that `open` makes, on a thread that may block.
    ///
    /// # Panics
    ///
    /// If it is to lend nothing.
    pub fn new(size: usize, open: impl Fn() -> Result<Connection> + Send + Sync + 'static) -> Self {
        assert!(size > 0, "a pool that lends nothing makes everybody wait");
        DatabasePool {
            shared: Rc::new(Shared {
                open: Arc::new(open),
                idle: RefCell::default(),
                permits: Rc::new(Semaphore::new(size)),
                size,
            }),
        }
    }

    /// Waits for a connection. Whoever gives up has lost its place and nothing else.
    ///
    /// A program that hangs here is told which line has asked: that of the caller.
    #[track_caller]
    pub fn acquire(&self) -> impl Future<Output = Lease> + use<> {
        let (shared, asked) = (self.shared.clone(), Instant::now());
        let permit = shared.permits.acquire_owned();
        async move {
            let permit = permit.await;
            let connection = shared.idle.borrow_mut().pop();
            Lease {
                connection,
                waited: asked.elapsed(),
                shared,
                _permit: permit,
            }
        }
    }

    /// How many connections could be lent now.
    pub fn free(&self) -> usize {
        self.shared.permits.available()
    }

    /// Waits until every connection is back, and closes them.
    pub async fn close(&self) {
        let all = self.shared.permits.acquire_many(self.shared.size).await;
        let idle = self.shared.idle.take();
        // The last one to close tidies the file up, which takes a while.
        if let Err(error @ JoinError::Panicked(_)) = spawn_blocking(move || drop(idle)).await {
            error.resume();
        }
        drop(all);
    }
}

impl Lease {
    /// How long the connection was waited for.
    pub fn waited(&self) -> Duration {
        self.waited
    }

    /// Reads with `work`, beside others that read or write; it sees the database as it was at its
    /// first query.
    ///
    /// # Cancel safety
    ///
    /// The query is interrupted, and the connection comes back.
    ///
    /// # Errors
    ///
    /// What SQLite says.
    pub async fn read<T, F>(self, work: F) -> Result<T>
    where
        F: FnOnce(&Transaction<'_>) -> Result<T> + Send + 'static,
        T: Send + 'static,
    {
        self.transact(TransactionBehavior::Deferred, work).await
    }

    /// Writes with `work`, after all others that write. If it fails, nothing has happened.
    ///
    /// # Cancel safety
    ///
    /// The query is interrupted and all of the transaction undone, unless it had decided to be kept
    /// already. Either way the connection comes back. Only a wait for another program that writes
    /// goes on, until SQLite's time limit for it.
    ///
    /// # Errors
    ///
    /// What SQLite says. The transaction was undone then.
    pub async fn write<T, F>(self, work: F) -> Result<T>
    where
        F: FnOnce(&Transaction<'_>) -> Result<T> + Send + 'static,
        T: Send + 'static,
    {
        self.transact(TransactionBehavior::Immediate, work).await
    }

    async fn transact<T, F>(mut self, behavior: TransactionBehavior, work: F) -> Result<T>
    where
        F: FnOnce(&Transaction<'_>) -> Result<T> + Send + 'static,
        T: Send + 'static,
    {
        let fate = Arc::new(Fate::default());
        let wish = Wish(fate.clone());
        let (connection, open) = (self.connection.take(), self.shared.open.clone());
        let call = spawn_blocking(move || {
            let connection = match connection {
                Some(connection) => connection,
                None => match open() {
                    Ok(connection) => connection,
                    Err(error) => return (None, Err(error)),
                },
            };
            conduct(connection, behavior, fate, work)
        });
        let transaction = spawn(async move {
            let (connection, result) = call.await.unwrap_or_else(|error| error.resume());
            self.connection = connection;
            drop(self);
            result
        });
        let result = transaction.await.unwrap_or_else(|error| error.resume());
        drop(wish);
        result
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.shared.idle.borrow_mut().extend(self.connection.take());
    }
}

/// What is to become of a transaction. Whoever is first, it or its waiter, has the say.
#[derive(Debug, Default)]
struct Fate(AtomicU8);

impl Fate {
    const OPEN: u8 = 0;
    const KEPT: u8 = 1;
    const UNWANTED: u8 = 2;

    /// Settles it, unless it is; `true` if that is what it is now.
    fn settle(&self, on: u8) -> bool {
        let (success, failure) = (Ordering::AcqRel, Ordering::Acquire);
        let settled = self.0.compare_exchange(Self::OPEN, on, success, failure);
        settled.is_ok()
    }

    fn is_unwanted(&self) -> bool {
        self.0.load(Ordering::Acquire) == Self::UNWANTED
    }
}

/// The waiter's wish that the transaction be kept: it ends with the waiter.
struct Wish(Arc<Fate>);

impl Drop for Wish {
    fn drop(&mut self) {
        self.0.settle(Fate::UNWANTED);
    }
}

/// Does the whole transaction on this thread, which may block. Gives the connection back if it can
/// be used again.
fn conduct<T>(
    mut connection: Connection,
    behavior: TransactionBehavior,
    fate: Arc<Fate>,
    work: impl FnOnce(&Transaction<'_>) -> Result<T>,
) -> (Option<Connection>, Result<T>) {
    let observed = fate.clone();
    connection.progress_handler(STEPS, Some(move || observed.is_unwanted()));
    let result = attempt(&mut connection, behavior, &fate, work);
    connection.progress_handler(0, None::<fn() -> bool>);
    // Outside of any transaction, as it should be.
    let usable = connection.is_autocommit();
    (usable.then_some(connection), result)
}

fn attempt<T>(
    connection: &mut Connection,
    behavior: TransactionBehavior,
    fate: &Fate,
    work: impl FnOnce(&Transaction<'_>) -> Result<T>,
) -> Result<T> {
    if fate.is_unwanted() {
        return Err(interrupted());
    }
    // Dropped before the commit, it undoes everything.
    let transaction = connection.transaction_with_behavior(behavior)?;
    let value = work(&transaction)?;
    if !fate.settle(Fate::KEPT) {
        return Err(interrupted());
    }
    transaction.commit()?;
    Ok(value)
}

fn interrupted() -> Error {
    Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_INTERRUPT), None)
}

impl fmt::Debug for DatabasePool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DatabasePool")
            .field("size", &self.shared.size)
            .field("open", &self.shared.idle.borrow().len())
            .field("permits", &self.shared.permits)
            .finish()
    }
}

impl fmt::Debug for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lease")
            .field("waited", &self.waited)
            .finish_non_exhaustive()
    }
}

//! Which peer does which row.

use std::marker::PhantomData;
use std::thread;
use std::time::Duration;

use ::async_unsync::semaphore::Semaphore as UnsyncSemaphore;
use ::local_sync::semaphore::Semaphore as LocalSemaphore;

use crate::peer::*;
use crate::rows;

/// A row as done by a peer.
pub struct Case {
    pub row: &'static str,
    pub peer: &'static str,
    /// Operations in a round.
    pub operations: u64,
    work: fn(u64) -> Duration,
    own_thread: bool,
}

impl Case {
    /// Does so many rounds and says how long that took.
    pub fn run(&self, rounds: u64) -> Duration {
        let work = self.work;
        if self.own_thread {
            thread::spawn(move || work(rounds)).join().unwrap()
        } else {
            work(rounds)
        }
    }
}

/// Names of the rows, in the order of the tables, and the operations in one round.
pub const ROWS: [(&str, u64); 24] = [
    ("spawn+join", 1),
    ("spawn+join 1000", 1000),
    ("switch 1", 1),
    ("switch 100", 100),
    ("switch 10k", 10_000),
    ("lock free", 1),
    ("lock 100 tasks", 100),
    ("semaphore 10 of 1000", 1000),
    ("event 1000", 1000),
    ("condition", 2),
    ("notify", 2),
    ("queue 1:1 cap 1", 1),
    ("queue 1:1 cap 16", 1),
    ("queue 1:1 cap 1024", 1),
    ("queue 4:4 cap 1", 4),
    ("queue 4:4 cap 16", 4),
    ("queue 4:4 cap 1024", 4),
    ("oneshot", 2),
    ("timeout 1", 1),
    ("timeout 100", 100),
    ("timeout 10k", 10_000),
    ("sleep 100k", 100_000),
    ("sleep 100k coarse", 100_000),
    ("from a thread", 1),
];

/// Rows whose time is not that of memory alone.
pub const BEYOND_MEMORY: [&str; 3] = ["sleep 100k", "sleep 100k coarse", "from a thread"];

/// All cases, in the order of [`ROWS`].
pub fn cases() -> Vec<Case> {
    let mut all = List::default();

    all.peer::<turnwise::Turnwise>("turnwise")
        .executor()
        .timers()
        .outside()
        .lock::<::turnwise::sync::Lock<u64>>()
        .semaphore::<::turnwise::sync::Semaphore>()
        .event::<::turnwise::sync::Event>()
        .relay::<turnwise::LockAndConditions>()
        .signal::<::turnwise::sync::Event>()
        .queue::<::turnwise::sync::Queue<u64>>()
        .queue_shared::<::turnwise::sync::Queue<u64>>()
        .oneshot::<turnwise::OneshotChannel>();
    all.peer::<turnwise::Turnwise<4>>("turnwise").coarse();

    tokio_rows(all.peer::<tokio::Tokio<true>>("tokio LocalRuntime"));
    tokio_rows(all.peer::<tokio::Tokio<false>>("tokio LocalSet"));

    all.peer::<smol::Smol>("smol")
        .executor()
        .timers()
        .outside()
        .lock::<async_lock::Mutex<u64>>()
        .semaphore::<async_lock::Semaphore>()
        .event::<event_listener::Event>()
        .relay::<smol::MutexAndEvents>()
        .signal::<event_listener::Event>()
        .queue::<smol::Channel>()
        .queue_shared::<smol::Channel>();

    all.peer::<monoio::Monoio<true>>("monoio, local-sync")
        .executor()
        .timers()
        .outside()
        .semaphore::<LocalSemaphore>()
        .queue::<local_sync::Mpsc>()
        .oneshot::<local_sync::OneshotChannel>();

    all.peer::<monoio::Monoio<true>>("monoio, async-unsync")
        .semaphore::<UnsyncSemaphore>()
        .queue::<async_unsync::Bounded>()
        .oneshot::<async_unsync::OneshotChannel>();

    all.peer::<monoio::Monoio<false>>("monoio, no turn")
        .switch();

    all.peer::<futures::Pool>("futures")
        .executor()
        .outside()
        .lock::<::futures::lock::Mutex<u64>>()
        .queue::<futures::Mpsc>()
        .oneshot::<futures::OneshotChannel>();

    all.peer::<unsend::Unsend>("unsend")
        .executor()
        .lock::<::unsend::lock::Mutex<u64>>()
        .semaphore::<::unsend::lock::Semaphore>()
        .event::<::unsend::Event<()>>()
        .signal::<::unsend::Event<()>>();

    all.peer::<runite::Runite>("runite")
        .executor()
        .timers()
        .outside()
        .lock::<::runite::sync::Mutex<u64>>()
        .semaphore::<::runite::sync::Semaphore>()
        .event::<::runite::sync::Notify>()
        .relay::<runite::MutexAndNotify>()
        .signal::<::runite::sync::Notify>()
        .queue::<runite::Mpsc>();

    // Its timers live and die with the first runtime of a thread.
    all.peer::<ntex::Ntex>("ntex")
        .on_a_new_thread()
        .executor()
        .timers()
        .coarse()
        .event::<ntex_util::channel::condition::Condition>()
        .oneshot::<ntex::OneshotChannel>();

    all.peer::<compio::Compio>("compio").executor().timers();

    all.peer::<local_runtime::LocalRuntime>("local-runtime")
        .executor()
        .timers();

    all.peer::<limit::Limit>("limit")
        .executor()
        .timers()
        .lock::<limit::Locked>()
        .semaphore::<limit::Permits>()
        .event::<limit::Waiters>()
        .relay::<limit::Flag>()
        .signal::<limit::Waiters>()
        .queue::<limit::Items>()
        .queue_shared::<limit::Items>()
        .oneshot::<limit::Slot>();

    all.in_order()
}

fn tokio_rows<const LOCAL_RUNTIME: bool>(peer: Peer<'_, tokio::Tokio<LOCAL_RUNTIME>>) {
    peer.executor()
        .timers()
        .outside()
        .lock::<::tokio::sync::Mutex<u64>>()
        .semaphore::<::tokio::sync::Semaphore>()
        .event::<::tokio::sync::Notify>()
        .relay::<tokio::MutexAndNotify>()
        .signal::<::tokio::sync::Notify>()
        .queue::<tokio::Mpsc>()
        .queue_shared::<tokio::SharedMpsc>()
        .oneshot::<tokio::OneshotChannel>();
}

#[derive(Default)]
struct List(Vec<Case>);

impl List {
    fn peer<E: Executor>(&mut self, name: &'static str) -> Peer<'_, E> {
        Peer {
            name,
            list: self,
            own_thread: false,
            executor: PhantomData,
        }
    }

    fn in_order(mut self) -> Vec<Case> {
        self.0.sort_by_key(|case| place(case.row));
        self.0
    }
}

fn place(row: &str) -> usize {
    let place = ROWS.iter().position(|(name, _)| *name == row);
    place.expect("every row is in the list of rows")
}

/// A peer whose rows are being listed.
struct Peer<'a, E> {
    name: &'static str,
    list: &'a mut List,
    own_thread: bool,
    executor: PhantomData<E>,
}

impl<E: Executor> Peer<'_, E> {
    fn row(self, row: &'static str, work: fn(u64) -> Duration) -> Self {
        self.list.0.push(Case {
            row,
            peer: self.name,
            operations: ROWS[place(row)].1,
            work,
            own_thread: self.own_thread,
        });
        self
    }

    /// For executors of which a thread can only have one in its life.
    fn on_a_new_thread(self) -> Self {
        Peer {
            own_thread: true,
            ..self
        }
    }

    fn executor(self) -> Self {
        self.row("spawn+join", rows::spawn_join::<E>)
            .row("spawn+join 1000", rows::spawn_join_many::<E, 1000>)
            .switch()
    }

    fn switch(self) -> Self {
        self.row("switch 1", rows::switch::<E, 1>)
            .row("switch 100", rows::switch::<E, 100>)
            .row("switch 10k", rows::switch::<E, 10_000>)
    }

    fn lock<L: Lock>(self) -> Self {
        self.row("lock free", rows::lock_free::<E, L>)
            .row("lock 100 tasks", rows::lock_contended::<E, L, 100>)
    }

    fn semaphore<S: Semaphore>(self) -> Self {
        self.row("semaphore 10 of 1000", rows::semaphore::<E, S>)
    }

    fn event<V: Event>(self) -> Self {
        self.row("event 1000", rows::event::<E, V, 1000>)
    }

    fn relay<R: Relay>(self) -> Self {
        self.row("condition", rows::relay::<E, R>)
    }

    fn signal<S: Signal>(self) -> Self {
        self.row("notify", rows::signal::<E, S>)
    }

    fn queue<Q: Queue>(self) -> Self {
        self.row("queue 1:1 cap 1", rows::queue::<E, Q, 1>)
            .row("queue 1:1 cap 16", rows::queue::<E, Q, 16>)
            .row("queue 1:1 cap 1024", rows::queue::<E, Q, 1024>)
    }

    fn queue_shared<Q: Queue<Receiver: Clone>>(self) -> Self {
        self.row("queue 4:4 cap 1", rows::queue_shared::<E, Q, 1>)
            .row("queue 4:4 cap 16", rows::queue_shared::<E, Q, 16>)
            .row("queue 4:4 cap 1024", rows::queue_shared::<E, Q, 1024>)
    }

    fn oneshot<O: Oneshot>(self) -> Self {
        self.row("oneshot", rows::oneshot::<E, O>)
    }
}

impl<E: Timers> Peer<'_, E> {
    fn timers(self) -> Self {
        self.row("timeout 1", rows::timeout::<E, 1>)
            .row("timeout 100", rows::timeout::<E, 100>)
            .row("timeout 10k", rows::timeout::<E, 10_000>)
            .row("sleep 100k", rows::sleeps::<E>)
    }

    /// For those whose timers come in steps, or may.
    fn coarse(self) -> Self {
        self.row("sleep 100k coarse", rows::sleeps::<E>)
    }
}

impl<E: Outside> Peer<'_, E> {
    fn outside(self) -> Self {
        self.row("from a thread", rows::outside::<E>)
    }
}

//! What is not a time per operation: how late a sleep ends, how many bytes a parked task takes.

use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use crate::peer::{Event, Executor, Semaphore, Timers};

/// By how much a sleep of 100 µs is late, median of so many.
pub fn lateness<E: Timers>(samples: usize) -> Duration {
    const SLEEP: Duration = Duration::from_micros(100);
    let mut late = E::block_on(move |_| async move {
        let mut late = Vec::with_capacity(samples);
        for _ in 0..samples {
            let start = Instant::now();
            E::sleep(SLEEP).await;
            late.push(start.elapsed().saturating_sub(SLEEP));
        }
        late
    });
    late.sort();
    late[late.len() / 2]
}

/// Takes so many samples.
pub type Lateness = fn(usize) -> Duration;

/// All peers with timers.
pub fn sleepers() -> Vec<(&'static str, Lateness)> {
    use crate::peer::*;

    vec![
        ("turnwise", lateness::<turnwise::Turnwise>),
        ("tokio LocalRuntime", lateness::<tokio::Tokio<true>>),
        ("smol", lateness::<smol::Smol>),
        ("monoio, local-sync", lateness::<monoio::Monoio<true>>),
        ("runite", lateness::<runite::Runite>),
        ("ntex", lateness::<ntex::Ntex>),
        ("compio", lateness::<compio::Compio>),
        ("local-runtime", lateness::<local_runtime::LocalRuntime>),
        ("limit", lateness::<limit::Limit>),
    ]
}

/// What parks tasks, and the bytes that so many take, as told by a probe of the heap.
pub struct Parked {
    pub on: &'static str,
    pub peer: &'static str,
    pub bytes: fn(tasks: usize, probe: fn() -> usize) -> usize,
}

/// Everybody who has something to wait on.
pub fn parked() -> Vec<Parked> {
    use crate::peer::*;

    const EVENT: &str = "on an event";
    const SEMAPHORE: &str = "on a semaphore";
    let of = |on, peer, bytes| Parked { on, peer, bytes };
    vec![
        of(
            EVENT,
            "turnwise",
            on_event::<turnwise::Turnwise, ::turnwise::sync::Event>,
        ),
        of(
            EVENT,
            "tokio LocalRuntime",
            on_event::<tokio::Tokio<true>, ::tokio::sync::Notify>,
        ),
        of(
            EVENT,
            "tokio LocalSet",
            on_event::<tokio::Tokio<false>, ::tokio::sync::Notify>,
        ),
        of(EVENT, "smol", on_event::<smol::Smol, event_listener::Event>),
        of(
            EVENT,
            "unsend",
            on_event::<unsend::Unsend, ::unsend::Event<()>>,
        ),
        of(
            EVENT,
            "runite",
            on_event::<runite::Runite, ::runite::sync::Notify>,
        ),
        of(
            EVENT,
            "ntex",
            on_event::<ntex::Ntex, ntex_util::channel::condition::Condition>,
        ),
        of(EVENT, "limit", on_event::<limit::Limit, limit::Waiters>),
        of(
            SEMAPHORE,
            "turnwise",
            on_semaphore::<turnwise::Turnwise, ::turnwise::sync::Semaphore>,
        ),
        of(
            SEMAPHORE,
            "tokio LocalRuntime",
            on_semaphore::<tokio::Tokio<true>, ::tokio::sync::Semaphore>,
        ),
        of(
            SEMAPHORE,
            "tokio LocalSet",
            on_semaphore::<tokio::Tokio<false>, ::tokio::sync::Semaphore>,
        ),
        of(
            SEMAPHORE,
            "smol",
            on_semaphore::<smol::Smol, async_lock::Semaphore>,
        ),
        of(
            SEMAPHORE,
            "monoio, local-sync",
            on_semaphore::<monoio::Monoio<true>, ::local_sync::semaphore::Semaphore>,
        ),
        of(
            SEMAPHORE,
            "monoio, async-unsync",
            on_semaphore::<monoio::Monoio<true>, ::async_unsync::semaphore::Semaphore>,
        ),
        of(
            SEMAPHORE,
            "unsend",
            on_semaphore::<unsend::Unsend, ::unsend::lock::Semaphore>,
        ),
        of(
            SEMAPHORE,
            "runite",
            on_semaphore::<runite::Runite, ::runite::sync::Semaphore>,
        ),
        of(
            SEMAPHORE,
            "limit",
            on_semaphore::<limit::Limit, limit::Permits>,
        ),
    ]
}

fn on_event<E: Executor, V: Event>(tasks: usize, probe: fn() -> usize) -> usize {
    E::block_on(move |executor| async move {
        let event = Rc::new(V::new());
        let bytes = park(&executor, tasks, probe, |parked: Rc<Cell<usize>>| {
            let event = event.clone();
            async move {
                parked.set(parked.get() + 1);
                event.wait().await;
            }
        });
        let (bytes, handles) = bytes.await;
        event.wake_all();
        for handle in handles {
            E::join(handle).await;
        }
        bytes
    })
}

fn on_semaphore<E: Executor, S: Semaphore>(tasks: usize, probe: fn() -> usize) -> usize {
    E::block_on(move |executor| async move {
        let permits = Rc::new(S::new(1));
        let held = permits.acquire().await;
        let bytes = park(&executor, tasks, probe, |parked: Rc<Cell<usize>>| {
            let permits = permits.clone();
            async move {
                parked.set(parked.get() + 1);
                let _permit = permits.acquire().await;
            }
        });
        let (bytes, handles) = bytes.await;
        drop(held);
        for handle in handles {
            E::join(handle).await;
        }
        bytes
    })
}

/// Starts the tasks and waits until all are parked. The vector of their handles is not counted.
async fn park<E: Executor, F: Future<Output = ()> + 'static>(
    executor: &E,
    tasks: usize,
    probe: fn() -> usize,
    task: impl Fn(Rc<Cell<usize>>) -> F,
) -> (usize, Vec<E::Handle<()>>) {
    let parked = Rc::new(Cell::new(0));
    let mut handles = Vec::with_capacity(tasks);
    let before = probe();
    handles.extend((0..tasks).map(|_| executor.spawn(task(parked.clone()))));
    while parked.get() < tasks {
        E::yield_now().await;
    }
    (probe() - before, handles)
}

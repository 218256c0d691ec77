//! Rule R9: a wait for time, readiness, a signal or a child lets every other ready task run before it
//! can be over twice in a row.
//!
//! [`ROWS`] has every such wait of the crate, each in a form that is over at once, always. A test
//! looks in the source for futures that are in no list here.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::future::pending;
use std::rc::Rc;
use std::time::Duration;

use futures::future::{FutureExt, LocalBoxFuture, join_all};
use futures::stream::{FuturesUnordered, StreamExt};
use turnwise::io::{AsyncFd, Command, SignalKind, ctrl_c, signal};
use turnwise::sync::{Condition, Lock, Queue};
use turnwise::time::{Instant, TimeLimit};
use turnwise::{
    block_on, gather, interval, sleep, sleep_until, spawn, timeout, timeout_at, wait, yield_now,
};

use crate::structure::the_crate;
use crate::support::{alone, bounded, virtual_runtime};

type Once = Box<dyn FnMut() -> LocalBoxFuture<'static, ()>>;

/// A wait that is over at once: the future's type, the call, and what makes one after the other.
type Row = (&'static str, &'static str, fn() -> Once);

fn once<F: Future + 'static>(mut make: impl FnMut() -> F + 'static) -> Once {
    Box::new(move || make().map(drop).boxed_local())
}

/// As [`once`], for a wait that borrows what it waits for.
fn of<T: 'static>(thing: T, wait: impl AsyncFn(&mut T) + Copy + 'static) -> Once {
    let thing = Rc::new(RefCell::new(Some(thing)));
    once(move || {
        let thing = thing.clone();
        async move {
            let mut taken = thing.take().expect("one waits at a time");
            wait(&mut taken).await;
            thing.replace(Some(taken));
        }
    })
}

const AT_ONCE: Duration = Duration::ZERO;

#[rustfmt::skip]
const ROWS: &[Row] = &[
    ("YieldNow", "yield_now", || once(yield_now)),
    ("Sleep", "sleep", || once(|| sleep(AT_ONCE))),
    ("Sleep", "sleep_until", || once(|| sleep_until(Instant::now()))),
    ("Timeout", "timeout", || once(|| timeout(AT_ONCE, pending::<()>()))),
    ("Timeout", "timeout_at", || once(|| timeout_at(Instant::now(), pending::<()>()))),
    ("Timeout", "TimeLimit::timeout", || once(async || {
        TimeLimit::after(AT_ONCE).timeout(pending::<()>()).await
    })),
    ("Tick", "Interval::tick", || {
        of(interval(Duration::from_nanos(1)), async |ticks| { ticks.tick().await; })
    }),
    ("Interval", "Interval as a stream", || {
        of(interval(Duration::from_nanos(1)), async |ticks| { ticks.next().await; })
    }),
    ("WaitHandles", "wait", || {
        of(vec![spawn(pending::<()>())], async |tasks| {
            wait(tasks).within(AT_ONCE).await;
        })
    }),
    ("ConditionWaitForWithin", "Condition::wait_for, within", || {
        of((Lock::new(()), Condition::new()), async |(lock, condition)| {
            drop(condition.wait_for(lock.acquire().await, |()| false).within(AT_ONCE).await);
        })
    }),
    ("ConditionWaitWithin", "Condition::wait, within", || {
        of((Lock::new(()), Condition::new()), async |(lock, condition)| {
            drop(condition.wait(lock.acquire().await).within(AT_ONCE).await);
        })
    }),
    ("WhenReady", "writable", || of(source(), async |ours| ours.writable().await.expect("it works"))),
    ("WhenReady", "readable", || of(source(), async |ours| ours.readable().await.expect("it works"))),
    ("Signal", "Signal as a stream", || of(listener(), async |listener| {
        raise(SignalKind::USER1);
        listener.next().await.expect("it does not end");
    })),
    ("SignalRecv", "Signal::recv", || of(listener(), async |listener| {
        raise(SignalKind::USER1);
        listener.recv().await.expect("it was sent");
    })),
    ("CtrlC", "ctrl_c", || once(|| {
        wait_out_echoes();
        let heard = ctrl_c();
        raise(SignalKind::INTERRUPT);
        heard
    })),
    ("ChildWait", "Child::wait", || {
        let mut child = Command::new("true").spawn().expect("it is there");
        while child.try_wait().expect("it is ours").is_none() {}
        of(child, async |child| assert!(child.wait().await.expect("it has ended").success()))
    }),
    ("Steps", "Command::status", || {
        of(Command::new("true"), async |command| {
            assert!(command.status().await.expect("it is there").success());
        })
    }),
];

/// One end of a pair, with something to read and room to write.
fn source() -> AsyncFd<turnwise::io::Fd<std::os::unix::net::UnixStream>> {
    use std::io::Write;
    let (ours, mut theirs) = std::os::unix::net::UnixStream::pair().expect("there are descriptors");
    theirs.write_all(b"bytes").expect("there is room");
    ours.set_nonblocking(true).expect("it can be");
    AsyncFd::from_fd(ours).expect("it can be watched")
}

/// A Ctrl-C soon after another counts as its echo. Holds up the loop, as the work of a program may.
fn wait_out_echoes() {
    std::thread::sleep(Duration::from_millis(350));
}

fn listener() -> turnwise::io::Signal {
    signal(SignalKind::USER1).expect("it can be caught")
}

/// Sends a signal to this thread, which has handled it when this returns.
fn raise(kind: SignalKind) {
    signal_hook::low_level::raise(kind.as_raw()).expect("a thread may signal itself");
}

/// Futures of results: a ready one counts, 128 in a poll (`shared_streams.rs`); that of a blocking call is
/// never ready at once.
const RESULTS: &[&str] = &[
    "TcpAccept",
    "UnixAccept",
    "BlockingIo",
    "Flush",
    "TcpIncoming",
    "UnixIncoming",
    "Op",
    "TcpPeek",
    "StreamRead",
    "ReadExact",
    "StdinRead",
    "ReadToEnd",
    "ReadToString",
    "DatagramRecv",
    "DatagramRecvFrom",
    "DatagramSend",
    "DatagramSendTo",
    "StreamWrite",
    "WriteAll",
];

/// Futures that are woken from inside, or that are as those inside them: as in asyncio, what is there
/// is taken without a turn.
const INSIDE: &[&str] = &[
    "LockAcquire",
    "LockAcquireOwned",
    "SemaphoreAcquire",
    "Alike",
    "Answering",
    "AsCompleted",
    "BarrierWait",
    "BoundSleep",
    "Child",
    "ChildHandle",
    "ConditionWait",
    "ConditionWaitFor",
    "EventWait",
    "Gather",
    "GatherSpawned",
    "QueueGet",
    "OnceGetOrInit",
    "OnceGetOrTryInit",
    "QueueItems",
    "QueueJoin",
    "JoinHandle",
    "LatchWait",
    "Lines",
    "NextLine",
    "QueuePut",
    "Race",
    "RaceEither",
    "RwLockRead",
    "RwLockReadOwned",
    "ReadBuffered",
    "ReadExactBuffered",
    "ReadLine",
    "ReadUntil",
    "Receiver",
    "RemoteHandle",
    "OneshotClosed",
    "QueueTake",
    "TryGroupRun",
    "GroupRun",
    "Infallibly",
    "TryGather",
    "TryGatherSpawned",
    "Wait",
    "WaitQuiescent",
    "RwLockWrite",
    "RwLockWriteOwned",
    "WriteBuffered",
];

/// The types of the crate that are futures or streams.
fn futures_in_source() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for source in the_crate().iter().filter(|source| source.path != "lib.rs") {
        let text = source.shipped();
        for line in text.lines().filter(|line| line.starts_with("impl")) {
            for of in [" Future for ", " Stream for "] {
                if let Some((_, name)) = line.split_once(of) {
                    let end = name.find(|c: char| !c.is_alphanumeric());
                    found.insert(name[..end.unwrap_or(name.len())].to_owned());
                }
            }
        }
    }
    found
}

#[test]
fn every_future_of_the_crate_is_in_a_list() {
    let found = futures_in_source();
    assert!(found.len() > 40, "{found:?}");
    let outside = ROWS.iter().map(|row| row.0);
    let listed: BTreeSet<&str> = outside
        .chain(RESULTS.iter().chain(INSIDE).copied())
        .collect();
    let found: BTreeSet<&str> = found.iter().map(String::as_str).collect();
    let missing: Vec<_> = found.difference(&listed).collect();
    assert!(
        missing.is_empty(),
        "not said how they let others run: {missing:?}"
    );
    let gone: Vec<_> = listed.difference(&found).collect();
    assert!(gone.is_empty(), "not there any more: {gone:?}");
}

#[test]
fn no_wait_for_the_outside_is_over_twice_before_who_is_ready_has_run() {
    alone("time::turns::over_in_a_row");
}

#[test]
#[ignore = "is run in a process of its own"]
fn over_in_a_row() {
    bounded(|| {
        for (_, call, make) in ROWS {
            block_on(async {
                let turns = Rc::new(Cell::new(0));
                let counted = turns.clone();
                let other = spawn(async move {
                    loop {
                        counted.set(counted.get() + 1);
                        yield_now().await;
                    }
                });
                let mut once = make();
                let mut seen = Vec::new();
                for _ in 0..8 {
                    once().await;
                    seen.push(turns.get());
                }
                assert!(
                    seen.is_sorted_by(|one, next| one < next),
                    "{call}: {seen:?}"
                );
                other.cancel();
                assert!(other.await.is_err());
            });
        }
    });
}

#[test]
fn a_loop_that_is_always_over_at_once_lets_a_ticker_a_consumer_and_ctrl_c_through() {
    alone("time::turns::through");
}

#[test]
#[ignore = "is run in a process of its own"]
fn through() {
    bounded(|| {
        for (of, call, make) in ROWS {
            wait_out_echoes();
            // This one sends its own.
            let sends = *of != "CtrlC";
            block_on(async {
                let queue = Rc::new(Queue::bounded(1));
                let heard = spawn(ctrl_c());
                let items = queue.clone();
                let ticker = spawn(async move {
                    for tick in 0..3 {
                        sleep(Duration::from_millis(10)).await;
                        items.put(tick).await.expect("it is open");
                    }
                    if sends {
                        raise(SignalKind::INTERRUPT);
                    }
                });
                let consumer = spawn(async move {
                    for tick in 0..3 {
                        assert_eq!(queue.get().await, Ok(tick));
                    }
                });
                let (mut once, mut rounds) = (make(), 0);
                while !(ticker.is_finished() && consumer.is_finished() && heard.is_finished()) {
                    once().await;
                    // Longer than any period here.
                    let begun = std::time::Instant::now();
                    while begun.elapsed() < Duration::from_millis(1) {}
                    rounds += 1;
                    assert!(rounds < 1000, "{call} starves the others");
                }
                ticker.await.expect("it ticked");
                consumer.await.expect("it got all");
                heard.await.expect("it ran").expect("it was sent");
            });
        }
    });
}

/// The yields of the crate, each of which is over when who was ready before it has run.
#[rustfmt::skip]
const YIELDS: &[(&str, fn() -> LocalBoxFuture<'static, ()>)] = &[
    ("yield_now", || yield_now().boxed_local()),
    ("sleep of zero", || sleep(AT_ONCE).boxed_local()),
    ("yield_now, under a combinator", || join_all([yield_now()]).map(drop).boxed_local()),
    ("yield_now, among many", || {
        FuturesUnordered::from_iter([yield_now(), yield_now(), yield_now()]).collect().boxed_local()
    }),
];

#[test]
fn a_yield_is_over_behind_who_was_ready_though_its_own_task_was_woken_before() {
    for (name, make) in YIELDS {
        virtual_runtime().block_on(async {
            let lock = Lock::new(());
            let guard = lock.acquire().await;
            let one = async {
                // Wakes this very task, which stands in the ready queue from here on.
                drop(guard);
                let other = spawn(async {});
                make().await;
                assert!(other.is_finished(), "{name}");
            };
            let two = async { drop(lock.acquire().await) };
            futures::join!(two, one);
        });
    }
}

#[test]
fn a_yield_in_a_spawned_task_is_over_behind_who_was_ready_too() {
    for &(name, make) in YIELDS {
        virtual_runtime().block_on(async {
            let yielder = spawn(async move {
                let lock = Lock::new(());
                let guard = lock.acquire().await;
                let one = async {
                    drop(guard);
                    let other = spawn(async {});
                    make().await;
                    assert!(other.is_finished(), "{name}");
                };
                gather((async { drop(lock.acquire().await) }, one)).await;
            });
            yielder.await.expect("it does not panic");
        });
    }
}

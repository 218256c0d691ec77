//! Which public types cross threads, and which can be moved while they are polled. Nobody writes these
//! promises down where the types are: a new field would break them without a word.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::future::Ready;
use std::marker::PhantomPinned;
use std::rc::Rc;

use turnwise::futures::{
    AsCompleted, Gather, GatherSpawned, GroupRun, Race, RaceEither, TryGather, TryGatherSpawned,
    TryGroupRun, WaitHandles, WaitQuiescent,
};
use turnwise::io::futures::*;
use turnwise::io::*;
use turnwise::report::{Deadlock, DeadlockPolicy, Report, Stall, Stats, Verdict};
use turnwise::sync::futures::*;
use turnwise::sync::oneshot::{OneshotClosed, Receiver, Sender, TryRecvError};
use turnwise::sync::*;
use turnwise::task::{ChildHandle, Panic, TaskId, Unobserved};
use turnwise::task::{Info, TaskLocal};
use turnwise::thread::{
    Gone, Remote, RemoteHandle, Sender as ThreadSender, TrySpawnError, WorkGuard,
};
use turnwise::time::{Instant, Tick};
use turnwise::time::{Interval, Sleep, TimeLimit, Timeout, YieldNow};
use turnwise::{Either, Elapsed, GroupError, JoinError, JoinHandle, Runtime, TaskGroup, When};

use crate::structure::{self, exported};

type Socket = std::net::TcpStream;

/// What is asked of a type, answered for each: `Send`, `Sync`, `Unpin`.
type Answers = (&'static str, [bool; 3]);

/// An inherent constant goes before that of a trait, and this one is there only if the bound holds.
macro_rules! has {
    ($type:ty: $bound:ident) => {{
        struct Probe<T>(std::marker::PhantomData<T>);
        #[allow(dead_code, reason = "where the bound holds, nobody asks the trait")]
        trait Otherwise {
            const HAS: bool = false;
        }
        impl<T> Otherwise for Probe<T> {}
        #[allow(dead_code, reason = "where the bound does not hold, the trait answers")]
        impl<T: std::marker::$bound> Probe<T> {
            const HAS: bool = true;
        }
        <Probe<$type>>::HAS
    }};
}

macro_rules! answers {
    ($($type:ty),+ $(,)?) => {{
        // Each of them can be shown, too.
        fn shown<T: Debug>() {}
        let mut answers: Vec<Answers> = Vec::new();
        $(
            shown::<$type>();
            answers.push((stringify!($type), [has!($type: Send), has!($type: Sync), has!($type: Unpin)]));
        )+
        answers
    }};
}

#[track_caller]
fn assert_all(answers: Vec<Answers>, expected: [bool; 3]) {
    let wrong: Vec<_> = answers.iter().filter(|(_, is)| *is != expected).collect();
    assert!(
        wrong.is_empty(),
        "not Send, Sync, Unpin as {expected:?}: {wrong:?}"
    );
}

#[derive(Debug)]
struct Owns;

impl Owner for Owns {
    fn left(&self, _: Left) {}
}

#[test]
fn errors_reports_and_what_is_for_other_threads_cross_threads() {
    let values = answers!(
        BrokenBarrier,
        ChannelStats,
        Credentials,
        Closed<u8>,
        Deadlock,
        Elapsed,
        WorkGuard,
        Fd<Socket>,
        Gone<u8>,
        Gone<std::cell::Cell<u8>>,
        GroupError<u8>,
        IncompleteRead,
        TaskId,
        ThreadSender<u8>,
        Instant,
        JoinError,
        Left,
        LimitOverrun,
        DeadlockPolicy,
        Holding,
        turnwise::Embedded<'static>,
        turnwise::RuntimeExists,
        OverDone,
        OverRelease,
        Panic,
        Pass,
        Remote,
        RemoteHandle<u8>,
        Report,
        SendStream<TcpStream>,
        TcpSocket,
        SignalKind,
        Stall,
        Stats,
        Stderr,
        Stdout,
        TaskLocal<u8>,
        TooManyPermits,
        TryGetError,
        TryPutError<u8>,
        TryRecvError,
        TrySpawnError<fn()>,
        Unobserved,
        Verdict,
        WaitStats,
        When,
    );
    assert_all(values, [true; 3]);
    assert_all(answers!(Command, YieldNow), [true; 3]);
    #[cfg(feature = "hyper")]
    assert_all(answers!(HyperExecutor, HyperTimer), [true; 3]);
}

#[test]
fn primitives_tasks_and_sources_stay_on_their_thread() {
    let primitives = answers!(
        Barrier,
        BoundedSemaphore,
        Channel<Fifo<u8>>,
        Condition,
        CountDownLatch,
        Event,
        LifoQueue<u8>,
        Lock<u8>,
        OnceCell<u8>,
        PriorityQueue<u8>,
        Queue<u8>,
        RwLock<u8>,
        Semaphore,
        WaitQueue,
    );
    assert_all(primitives, [false, false, true]);
    let guards_and_ends = answers!(
        LockGuard<'static, u8>,
        OwnedPermit,
        Permit<'static>,
        QueueSender<u8>,
        Receiver<u8>,
        RwLockReadGuard<'static, u8>,
        RwLockWriteGuard<'static, u8>,
        Sender<u8>,
        Taken<'static, Lifo<u8>>,
    );
    assert_all(guards_and_ends, [false, false, true]);
    let waits = answers!(
        LockAcquire<'static, u8>,
        LockAcquireOwned<u8>,
        OwnedLockGuard<u8>,
        OwnedRwLockReadGuard<u8>,
        OwnedRwLockWriteGuard<u8>,
        RwLockReadOwned<u8>,
        RwLockWriteOwned<u8>,
        ConditionWaitForWithin<'static, u8, fn(&mut u8) -> bool>,
        SemaphoreAcquire<'static>,
        BarrierWait<'static>,
        ConditionWait<'static, u8>,
        ConditionWaitFor<'static, u8, fn(&mut u8) -> bool>,
        ConditionWaitWithin<'static, u8>,
        EventWait<'static>,
        QueueGet<'static, Smallest<u8>>,
        QueueItems<'static, Fifo<u8>>,
        QueueJoin<'static, Fifo<u8>>,
        LatchWait<'static>,
        QueuePut<'static, Fifo<u8>>,
        RwLockRead<'static, u8>,
        OneshotClosed<'static, u8>,
        QueueTake<'static, Fifo<u8>>,
        Wait<'static, Owns>,
        RwLockWrite<'static, u8>,
    );
    assert_all(waits, [false, false, true]);
    let tasks_and_time = answers!(
        AsCompleted<u8>,
        turnwise::RuntimeBuilder,
        ChildHandle<u8>,
        turnwise::task::CancelHandle,
        TaskGroup<u8>,
        GatherSpawned<u8>,
        Info,
        Interval,
        JoinHandle<u8>,
        Runtime,
        Sleep,
        Tick<'static>,
        TimeLimit,
        TryGatherSpawned<u8, u8>,
        WaitHandles<'static, u8>,
        WaitQuiescent,
    );
    assert_all(tasks_and_time, [false, false, true]);
    let sources = answers!(
        TcpAccept<'static>,
        UnixAccept<'static>,
        Child,
        ChildStderr,
        ChildStdin,
        ChildStdout,
        CtrlC,
        TcpIncoming<'static>,
        UnixIncoming<'static>,
        Lines<TcpStream>,
        Op<'static, Fd<Socket>, fn(&Fd<Socket>) -> std::io::Result<()>>,
        TcpPeek<'static>,
        StreamRead<'static>,
        StdinRead<'static>,
        WhenReady<'static>,
        DatagramRecv<'static>,
        DatagramRecvFrom<'static>,
        SignalRecv<'static>,
        DatagramSend<'static>,
        DatagramSendTo<'static>,
        SharedStream<TcpStream>,
        Signal,
        AsyncFd<Fd<Socket>>,
        Stdin,
        Steps<u8>,
        StreamReader<TcpStream>,
        StreamWriter<TcpStream>,
        TcpListener,
        TcpStream,
        UdpSocket,
        UnixDatagram,
        UnixListener,
        UnixStream,
        ChildWait<'static>,
        StreamWrite<'static>,
    );
    assert_all(sources, [false, false, true]);
    let bytes = answers!(
        Flush<'static, u8>,
        NextLine<'static, u8>,
        ReadBuffered<'static, u8>,
        ReadExact<'static, u8>,
        ReadExactBuffered<'static, u8>,
        ReadLine<'static, u8>,
        ReadToEnd<'static, u8>,
        ReadToString<'static, u8>,
        ReadUntil<'static, u8>,
        WriteAll<'static, u8>,
        WriteBuffered<'static, u8>,
    );
    assert_all(bytes, [false, false, true]);
}

#[test]
fn what_holds_futures_is_as_they_are() {
    let plain = answers!(Gather<u8>, TryGather<u8>, Race<u8>, RaceEither<u8>, Either<u8, u8>);
    assert_all(plain, [true; 3]);
    let local = answers!(
        Gather<Rc<u8>>,
        TryGather<Rc<u8>>,
        Race<Rc<u8>>,
        RaceEither<Rc<u8>>
    );
    assert_all(local, [false, false, true]);
    let pinned = answers!(
        Gather<PhantomPinned>,
        TryGather<PhantomPinned>,
        Race<PhantomPinned>,
        RaceEither<PhantomPinned>,
    );
    assert_all(pinned, [true, true, false]);

    let unpinned = answers!(
        Timeout<u8>,
        TryGroupRun<Ready<u8>, u8, u8>,
        GroupRun<Ready<u8>, u8>,
        OnceGetOrInit<'static, u8, fn() -> Ready<u8>, Ready<u8>>,
        OnceGetOrTryInit<'static, u8, fn() -> Ready<u8>, Ready<u8>>,
    );
    assert_all(unpinned, [false, false, true]);
    let pinned = answers!(
        Timeout<PhantomPinned>,
        TryGroupRun<PhantomPinned, u8, u8>,
        GroupRun<PhantomPinned, u8>,
        OnceGetOrInit<'static, u8, fn() -> PhantomPinned, PhantomPinned>,
        OnceGetOrTryInit<'static, u8, fn() -> PhantomPinned, PhantomPinned>,
    );
    assert_all(pinned, [false; 3]);
}

/// The words of a text.
fn words(text: &str) -> BTreeSet<&str> {
    text.split(|c: char| !(c.is_alphanumeric() || c == '_'))
        .collect()
}

#[test]
fn every_public_type_is_asked() {
    let mut types = BTreeSet::new();
    for (path, text) in [
        ("lib.rs", include_str!("../../../lib.rs")),
        ("sync/mod.rs", include_str!("../../../sync/mod.rs")),
        ("io/mod.rs", include_str!("../../../io/mod.rs")),
    ] {
        let names = exported(&structure::Source::new(path, text));
        assert!(names.len() > 20, "{path} has only {names:?}");
        types.extend(
            names
                .into_iter()
                .filter(|name| name.starts_with(char::is_uppercase)),
        );
    }
    // These are traits, sealed or hidden ones.
    for sealed in [
        "Outcome",
        "GatherSet",
        "RaceEitherSet",
        "RaceSet",
        "Store",
        "ToSocketAddrs",
        "TryGatherSet",
    ] {
        assert!(types.remove(sealed), "{sealed} is gone");
    }
    let here = words(include_str!("auto_traits.rs"));
    types.retain(|name| !here.contains(name.as_str()));
    assert_eq!(types, BTreeSet::new(), "nobody asks these here");
}

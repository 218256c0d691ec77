//! What belongs to its thread cannot leave it, by type: everything that holds a key into the
//! thread's kernel. One such type that is `Send` would reach into a stranger's waiters or timers.
//! Errors, and what is made for other threads, can.

use turnwise::futures::{AsCompleted, WaitHandles, WaitQuiescent};
use turnwise::io::futures::{Op, Steps, TcpAccept, TcpPeek, WhenReady};
use turnwise::io::{
    AsyncFd, Fd, Stdin, TcpListener, TcpStream, UdpSocket, UnixDatagram, UnixListener, UnixStream,
};
use turnwise::report::{Deadlock, Report, Stall};
use turnwise::sync::futures::{
    BarrierWait, ConditionWait, ConditionWaitWithin, EventWait, LockAcquire, QueueGet, QueuePut,
};
use turnwise::sync::{
    Barrier, BoundedSemaphore, BrokenBarrier, Closed, Condition, CountDownLatch, Event, LifoQueue,
    Lock, LockGuard, OnceCell, OverDone, OverRelease, OwnedPermit, Permit, PriorityQueue, Queue,
    RwLock, RwLockReadGuard, Semaphore, Taken, TooManyPermits, TryGetError, TryPutError, WaitQueue,
    oneshot,
};
use turnwise::task::{ChildHandle, Panic, TaskId, Unobserved};
use turnwise::thread::{Gone, Remote, RemoteHandle, TrySpawnError, WorkGuard};
use turnwise::time::Tick;
use turnwise::time::{Interval, Sleep, Timeout};
use turnwise::{Elapsed, GroupError, JoinError, JoinHandle, Runtime, TaskGroup};

/// Compiles if none of the types is `Send` or `Sync`.
macro_rules! stays {
    ($($type:ty),+ $(,)?) => {$(
        is_not!($type, Send);
        is_not!($type, Sync);
    )+};
}

/// Compiles if the type has not the marker: for one that has, `_` could be either.
macro_rules! is_not {
    ($type:ty, $marker:ident) => {
        const _: fn() = || {
            trait Ambiguous<Way> {
                fn is_not() {}
            }
            struct Has;
            impl<T: ?Sized> Ambiguous<()> for T {}
            impl<T: ?Sized + $marker> Ambiguous<Has> for T {}
            <$type as Ambiguous<_>>::is_not();
        };
    };
}

/// Compiles if all of the types are `Send` and `Sync`.
macro_rules! travels {
    ($($type:ty),+ $(,)?) => {$(
        const _: fn() = || {
            fn may<T: Send + Sync>() {}
            may::<$type>();
        };
    )+};
}

type Op1 = fn(&Fd<std::fs::File>) -> std::io::Result<()>;

stays! {
    Runtime, JoinHandle<()>, TaskGroup<()>, ChildHandle<()>, AsCompleted<()>, WaitHandles<'static, ()>,
    WaitQuiescent, Sleep, Timeout<std::future::Ready<()>>, Interval, Tick<'static>,
}
stays! {
    Lock<()>, LockGuard<'static, ()>, LockAcquire<'static, ()>, Event, EventWait<'static>,
    Condition, ConditionWait<'static, ()>, ConditionWaitWithin<'static, ()>, Semaphore,
    BoundedSemaphore, Permit<'static>, OwnedPermit, Barrier, BarrierWait<'static>, Queue<()>,
    LifoQueue<()>, PriorityQueue<()>, RwLock<()>, RwLockReadGuard<'static, ()>, CountDownLatch,
    OnceCell<()>, WaitQueue, oneshot::Sender<()>, oneshot::Receiver<()>,
    QueuePut<'static, turnwise::sync::Fifo<()>>, QueueGet<'static, turnwise::sync::Fifo<()>>,
    Taken<'static, turnwise::sync::Fifo<()>>,
}
stays! {
    TcpStream, TcpListener, UdpSocket, UnixStream, UnixListener, UnixDatagram, Stdin, Steps<()>,
    AsyncFd<Fd<std::fs::File>>, Op<'static, Fd<std::fs::File>, Op1>, WhenReady<'static>, TcpPeek<'static>,
    TcpAccept<'static>, turnwise::io::futures::StreamRead<'static>, turnwise::io::futures::StreamWrite<'static>,
}
#[cfg(feature = "process")]
stays! { turnwise::io::Child, turnwise::io::futures::ChildWait<'static>, turnwise::io::ChildStdout }
#[cfg(feature = "signal")]
stays! { turnwise::io::Signal, turnwise::io::futures::SignalRecv<'static>, turnwise::io::futures::CtrlC }

// What is made for other threads, and plain data.
travels! { Remote, RemoteHandle<()>, WorkGuard, TaskId, turnwise::time::Instant }
// What goes wrong has to fit into any boxed error.
travels! {
    JoinError, Panic, Deadlock, Report, Elapsed, GroupError<()>, Gone<()>,
    TrySpawnError<()>, Unobserved, Stall, BrokenBarrier, Closed, TryPutError<()>, TryGetError,
    OverDone, OverRelease, TooManyPermits, oneshot::TryRecvError,
}

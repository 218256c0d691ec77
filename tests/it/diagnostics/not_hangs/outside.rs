//! What comes from outside: one program for each way, with the check racing against it.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc as std_mpsc};
use std::task::{Poll, Waker};
use std::thread;
use std::time::Duration;

use futures::channel::{mpsc, oneshot};
use futures::future::{join_all, select};
use futures::stream::FuturesUnordered;
use futures::{FutureExt, StreamExt};
use turnwise::io::AsyncFd;
use turnwise::sync::Event;
use turnwise::task::wait_quiescent;
use turnwise::thread::{expect_external, remote};
use turnwise::{gather, race, spawn, spawn_blocking};

use super::{Sound, outside};

pub(super) const TABLE: &[Sound] = &[
    outside("a waker in a thread", || {
        let (sender, wakers) = std_mpsc::channel::<Waker>();
        worker(move || wakers.recv().unwrap().wake());
        async move { wait_with(move |waker| sender.send(waker).unwrap()).await }.boxed_local()
    }),
    outside("a waker by reference in a thread", || {
        let (sender, wakers) = std_mpsc::channel::<Waker>();
        worker(move || {
            let waker = wakers.recv().unwrap();
            thread::yield_now();
            waker.wake_by_ref();
        });
        async move { wait_with(move |waker| sender.send(waker).unwrap()).await }.boxed_local()
    }),
    outside("a clone of a clone of a waker", || {
        let (sender, wakers) = std_mpsc::channel::<Waker>();
        worker(move || {
            let waker = wakers.recv().unwrap();
            let clone = waker.clone();
            drop(waker);
            clone.wake();
        });
        async move { wait_with(move |waker| sender.send(waker).unwrap()).await }.boxed_local()
    }),
    outside("a foreign oneshot from a thread", || {
        let (sender, receiver) = oneshot::channel();
        worker(move || sender.send(7).unwrap());
        async move { assert_eq!(receiver.await, Ok(7)) }.boxed_local()
    }),
    outside("a foreign oneshot whose sender a thread drops", || {
        let (sender, receiver) = oneshot::channel::<()>();
        worker(move || drop(sender));
        async move { assert!(receiver.await.is_err()) }.boxed_local()
    }),
    outside("a foreign stream from a thread", || {
        let (sender, receiver) = mpsc::unbounded();
        worker(move || (0..20).for_each(|n| sender.unbounded_send(n).unwrap()));
        async move { assert_eq!(receiver.count().await, 20) }.boxed_local()
    }),
    outside("tokio's oneshot from a thread", || {
        let (sender, receiver) = tokio::sync::oneshot::channel();
        worker(move || sender.send(7).unwrap());
        async move { assert_eq!(receiver.await.unwrap(), 7) }.boxed_local()
    }),
    outside("tokio's mpsc from a thread that blocks on it", || {
        let (sender, mut receiver) = tokio::sync::mpsc::channel(1);
        worker(move || (0..20).for_each(|n| sender.blocking_send(n).unwrap()));
        async move {
            let mut sum = 0;
            while let Some(n) = receiver.recv().await {
                sum += n;
            }
            assert_eq!(sum, 190);
        }
        .boxed_local()
    }),
    outside(
        "tokio's semaphore, a permit of which is in a thread",
        || {
            let semaphore = Arc::new(tokio::sync::Semaphore::new(1));
            let permit = semaphore.clone().try_acquire_owned().unwrap();
            worker(move || drop(permit));
            async move { drop(semaphore.acquire().await.unwrap()) }.boxed_local()
        },
    ),
    outside("the lock of futures, held by a thread", || {
        let lock = Arc::new(futures::lock::Mutex::new(()));
        let guard = lock.clone().try_lock_owned().unwrap();
        worker(move || drop(guard));
        async move { drop(lock.lock().await) }.boxed_local()
    }),
    outside("threads behind a set of futures", || {
        async {
            let work: FuturesUnordered<_> = (0..3)
                .map(|_| {
                    let (sender, receiver) = oneshot::channel();
                    worker(move || sender.send(()).unwrap());
                    receiver
                })
                .collect();
            assert_eq!(work.count().await, 3);
        }
        .boxed_local()
    }),
    outside("a blocking call", || {
        async { assert_eq!(spawn_blocking(|| 7).await.unwrap(), 7) }.boxed_local()
    }),
    outside("a blocking call in a detached task, and its event", || {
        async {
            let event = Rc::new(Event::new());
            let done = event.clone();
            drop(spawn(async move {
                spawn_blocking(thread::yield_now).await.unwrap();
                done.set();
            }));
            event.wait().await;
        }
        .boxed_local()
    }),
    outside(
        "blocking calls one after the other, each finishing during the check",
        || {
            async {
                for n in 0..4 {
                    assert_eq!(spawn_blocking(move || n).await.unwrap(), n);
                }
            }
            .boxed_local()
        },
    ),
    outside("a blocking call that panics", || {
        async {
            let quiet = || std::panic::resume_unwind(Box::new("meant"));
            assert!(
                spawn_blocking(quiet)
                    .await
                    .is_err_and(|error| error.is_panic())
            );
        }
        .boxed_local()
    }),
    outside("a handle of another thread", || {
        async {
            let (event, remote) = (Rc::new(Event::new()), remote());
            EVENT.set(Some(event.clone()));
            worker(move || remote.call(|| EVENT.take().unwrap().set()).unwrap());
            event.wait().await;
        }
        .boxed_local()
    }),
    outside("a task that another thread starts", || {
        async {
            let (event, remote) = (Rc::new(Event::new()), remote());
            EVENT.set(Some(event.clone()));
            worker(move || {
                let task = remote.spawn(|| async { EVENT.take().unwrap().set() });
                task.blocking_wait().unwrap();
            });
            event.wait().await;
        }
        .boxed_local()
    }),
    outside("an expectation that ends after the wake", || {
        async {
            let (sender, receiver) = oneshot::channel();
            let expected = expect_external("a thread");
            worker(move || {
                sender.send(()).unwrap();
                drop(expected);
            });
            receiver.await.unwrap();
        }
        .boxed_local()
    }),
    outside("an expectation that ends with the task that has it", || {
        async {
            let expected = expect_external("a thread");
            let (sender, receiver) = oneshot::channel();
            worker(move || sender.send(()).unwrap());
            let task = spawn(async move {
                receiver.await.unwrap();
                drop(expected);
            });
            task.await.unwrap();
        }
        .boxed_local()
    }),
    outside("a thread that sets a flag and wakes late", || {
        let (flag, (sender, wakers)) = (Arc::new(AtomicBool::new(false)), std_mpsc::channel());
        let set = flag.clone();
        worker(move || {
            let waker: Waker = wakers.recv().unwrap();
            set.store(true, Ordering::SeqCst);
            waker.wake();
        });
        async move {
            poll_fn(move |cx| match flag.load(Ordering::SeqCst) {
                true => Poll::Ready(()),
                false => {
                    // The last receiver is gone with the thread, once it has woken.
                    let _ = sender.send(cx.waker().clone());
                    Poll::Pending
                }
            })
            .await;
        }
        .boxed_local()
    }),
    outside("a descriptor that a thread writes to", || {
        async {
            let (mut far, near) = UnixStream::pair().unwrap();
            near.set_nonblocking(true).unwrap();
            let source = AsyncFd::from_fd(near).unwrap();
            worker(move || far.write_all(b"x").unwrap());
            let mut byte = [0];
            let read = source.read_with(|near| (&near.0).read(&mut byte)).await;
            assert_eq!(read.unwrap(), 1);
        }
        .boxed_local()
    }),
    outside("a descriptor that a task writes to", || {
        async {
            let (mut far, near) = UnixStream::pair().unwrap();
            near.set_nonblocking(true).unwrap();
            let source = AsyncFd::from_fd(near).unwrap();
            let writer = spawn(async move { far.write_all(b"x").unwrap() });
            source.readable().await.unwrap();
            writer.await.unwrap();
        }
        .boxed_local()
    }),
    #[cfg(feature = "signal")]
    outside("a signal that a thread sends", || {
        async {
            use rustix::process::{Signal, getpid, kill_process};
            use turnwise::io::{SignalKind, signal};
            // Its default is to do nothing, so that none can come too late.
            let mut resized = signal(SignalKind::WINDOW_CHANGE).unwrap();
            worker(|| kill_process(getpid(), Signal::WINCH).unwrap());
            resized.recv().await.unwrap();
        }
        .boxed_local()
    }),
    #[cfg(feature = "process")]
    Sound {
        name: "a child that ends",
        times: 50,
        program: || {
            async {
                let mut child = turnwise::io::Command::new("true").spawn().unwrap();
                assert!(child.wait().await.unwrap().success());
            }
            .boxed_local()
        },
    },
    outside("a thread and a race", || {
        let (sender, receiver) = oneshot::channel();
        worker(move || sender.send(()).unwrap());
        async move {
            let event = Event::new();
            race((
                receiver.map(Result::unwrap).boxed_local(),
                event.wait().boxed_local(),
            ))
            .await;
        }
        .boxed_local()
    }),
    outside("a thread and a select", || {
        let (sender, receiver) = oneshot::channel::<()>();
        worker(move || sender.send(()).unwrap());
        async move {
            let event = Event::new();
            select(receiver, event.wait()).await;
        }
        .boxed_local()
    }),
    outside("everything at once", || {
        async {
            let (sender, receiver) = oneshot::channel();
            worker(move || sender.send(()).unwrap());
            let blocking = spawn_blocking(|| ());
            let quiet = async {
                wait_quiescent().await;
                Ok(())
            };
            let (a, b, c) = gather((receiver, blocking, quiet)).await;
            a.unwrap();
            b.unwrap();
            c.unwrap_or_else(|error: ()| error);
        }
        .boxed_local()
    }),
    outside("many wakers in many threads", || {
        async {
            let waits = (0..3).map(|_| {
                let (sender, wakers) = std_mpsc::channel::<Waker>();
                worker(move || wakers.recv().unwrap().wake());
                spawn(wait_with(move |waker| sender.send(waker).unwrap()))
            });
            join_all(waits.collect::<Vec<_>>()).await;
        }
        .boxed_local()
    }),
];

thread_local! {
    static EVENT: RefCell<Option<Rc<Event>>> = const { RefCell::new(None) };
}

/// Runs `work` on a thread that is there already: starting one would give the loop time to sleep
/// before the race begins.
pub(super) fn worker(work: impl FnOnce() + Send + 'static) {
    type Work = Box<dyn FnOnce() + Send>;
    thread_local! {
        static POOL: (Vec<std_mpsc::Sender<Work>>, std::cell::Cell<usize>) = {
            let start = |_| {
                let (sender, queue) = std_mpsc::channel::<Work>();
                thread::spawn(move || queue.into_iter().for_each(|work| work()));
                sender
            };
            ((0..3).map(start).collect(), std::cell::Cell::new(0))
        };
    }
    POOL.with(|(pool, turn)| {
        turn.set((turn.get() + 1) % pool.len());
        pool[turn.get()].send(Box::new(work)).unwrap();
    });
}

/// Pending once, after the waker was given away.
pub(super) async fn wait_with(give: impl FnOnce(Waker)) {
    let mut give = Some(give);
    poll_fn(|cx| match give.take() {
        Some(give) => {
            give(cx.waker().clone());
            Poll::Pending
        }
        None => Poll::Ready(()),
    })
    .await;
}

/// Long enough for the loop to have gone to sleep.
const A_WHILE: Duration = Duration::from_millis(2);

#[test]
fn who_comes_while_the_loop_sleeps_is_heard() {
    let runtime = super::builder().build();
    for _ in 0..20 {
        let (sender, receiver) = oneshot::channel();
        worker(move || {
            thread::sleep(A_WHILE);
            sender.send(()).unwrap();
        });
        runtime
            .try_block_on(receiver)
            .expect("it is not dead")
            .unwrap();
        let slow = || thread::sleep(A_WHILE);
        let slow = runtime.try_block_on(async { spawn_blocking(slow).await });
        slow.expect("it is not dead").unwrap();
    }
}

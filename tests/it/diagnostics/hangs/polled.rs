//! Programs that hang behind a descriptor that was polled and given up: poll-style traits do not say
//! when their caller does that.

use std::cell::Cell;
use std::future::poll_fn;
use std::io::Write;
use std::os::unix::net;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::stream::FuturesUnordered;
use futures::{AsyncRead, AsyncReadExt, FutureExt, StreamExt, poll};
use turnwise::io::UnixStream;
use turnwise::report::{Verdict, dump};
use turnwise::sync::Event;
use turnwise::task::wait_quiescent;
use turnwise::{Runtime, sleep, spawn, timeout, yield_now};

use super::{Hang, certain, next, suspected};
use crate::support::{bounded, forever, virtual_runtime};

const SECOND: Duration = Duration::from_secs(1);

/// Two ends of a stream, neither of which is ever closed.
#[track_caller]
fn pair() -> (&'static UnixStream, &'static UnixStream) {
    let (near, far) = UnixStream::pair().unwrap();
    (forever(near), forever(far))
}

pub(super) const TABLE: &[Hang] = &[
    suspected(
        "a poll-style read that was given up",
        &[
            "suspected deadlock: only a descriptor perhaps no longer awaited can wake this program",
            "waits for bytes from Unix stream made at {made}",
            "perhaps no more: its task ran since without asking for it again",
            "waits for event made at",
            "at {waits}",
            "outside: 1 descriptor perhaps no longer awaited",
        ],
        || {
            async {
                next("made");
                let (near, _far) = UnixStream::pair().unwrap();
                assert!(timeout(SECOND, reads(&near)).await.is_err());
                // The poll that gave up had asked before: the next one tells.
                yield_now().await;
                next("waits");
                Event::new().wait().await;
            }
            .boxed_local()
        },
    ),
    suspected(
        "a poll-style write that was given up, before a foreign wait",
        &[
            "writable",
            "perhaps no more",
            "foreign code keeps its waker",
        ],
        || {
            async {
                let (near, _far) = pair();
                fill(near);
                let mut writer = near;
                let mut write = futures::AsyncWriteExt::write(&mut writer, b"more");
                assert!(poll!(&mut write).is_pending());
                drop(write);
                yield_now().await;
                let (_sender, receiver) = futures::channel::oneshot::channel::<()>();
                let _ = receiver.await;
            }
            .boxed_local()
        },
    ),
    suspected(
        "a cycle beside a read that was given up",
        &["cycle of 2 tasks", "perhaps no more"],
        || {
            async {
                let (near, _far) = pair();
                assert!(poll!(pin!(reads(near))).is_pending());
                yield_now().await;
                let (one, two) = (Rc::new(Cell::new(None)), Rc::new(Cell::new(None)));
                let wait = |other: Rc<Cell<Option<turnwise::JoinHandle<()>>>>| {
                    spawn(async move {
                        yield_now().await;
                        let other = other.take();
                        other.unwrap().await.unwrap();
                    })
                };
                let (a, b) = (wait(two.clone()), wait(one.clone()));
                one.set(Some(a));
                two.set(Some(b));
                Event::new().wait().await;
            }
            .boxed_local()
        },
    ),
    suspected(
        "a poll-style read of one who only took a look",
        &[
            "perhaps no more: its task ran since",
            "waits for event made at",
        ],
        || {
            async {
                let (near, _far) = pair();
                assert!(reads(near).now_or_never().is_none());
                yield_now().await;
                Event::new().wait().await;
            }
            .boxed_local()
        },
    ),
    certain(
        "a poll-style read whose task has ended",
        &["outside: nothing"],
        || {
            async {
                let (near, _far) = pair();
                asks_and_ends(near).await.unwrap();
                Event::new().wait().await;
            }
            .boxed_local()
        },
    ),
    certain(
        "a poll-style read whose task has ended and is not awaited",
        &["outside: nothing"],
        || {
            async {
                let (near, _far) = pair();
                let reads = forever(asks_and_ends(near));
                yield_now().await;
                yield_now().await;
                assert!(reads.is_finished());
                Event::new().wait().await;
            }
            .boxed_local()
        },
    ),
    certain(
        "a poll-style read whose stream is gone",
        &["outside: nothing"],
        || {
            async {
                let (near, _far) = UnixStream::pair().unwrap();
                assert!(poll!(pin!(reads(&near))).is_pending());
                drop(near);
                Event::new().wait().await;
            }
            .boxed_local()
        },
    ),
];

/// A task that asks for a byte through the poll-style trait, and ends.
fn asks_and_ends(near: &'static UnixStream) -> turnwise::JoinHandle<()> {
    spawn(async move { assert!(poll!(pin!(reads(near))).is_pending()) })
}

/// Reads a byte through the poll-style trait; the stream has a `read` of its own.
async fn reads(mut stream: &UnixStream) -> u8 {
    let mut byte = [0];
    let count = AsyncReadExt::read(&mut stream, &mut byte).await;
    assert_eq!(count.unwrap(), 1);
    byte[0]
}

/// Writes until the stream takes no more.
fn fill(stream: &UnixStream) {
    let mut writer = stream;
    let bytes = [0; 1 << 16];
    let mut cx = Context::from_waker(std::task::Waker::noop());
    use futures::AsyncWrite;
    while Pin::new(&mut writer).poll_write(&mut cx, &bytes).is_ready() {}
}

/// Reads a byte. While `mute` it does not ask again, as a future may that relies on the wake that it
/// was promised.
async fn read_byte(stream: &UnixStream, mute: Rc<Cell<bool>>) -> u8 {
    poll_fn(|cx| {
        if mute.get() {
            return Poll::Pending;
        }
        let (mut reader, mut byte) = (stream, [0]);
        let read = Pin::new(&mut reader).poll_read(cx, &mut byte);
        read.map(|count| (count.unwrap(), byte[0]).1)
    })
    .await
}

/// Fails at the first park that is suspicious.
fn wary() -> Runtime {
    Runtime::builder()
        .fail_on_suspected()
        .suspect_after(Duration::ZERO)
        .build()
}

/// A stream, and a thread that writes a byte to it a while after it is told to.
fn slow_writer() -> (UnixStream, impl Fn()) {
    let (near, mut far) = net::UnixStream::pair().unwrap();
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        told.recv().unwrap();
        std::thread::sleep(Duration::from_millis(30));
        far.write_all(&[7]).unwrap();
    });
    (UnixStream::from_std(near).unwrap(), move || {
        tell.send(()).unwrap()
    })
}

#[test]
fn a_future_that_asked_once_is_woken_though_the_program_was_suspected() {
    bounded(|| {
        let told = Rc::new(Cell::new(0));
        let (mute, tell) = (
            Rc::new(Cell::new(false)),
            Rc::new(std::cell::RefCell::new(None)),
        );
        let builder = Runtime::builder().suspect_after(Duration::ZERO);
        let runtime = builder
            .on_suspected({
                let (told, mute, tell) = (told.clone(), mute.clone(), tell.clone());
                move |report| {
                    told.set(told.get() + 1);
                    assert!(report.stuck().is_empty(), "{report}");
                    mute.set(false);
                    let tell: Option<Box<dyn Fn()>> = tell.take();
                    tell.expect("it is told once")();
                }
            })
            .build();
        let (stream, wake) = slow_writer();
        tell.replace(Some(Box::new(wake)));
        let program = async {
            let event = Event::new();
            let read = read_byte(&stream, mute.clone());
            let other = async {
                yield_now().await;
                mute.set(true);
                yield_now().await;
                event.wait().await;
            };
            turnwise::race((read, async {
                other.await;
                0
            }))
            .await
        };
        let read = runtime.try_block_on(program).expect("the thread writes");
        assert_eq!((read, told.get()), (7, 1));
        // It slept meanwhile.
        assert!(runtime.stats().passes < 20, "{:?}", runtime.stats());
    });
}

#[test]
fn whoever_asks_at_every_poll_is_never_suspected() {
    bounded(|| {
        let runtime = wary();
        let (stream, write) = slow_writer();
        let byte = runtime.try_block_on(async {
            let event = Event::new();
            let busy = async {
                for _ in 0..10 {
                    yield_now().await;
                }
                write();
                event.wait().await;
                0
            };
            turnwise::race((busy, reads(&stream))).await
        });
        assert_eq!(byte.expect("the thread writes"), 7);
    });
}

#[test]
fn a_combinator_that_polls_only_what_was_woken_is_never_suspected() {
    bounded(|| {
        let runtime = wary();
        let (stream, write) = slow_writer();
        let bytes = runtime.try_block_on(async {
            let mute = Rc::new(Cell::new(false));
            let mut all = FuturesUnordered::new();
            all.push(read_byte(&stream, mute).boxed_local());
            all.push(
                async {
                    yield_now().await;
                    yield_now().await;
                    1
                }
                .boxed_local(),
            );
            assert_eq!(all.next().await, Some(1));
            assert!(poll!(all.next()).is_pending());
            write();
            all.next().await
        });
        assert_eq!(bytes.expect("the thread writes"), Some(7));
    });
}

#[test]
fn a_read_set_up_by_a_task_that_gave_its_combinator_away_is_never_suspected() {
    bounded(|| {
        let runtime = wary();
        let (stream, write) = slow_writer();
        let stream = forever(stream);
        let byte = runtime.try_block_on(async {
            let starts = spawn(async {
                let mut all = FuturesUnordered::new();
                all.push(read_byte(stream, Rc::default()).boxed_local());
                assert!(poll!(all.next()).is_pending());
                all
            });
            let mut all = starts.await.unwrap();
            write();
            all.next().await
        });
        assert_eq!(byte.expect("the thread writes"), Some(7));
    });
}

#[test]
fn a_dump_tells_a_waiter_that_asks_again_from_one_that_gave_up() {
    virtual_runtime().block_on(async {
        let (near, _far) = pair();
        let says = || dump().to_string();
        let reading = spawn(reads(near));
        wait_quiescent().await;
        assert!(
            says().ends_with("outside: 1 awaited descriptor"),
            "{}",
            says()
        );
        reading.cancel();
        assert!(reading.await.is_err());
        assert!(says().ends_with("outside: nothing"), "{}", says());
        let gives_up = spawn(async move {
            assert!(timeout(SECOND, reads(near)).await.is_err());
            yield_now().await;
            sleep(2 * SECOND).await;
        });
        sleep(2 * SECOND).await;
        let text = says();
        assert!(
            text.ends_with("outside: 1 descriptor perhaps no longer awaited"),
            "{text}"
        );
        assert!(text.contains("\n        perhaps no more: "), "{text}");
        assert!(dump().to_json().contains(r#""lapsed":true"#));
        assert_eq!(dump().verdict(), Verdict::Idle);
        gives_up.await.unwrap();
    });
}

//! Code of a source's author runs with nothing borrowed (rule R4), and may do whatever it likes.

use std::cell::{Cell, RefCell};
use std::io::{self, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::net::UnixStream as Std;
use std::panic::{AssertUnwindSafe, catch_unwind};

use mio::unix::SourceFd;
use mio::{Interest, Registry, Token, event};
use turnwise::io::{AsyncFd, UnixStream};
use turnwise::report::dump;
use turnwise::{Runtime, spawn, yield_now};

thread_local! {
    static ACTS: Cell<usize> = const { Cell::new(0) };
    static RUNTIME: RefCell<Option<Runtime>> = const { RefCell::new(None) };
}

/// What code that is called in the wrong moment would trip over.
fn act() {
    ACTS.set(ACTS.get() + 1);
    assert!(!dump().to_string().is_empty());
    drop(spawn(async {}));
    let (one, other) = UnixStream::pair().expect("there are descriptors");
    let another =
        AsyncFd::from_fd(other.into_std().expect("it blocks")).expect("there are descriptors");
    drop((one, another));
}

/// Acts in each of its methods and in its destructor.
struct Hostile(Std);

impl Hostile {
    fn pair() -> (Hostile, Std) {
        let (ours, theirs) = Std::pair().expect("there are descriptors");
        ours.set_nonblocking(true).expect("it can be set");
        (Hostile(ours), theirs)
    }
}

impl AsFd for Hostile {
    fn as_fd(&self) -> BorrowedFd<'_> {
        act();
        self.0.as_fd()
    }
}

impl event::Source for Hostile {
    fn register(&mut self, by: &Registry, token: Token, interest: Interest) -> io::Result<()> {
        act();
        SourceFd(&self.0.as_raw_fd()).register(by, token, interest)
    }

    fn reregister(&mut self, by: &Registry, token: Token, interest: Interest) -> io::Result<()> {
        act();
        SourceFd(&self.0.as_raw_fd()).reregister(by, token, interest)
    }

    fn deregister(&mut self, by: &Registry) -> io::Result<()> {
        act();
        SourceFd(&self.0.as_raw_fd()).deregister(by)
    }
}

impl Drop for Hostile {
    fn drop(&mut self) {
        act();
    }
}

async fn hears<S: event::Source + AsFd>(source: &AsyncFd<S>, peer: &mut Std) {
    let write = async {
        yield_now().await;
        peer.write_all(b"x").expect("there is room");
    };
    futures::join!(
        async { source.readable().await.expect("the runtime lives") },
        write
    );
}

#[turnwise::test(real_time)]
async fn a_source_may_do_anything_in_its_methods() {
    ACTS.set(0);
    let (hostile, mut peer) = Hostile::pair();
    let source = AsyncFd::new(hostile).expect("it can be watched");
    hears(&source, &mut peer).await;
    drop(source);
    // Registered, asked for its descriptor, taken off, dropped.
    assert_eq!(ACTS.take(), 4);
    yield_now().await;
}

#[turnwise::test(real_time)]
async fn a_descriptor_may_do_anything_when_it_is_asked_for() {
    ACTS.set(0);
    let (hostile, mut peer) = Hostile::pair();
    let source = AsyncFd::from_fd(hostile).expect("it can be watched");
    hears(&source, &mut peer).await;
    let fd = source.into_inner();
    assert_eq!(ACTS.get(), 3);
    drop(fd);
    assert_eq!(ACTS.take(), 4);
    yield_now().await;
}

/// Refuses to be registered, by an error or a panic.
struct Refuses {
    panics: bool,
}

impl event::Source for Refuses {
    fn register(&mut self, _: &Registry, _: Token, _: Interest) -> io::Result<()> {
        act();
        assert!(!self.panics, "it refuses");
        Err(io::ErrorKind::Other.into())
    }

    fn reregister(&mut self, _: &Registry, _: Token, _: Interest) -> io::Result<()> {
        unreachable!("nothing is registered twice")
    }

    fn deregister(&mut self, _: &Registry) -> io::Result<()> {
        unreachable!("it never was registered")
    }
}

#[turnwise::test(real_time)]
async fn a_source_that_refuses_leaves_nothing_behind() {
    for _ in 0..10 {
        assert!(AsyncFd::new(Refuses { panics: false }).is_err());
        let panics = || drop(AsyncFd::new(Refuses { panics: true }));
        assert!(catch_unwind(AssertUnwindSafe(panics)).is_err());
    }
    let (ours, mut theirs) = Std::pair().expect("there are descriptors");
    let source = AsyncFd::from_fd(ours).expect("it can be watched");
    hears(&source, &mut theirs).await;
    yield_now().await;
}

/// Ends the runtime that it is registered with, and begins another.
struct Usurper(Std, RefCell<Option<(UnixStream, UnixStream)>>);

impl event::Source for Usurper {
    fn register(&mut self, by: &Registry, token: Token, interest: Interest) -> io::Result<()> {
        drop(RUNTIME.take());
        RUNTIME.set(Some(Runtime::new()));
        *self.1.get_mut() = Some(UnixStream::pair()?);
        SourceFd(&self.0.as_fd().as_raw_fd()).register(by, token, interest)
    }

    fn reregister(&mut self, _: &Registry, _: Token, _: Interest) -> io::Result<()> {
        unreachable!("nothing is registered twice")
    }

    fn deregister(&mut self, _: &Registry) -> io::Result<()> {
        unreachable!("its runtime has ended")
    }
}

#[test]
fn a_source_whose_runtime_ended_meanwhile_belongs_to_no_other() {
    RUNTIME.set(Some(Runtime::new()));
    let (one, _other) = Std::pair().expect("there are descriptors");
    let source = AsyncFd::new(Usurper(one, RefCell::default())).expect("it registers itself");
    let refused = RUNTIME.with_borrow(|runtime| {
        let runtime = runtime.as_ref().expect("there is another");
        runtime.block_on(source.read_with(|_| Ok(())))
    });
    assert!(refused.is_err());
    let (here, there) = source.get_ref().1.take().expect("it made a pair");
    drop(source);
    let heard = RUNTIME.with_borrow(|runtime| {
        let runtime = runtime.as_ref().expect("there is another");
        runtime.block_on(async {
            let write = async {
                yield_now().await;
                there.write(b"x").await
            };
            futures::join!(here.readable(), write).0
        })
    });
    heard.expect("its place was not freed");
    drop((here, there));
    drop(RUNTIME.take());
}

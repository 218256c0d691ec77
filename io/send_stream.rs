//! A stream for libraries that ask for `Send`.
//!
//! # Implementation
//!
//! The stream stays in a table of its thread; what is `Send` is its key. On another thread the key opens nothing: each
//! use is an error, and a drop posts the key home. A use at home costs a look into the table, of which nothing stays
//! borrowed.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::fmt;
use std::io::{self, IoSlice, IoSliceMut};
use std::marker::PhantomData;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use futures_io::{AsyncRead, AsyncWrite};
use slab::Slab;

use crate::runtime::Home;

thread_local! {
    static TABLE: Table = Table::new();
}

/// The streams of a thread that can be named from others.
struct Table {
    /// No other thread's table has it, now or later.
    number: u64,
    streams: RefCell<Slab<Rc<dyn Any>>>,
}

impl Table {
    fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Table {
            number: NEXT.fetch_add(1, Ordering::Relaxed),
            streams: RefCell::default(),
        }
    }

    /// The stream of a key, if it is one of this table.
    fn find(&self, number: u64, key: usize) -> Option<Rc<dyn Any>> {
        let streams = self.streams.borrow();
        let found = streams.get(key).filter(|_| self.number == number);
        found.cloned()
    }

    fn remove(&self, number: u64, key: usize) -> Option<Rc<dyn Any>> {
        let mut streams = self.streams.borrow_mut();
        let ours = self.number == number;
        ours.then(|| streams.try_remove(key)).flatten()
    }
}

/// Where a stream is while no call uses it.
type Place<S> = Cell<Option<S>>;

/// A stream that is `Send`, and still works on its own thread alone; made by `into_send`.
///
/// It is for libraries that ask for `Send` although they keep what they are given on one thread: hyper's upgrades, the
/// pooled client of `hyper-util`, `redis`, and others. It has the traits of `futures-io` that the stream has; with the
/// feature `hyper` those of hyper, with `tokio-io` those of tokio.
///
/// On another thread every use is an error (`Unsupported`). Dropped on another thread, the stream is closed by its own,
/// as soon as its loop has its next look around; if the runtime there has ended, when the thread ends.
///
/// No deadlock goes unreported for it: to hold it on another thread wakes no task.
///
/// # Examples
///
/// ```
/// use turnwise::io::{StreamReader, UnixStream};
///
/// fn asks_for_send<S: Send>(stream: S) -> S {
///     stream
/// }
///
/// # fn main() -> std::io::Result<()> {
/// turnwise::block_on(async {
///     let (ours, theirs) = UnixStream::pair()?;
///     let stream = asks_for_send(ours.into_send());
///     theirs.write_all(b"hello\n").await?;
///     let mut line = String::new();
///     StreamReader::new(stream).read_line(&mut line).await?;
///     assert_eq!(line, "hello\n");
///     Ok(())
/// })
/// # }
/// ```
pub struct SendStream<S: 'static> {
    table: u64,
    key: usize,
    home: Home,
    _stream: PhantomData<fn() -> S>,
}

impl<S: 'static> SendStream<S> {
    #[track_caller]
    pub(crate) fn new(stream: S) -> Self {
        let home = Home::new();
        let place: Rc<Place<S>> = Rc::new(Cell::new(Some(stream)));
        let (table, key) = TABLE.with(|table| {
            let key = table.streams.borrow_mut().insert(place);
            (table.number, key)
        });
        SendStream {
            table,
            key,
            home,
            _stream: PhantomData,
        }
    }

    /// Whether this is the thread of the stream.
    pub fn is_here(&self) -> bool {
        self.place().is_some()
    }

    /// Calls `f` with the stream, to set an option or to ask for an address.
    ///
    /// # Errors
    ///
    /// `Unsupported` on another thread, and while `f` of an outer call uses the stream.
    pub fn with<R>(&self, f: impl FnOnce(&mut S) -> R) -> io::Result<R> {
        let place = self.place().ok_or_else(elsewhere)?;
        let mut lent = Lent {
            stream: place.take(),
            place: &place,
        };
        lent.stream.as_mut().map(f).ok_or_else(elsewhere)
    }

    /// The stream itself.
    ///
    /// # Errors
    ///
    /// On another thread: it comes back as it is.
    pub fn into_inner(self) -> Result<S, Self> {
        match self.place().and_then(|place| place.take()) {
            Some(stream) => Ok(stream),
            None => Err(self),
        }
    }

    fn place(&self) -> Option<Rc<Place<S>>> {
        let found = TABLE.try_with(|table| table.find(self.table, self.key));
        found.ok()??.downcast().ok()
    }

    fn poll_with<R>(
        &self,
        poll: impl FnOnce(Pin<&mut S>) -> Poll<io::Result<R>>,
    ) -> Poll<io::Result<R>>
    where
        S: Unpin,
    {
        match self.with(|stream| poll(Pin::new(stream))) {
            Ok(polled) => polled,
            Err(error) => Poll::Ready(Err(error)),
        }
    }
}

/// A stream that is in use, and goes back to its place.
struct Lent<'a, S> {
    stream: Option<S>,
    place: &'a Place<S>,
}

impl<S> Drop for Lent<'_, S> {
    fn drop(&mut self) {
        if let Some(stream) = self.stream.take() {
            self.place.set(Some(stream));
        }
    }
}

#[cold]
fn elsewhere() -> io::Error {
    let text = "this stream belongs to another thread, or is in use; keep the connection on the thread that opened it";
    io::Error::new(io::ErrorKind::Unsupported, text)
}

impl<S: 'static> Drop for SendStream<S> {
    fn drop(&mut self) {
        let (number, key) = (self.table, self.key);
        // What goes is dropped with nothing borrowed (rule R4).
        let remove = move || {
            TABLE
                .try_with(|table| table.remove(number, key))
                .ok()
                .flatten()
        };
        match remove() {
            Some(_gone) => {}
            None => self.home.post(move || drop(remove())),
        }
    }
}

impl<S: 'static> fmt::Debug for SendStream<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SendStream")
            .field("of", &std::any::type_name::<S>())
            .field("is_here", &self.is_here())
            .finish()
    }
}

impl<S: AsyncRead + Unpin + 'static> AsyncRead for SendStream<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_with(|stream| stream.poll_read(cx, buffer))
    }

    fn poll_read_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &mut [IoSliceMut<'_>],
    ) -> Poll<io::Result<usize>> {
        self.poll_with(|stream| stream.poll_read_vectored(cx, buffers))
    }
}

impl<S: AsyncWrite + Unpin + 'static> AsyncWrite for SendStream<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_with(|stream| stream.poll_write(cx, bytes))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.poll_with(|stream| stream.poll_write_vectored(cx, slices))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_with(|stream| stream.poll_flush(cx))
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_with(|stream| stream.poll_close(cx))
    }
}

/// The reading trait of hyper or of tokio, which differ in the buffer.
#[cfg(any(feature = "hyper", feature = "tokio-io"))]
macro_rules! read_trait {
    ($read:path, $buffer:ty) => {
        impl<S: $read + Unpin + 'static> $read for SendStream<S> {
            fn poll_read(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                buffer: $buffer,
            ) -> Poll<io::Result<()>> {
                self.poll_with(|stream| stream.poll_read(cx, buffer))
            }
        }
    };
}

/// The writing trait of hyper or of tokio, which are alike.
#[cfg(any(feature = "hyper", feature = "tokio-io"))]
macro_rules! write_trait {
    ($write:path) => {
        impl<S: $write + Unpin + 'static> $write for SendStream<S> {
            fn poll_write(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                bytes: &[u8],
            ) -> Poll<io::Result<usize>> {
                self.poll_with(|stream| stream.poll_write(cx, bytes))
            }

            fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                self.poll_with(|stream| stream.poll_flush(cx))
            }

            fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                self.poll_with(|stream| stream.poll_shutdown(cx))
            }

            fn is_write_vectored(&self) -> bool {
                self.with(|stream| stream.is_write_vectored())
                    .unwrap_or(false)
            }

            fn poll_write_vectored(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                slices: &[IoSlice<'_>],
            ) -> Poll<io::Result<usize>> {
                self.poll_with(|stream| stream.poll_write_vectored(cx, slices))
            }
        }
    };
}

#[cfg(feature = "hyper")]
read_trait!(hyper::rt::Read, hyper::rt::ReadBufCursor<'_>);
#[cfg(feature = "hyper")]
write_trait!(hyper::rt::Write);
#[cfg(feature = "tokio-io")]
read_trait!(tokio::io::AsyncRead, &mut tokio::io::ReadBuf<'_>);
#[cfg(feature = "tokio-io")]
write_trait!(tokio::io::AsyncWrite);

/// The method of a stream that can be named from other threads.
macro_rules! into_send_method {
    () => {
        /// Makes it `Send`, for libraries that ask for that. It still works on this thread alone.
        ///
        /// # Panics
        ///
        /// Without a runtime on this thread.
        #[track_caller]
        pub fn into_send(self) -> $crate::io::SendStream<Self> {
            $crate::io::SendStream::new(self)
        }
    };
}

pub(crate) use into_send_method;

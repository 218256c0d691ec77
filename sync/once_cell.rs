//! A value that is made once, by an asynchronous initialiser, when it is first needed.
//!
//! ```text
//!            first caller (1)              done (2)
//!   empty ───────────────────▶ initialising ───────▶ set
//!     ▲                          │       ▲
//!     │ no task waits            │ (3)   │ a task waits: it is the head's turn
//!     └──────────────────────────┴───────┘
//! ```
//!
//! 1. It has the *turn*: it runs its initialiser. Tasks that come now wait.
//! 2. All that wait get the value.
//! 3. The initialiser failed, panicked or was dropped. The head takes over with its own.
//!
//! # Implementation
//!
//! The standard cell, a flag and a wait queue. Getting a value that is set is one test; nothing
//! allocates. The initialiser runs in the task of the caller whose turn it is, and is dropped before
//! the turn is passed on.

use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use crate::runtime::{Description, Left, Owner, Wait, WaitQueue};

/// Granted: run your initialiser.
const TURN: usize = 0;
/// Granted: the value is there.
const SET: usize = 1;

const DESCRIPTION: Description = Description::PLAIN.holding(TURN);

/// A value that is made once, by the first task that needs it.
///
/// asyncio counterpart: none.
///
/// # Fairness
///
/// If an initialiser fails or is dropped, the one that has waited longest takes over.
///
/// # Examples
///
/// ```
/// use turnwise::sync::OnceCell;
///
/// let cell = OnceCell::new();
/// turnwise::block_on(async {
///     let connect = async || {
///         turnwise::yield_now().await;
///         "connection"
///     };
///     let (a, b) = futures::join!(
///         cell.get_or_init(connect),
///         cell.get_or_init(async || unreachable!()),
///     );
///     assert!(std::ptr::eq(a, b));
/// });
/// assert_eq!(cell.into_inner(), Some("connection"));
/// ```
#[doc(alias = "LazyCell")]
pub struct OnceCell<T> {
    value: std::cell::OnceCell<T>,
    pub(super) raw: RawOnce,
}

impl<T> OnceCell<T> {
    /// Creates an empty cell.
    #[track_caller]
    pub const fn new() -> Self {
        OnceCell {
            value: std::cell::OnceCell::new(),
            raw: RawOnce {
                queue: WaitQueue::new("once cell").described(&DESCRIPTION),
            },
        }
    }

    /// The value, if it is set.
    pub fn get(&self) -> Option<&T> {
        self.value.get()
    }

    /// The value, if it is set.
    pub fn get_mut(&mut self) -> Option<&mut T> {
        self.value.get_mut()
    }

    /// Sets the value of an empty cell.
    ///
    /// # Errors
    ///
    /// The value, if the cell is set or a task is initialising it.
    pub fn set(&self, value: T) -> Result<(), T> {
        if self.raw.queue.is_held() {
            return Err(value);
        }
        self.value.set(value)
    }

    /// Returns the value; if there is none, makes it with `init`, or waits for the task that makes it.
    ///
    /// An `init` that asks for its own cell waits for itself.
    ///
    /// # Cancel safety
    ///
    /// *Lossy* while it initialises: what `init` has done is lost, and the next waiter starts with
    /// its own. *Loses place* while it waits for another.
    #[track_caller]
    pub fn get_or_init<F, Fut>(&self, init: F) -> OnceGetOrInit<'_, T, F, Fut>
    where
        F: FnOnce() -> Fut,
        Fut: Future<Output = T>,
    {
        let inner = Init::new(self, init, Location::caller());
        OnceGetOrInit { inner }
    }

    /// As [`get_or_init`](OnceCell::get_or_init), with an initialiser that can fail.
    ///
    /// # Cancel safety
    ///
    /// As that of `get_or_init`.
    ///
    /// # Errors
    ///
    /// That of this call's `init`. The cell stays empty, and the next waiter tries with its own.
    #[track_caller]
    pub fn get_or_try_init<E, F, Fut>(&self, init: F) -> OnceGetOrTryInit<'_, T, F, Fut>
    where
        F: FnOnce() -> Fut,
        Fut: Future<Output = Result<T, E>>,
    {
        let inner = Init::new(self, init, Location::caller());
        OnceGetOrTryInit { inner }
    }

    /// Takes the value out, which leaves the cell empty.
    pub fn take(&mut self) -> Option<T> {
        // A future that still has the turn, or waits, was forgotten: nothing else borrows the cell.
        self.raw.finish();
        self.value.take()
    }

    /// Returns the value, if it was set.
    pub fn into_inner(self) -> Option<T> {
        self.value.into_inner()
    }
}

/// The cell without its value.
pub(super) struct RawOnce {
    /// Held by the task that has the turn.
    pub(super) queue: WaitQueue,
}

impl RawOnce {
    /// Ends the last turn: the value is there.
    fn finish(&self) {
        self.queue.let_go();
        self.queue.grant_all_with(|_, _| SET);
    }
}

impl Owner for RawOnce {
    fn left(&self, left: Left) {
        if left == Left::Granted(TURN) {
            self.queue.hand_over();
        }
    }
}

/// The right to initialise.
struct Turn<'a> {
    raw: &'a RawOnce,
}

impl Turn<'_> {
    fn finish(self) {
        let raw = self.raw;
        std::mem::forget(self);
        raw.finish();
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.raw.queue.hand_over();
    }
}

pin_project! {
    struct Init<'a, T, F, Fut> {
        cell: &'a OnceCell<T>,
        wait: Wait<'a, RawOnce>,
        init: Option<F>,
        // Dropped in this order: the work is gone before the turn is passed on.
        #[pin]
        work: Option<Fut>,
        turn: Option<Turn<'a>>,
    }
}

impl<'a, T, F, Fut> Init<'a, T, F, Fut>
where
    F: FnOnce() -> Fut,
    Fut: Future,
{
    fn new(cell: &'a OnceCell<T>, init: F, at: &'static Location<'static>) -> Self {
        Init {
            cell,
            wait: cell.raw.queue.wait_at(&cell.raw, TURN, at),
            init: Some(init),
            work: None,
            turn: None,
        }
    }

    fn poll<E>(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        settle: impl FnOnce(Fut::Output) -> Result<T, E>,
    ) -> Poll<Result<&'a T, E>> {
        let mut this = self.project();
        let (cell, raw) = (*this.cell, &this.cell.raw);
        if this.turn.is_none() {
            let at = this.wait.at();
            let granted = if this.wait.skip_if(|_| cell.get().is_some()) {
                SET
            } else if this.wait.skip_if(|raw| raw.queue.try_hold(at)) {
                TURN
            } else {
                ready!(Pin::new(&mut *this.wait).poll(cx))
            };
            if granted == SET {
                return Poll::Ready(Ok(cell.get().expect("a cell that is set stays set")));
            }
            *this.turn = Some(Turn { raw });
            let init = this.init.take().expect("a turn comes once");
            this.work.set(Some(init()));
        }
        let work = this.work.as_mut().as_pin_mut();
        let output = ready!(work.expect("its initialiser has not panicked").poll(cx));
        this.work.set(None);
        let value = match settle(output) {
            Ok(value) => value,
            Err(error) => {
                *this.turn = None;
                return Poll::Ready(Err(error));
            }
        };
        let value = cell.value.get_or_init(|| value);
        if let Some(turn) = this.turn.take() {
            turn.finish();
        }
        Poll::Ready(Ok(value))
    }
}

pin_project! {
    /// The future of [`OnceCell::get_or_init`].
    #[must_use = "futures do nothing unless you `.await` them"]
    pub struct OnceGetOrInit<'a, T, F, Fut> {
        #[pin]
        inner: Init<'a, T, F, Fut>,
    }
}

impl<'a, T, F, Fut> Future for OnceGetOrInit<'a, T, F, Fut>
where
    F: FnOnce() -> Fut,
    Fut: Future<Output = T>,
{
    type Output = &'a T;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<&'a T> {
        let never_fails = Ok::<T, std::convert::Infallible>;
        let Ok(value) = ready!(self.project().inner.poll(cx, never_fails));
        Poll::Ready(value)
    }
}

pin_project! {
    /// The future of [`OnceCell::get_or_try_init`].
    #[must_use = "futures do nothing unless you `.await` them"]
    pub struct OnceGetOrTryInit<'a, T, F, Fut> {
        #[pin]
        inner: Init<'a, T, F, Fut>,
    }
}

impl<'a, T, E, F, Fut> Future for OnceGetOrTryInit<'a, T, F, Fut>
where
    F: FnOnce() -> Fut,
    Fut: Future<Output = Result<T, E>>,
{
    type Output = Result<&'a T, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.project().inner.poll(cx, |output| output)
    }
}

macro_rules! debug_as_wait {
    ($($name:ident)+) => {$(
        impl<T, F, Fut> fmt::Debug for $name<'_, T, F, Fut> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($name))
                    .field("initialising", &self.inner.turn.is_some())
                    .field("wait", &self.inner.wait)
                    .finish()
            }
        }
    )+};
}

debug_as_wait!(OnceGetOrInit OnceGetOrTryInit);

impl<T> fmt::Debug for OnceCell<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OnceCell")
            .field("set", &self.get().is_some())
            .field("initialising", &self.raw.queue.is_held())
            .field("waiters", &self.raw.queue.len())
            .finish()
    }
}

impl<T> Default for OnceCell<T> {
    #[track_caller]
    fn default() -> Self {
        OnceCell::new()
    }
}

impl<T> From<T> for OnceCell<T> {
    #[track_caller]
    fn from(value: T) -> Self {
        OnceCell {
            value: std::cell::OnceCell::from(value),
            ..OnceCell::new()
        }
    }
}

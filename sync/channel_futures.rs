//! The futures of the queues' verbs, and the item that says when its work is done.
//!
//! Each asks its channel what is free at the first poll, and else waits for a grant; what the
//! grants mean, and what happens to an abandoned one, is described in `raw_channel.rs`.

use std::fmt;
use std::future::Future;
use std::ops::{Deref, DerefMut};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::Stream;

#[cfg(doc)]
use super::channel::Channel;
use super::closed::Closed;
use super::raw_channel::{CLOSED, RawChannel};
use super::store::Store;
use crate::runtime::Wait;

/// The future of [`Channel::put`].
#[must_use = "futures do nothing unless you `.await` them"]
pub struct QueuePut<'a, S: Store> {
    pub(super) item: Option<S::Item>,
    pub(super) wait: Wait<'a, RawChannel<S>>,
}

// The item is never pinned: it is moved into the store.
impl<S: Store> Unpin for QueuePut<'_, S> {}

impl<S: Store> Future for QueuePut<'_, S> {
    type Output = Result<(), Closed<S::Item>>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if !self.wait.skip_if(RawChannel::has_room) {
            return self.poll_late(cx);
        }
        let item = self.take_item();
        self.wait.owner().store_item(item);
        Poll::Ready(Ok(()))
    }
}

impl<S: Store> QueuePut<'_, S> {
    /// The poll of a put that does not find room: out of line, so that the awaiting task has the short one.
    #[inline(never)]
    fn poll_late(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Closed<S::Item>>> {
        let queue = self.wait.owner();
        if !self.wait.skip_if(RawChannel::is_closed) {
            ready!(Pin::new(&mut self.wait).poll(cx));
        }
        let item = self.take_item();
        if queue.is_closed() {
            return Poll::Ready(Err(Closed(item)));
        }
        queue.store_promised(item);
        Poll::Ready(Ok(()))
    }

    #[inline]
    fn take_item(&mut self) -> S::Item {
        self.item.take().expect("a put is ready once")
    }
}

/// The future of [`Channel::get`].
#[must_use = "futures do nothing unless you `.await` them"]
pub struct QueueGet<'a, S: Store> {
    pub(super) wait: Wait<'a, RawChannel<S>>,
}

impl<S: Store> Future for QueueGet<'_, S> {
    type Output = Result<S::Item, Closed>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let item = match self.wait.skip_if(RawChannel::has_item) {
            true => self.wait.owner().claim(),
            false => ready!(self.poll_late(cx)),
        };
        Poll::Ready(item.ok_or(Closed(())))
    }
}

impl<S: Store> QueueGet<'_, S> {
    /// The poll of a get that does not find an item; out of line as well.
    #[inline(never)]
    fn poll_late(&mut self, cx: &mut Context<'_>) -> Poll<Option<S::Item>> {
        let queue = self.wait.owner();
        if self.wait.skip_if(RawChannel::has_ended) {
            return Poll::Ready(None);
        }
        queue.found_nothing();
        Poll::Ready(match ready!(Pin::new(&mut self.wait).poll(cx)) {
            CLOSED => queue.has_item().then(|| queue.claim()).flatten(),
            // None if close_now has taken the items away since then.
            _ => queue.claim_reserved(),
        })
    }
}

/// The future of [`Channel::take`].
#[must_use = "futures do nothing unless you `.await` them"]
pub struct QueueTake<'a, S: Store> {
    pub(super) get: QueueGet<'a, S>,
}

impl<'a, S: Store> Future for QueueTake<'a, S> {
    type Output = Result<Taken<'a, S>, Closed>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let queue = self.get.wait.owner();
        let item = ready!(Pin::new(&mut self.get).poll(cx))?;
        Poll::Ready(Ok(Taken {
            item,
            done: Done { queue },
        }))
    }
}

/// An item with the duty to say when its work is done: dropping it says so.
#[must_use = "dropping it says that the work is done; bind it while you work"]
pub struct Taken<'a, S: Store> {
    // Dropped in this order: the item is gone before the tasks that join are woken.
    item: S::Item,
    done: Done<'a, S>,
}

impl<S: Store> Taken<'_, S> {
    /// Takes the item and says that the work is done.
    pub fn into_inner(self) -> S::Item {
        let Taken { item, done } = self;
        drop(done);
        item
    }
}

impl<S: Store> Deref for Taken<'_, S> {
    type Target = S::Item;

    fn deref(&self) -> &S::Item {
        &self.item
    }
}

impl<S: Store> DerefMut for Taken<'_, S> {
    fn deref_mut(&mut self) -> &mut S::Item {
        &mut self.item
    }
}

/// The part of a [`Taken`] that counts.
struct Done<'a, S: Store> {
    queue: &'a RawChannel<S>,
}

impl<S: Store> Drop for Done<'_, S> {
    fn drop(&mut self) {
        // A caller that also called task_done by hand has counted this item already.
        let _ = self.queue.task_done();
    }
}

/// The future of [`Channel::join`].
#[must_use = "futures do nothing unless you `.await` them"]
pub struct QueueJoin<'a, S: Store> {
    pub(super) wait: Wait<'a, RawChannel<S>>,
}

impl<S: Store> Future for QueueJoin<'_, S> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.wait.skip_if(|queue| queue.unfinished.get() == 0) {
            return Poll::Ready(());
        }
        let polled = Pin::new(&mut self.wait).poll(cx).map(drop);
        if polled.is_pending() {
            self.wait.owner().tell();
        }
        polled
    }
}

/// The stream of [`Channel::stream`].
#[must_use = "streams do nothing unless you poll them"]
pub struct QueueItems<'a, S: Store> {
    pub(super) get: QueueGet<'a, S>,
}

impl<S: Store> Stream for QueueItems<'_, S> {
    type Item = S::Item;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<S::Item>> {
        let item = ready!(Pin::new(&mut self.get).poll(cx)).ok();
        let wait = &self.get.wait;
        self.get.wait = wait.owner().wait_for_item(wait.at());
        Poll::Ready(item)
    }
}

macro_rules! debug_as_wait {
    ($($name:ident . $($field:ident).+;)+) => {$(
        impl<S: Store> fmt::Debug for $name<'_, S> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($name)).field("wait", &self.$($field).+).finish()
            }
        }
    )+};
}

debug_as_wait! {
    QueuePut.wait;
    QueueGet.wait;
    QueueTake.get.wait;
    QueueJoin.wait;
    QueueItems.get.wait;
}

impl<S: Store<Item: fmt::Debug>> fmt::Debug for Taken<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let _ = &self.done;
        f.debug_tuple("Taken").field(&self.item).finish()
    }
}

//! Items from other threads for a handler that stays at home.
//!
//! What [`Remote::call`](super::remote::Remote::call) carries has to be `Send` and is boxed. An
//! [`Sender`] carries items of one type to a handler that neither travels nor has to be `Send`: it
//! owns what it fills, an `Rc<Queue<T>>` for instance.
//!
//! # Implementation
//!
//! An item costs a mutex and a push. The first of a [`Batch`] is announced by a message, through the
//! same mailbox as wakes and calls; the loop then takes the batch whole and runs the handler over
//! it. The vectors are reused, so that nothing is allocated after warm-up.

use std::any::Any;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;

use super::remote::{Gone, Remote};
use crate::runtime::base::batch::{self, Batch};
use crate::runtime::base::foreign::{Payload, keep_first};
use crate::runtime::choices;
use crate::runtime::kernel;
use crate::runtime::kernel::mail::Message;

/// Takes in items that other threads send: `handler` runs for each, on this thread, between two
/// polls.
///
/// The handler stays here and need not be `Send`. Items that are sent through one inlet and its
/// clones arrive in the order of sending; calls of a [`Remote`] may overtake them, and be overtaken.
/// When the last clone is gone, and the last item handled, the handler is dropped: let it own what
/// is to end then. Sending never waits; where a thread must not run ahead without bound, let it
/// wait for answers ([`Remote::spawn`]).
///
/// While a sender lives, a loop that has nothing to do waits instead of being declared dead.
/// A virtual clock jumps all the same: say with [`expect_external`](crate::thread::expect_external) that
/// something is under way.
///
/// asyncio counterpart: `loop.call_soon_threadsafe(queue.put_nowait, item)`.
///
/// # Panics
///
/// Without a runtime on this thread. A panic of the handler is the loop's, after the items that came
/// with it.
///
/// # Examples
///
/// ```
/// use std::rc::Rc;
/// use turnwise::sync::Queue;
///
/// turnwise::block_on(async {
///     let queue = Rc::new(Queue::unbounded());
///     let arrived = queue.clone();
///     let inlet = turnwise::thread::sender(move |n| arrived.try_put(n).expect("it has room"));
///     std::thread::spawn(move || (1..=3).for_each(|n| inlet.send(n).expect("the loop runs")));
///     for n in 1..=3 {
///         assert_eq!(queue.get().await, Ok(n));
///     }
/// });
/// ```
#[track_caller]
#[doc(alias = "call_soon_threadsafe")]
#[doc(alias = "channel")]
pub fn sender<T, H>(handler: H) -> Sender<T>
where
    T: Send + 'static,
    H: FnMut(T) + 'static,
{
    kernel::need_runtime("thread::sender");
    choices::refuse("a sender for other threads");
    let batch = Arc::new(Batch::new());
    let handler = BatchHandler {
        batch: batch.clone(),
        items: Vec::new(),
        handler,
    };
    let (closing, remote) = kernel::with(|kernel| (kernel.is_closing(), Remote::of(kernel)));
    let key = INLETS.with_borrow_mut(|inlets| inlets.open(closing));
    settle(key, Box::new(handler));
    Sender {
        shared: Arc::new(SharedSender { batch, key, remote }),
    }
}

/// Sends items to a handler on the loop's thread: `Send`, `Sync` and `Clone`. Made by [`sender`].
#[must_use = "the handler goes when the last sender is dropped; give it to a thread"]
pub struct Sender<T> {
    shared: Arc<SharedSender<T>>,
}

/// What the clones of a sender share. Its end is that of the handler.
struct SharedSender<T> {
    batch: Arc<Batch<T>>,
    key: u64,
    remote: Remote,
}

impl<T> Sender<T> {
    /// Sends an item to the handler. Does not wait.
    ///
    /// # Errors
    ///
    /// [`Gone`] with the item, if the runtime has ended.
    pub fn send(&self, item: T) -> Result<(), Gone<T>> {
        let sender = &*self.shared;
        if sender.batch.put(item).map_err(Gone::new)? {
            // A runtime that ends right now drops the item like every message it has not read.
            let _ = sender.remote.post(Message::Items(sender.key));
        }
        Ok(())
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        Sender {
            shared: self.shared.clone(),
        }
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").finish_non_exhaustive()
    }
}

impl<T> Drop for SharedSender<T> {
    fn drop(&mut self) {
        let key = self.key;
        // Behind the items. Publish first: the handle that the verdict counts goes after this.
        let _ = self.remote.call(move || {
            let gone = try_with(|inlets| inlets.handlers.remove(&key));
            drop(gone);
        });
    }
}

/// A handler and what is on its way to it, whatever the type of the items.
trait Handler {
    /// Runs the handler over what has arrived. Returns the first panic of it.
    fn run(&mut self) -> Option<Payload>;
    /// Refuses items from now on, and gives those that were not handled away.
    fn close(&mut self) -> Box<dyn Any>;
}

struct BatchHandler<T, H> {
    batch: Arc<Batch<T>>,
    /// Reused: changes places with the vector of the batch.
    items: Vec<T>,
    handler: H,
}

impl<T: 'static, H: FnMut(T)> Handler for BatchHandler<T, H> {
    fn run(&mut self) -> Option<Payload> {
        self.batch.take(&mut self.items);
        let mut items = self.items.drain(..);
        let mut panicked = None;
        while let Err(payload) = panic::catch_unwind(AssertUnwindSafe(|| {
            items.by_ref().for_each(&mut self.handler);
        })) {
            // What is behind the item that it stumbled over is handled all the same.
            keep_first(&mut panicked, payload);
        }
        drop(items);
        batch::trim(&mut self.items);
        panicked
    }

    fn close(&mut self) -> Box<dyn Any> {
        Box::new(self.batch.close())
    }
}

thread_local! {
    static INLETS: RefCell<Senders> = const { RefCell::new(Senders::new()) };
}

/// Runs `f` with the inlets of this thread, unless the thread is past having any.
fn try_with<R>(f: impl FnOnce(&mut Senders) -> R) -> Option<R> {
    INLETS.try_with(|inlets| f(&mut inlets.borrow_mut())).ok()
}

/// The handlers of a runtime, by the number of their inlets; `None` while one runs.
struct Senders {
    handlers: BTreeMap<u64, Option<Box<dyn Handler>>>,
    /// Never restarts, so that a late message finds no handler.
    made: u64,
}

impl Senders {
    const fn new() -> Self {
        Senders {
            handlers: BTreeMap::new(),
            made: 0,
        }
    }

    /// The number of a new inlet, with a place for its handler unless the runtime is closing.
    fn open(&mut self, closing: bool) -> u64 {
        self.made += 1;
        if !closing {
            self.handlers.insert(self.made, None);
        }
        self.made
    }
}

/// Runs the handler of a sender over what has arrived. Returns the first panic of it.
pub(super) fn run(key: u64) -> Option<Payload> {
    let handler = try_with(|inlets| inlets.handlers.get_mut(&key).and_then(Option::take));
    let mut handler = handler.flatten()?;
    let panicked = handler.run();
    settle(key, handler);
    panicked
}

/// Puts a handler into its place; without one the runtime has ended, and the handler ends too.
fn settle(key: u64, handler: Box<dyn Handler>) {
    let mut handler = Some(handler);
    try_with(|inlets| {
        if let Some(place) = inlets.handlers.get_mut(&key) {
            *place = handler.take();
        }
    });
    if let Some(mut handler) = handler {
        let unread = handler.close();
        drop((unread, handler));
    }
}

/// Ends all inlets, and gives away what has to be dropped: handlers, and items not handled.
pub(crate) fn close(mut dispose: impl FnMut(Box<dyn Any>)) {
    let handlers = try_with(|inlets| std::mem::take(&mut inlets.handlers));
    let handlers = handlers.into_iter().flat_map(BTreeMap::into_values);
    for mut handler in handlers.flatten() {
        dispose(handler.close());
        dispose(Box::new(handler));
    }
}

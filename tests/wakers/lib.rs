//! Wakers whose clone uses the primitive that clones them.
//!
//! The rule: a wait stands in line before a waker is cloned, and looks again when it has been. So a clone that
//! releases what is waited for grants it to this very wait, and the poll says so.
//!
//! Only a hand-written table of functions gets to run code at a clone, which takes `unsafe`; no other test does.

use std::cell::RefCell;
use std::pin::Pin;
use std::task::{Context, Poll, RawWaker, RawWakerVTable, Waker};

thread_local! {
    /// What the next clone does.
    static AT_CLONE: RefCell<Option<Box<dyn FnOnce()>>> = const { RefCell::new(None) };
}

/// A waker that does nothing, but runs `action` at its next clone.
fn cloning(action: impl FnOnce() + 'static) -> Waker {
    fn clone(_: *const ()) -> RawWaker {
        if let Some(action) = AT_CLONE.take() {
            action();
        }
        RawWaker::new(std::ptr::null(), &TABLE)
    }
    fn nothing(_: *const ()) {}
    static TABLE: RawWakerVTable = RawWakerVTable::new(clone, nothing, nothing, nothing);
    AT_CLONE.set(Some(Box::new(action)));
    #[allow(unsafe_code, reason = "the table never looks at its pointer")]
    unsafe {
        Waker::new(std::ptr::null(), &TABLE)
    }
}

/// Polls once with a waker that runs `action` when it is cloned; says whether that happened, too.
pub fn poll<F: Future + Unpin>(future: &mut F, action: impl FnOnce() + 'static) -> Poll<F::Output> {
    let waker = cloning(action);
    let polled = Pin::new(future).poll(&mut Context::from_waker(&waker));
    assert!(AT_CLONE.take().is_none(), "the waker was not cloned");
    polled
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use turnwise::sync::{
        Barrier, Condition, CountDownLatch, Event, Lock, Queue, RwLock, Semaphore, oneshot,
    };

    use super::*;

    /// Waits, and what lets the wait go on.
    type Case = (Pin<Box<dyn Future<Output = ()>>>, Box<dyn FnOnce()>);

    fn leak<T>(thing: T) -> &'static T {
        Box::leak(Box::new(thing))
    }

    fn case(wait: impl Future<Output = ()> + 'static, go: impl FnOnce() + 'static) -> Case {
        (Box::pin(wait), Box::new(go))
    }

    /// One of everything that waits.
    fn cases() -> Vec<(&'static str, Case)> {
        let lock = leak(Lock::new(()));
        let held = lock.try_acquire();
        let rwlock = leak(RwLock::new(()));
        let written = rwlock.try_write();
        let semaphore = leak(Semaphore::new(0));
        let event = leak(Event::new());
        let latch = leak(CountDownLatch::new(1));
        let barrier = leak(Barrier::new(2));
        let (items, room) = (leak(Queue::unbounded()), leak(Queue::bounded(1)));
        room.try_put(1).expect("it has room");
        let (sender, receiver) = oneshot::channel();
        let (condition, beside) = (leak(Condition::new()), leak(Lock::new(())));
        vec![
            (
                "lock",
                case(async { drop(lock.acquire().await) }, move || drop(held)),
            ),
            (
                "rwlock",
                case(async { drop(rwlock.read().await) }, move || drop(written)),
            ),
            (
                "semaphore",
                case(async { drop(semaphore.acquire().await) }, || {
                    semaphore.add_permits(1).expect("there are few")
                }),
            ),
            ("event", case(event.wait(), || event.set())),
            ("latch", case(latch.wait(), || latch.count_down())),
            (
                "barrier",
                case(async { _ = barrier.wait().await }, || {
                    let mut other = barrier.wait();
                    let passed = Pin::new(&mut other).poll(&mut Context::from_waker(Waker::noop()));
                    assert!(passed.is_ready());
                }),
            ),
            (
                "get",
                case(async { assert_eq!(items.get().await, Ok(7)) }, || {
                    items.try_put(7).expect("it has room")
                }),
            ),
            (
                "put",
                case(async { room.put(2).await.expect("it is open") }, || {
                    assert!(matches!(room.try_get(), Ok(1)))
                }),
            ),
            (
                "oneshot",
                case(async { assert_eq!(receiver.await, Ok(7)) }, move || {
                    sender.send(7).expect("it is awaited")
                }),
            ),
            (
                "condition",
                case(
                    async {
                        drop(
                            condition
                                .wait(beside.try_acquire().expect("it is free"))
                                .await,
                        )
                    },
                    || condition.notify_one(),
                ),
            ),
        ]
    }

    #[test]
    fn a_first_clone_that_lets_the_wait_go_on_is_seen_by_that_poll() {
        for (name, (mut wait, go)) in cases() {
            assert!(poll(&mut wait, go).is_ready(), "{name}");
        }
    }

    #[test]
    fn a_later_clone_that_lets_the_wait_go_on_is_seen_by_that_poll() {
        for (name, (mut wait, go)) in cases() {
            let other = futures_waker();
            let parked = wait.as_mut().poll(&mut Context::from_waker(&other));
            assert!(parked.is_pending(), "{name}");
            assert!(poll(&mut wait, go).is_ready(), "{name}");
        }
    }

    /// One of another kind.
    fn futures_waker() -> Waker {
        struct Nothing;
        impl std::task::Wake for Nothing {
            fn wake(self: std::sync::Arc<Self>) {}
        }
        Waker::from(std::sync::Arc::new(Nothing))
    }

    #[test]
    fn a_lock_released_in_a_clone_is_not_for_newcomers() {
        let lock = Rc::new(Lock::new(()));
        let held = leak(lock.clone()).try_acquire();
        let inside = lock.clone();
        let mut wait = lock.acquire();
        let polled = poll(&mut wait, move || {
            drop(held);
            assert!(inside.try_acquire().is_none(), "it belongs to the waiter");
        });
        assert!(polled.is_ready());
    }
}

//! The end of a runtime.
//!
//! Futures are dropped one at a time in the order of their spawning, with the kernel still in
//! place: a destructor may use primitives and handles. Wakes and grants schedule nothing any more
//! and a spawn drops its future at once. A destructor that panics does not keep the rest from being
//! dropped; the first panic goes on afterwards.

use std::panic::{self, AssertUnwindSafe};

use super::builder::Options;
use super::context::Kernel;
use super::inlet;
use super::join::{self, Payload};
use super::pool::Pools;
use super::problems::{self, unobserved};
use super::sources;
use super::watchdog::Watchdog;

/// Drops everything the runtime owns; returns the first panic of a destructor.
pub(crate) fn tear_down(kernel: &Kernel) -> Option<Payload> {
    kernel.closing.set(true);
    let mut first = None;
    let mut keep = |result: Result<(), Payload>| {
        if let Err(payload) = result {
            join::keep_first(&mut first, payload);
        }
    };
    // A destructor that blocks is a poll that blocks, as the watchdog sees it.
    let sight = kernel.watchdog.borrow().as_ref().map(Watchdog::sight);
    kernel.passes.begin();
    let pass = kernel.passes.now();
    let order = kernel.tasks.borrow().in_spawn_order();
    for id in order {
        if let (Some(sight), Some(task)) = (&sight, kernel.tasks.borrow().get(id)) {
            sight.begin(kernel, pass, task);
        }
        let (joiner, task) = {
            let mut tasks = kernel.tasks.borrow_mut();
            let joiner = join::take_joiner(kernel, &mut tasks, id);
            (joiner, tasks.remove(id))
        };
        if let Some(mut task) = task {
            join::release_waker(kernel, task.waker);
            unobserved(&mut task);
            keep(panic::catch_unwind(AssertUnwindSafe(|| {
                drop((joiner, task))
            })));
        }
        if let Some(sight) = &sight {
            sight.rest(kernel);
        }
    }
    let timers = kernel.timers.borrow_mut().clear();
    keep(panic::catch_unwind(AssertUnwindSafe(|| drop(timers))));
    let reactor = kernel.reactor.borrow_mut().take();
    if let Some(reactor) = reactor {
        sources::close_reactor(kernel, reactor);
    }
    let pools = kernel.pools.replace(Pools::new());
    for at in pools.close() {
        let text =
            format_args!("the blocking call at {at} still runs; the runtime ends without it");
        problems::print(text);
    }
    kernel.watched.set(false);
    let chore = kernel.chore.borrow_mut().take();
    drop(chore);
    let watching = (
        kernel.watchdog.borrow_mut().take(),
        kernel.poll_times.borrow_mut().take(),
    );
    drop(watching);
    inlet::close_all(kernel, |gone| {
        keep(panic::catch_unwind(AssertUnwindSafe(|| drop(gone))));
    });
    // Closed, but still there: a destructor may ask for a handle, which will find nobody at home.
    let inbox = kernel.inbox.borrow().clone();
    if let Some(inbox) = inbox {
        let letters = inbox.close();
        keep(panic::catch_unwind(AssertUnwindSafe(|| drop(letters))));
    }
    let cloned = std::mem::take(&mut *kernel.cloned.borrow_mut());
    let options = std::mem::replace(&mut *kernel.options.borrow_mut(), Options::new());
    keep(panic::catch_unwind(AssertUnwindSafe(|| {
        drop((cloned, options, kernel.spare.take()))
    })));
    let inbox = kernel.inbox.borrow_mut().take();
    let link = kernel.link.borrow_mut().take();
    drop((inbox, link));
    kernel.suspects.borrow_mut().clear();
    kernel.tasks.borrow_mut().clear_ready();
    kernel.embedded.set(false);
    kernel.rung.set(false);
    kernel.working.borrow_mut().clear();
    kernel.runtime.set(None);
    kernel.closing.set(false);
    first
}

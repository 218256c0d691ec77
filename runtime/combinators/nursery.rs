//! Children whose ends are collected by one parent: what groups, `gather` of many and
//! `as_completed` share.
//!
//! A child is an ordinary task that reports its end and is struck off the list of the living.
//! Dropping the nursery drops the futures of all children that live, in the order of their
//! spawning, inside that drop; one that is on the stack goes when its poll returns. Below 64 groups one
//! inside the other the children go when the drop around their parent's does (`nesting.rs`).
//!
//! # Implementation
//!
//! In addition to the task's own allocation a child costs an entry in an ordered map while it lives. A
//! finished child leaves nothing but its report.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::future::Future;
use std::panic::{self, AssertUnwindSafe, Location};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::thread;

use pin_project_lite::pin_project;

use crate::runtime::base::foreign::drop_quietly;
use crate::runtime::base::kinds;
use crate::runtime::base::nesting::{self, Family};
use crate::runtime::base::table::MUCH;
use crate::runtime::kernel;
use crate::runtime::kernel::sched::body;
use crate::runtime::kernel::sched::task::TaskId;
use crate::runtime::kernel::wait::wait_node::WaitNode;
use crate::runtime::kernel::wait::wait_queue::WaitQueue;
use crate::runtime::task::end;
use crate::runtime::task::join::JoinHandle;
use crate::runtime::task::spawn::{spawn_at, spawn_boxed};
use crate::runtime::task::unobserved::Panicked;

thread_local! {
    /// Groups of children made so far, each of which has its number.
    static GROUPS: Cell<u32> = const { Cell::new(0) };
}

/// How a child ended.
pub(crate) enum Report<T> {
    /// With what it reports.
    Value(T),
    Panicked(Panicked),
    /// It was cancelled from outside.
    Cancelled,
}

/// The handle of a child that a closed nursery did not take.
fn refused<K: 'static>(at: &'static Location<'static>) -> JoinHandle<Option<K>> {
    let never = spawn_at(std::future::pending(), at);
    never.cancel_because("its group is closed; spawn before the body and the children have ended");
    end::abort(never.id());
    never
}

/// The part that children and handles share.
pub(crate) struct Shared<T> {
    /// The living, in the order of their spawning.
    living: RefCell<BTreeMap<usize, TaskId>>,
    spawned: Cell<usize>,
    reports: RefCell<VecDeque<(usize, Report<T>)>>,
    /// No child is taken in any more.
    closing: Cell<bool>,
    /// The end of all was asked for.
    cancelled: Cell<bool>,
    /// The children are being ended: no reports of that are wanted.
    aborted: Cell<bool>,
    /// What the parent is, for messages.
    kind: &'static str,
    /// What its children and its parent's waits are marked with, for reports.
    group: u32,
    parent: WaitQueue,
}

impl<T: 'static> Shared<T> {
    /// Spawns a child. If the nursery is closing the future is dropped, and the handle is that of a task that was
    /// cancelled.
    ///
    /// `split` says what of the output is reported and what the child's handle gets.
    ///
    /// # Panics
    ///
    /// Without a runtime on this thread.
    #[track_caller]
    pub(crate) fn spawn<F, K>(
        self: &Rc<Self>,
        future: F,
        split: fn(F::Output) -> (T, K),
        at: &'static Location<'static>,
    ) -> JoinHandle<Option<K>>
    where
        F: Future + 'static,
        K: 'static,
    {
        if self.closing.get() {
            drop(future);
            return refused(at);
        }
        kernel::need_runtime(self.kind);
        let number = self.spawned.get();
        self.spawned.set(number + 1);
        let member = Member {
            shared: self.clone(),
            number,
            reported: false,
        };
        let child = Child {
            future: Some(future),
            split,
            member,
        };
        let id = kernel::with(|kernel| spawn_boxed(kernel, body::boxed(child), at));
        // In a runtime that is being torn down the child is gone already.
        if kernel::with(|kernel| kernel.join_group(id, self.group)) {
            self.living.borrow_mut().insert(number, id);
        }
        JoinHandle::new(id)
    }

    /// Takes in no more children and asks the parent to end everything.
    pub(crate) fn cancel(&self) {
        self.closing.set(true);
        self.cancelled.set(true);
        self.parent.grant_all();
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        self.cancelled.get()
    }

    pub(crate) fn is_closing(&self) -> bool {
        self.closing.get()
    }

    pub(crate) fn living(&self) -> usize {
        self.living.borrow().len()
    }

    /// Takes in no more children and ends those that live.
    fn abort(self: &Rc<Self>) {
        self.closing.set(true);
        self.aborted.set(true);
        if self.living() > 0 {
            nesting::end(self.clone());
        }
    }
}

impl<T> Family for Shared<T> {
    fn end(&self) {
        let mut next = 0;
        loop {
            let child = self
                .living
                .borrow()
                .range(next..)
                .next()
                .map(|(n, id)| (*n, *id));
            let Some((number, id)) = child else { break };
            next = number + 1;
            end::abort(id);
        }
    }
}

/// The parent's end.
pub(crate) struct Nursery<T: 'static> {
    shared: Rc<Shared<T>>,
    node: WaitNode,
}

impl<T: 'static> Nursery<T> {
    pub(crate) fn new(kind: &'static str, at: &'static Location<'static>) -> Self {
        debug_assert!(
            kinds::GROUPS.contains(&kind),
            "reports must know the kind of a group"
        );
        let group = GROUPS.get().wrapping_add(1).max(1);
        GROUPS.set(group);
        let shared = Rc::new(Shared {
            group,
            living: RefCell::new(BTreeMap::new()),
            spawned: Cell::new(0),
            reports: RefCell::new(VecDeque::new()),
            closing: Cell::new(false),
            cancelled: Cell::new(false),
            aborted: Cell::new(false),
            kind,
            parent: WaitQueue::new_at(kind, at),
        });
        Nursery {
            shared,
            node: WaitNode::new(group as usize, at),
        }
    }

    pub(crate) fn shared(&self) -> &Rc<Shared<T>> {
        &self.shared
    }

    /// The next report, with the number of its child; `None` when no child is left. Pending also
    /// ends when the end is asked for, which the caller has to look at.
    pub(crate) fn poll_next(&mut self, cx: &Context<'_>) -> Poll<Option<(usize, Report<T>)>> {
        loop {
            let report = self.next_report();
            if report.is_some() {
                return Poll::Ready(report);
            }
            if self.shared.living.borrow().is_empty() {
                return Poll::Ready(None);
            }
            ready!(self.poll_changed(cx));
        }
    }

    /// Ready once after something has changed since it was last ready.
    pub(crate) fn poll_changed(&mut self, cx: &Context<'_>) -> Poll<()> {
        ready!(self.node.poll(&self.shared.parent, cx));
        self.node.renew();
        Poll::Ready(())
    }

    /// The next report that is there already.
    pub(crate) fn next_now(&self) -> Option<Report<T>> {
        self.next_report().map(|(_, report)| report)
    }

    fn next_report(&self) -> Option<(usize, Report<T>)> {
        let reports = &mut *self.shared.reports.borrow_mut();
        let report = reports.pop_front();
        if report.is_none() {
            reports.shrink_to(MUCH);
        }
        report
    }

    /// Takes in no more children and ends those that live.
    pub(crate) fn abort(&self) {
        self.shared.abort();
    }

    /// Takes in no more children.
    pub(crate) fn close(&self) {
        self.shared.closing.set(true);
    }
}

impl<T: 'static> Drop for Nursery<T> {
    fn drop(&mut self) {
        self.node.leave(&self.shared.parent);
        self.abort();
        // Reports that were not read; they may own what leads back here. A destructor that panics must
        // not take the panics behind it along.
        let reports = std::mem::take(&mut *self.shared.reports.borrow_mut());
        for (_, report) in reports {
            match report {
                Report::Panicked(panicked) => panicked.report(),
                unread => drop_quietly(unread),
            }
        }
    }
}

pin_project! {
    /// What is spawned for a child. Its output is what the handle gets, or `None` after a panic.
    struct Child<F: Future, T, K> {
        // Absent after a panic.
        #[pin]
        future: Option<F>,
        split: fn(F::Output) -> (T, K),
        // Dropped after the future: a child is among the living until its future is gone.
        member: Member<T>,
    }
}

impl<F: Future, T, K> Future for Child<F, T, K> {
    type Output = Option<K>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<K>> {
        let this = self.project();
        let polled = poll_caught(this.future, cx);
        let (report, kept) = match polled {
            Ok(poll) => {
                let (report, kept) = (this.split)(ready!(poll));
                (Report::Value(report), Some(kept))
            }
            Err(payload) => (Report::Panicked(Panicked::here(payload)), None),
        };
        this.member.report(report);
        Poll::Ready(kept)
    }
}

/// Polls a future that is there; one that panics is not any more.
pub(crate) fn poll_caught<F: Future>(
    place: Pin<&mut Option<F>>,
    cx: &mut Context<'_>,
) -> thread::Result<Poll<F::Output>> {
    let poll = |place: Pin<&mut Option<F>>| {
        let future = place.as_pin_mut();
        future
            .expect("a future is not polled after it panicked")
            .poll(cx)
    };
    panic::catch_unwind(AssertUnwindSafe(|| {
        body::clearing(place, poll, |mut place| place.set(None))
    }))
}

/// A child's place among the living.
struct Member<T> {
    shared: Rc<Shared<T>>,
    number: usize,
    reported: bool,
}

impl<T> Member<T> {
    fn report(&mut self, report: Report<T>) {
        self.reported = true;
        match report {
            // It ended the group itself, and reports are not read any more.
            Report::Panicked(panicked) if self.shared.aborted.get() => panicked.report(),
            report => {
                let mut reports = self.shared.reports.borrow_mut();
                reports.push_back((self.number, report));
            }
        }
    }
}

impl<T> Drop for Member<T> {
    fn drop(&mut self) {
        if !self.reported && !self.shared.aborted.get() {
            self.report(Report::Cancelled);
        }
        self.shared.living.borrow_mut().remove(&self.number);
        self.shared.parent.grant_all();
    }
}

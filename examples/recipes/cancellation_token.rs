//! A request to stop that goes down a tree, as `CancellationToken` of `tokio-util`. Copy this file into your program.
//!
//! A token asks; the task that looks at it decides when it stops. To end a task that does not look, cancel its handle,
//! or the group that it is in.

use std::cell::RefCell;
use std::future::Future;
use std::rc::{Rc, Weak};

use turnwise::sync::Event;
use turnwise::{Either, race_either};

/// Says whether to stop. Clones are the same token.
#[derive(Clone, Default)]
pub struct CancellationToken {
    node: Rc<Node>,
}

#[derive(Default)]
struct Node {
    cancelled: Event,
    children: RefCell<Vec<Weak<Node>>>,
    /// A token in the middle that is dropped still leads to those below it.
    parent: Option<Rc<Node>>,
}

impl Drop for Node {
    /// A deep tree is taken down in a loop, not in a recursion.
    fn drop(&mut self) {
        let mut parent = self.parent.take();
        while let Some(node) = parent {
            parent = Rc::into_inner(node).and_then(|mut node| node.parent.take());
        }
    }
}

impl CancellationToken {
    /// A token that nothing but itself cancels.
    pub fn new() -> Self {
        CancellationToken::default()
    }

    /// A token that is cancelled with this one, or alone.
    pub fn child_token(&self) -> Self {
        let child = CancellationToken {
            node: Rc::new(Node {
                cancelled: Event::new(),
                children: RefCell::default(),
                parent: Some(self.node.clone()),
            }),
        };
        if self.is_cancelled() {
            child.cancel();
        } else {
            let mut children = self.node.children.borrow_mut();
            // Those that are gone leave when the list is full: it holds at most twice as many as live.
            if children.len() == children.capacity() {
                children.retain(|child| child.strong_count() > 0);
            }
            children.push(Rc::downgrade(&child.node));
        }
        child
    }

    /// Cancels this token and all below it.
    pub fn cancel(&self) {
        let mut left = vec![self.node.clone()];
        while let Some(node) = left.pop() {
            node.cancelled.set();
            let children = node.children.take();
            left.extend(children.iter().filter_map(Weak::upgrade));
        }
    }

    /// Whether it has been cancelled.
    pub fn is_cancelled(&self) -> bool {
        self.node.cancelled.is_set()
    }

    /// Waits until it is cancelled.
    ///
    /// # Cancel safety
    ///
    /// *Strict*.
    #[track_caller]
    pub fn cancelled(&self) -> impl Future<Output = ()> {
        self.node.cancelled.wait()
    }

    /// Runs a future until it is ready, or drops it when the token is cancelled.
    pub async fn run_until_cancelled<F: Future>(&self, future: F) -> Option<F::Output> {
        match race_either((self.cancelled(), future)).await {
            Either::A(()) => None,
            Either::B(output) => Some(output),
        }
    }

    /// Cancels it when the guard is dropped.
    pub fn drop_guard(self) -> DropGuard {
        DropGuard { token: Some(self) }
    }
}

/// Cancels a token when it is dropped.
#[must_use = "dropping it cancels the token; call `disarm` to keep it from that"]
pub struct DropGuard {
    token: Option<CancellationToken>,
}

impl DropGuard {
    /// The token, which is not cancelled.
    pub fn disarm(mut self) -> CancellationToken {
        self.token.take().unwrap_or_default()
    }
}

impl Drop for DropGuard {
    fn drop(&mut self) {
        if let Some(token) = &self.token {
            token.cancel();
        }
    }
}

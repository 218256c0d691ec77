//! How deep the loop goes into itself on one stack.
//!
//! Dropping a group drops the futures of its children inside that drop, and each of them may own a
//! group. An eager task is polled inside the poll that spawns it, and may spawn another. Each such level
//! takes stack, and there can be as many as there are tasks. So both go [`DEEPEST`] levels down and
//! then put off the rest: far more than a program nests by hand, and little on a small stack.
//!
//! # Implementation
//!
//! A group that is ended at the deepest level goes to a queue, which the end around it works off before
//! it returns: the first one in goes first, so that a parent goes before its children and the children
//! of one parent in the order of their spawning.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;

/// Levels on one stack before the rest is put off.
const DEEPEST: u32 = 64;

/// How many levels of one kind are on the stack.
pub(crate) struct Depth(Cell<u32>);

impl Depth {
    pub(crate) const fn new() -> Self {
        Depth(Cell::new(0))
    }

    /// One level more, unless that is too deep.
    pub(crate) fn enter(&self) -> Option<Level<'_>> {
        let depth = self.0.get();
        (depth < DEEPEST).then(|| {
            self.0.set(depth + 1);
            Level(&self.0)
        })
    }
}

/// A level that is on the stack; left on every way out.
pub(crate) struct Level<'a>(&'a Cell<u32>);

impl Drop for Level<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

/// Children that end together.
pub(crate) trait Family {
    /// Drops the futures of all that live, oldest first.
    fn end(&self);
}

/// The families that are being ended on this thread, one inside the other.
pub(crate) struct Endings {
    depth: Depth,
    put_off: RefCell<VecDeque<Rc<dyn Family>>>,
}

impl Endings {
    pub(crate) const fn new() -> Self {
        Endings {
            depth: Depth::new(),
            put_off: RefCell::new(VecDeque::new()),
        }
    }

    /// Ends a family; at the deepest level, before the end around it returns.
    pub(crate) fn end(&self, family: Rc<dyn Family>) {
        let Some(_level) = self.depth.enter() else {
            return self.put_off.borrow_mut().push_back(family);
        };
        let mut next = Some(family);
        while let Some(family) = next {
            family.end();
            next = self.put_off.borrow_mut().pop_front();
        }
    }
}

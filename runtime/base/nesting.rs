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
use std::thread::LocalKey;

use super::table::MUCH;

/// Levels on one stack before the rest is put off.
const DEEPEST: u32 = 64;

/// How many levels of one kind are on the stack.
pub(crate) type Depth = LocalKey<Cell<u32>>;

/// One level more, unless that is too deep.
pub(crate) fn enter(depth: &'static Depth) -> Option<Level> {
    let levels = depth.get();
    (levels < DEEPEST).then(|| {
        depth.set(levels + 1);
        Level(depth)
    })
}

/// A level that is on the stack; left on every way out.
pub(crate) struct Level(&'static Depth);

impl Drop for Level {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

/// Children that end together.
pub(crate) trait Family {
    /// Drops the futures of all that live, oldest first.
    fn end(&self);
}

thread_local! {
    /// How many families are being ended, one inside the other.
    static ENDINGS: Cell<u32> = const { Cell::new(0) };
    /// Those that end before the end around them returns.
    static PUT_OFF: RefCell<VecDeque<Rc<dyn Family>>> = const { RefCell::new(VecDeque::new()) };
}

/// Ends a family; at the deepest level, before the end around it returns.
pub(crate) fn end(family: Rc<dyn Family>) {
    let Some(_level) = enter(&ENDINGS) else {
        let _ = PUT_OFF.try_with(|families| families.borrow_mut().push_back(family));
        return;
    };
    let mut next = Some(family);
    while let Some(family) = next {
        family.end();
        let put_off = PUT_OFF.try_with(|families| {
            let families = &mut *families.borrow_mut();
            let next = families.pop_front();
            if next.is_none() {
                families.shrink_to(MUCH);
            }
            next
        });
        next = put_off.ok().flatten();
    }
}

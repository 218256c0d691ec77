//! What happened, in order: for tests that care about the order of drops and polls.

use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;

/// A shared list of what happened.
#[derive(Clone, Default)]
pub(crate) struct Trace(Rc<RefCell<Vec<String>>>);

impl Trace {
    pub(crate) fn say(&self, what: impl Into<String>) {
        self.0.borrow_mut().push(what.into());
    }

    /// What has happened since it was last asked.
    pub(crate) fn take(&self) -> Vec<String> {
        self.0.take()
    }

    /// A value that leaves its name here when it is dropped.
    pub(crate) fn on_drop(&self, name: impl Into<String>) -> OnDrop {
        OnDrop {
            name: name.into(),
            trace: self.clone(),
        }
    }

    /// A future that never ends and leaves its name here when it is dropped.
    pub(crate) fn forever<T>(&self, name: &str) -> impl Future<Output = T> + use<T> {
        let dropped = self.on_drop(name);
        async move {
            let _dropped = dropped;
            std::future::pending().await
        }
    }
}

impl fmt::Debug for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.borrow().iter()).finish()
    }
}

/// See [`Trace::on_drop`].
pub(crate) struct OnDrop {
    name: String,
    trace: Trace,
}

impl Drop for OnDrop {
    fn drop(&mut self) {
        self.trace.say(std::mem::take(&mut self.name));
    }
}

//! The way home for what must end on the thread where it began.

use std::fmt;
use std::sync::Arc;

use crate::runtime::kernel;
use crate::runtime::kernel::mail::{Inbox, Message};

/// Leads to this thread's runtime from any other.
///
/// It is not counted, as a `Remote` is: what it posts frees something and wakes no task, so a loop that waits for
/// nothing else is not kept from its verdict.
pub(crate) struct Home(Arc<Inbox>);

impl Home {
    /// The way to the runtime of this thread.
    ///
    /// # Panics
    ///
    /// Without a runtime on this thread.
    #[track_caller]
    pub(crate) fn new() -> Self {
        Home(kernel::with_runtime("i/o", |kernel| kernel.mail().inbox()))
    }

    /// Has `call` run at home, unless the runtime has ended.
    pub(crate) fn post(&self, call: impl FnOnce() + Send + 'static) {
        let _ = self.0.send(Message::Call(Box::new(call)));
    }
}

impl fmt::Debug for Home {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Home").finish_non_exhaustive()
    }
}

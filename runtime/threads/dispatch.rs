//! What the loop does with the messages of other threads.

use std::panic::{self, AssertUnwindSafe};

use super::inlet;
use crate::runtime::base::foreign::keep_first;
use crate::runtime::kernel::Kernel;
use crate::runtime::kernel::mail::Message;

/// Works off the messages that have arrived. Returns whether there were any. A call that panics does
/// so after the last message.
pub(crate) fn read(kernel: &Kernel) -> bool {
    let Some(mut messages) = kernel.mail().take() else {
        return false;
    };
    let any = !messages.is_empty();
    let mut panicked = None;
    for message in messages.drain(..) {
        let payload = match message {
            Message::Wake(summons) => {
                if let Some(id) = summons.arrive() {
                    kernel.schedule(id);
                }
                None
            }
            Message::Call(call) => panic::catch_unwind(AssertUnwindSafe(call)).err(),
            Message::Items(key) => inlet::run(key),
        };
        // The messages behind one that panics are wakes of other tasks: they are read first.
        if let Some(payload) = payload {
            keep_first(&mut panicked, payload);
        }
    }
    kernel.mail().give_back(messages);
    if let Some(payload) = panicked {
        panic::resume_unwind(payload);
    }
    any
}

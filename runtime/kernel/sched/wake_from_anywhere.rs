//! What a wake does: on the thread of the task it schedules, on another one it sends a message.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Wake;

use super::task::TaskId;
use super::task_waker::TaskWaker;
use crate::runtime::kernel;
use crate::runtime::kernel::mail::Message;

impl Wake for TaskWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let Some(id) = TaskId::from_bits(self.id.load(Ordering::Relaxed)) else {
            return;
        };
        let local = kernel::try_with(|kernel| {
            let ours = kernel.mail.is_home(&self.inbox);
            if ours {
                kernel.schedule(id);
            }
            ours
        });
        if local != Some(true) && self.errand.begin() {
            // A dead runtime refuses the message, and there is nothing left to wake.
            let _ = self.inbox.send(Message::Wake(self.clone()));
        }
    }
}

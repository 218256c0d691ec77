//! Whether the program can ever move again: what is counted for it (`outside.rs`), and the verdict.
//!
//! # Invariant
//!
//! **No false Certain.** Whatever outside can wake a task holds something that is counted, publishes
//! its message first and gives up the count afterwards; the verdict reads the counts first, then a
//! fence, and the inbox last. So a count that is seen at zero has its message seen too.

use std::sync::atomic::{Ordering, fence};

use super::outside::{Outside, Verdict};
use super::state;
use crate::runtime::kernel::Kernel;
use crate::runtime::reactor::{self, Awaited};
use crate::runtime::threads::external;

impl Outside {
    pub(super) fn count(kernel: &Kernel) -> Self {
        let wakers = kernel.count_cloned();
        Outside::count_beside(kernel, wakers)
    }

    /// Counts the rest, where it is known how many tasks foreign code has wakers of.
    fn count_beside(kernel: &Kernel, wakers: usize) -> Self {
        let (mut sources, mut signals, mut lapsed) = (0, 0, 0);
        let tasks = kernel.tasks();
        reactor::find_awaited(&tasks, |source, awaited| {
            match awaited {
                Awaited::No => {}
                Awaited::Perhaps => lapsed += 1,
                Awaited::Yes if source.ends_program() => signals += 1,
                Awaited::Yes => sources += 1,
            }
            false
        });
        // Those that our own threads keep are counted as work.
        let (mut working, mut ours) = (Vec::new(), 0);
        external::each_work(|label, awaited_by| {
            working.push(label.clone());
            let task = awaited_by.and_then(|id| tasks.get(id));
            ours += usize::from(task.is_some_and(|task| kernel.has_clones(task)));
        });
        Outside {
            working,
            sources,
            lapsed,
            signals,
            wakers: wakers.saturating_sub(ours),
            remotes: kernel.mail().links(),
        }
    }

    /// Whether something counted can wake the loop, found without looking at everything: a server
    /// that sleeps has thousands of descriptors to wait for, and one is enough.
    pub(super) fn is_sustained(kernel: &Kernel) -> bool {
        let strict = state::is_strict();
        if external::is_working() || kernel.mail().links() > 0 {
            return true;
        }
        let tasks = kernel.tasks();
        reactor::find_awaited(&tasks, |source, awaited| {
            awaited == Awaited::Yes && !(strict && source.ends_program())
        })
    }

    /// The verdict on a loop in which nothing is ready or due, and that nothing sustains. Where clones of
    /// wakers are left the rest does not matter: only the wakers that were polled since the last verdict are
    /// looked at, and the drop of the last clone wakes the loop.
    pub(super) fn judge(kernel: &Kernel) -> Verdict {
        if !kernel.let_go_of_cloned() {
            return Outside::count_beside(kernel, 0).verdict(kernel);
        }
        match kernel.mail().has_mail() {
            true => Verdict::Idle,
            false => Verdict::Suspected,
        }
    }

    /// The verdict on a loop in which nothing is ready or due. The counts have been read before.
    pub(crate) fn verdict(&self, kernel: &Kernel) -> Verdict {
        fence(Ordering::SeqCst);
        let mail = kernel.mail().has_mail();
        let strict = state::is_strict();
        if mail || self.is_anyone() || self.sources > 0 || (self.signals > 0 && !strict) {
            Verdict::Idle
        } else if self.wakers + self.signals + self.lapsed > 0 {
            Verdict::Suspected
        } else {
            Verdict::Certain
        }
    }
}

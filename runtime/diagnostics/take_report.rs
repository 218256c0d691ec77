//! Taking a report.
//!
//! Nothing here runs on a hot path. A report is put together on demand from what the kernel keeps
//! anyway: the tasks that wait, in line or alone, and the armed timers. It polls nothing.
//!
//! # Implementation
//!
//! Two looks at every task, waiter and timer (`described.rs`), plus what `graph.rs` costs: the first for
//! the tasks that can still be woken, the second for the tasks that are described.

use super::described;
use super::living::Living;
use super::outside::Outside;
use super::report::{Counts, Report, State};
use super::state;
use super::verdict::Verdict;
use crate::runtime::kernel::{self, Kernel};

impl Report {
    /// Takes the picture.
    pub(crate) fn take(kernel: &Kernel) -> Self {
        let tasks = kernel.tasks();
        let living = Living::of(&tasks);
        let mut counts = Counts::default();
        for (_, task) in living.iter() {
            counts.all += 1;
            match State::of(task) {
                State::Running => counts.running += 1,
                State::Ready => counts.ready += 1,
                State::Waiting => counts.waiting += 1,
            }
        }
        let outside = Outside::count(kernel);
        let judged = described::judge(kernel, &living, &outside);
        let cycles = judged.cycles.iter();
        let cycles = cycles.map(|cycle| cycle.iter().map(|at| living.id(*at as usize)).collect());
        let stuck = (0..counts.all).filter(|at| judged.stuck[*at]);
        let times = state::try_with(|state| state.poll_times()).flatten();
        let mut report = Report {
            cycles: cycles.collect(),
            stuck: stuck.map(|at| living.id(at)).collect(),
            tasks: Vec::new(),
            steps: Vec::new(),
            counts,
            verdict: Verdict::Idle,
            outside,
            passes: kernel.passes().begun(),
            polls: times.as_ref().map(|times| times.picture()),
        };
        (report.tasks, report.steps) = described::describe(kernel, &living, judged);
        report.verdict = report.judge(kernel);
        report
    }

    /// Takes the picture of a loop that was judged. The verdict is that one: a waker that a thread keeps of
    /// a task that has ended may send mail in between, which looks like news.
    pub(crate) fn take_judged(kernel: &Kernel, verdict: Verdict) -> Self {
        let mut report = Report::take(kernel);
        report.verdict = verdict;
        report
    }

    fn judge(&self, kernel: &Kernel) -> Verdict {
        let alive = self.counts.waiting < self.counts.all;
        // A host may hold the other end of anything.
        let host = state::is_hosted();
        if host || !kernel.timers().is_empty() || alive {
            return Verdict::Idle;
        }
        self.outside.verdict(kernel)
    }
}

/// A picture of all tasks of this thread's runtime: what each waits for, and where. It polls
/// nothing and can be taken at any time, inside a task too. Empty without a runtime.
///
/// asyncio counterpart: `asyncio.print_call_graph` and `Task.print_stack`, for all tasks.
///
/// # Panics
///
/// When the thread's locals are being destroyed.
///
/// # Examples
///
/// ```
/// turnwise::block_on(async {
///     let task = turnwise::spawn(std::future::ready(())).named("short");
///     assert!(turnwise::report::dump().to_string().contains("\"short\""));
///     task.await.unwrap();
/// });
/// ```
#[track_caller]
pub fn dump() -> Report {
    kernel::with(Report::take)
}

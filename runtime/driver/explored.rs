//! The pass of an exploration: a chooser says what happens next.

use super::executor::{Main, step};
use super::{park, state};
use crate::runtime::choices::chooser::Act;
use crate::runtime::choices::state::{check_always, choose};
use crate::runtime::kernel::Kernel;
use crate::runtime::kernel::sched::around_poll::Choice;
use crate::runtime::task::end;

/// Has every pass of this thread's runtime ask the chooser from now on, or none.
pub(crate) fn be_explored(explored: bool) {
    state::with(|driver| driver.watched.set(explored));
}

/// Polls, cancels and lets time pass as the chooser says, until main is over or the loop is to be idle.
pub(super) fn pass(kernel: &Kernel, main: &mut Option<Main<'_>>) {
    let mut spare = kernel.take_spare_waker();
    while main.as_ref().is_some_and(|main| !main.over) {
        kernel.passes().begin();
        match choose(kernel) {
            None if kernel.has_ready() => {
                // Places of tasks that are gone.
                step(kernel, Choice::Head, &mut spare, main, &());
            }
            None => break,
            Some(Act::Run(id)) => {
                kernel.bring_forward(id);
                step(kernel, Choice::Head, &mut spare, main, &());
            }
            Some(Act::Cancel(id)) => {
                end::cancel(id, Some("the exploration cancelled it".into()));
                kernel.bring_forward(id);
                step(kernel, Choice::Head, &mut spare, main, &());
            }
            Some(Act::Stall) => park::stall(kernel),
        }
        check_always();
    }
    kernel.return_spare_waker(spare);
}

//! Makes a failing schedule small: choice after choice goes back to what the loop does by itself, as long as the
//! run still fails in the same way.

use std::future::Future;

use super::exploration::Failure;
use super::runs::Runs;
use super::search;
use crate::runtime::choices::chooser::Chooser;
use crate::runtime::choices::mark::Mark;
use crate::runtime::choices::state;

/// Tries smaller choices from the back to the front until none can be taken back. Returns the marks that are left.
pub(super) fn shrink<M, F>(
    runs: &mut Runs<'_, M>,
    search: &search::Setting,
    failure: &Failure,
    mut marks: Vec<Mark>,
) -> Vec<Mark>
where
    M: Fn() -> F,
    F: Future<Output = ()>,
{
    let mut at = marks.len();
    while at > 0 {
        at -= 1;
        let Some(mark) = marks.get(at).copied().filter(|mark| !mark.is_plain()) else {
            continue;
        };
        let nearer = match mark {
            Mark::Run(n) if n > 1 => [Some(Mark::PLAIN), Some(Mark::Run(n - 1))],
            _ => [Some(Mark::PLAIN), None],
        };
        for mark in nearer.into_iter().flatten() {
            let mut attempt = marks.clone();
            attempt[at] = mark;
            runs.choose_by(search.replaying(attempt));
            let outcome = runs.run(false);
            let taken = state::with_chooser(|chooser: &mut Chooser| chooser.marks());
            if outcome.is_some_and(|outcome| outcome.is_like(failure))
                && size(&taken) < size(&marks)
            {
                // A choice behind this one may be free to go now.
                at = taken.len();
                marks = taken;
                break;
            }
        }
    }
    marks
}

/// Small is what deviates little, and then what is short.
fn size(marks: &[Mark]) -> (usize, usize) {
    (marks.iter().map(|mark| mark.cost()).sum(), marks.len())
}

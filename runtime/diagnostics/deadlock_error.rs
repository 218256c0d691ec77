//! The error of a program that nothing can wake.

use std::fmt;

use super::report::Report;

/// Nothing can ever wake the program again, or in tests: nothing is likely to.
///
/// Returned by [`Runtime::try_block_on`](crate::Runtime::try_block_on), and the text of the panic
/// of [`block_on`](crate::block_on).
///
/// # Examples
///
/// ```
/// use turnwise::report::Verdict;
/// use turnwise::{Runtime, sync::Event};
///
/// let never = async { Event::new().wait().await };
/// let deadlock = Runtime::new().try_block_on(never).unwrap_err();
/// assert_eq!(deadlock.report().verdict(), Verdict::Certain);
/// assert!(deadlock.to_string().contains("waits for event made at"));
/// ```
pub struct Deadlock {
    // Boxed, so that a result with it is no larger than one without.
    report: Box<Report>,
}

impl Deadlock {
    pub(crate) fn new(report: Report) -> Self {
        Deadlock {
            report: Box::new(report),
        }
    }

    /// Which task waits for what. Its [`verdict`](Report::verdict) says how sure this is.
    pub fn report(&self) -> &Report {
        &self.report
    }
}

impl fmt::Display for Deadlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.report, f)
    }
}

impl fmt::Debug for Deadlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Deadlock {}

//! What a primitive says of the waits for it, once and for all of them; reports read it.

use std::borrow::Cow;

/// What the asks of a queue mean to a report.
pub(crate) struct Description {
    asks: Option<Asks>,
    /// The one thing that can be waited for, where the system ends the wait: "input from".
    source: Option<&'static str>,
    /// What makes its waiter the holder when it is granted.
    holds: usize,
}

/// What an ask is called, to be read before the kind of the queue: "2 permits of".
type Asks = fn(usize) -> Cow<'static, str>;

/// No ask of a primitive that has one holder at a time.
const NOTHING: usize = usize::MAX;

impl Description {
    /// Asks that mean nothing.
    pub(crate) const PLAIN: Description = Description {
        asks: None,
        source: None,
        holds: NOTHING,
    };

    /// Names what is asked for, where that is not plain from the kind of the queue.
    pub(crate) const fn asking(mut self, asks: Asks) -> Self {
        self.asks = Some(asks);
        self
    }

    /// The system ends a wait, which is one for `what`.
    pub(crate) const fn of_source(what: &'static str) -> Self {
        let mut description = Description::PLAIN;
        description.source = Some(what);
        description
    }

    /// There is one holder at a time: the task that takes a grant of `what` becomes it. Only the holder, or a task that
    /// was granted and has not run, can end a wait.
    pub(crate) const fn holding(mut self, what: usize) -> Self {
        self.holds = what;
        self
    }

    /// What an ask is called, where it is called anything.
    pub(crate) fn asks(&self, ask: usize) -> Option<Cow<'static, str>> {
        self.asks.map(|asks| asks(ask))
    }

    /// The one thing that can be waited for, where the system ends the wait.
    pub(crate) fn source(&self) -> Option<&'static str> {
        self.source
    }

    /// What makes its waiter the holder when it is granted.
    #[inline]
    pub(crate) fn holds(&self) -> usize {
        self.holds
    }

    /// Whether what is said of a holder means anything: others may grant [`NOTHING`] as a number.
    #[inline]
    pub(crate) fn names_a_holder(&self) -> bool {
        self.holds != NOTHING
    }
}

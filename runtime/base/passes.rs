//! The passes of the loop, which are the kernel's cheap sense of what came before what.

use std::cell::Cell;

/// A pass, by the low half of its number, to write down when something happened. Never
/// [`NO_PASS`].
pub(crate) type Pass = u32;

/// Not a pass: it has not happened.
pub(crate) const NO_PASS: Pass = 0;

/// Counts passes.
///
/// By twos, over the odd numbers: however many there have been, none is called [`NO_PASS`].
pub(crate) struct Passes(Cell<u64>);

impl Passes {
    pub(crate) const fn new() -> Self {
        Passes(Cell::new(1))
    }

    /// A pass begins.
    #[inline]
    pub(crate) fn begin(&self) {
        self.0.set(self.0.get() + 2);
    }

    /// How many have begun.
    pub(crate) fn begun(&self) -> u64 {
        self.0.get() / 2
    }

    /// The one that began last.
    #[inline]
    pub(crate) fn now(&self) -> Pass {
        self.0.get() as u32
    }

    /// How many have begun since `then` did.
    pub(crate) fn since(&self, then: Pass) -> u32 {
        self.now().wrapping_sub(then) / 2
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_pass_is_called_none_also_after_four_billion() {
        let passes = Passes(Cell::new(u64::from(u32::MAX) - 2));
        let then = passes.now();
        for ago in 0..4 {
            assert_ne!(passes.now(), NO_PASS);
            assert_eq!(passes.since(then), ago);
            passes.begin();
        }
        assert_eq!(passes.begun(), (1 << 31) + 2);
    }
}

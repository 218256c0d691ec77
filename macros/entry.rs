//! The two attributes, and what differs between them.

/// Which of the two attributes is being expanded.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Entry {
    Main,
    Test,
}

impl Entry {
    /// The attribute as messages show it.
    pub(crate) fn attribute(self) -> &'static str {
        match self {
            Entry::Main => "#[turnwise::main]",
            Entry::Test => "#[turnwise::test]",
        }
    }

    /// The argument that changes the clock.
    pub(crate) fn clock_argument(self) -> &'static str {
        match self {
            Entry::Main => "virtual_clock",
            Entry::Test => "real_time",
        }
    }

    /// The clock it has without an argument.
    pub(crate) fn default_clock(self) -> &'static str {
        match self {
            Entry::Main => "real_time",
            Entry::Test => "virtual_clock",
        }
    }

    /// The arguments as messages show them.
    pub(crate) fn arguments(self) -> &'static str {
        match self {
            Entry::Main => "`virtual_clock` and `crate = path`",
            Entry::Test => "`real_time`, `detached` and `crate = path`",
        }
    }

    /// The hidden function that runs the future.
    pub(crate) fn runner(self, other_clock: bool, detached: bool) -> &'static str {
        match (self, other_clock, detached) {
            (Entry::Main, false, _) => "main",
            (Entry::Main, true, _) => "main_virtual",
            (Entry::Test, false, false) => "test",
            (Entry::Test, false, true) => "test_detached",
            (Entry::Test, true, false) => "test_real_time",
            (Entry::Test, true, true) => "test_real_time_detached",
        }
    }
}

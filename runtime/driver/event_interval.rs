//! How often a busy loop looks at the outside world.

use std::cell::Cell;
use std::time::Duration;

use crate::runtime::kernel::clock;

/// How often a busy loop looks at the outside world.
///
/// At least every 64 polls and, where polls are long, about every 50 µs: on an in-memory load that
/// costs next to nothing per switch. The selector costs a call, and is asked after 50 µs, but within
/// one pass only every 64 polls: a task that it wakes goes to the tail, behind all of this pass anyway.
pub(super) struct EventInterval {
    /// Polls left before the next look.
    left: Cell<u32>,
    /// Polls between two looks.
    stride: Cell<u32>,
    /// When the last look was.
    looked: Cell<u64>,
    /// When the selector was asked last.
    asked: Cell<u64>,
    /// The pass for which that was done.
    heard: Cell<u64>,
    /// Polls since.
    polled: Cell<u32>,
}

impl EventInterval {
    const MOST_POLLS: u32 = 64;
    const NANOS: u64 = 50_000;

    pub(super) const fn new() -> Self {
        EventInterval {
            left: Cell::new(Self::MOST_POLLS),
            stride: Cell::new(Self::MOST_POLLS),
            looked: Cell::new(0),
            asked: Cell::new(0),
            heard: Cell::new(0),
            polled: Cell::new(0),
        }
    }

    /// Counts a poll; `true` when it is time to look. The count begins again right here, whatever
    /// panics before the look.
    pub(super) fn is_due(&self) -> bool {
        let left = self.left.get() - 1;
        self.left.set(left);
        if left == 0 {
            self.rest();
        }
        left == 0
    }

    fn rest(&self) {
        let polled = self.stride.get() - self.left.get().min(self.stride.get());
        self.polled.set(self.polled.get().saturating_add(polled));
        self.left.set(self.stride.get());
    }

    /// Whether the selector is to be asked in the middle of `pass`.
    pub(super) fn wants_news(&self, now: u64, pass: u64) -> bool {
        let late = now.saturating_sub(self.asked.get()) >= Self::NANOS;
        late && (self.heard.get() < pass || self.polled.get() >= Self::MOST_POLLS)
    }

    /// Notes that the selector was asked, for the sake of `pass`.
    pub(super) fn has_news(&self, now: u64, pass: u64) {
        self.asked.set(now);
        self.heard.set(pass);
        self.polled.set(0);
    }

    /// The loop has slept, and asked the selector for the sake of `pass`.
    pub(super) fn begin(&self, now: u64, pass: u64) {
        self.looked.set(now);
        self.rest();
        self.has_news(now, pass);
    }

    /// Leaves out of the account time that no poll took.
    pub(super) fn leave_out(&self, took: Duration) {
        let looked = self.looked.get().saturating_add(clock::nanos(took));
        self.looked.set(looked);
    }

    /// Adapts the stride to how long the last one took. It shrinks at once and grows by doubling:
    /// one short poll says little about the next.
    pub(super) fn adapt(&self, now: u64) {
        let took = now.saturating_sub(self.looked.replace(now)).max(1);
        let stride = u64::from(self.stride.get());
        let most = u64::from(Self::MOST_POLLS).min(2 * stride);
        self.stride
            .set((stride * Self::NANOS / took).clamp(1, most) as u32);
        self.rest();
    }
}

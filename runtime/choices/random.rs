//! Random choices: walks, and walks by priority.
//!
//! Priorities are those of "A randomized scheduler with probabilistic guarantees of finding bugs" (Burckhardt,
//! Kothari, Musuvathi, Nagarakatte; ASPLOS 2010): every task has one by chance, the highest runs, and at a few
//! points by chance the one that runs sinks below all others.

/// A source of random numbers that a seed determines: SplitMix64 (Steele, Lea, Flood; OOPSLA 2014).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Random(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number below `end`, which is not zero.
    pub(crate) fn below(&mut self, end: u32) -> u32 {
        (self.next() % u64::from(end)) as u32
    }

    /// Whether one chance in `n` comes up.
    pub(crate) fn one_in(&mut self, n: u32) -> bool {
        self.below(n) == 0
    }
}

/// The priorities of tasks in one run.
#[derive(Debug)]
pub(crate) struct Priorities {
    random: Random,
    /// By the number of the spawn.
    of: Vec<u32>,
    /// The choices at which the highest sinks.
    changes: Vec<usize>,
    /// Below all that were given.
    low: u32,
}

impl Priorities {
    /// Where those that sink begin; all others start above.
    const LOW: u32 = 1 << 20;

    /// For a run of about `length` choices, in which the highest sinks `depth - 1` times.
    pub(crate) fn new(mut random: Random, depth: u32, length: usize) -> Self {
        let length = u32::try_from(length.max(1)).unwrap_or(u32::MAX);
        let changes = (1..depth).map(|_| random.below(length) as usize).collect();
        Priorities {
            random,
            of: Vec::new(),
            changes,
            low: Self::LOW,
        }
    }

    pub(crate) fn random(&mut self) -> &mut Random {
        &mut self.random
    }

    /// Which of the tasks with these spawn numbers is next at choice `depth`.
    pub(crate) fn highest(
        &mut self,
        depth: usize,
        serials: impl Iterator<Item = u64> + Clone,
    ) -> u32 {
        let mut best = self.best(serials.clone());
        if self.changes.contains(&depth) {
            self.low -= 1;
            if let Some(serial) = serials.clone().nth(best as usize) {
                self.of[serial as usize] = self.low;
            }
            best = self.best(serials);
        }
        best
    }

    fn best(&mut self, serials: impl Iterator<Item = u64>) -> u32 {
        let mut best = (0, 0);
        for (n, serial) in serials.enumerate() {
            while self.of.len() <= serial as usize {
                let priority = Self::LOW + 1 + self.random.below(1 << 24);
                self.of.push(priority);
            }
            let priority = self.of[serial as usize];
            if priority > best.1 {
                best = (n as u32, priority);
            }
        }
        best.0
    }
}

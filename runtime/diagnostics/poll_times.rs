//! How long polls take: what keeps the loop from everything else, for dumps.
//!
//! In debug builds, or with [`RuntimeBuilder::time_polls`](crate::RuntimeBuilder::time_polls), the clock is read
//! around every poll. Where that is off, the pass is compiled without it and pays nothing.
//!
//! # Implementation
//!
//! A histogram by powers of ten, and for each spawn place the number of polls, their sum and the
//! longest. Nothing is allocated once a place is known, and its longest name seen; of a very long name
//! only its ends are kept.

use std::cell::RefCell;
use std::collections::HashMap;
use std::time::Instant;

use crate::runtime::base::place::Place;
use crate::runtime::base::text::shortened;
use crate::runtime::kernel::sched::task::{Task, TaskId};

/// The upper bounds of the histogram's classes but the last, in nanoseconds.
const BOUNDS: [(u64, &str); 7] = [
    (1_000, "1 µs"),
    (10_000, "10 µs"),
    (100_000, "100 µs"),
    (1_000_000, "1 ms"),
    (10_000_000, "10 ms"),
    (100_000_000, "100 ms"),
    (1_000_000_000, "1 s"),
];

/// Room for so many spawn places is made at the start, so that it need not be in the middle.
const ROOM: usize = 100;

/// How many places a report names.
const TOP: usize = 5;

/// What is known of the polls so far.
pub(crate) struct PollTimes(RefCell<Inside>);

#[derive(Default)]
struct Inside {
    classes: [u64; BOUNDS.len() + 1],
    places: HashMap<Place, Times>,
    /// Of the poll under way: the task may be gone when it ends.
    began: Option<Instant>,
    named: bool,
    name: String,
}

/// The polls of the tasks of one spawn place.
#[derive(Default)]
struct Times {
    polls: u64,
    total: u64,
    longest: u64,
    task: Option<TaskId>,
    named: bool,
    name: String,
}

impl PollTimes {
    pub(super) fn new() -> Self {
        PollTimes(RefCell::new(Inside {
            places: HashMap::with_capacity(ROOM),
            ..Inside::default()
        }))
    }

    /// A poll of `task` begins.
    pub(crate) fn begin(&self, task: &Task) {
        let inside = &mut *self.0.borrow_mut();
        inside.name.clear();
        inside.named = task.name().is_some();
        // As much of it as is printed: a poll costs the same whatever its task is called.
        let (head, tail) = shortened(task.name().unwrap_or_default());
        inside.name.push_str(head);
        if !tail.is_empty() {
            inside.name.push('…');
            inside.name.push_str(tail);
        }
        inside.began = Some(Instant::now());
    }

    /// It has ended.
    pub(crate) fn end(&self, id: TaskId, spawned_at: Place) {
        let now = Instant::now();
        let inside = &mut *self.0.borrow_mut();
        let took = inside.began.map_or(0, |began| {
            u64::try_from((now - began).as_nanos()).unwrap_or(u64::MAX)
        });
        inside.classes[BOUNDS.partition_point(|(bound, _)| *bound <= took)] += 1;
        let times = inside.places.entry(spawned_at).or_default();
        times.polls += 1;
        times.total += took;
        if took >= times.longest {
            times.longest = took;
            times.task = Some(id);
            times.named = inside.named;
            std::mem::swap(&mut times.name, &mut inside.name);
        }
    }

    /// What a report says of them.
    pub(crate) fn picture(&self) -> Polls {
        let inside = self.0.borrow();
        let mut longest: Vec<_> = inside.places.iter().map(Longest::of).collect();
        longest.sort_unstable_by_key(|place| (std::cmp::Reverse(place.longest), place.spawned_at));
        longest.truncate(TOP);
        let words = BOUNDS.iter().map(|(_, bound)| format!("under {bound}"));
        let words = words.chain(["longer".to_owned()]);
        Polls {
            classes: words.zip(inside.classes).collect(),
            longest,
        }
    }
}

/// A picture of the times.
#[derive(Clone)]
pub(crate) struct Polls {
    /// The name of each class, and its number of polls.
    pub(super) classes: Vec<(String, u64)>,
    /// The spawn places with the longest polls, longest first.
    pub(super) longest: Vec<Longest>,
}

/// The longest poll of a spawn place.
#[derive(Clone)]
pub(crate) struct Longest {
    pub(super) spawned_at: Place,
    pub(super) task: Option<TaskId>,
    pub(super) name: Option<String>,
    pub(super) longest: u64,
    /// Of all polls of all tasks of this place.
    pub(super) polls: u64,
    pub(super) total: u64,
}

impl Longest {
    fn of((spawned_at, times): (&Place, &Times)) -> Self {
        Longest {
            spawned_at,
            task: times.task,
            name: times.named.then(|| times.name.clone()),
            longest: times.longest,
            polls: times.polls,
            total: times.total,
        }
    }
}

//! An explorer of small systems: polls and drops a handful of futures in every possible order.
//!
//! Each future has a spy for a waker. In every state the explorer may poll a future that is new or
//! was woken, and may drop one that has been polled (which covers *while queued* and *after the
//! grant*, before and after what granted it, for head, middle and tail). It tries every sequence,
//! from a fresh system each time.

use std::sync::Arc;
use std::task::Waker;

use futures::future::LocalBoxFuture;

use crate::support::Spy;

/// What one future is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// Not polled yet.
    New,
    /// Pending, and nobody has woken it since.
    Waiting,
    /// Pending, and woken.
    Woken,
    Ready,
    Dropped,
}

/// Asserts what must hold in a state.
pub(crate) type Check = Box<dyn Fn(&[State])>;

/// Futures over a primitive, and what must hold.
pub(crate) struct System {
    /// All futures are alike, so that the order of their first polls makes no difference.
    pub(crate) alike: bool,
    pub(crate) futures: Vec<LocalBoxFuture<'static, ()>>,
    /// Called after each step.
    pub(crate) always: Check,
    /// Called when no future can go on, with all that were not dropped ready or waiting.
    pub(crate) at_rest: Check,
    /// Called when all futures are gone.
    pub(crate) at_end: Check,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Poll(usize),
    Drop(usize),
}

/// One way through a system.
struct Run {
    system: System,
    spies: Vec<(Arc<Spy>, Waker)>,
    seen: Vec<usize>,
    slots: Vec<Option<LocalBoxFuture<'static, ()>>>,
    states: Vec<State>,
    drops_left: usize,
    steps: Vec<Step>,
}

impl Run {
    fn new(mut system: System, drops_left: usize) -> Self {
        let slots: Vec<_> = system.futures.drain(..).map(Some).collect();
        let count = slots.len();
        Run {
            system,
            spies: (0..count).map(|_| Spy::new()).collect(),
            seen: vec![0; count],
            slots,
            states: vec![State::New; count],
            drops_left,
            steps: Vec::new(),
        }
    }

    /// What can be done now.
    fn choices(&self) -> Vec<Step> {
        let mut choices = Vec::new();
        let first_new = self.states.iter().position(|state| *state == State::New);
        for (n, state) in self.states.iter().enumerate() {
            match state {
                State::New if !self.system.alike || first_new == Some(n) => {
                    choices.push(Step::Poll(n))
                }
                State::Woken => choices.push(Step::Poll(n)),
                _ => {}
            }
        }
        if !choices.is_empty() && self.drops_left > 0 {
            for (n, state) in self.states.iter().enumerate() {
                if matches!(state, State::Woken | State::Waiting) {
                    choices.push(Step::Drop(n));
                }
            }
        }
        choices
    }

    fn step(&mut self, step: Step) {
        self.steps.push(step);
        match step {
            Step::Poll(n) => {
                let (spy, waker) = &self.spies[n];
                self.seen[n] = spy.wakes();
                let future = self.slots[n]
                    .as_mut()
                    .expect("only live futures are polled");
                let mut cx = std::task::Context::from_waker(waker);
                if future.as_mut().poll(&mut cx).is_ready() {
                    self.slots[n] = None;
                    self.states[n] = State::Ready;
                } else {
                    self.states[n] = State::Waiting;
                }
            }
            Step::Drop(n) => {
                self.drops_left -= 1;
                self.slots[n] = None;
                self.states[n] = State::Dropped;
            }
        }
        for (n, (spy, _)) in self.spies.iter().enumerate() {
            if self.states[n] == State::Waiting && spy.wakes() > self.seen[n] {
                self.states[n] = State::Woken;
            }
        }
        (self.system.always)(&self.states);
    }

    fn finish(mut self) {
        (self.system.at_rest)(&self.states);
        self.slots.clear();
        (self.system.at_end)(&self.states);
    }
}

/// Tells which run failed.
struct Trace<'a>(&'a str, Vec<Step>);

impl Drop for Trace<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}: after {:?}", self.0, self.1);
        }
    }
}

// Explores every order of polls and of at most `drops` drops. Returns how many runs that were.
pub(crate) fn explore(name: &str, drops: usize, make: impl Fn() -> System) -> usize {
    const MOST: usize = 400_000;
    // (what was chosen, out of how many).
    let mut path: Vec<(usize, usize)> = Vec::new();
    let mut runs = 0;
    loop {
        runs += 1;
        assert!(
            runs <= MOST,
            "{name}: too many runs; use fewer futures or drops"
        );
        let mut run = Run::new(make(), drops);
        let mut trace = Trace(name, Vec::new());
        for depth in 0.. {
            let choices = run.choices();
            if choices.is_empty() {
                break;
            }
            if depth == path.len() {
                path.push((0, choices.len()));
            }
            let step = choices[path[depth].0];
            trace.1.push(step);
            run.step(step);
        }
        run.finish();
        drop(trace);
        // The next path: the last choice that has an alternative takes it.
        loop {
            match path.pop() {
                None => return runs,
                Some((chosen, of)) if chosen + 1 < of => {
                    path.push((chosen + 1, of));
                    break;
                }
                Some(_) => {}
            }
        }
    }
}

#[test]
fn the_explorer_finds_a_lost_wake_up() {
    use std::cell::Cell;
    use std::future::poll_fn;
    use std::rc::Rc;
    use std::task::Poll;
    // A gate that forgets its waiter when it is opened: nobody is woken.
    let broken = || {
        let open = Rc::new(Cell::new(false));
        let waiter = {
            let open = open.clone();
            poll_fn(move |_| {
                if open.get() {
                    Poll::Ready(())
                } else {
                    Poll::Pending
                }
            })
        };
        System {
            alike: false,
            futures: vec![Box::pin(waiter), Box::pin(async move { open.set(true) })],
            always: Box::new(|_| ()),
            at_rest: Box::new(|states| assert!(!states.contains(&State::Waiting), "stranded")),
            at_end: Box::new(|_| ()),
        }
    };
    assert_eq!(
        crate::support::panic_of(|| explore("broken", 0, broken)),
        "stranded"
    );
}

#[test]
fn the_explorer_takes_every_path() {
    let two = |alike| System {
        alike,
        futures: vec![
            Box::pin(turnwise::yield_now()),
            Box::pin(turnwise::yield_now()),
        ],
        always: Box::new(|_| ()),
        at_rest: Box::new(|_| ()),
        at_end: Box::new(|_| ()),
    };
    // Two futures of two polls, the first polls in order: 0011, 0101, 0110.
    assert_eq!(explore("yields", 0, || two(true)), 3);
    assert_eq!(explore("yields", 0, || two(false)), 6);
    assert!(explore("yields", 1, || two(false)) > 6);
}

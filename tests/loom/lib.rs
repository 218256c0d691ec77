//! Explores every interleaving of `runtime/base/mailbox.rs` and `runtime/base/batch.rs` with loom: the files
//! themselves, with loom's atomics and mutex in place of the standard library's.
//!
//! `cargo test --release --manifest-path tests/loom/Cargo.toml`

#![cfg(test)]

#[path = "../../runtime/base/batch.rs"]
mod batch;
#[path = "../../runtime/base/mailbox.rs"]
mod mailbox;
#[path = "../../runtime/base/poison.rs"]
mod poison;

/// What [`mailbox`] and [`batch`] use of the standard library, in loom's version.
mod shim {
    pub(crate) use loom::sync::atomic::Ordering;
    use loom::sync::atomic::fence;
    pub(crate) use loom::sync::{Mutex, MutexGuard};

    /// loom takes a sequentially consistent access for acquire and release and would report what
    /// cannot happen; its fences it takes at their word. So each access is preceded by one, which is
    /// how such accesses are compiled for machines that know nothing better.
    pub(crate) struct AtomicBool(loom::sync::atomic::AtomicBool);

    impl AtomicBool {
        pub(crate) fn new(value: bool) -> Self {
            AtomicBool(loom::sync::atomic::AtomicBool::new(value))
        }

        pub(crate) fn load(&self, order: Ordering) -> bool {
            assert_eq!(order, Ordering::SeqCst);
            fence(order);
            self.0.load(order)
        }

        pub(crate) fn store(&self, value: bool, order: Ordering) {
            assert_eq!(order, Ordering::SeqCst);
            fence(order);
            self.0.store(value, order);
        }

        pub(crate) fn swap(&self, value: bool, order: Ordering) -> bool {
            assert_eq!(order, Ordering::SeqCst);
            fence(order);
            self.0.swap(value, order)
        }
    }
}

use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::sync::{Arc, Condvar, Mutex};
use loom::thread;

use batch::Batch;
use mailbox::{Errand, Mailbox, Ring};

/// A bell that counts its rings, and on which the owner sleeps, as on an eventfd.
#[derive(Clone)]
struct Bell(Arc<(Mutex<usize>, Condvar)>);

impl Bell {
    fn new() -> Self {
        Bell(Arc::new((Mutex::new(0), Condvar::new())))
    }

    /// Sleeps until it has rung. If it never does, loom reports a deadlock.
    fn sleep(&self) {
        let mut rings = self.0.0.lock().unwrap();
        while *rings == 0 {
            rings = self.0.1.wait(rings).unwrap();
        }
        *rings = 0;
    }

    fn rings(&self) -> usize {
        *self.0.0.lock().unwrap()
    }
}

impl Ring for Bell {
    fn ring(&self) {
        *self.0.0.lock().unwrap() += 1;
        self.0.1.notify_one();
    }
}

type Box = Mailbox<u32, Bell>;

/// A mailbox with its bell hung.
fn mailbox() -> (Arc<Box>, Bell) {
    let (mailbox, bell) = (Arc::new(Box::new()), Bell::new());
    mailbox.hang(bell.clone());
    (mailbox, bell)
}

/// The owner's loop, as in `runtime/driver/executor.rs`: reads what there is, parks, sleeps.
fn receive(mailbox: &Box, bell: &Bell, expected: usize) -> Vec<u32> {
    let mut received = Vec::new();
    let mut batch = Vec::new();
    while received.len() < expected {
        if mailbox.has_mail() {
            mailbox.take(&mut batch);
            received.append(&mut batch);
            continue;
        }
        if mailbox.park() {
            bell.sleep();
            mailbox.unpark();
        }
    }
    received
}

/// Explores with a bound on preemptions, without which several threads take for ever.
fn explore(preemptions: Option<usize>, f: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = preemptions;
    builder.check(f);
}

#[test]
fn a_message_is_never_slept_over() {
    explore(None, || {
        let (mailbox, bell) = mailbox();
        let sender = thread::spawn({
            let mailbox = mailbox.clone();
            move || mailbox.send(7).unwrap()
        });
        assert_eq!(receive(&mailbox, &bell, 1), [7]);
        sender.join().unwrap();
    });
}

#[test]
fn messages_of_one_sender_arrive_in_order() {
    explore(Some(3), || {
        let (mailbox, bell) = mailbox();
        let sender = thread::spawn({
            let mailbox = mailbox.clone();
            move || (1..=2).for_each(|n| mailbox.send(n).unwrap())
        });
        assert_eq!(receive(&mailbox, &bell, 2), [1, 2]);
        sender.join().unwrap();
    });
}

#[test]
fn two_senders_and_no_message_is_lost_or_doubled() {
    explore(Some(2), || {
        let (mailbox, bell) = mailbox();
        let senders: Vec<_> = (1..=2)
            .map(|n| {
                let mailbox = mailbox.clone();
                thread::spawn(move || mailbox.send(n).unwrap())
            })
            .collect();
        let mut received = receive(&mailbox, &bell, 2);
        received.sort_unstable();
        assert_eq!(received, [1, 2]);
        senders
            .into_iter()
            .for_each(|sender| sender.join().unwrap());
    });
}

#[test]
fn the_bell_rings_at_most_once_per_sleep() {
    explore(Some(3), || {
        let (mailbox, bell) = mailbox();
        let parked = mailbox.park();
        assert!(parked);
        let senders: Vec<_> = (1..=2)
            .map(|n| {
                let mailbox = mailbox.clone();
                thread::spawn(move || mailbox.send(n).unwrap())
            })
            .collect();
        senders
            .into_iter()
            .for_each(|sender| sender.join().unwrap());
        // Asleep the whole time, it was rung for once; awake, it is not rung for at all.
        assert_eq!(bell.rings(), 1);
        mailbox.unpark();
        mailbox.send(3).unwrap();
        assert_eq!(bell.rings(), 1);
    });
}

#[test]
fn an_owner_that_finds_mail_stays_awake() {
    explore(None, || {
        let (mailbox, bell) = mailbox();
        let sender = thread::spawn({
            let mailbox = mailbox.clone();
            move || mailbox.send(1).unwrap()
        });
        if !mailbox.park() {
            // It saw the message: the message is there to be taken at once.
            let mut messages = Vec::new();
            mailbox.take(&mut messages);
            assert_eq!(messages, [1]);
        }
        sender.join().unwrap();
        assert!(bell.rings() <= 1);
    });
}

#[test]
fn a_message_comes_back_or_is_returned_by_close() {
    explore(None, || {
        let (mailbox, bell) = mailbox();
        let delivered = Arc::new(AtomicUsize::new(0));
        let senders: Vec<_> = (1..=2u32)
            .map(|n| {
                let (mailbox, delivered) = (mailbox.clone(), delivered.clone());
                thread::spawn(move || match mailbox.send(n) {
                    Ok(()) => drop(delivered.fetch_add(1, Ordering::SeqCst)),
                    Err(message) => assert_eq!(message, n),
                })
            })
            .collect();
        let mut unread = Vec::new();
        if mailbox.has_mail() {
            mailbox.take(&mut unread);
        }
        unread.extend(mailbox.close());
        senders
            .into_iter()
            .for_each(|sender| sender.join().unwrap());
        assert_eq!(unread.len(), delivered.load(Ordering::SeqCst));
        assert_eq!(mailbox.send(9), Err(9));
        assert!(mailbox.close().is_empty());
        assert!(bell.rings() <= 1);
    });
}

#[test]
fn what_was_published_before_a_count_was_given_up_is_seen_by_the_verdict() {
    // The order of the deadlock verdict: it reads the count of those who may still wake the loop
    // first and the mailbox last; they publish first and give up their count after.
    explore(None, || {
        let (mailbox, _bell) = mailbox();
        let outside = Arc::new(AtomicUsize::new(1));
        let sender = thread::spawn({
            let (mailbox, outside) = (mailbox.clone(), outside.clone());
            move || {
                mailbox.send(1).unwrap();
                outside.fetch_sub(1, Ordering::Release);
            }
        });
        if outside.load(Ordering::Relaxed) == 0 {
            loom::sync::atomic::fence(Ordering::SeqCst);
            assert!(mailbox.has_mail(), "a live program was declared dead");
        }
        sender.join().unwrap();
    });
}

#[test]
fn the_last_to_give_up_its_share_is_never_slept_over() {
    // A loop that only foreign wakers can wake lets go of its own share before it sleeps, and asks
    // again once the mailbox has stirred it; whoever gives up the last share stirs it.
    explore(Some(3), || {
        let (mailbox, bell) = mailbox();
        let shares = Arc::new(AtomicUsize::new(3));
        let give_up = |mailbox: &Box, shares: &AtomicUsize| {
            if shares.fetch_sub(1, Ordering::AcqRel) == 1 {
                mailbox.nudge();
            }
        };
        let others: Vec<_> = (0..2)
            .map(|_| {
                let (mailbox, shares) = (mailbox.clone(), shares.clone());
                thread::spawn(move || give_up(&mailbox, &shares))
            })
            .collect();
        give_up(&mailbox, &shares);
        if mailbox.park() {
            bell.sleep();
            mailbox.unpark();
        }
        mailbox.take(&mut Vec::new());
        assert_eq!(shares.load(Ordering::Relaxed), 0);
        others.into_iter().for_each(|other| other.join().unwrap());
        assert!(bell.rings() <= 1);
    });
}

/// As in `runtime/kernel/sched/task_waker.rs`: wakes of one task, of which each that finds a message on its way sends none.
#[test]
fn a_wake_that_sends_no_message_is_seen_by_the_one_on_its_way() {
    explore(Some(2), || {
        let (mailbox, bell) = mailbox();
        let errand = Arc::new(Errand::new());
        let published = Arc::new(AtomicUsize::new(0));
        // Shares are held by the senders and by their messages, as clones of a waker are.
        let shares = Arc::new(AtomicUsize::new(2));
        let senders: Vec<_> = (0..2)
            .map(|_| {
                let (mailbox, errand) = (mailbox.clone(), errand.clone());
                let (published, shares) = (published.clone(), shares.clone());
                thread::spawn(move || {
                    published.fetch_add(1, Ordering::Relaxed);
                    if errand.begin() {
                        shares.fetch_add(1, Ordering::Relaxed);
                        mailbox.send(1).unwrap();
                    }
                    shares.fetch_sub(1, Ordering::Release);
                })
            })
            .collect();
        let mut messages = Vec::new();
        let mut seen = 0;
        while seen < 2 {
            if shares.load(Ordering::Relaxed) == 0 {
                loom::sync::atomic::fence(Ordering::SeqCst);
                assert!(mailbox.has_mail(), "a live program was declared dead");
            }
            messages.extend(receive(&mailbox, &bell, 1));
            for _ in messages.drain(..) {
                errand.end();
                seen = published.load(Ordering::Relaxed);
                shares.fetch_sub(1, Ordering::Release);
            }
        }
        senders
            .into_iter()
            .for_each(|sender| sender.join().unwrap());
    });
}

#[test]
fn a_bell_that_is_hung_late_is_in_time_for_the_first_sleep() {
    explore(None, || {
        let (mailbox, bell) = (Arc::new(Box::new()), Bell::new());
        let sender = thread::spawn({
            let mailbox = mailbox.clone();
            move || mailbox.send(1).unwrap()
        });
        // The reactor is made when the loop first has to sleep.
        mailbox.hang(bell.clone());
        assert_eq!(receive(&mailbox, &bell, 1), [1]);
        sender.join().unwrap();
    });
}

/// As `Sender::send`: the first item of a batch is announced, by the batch's number.
fn put(batch: &Batch<u32>, mailbox: &Box, item: u32) {
    if batch.put(item).unwrap() {
        mailbox.send(0).unwrap();
    }
}

#[test]
fn items_of_a_batch_are_announced_and_none_is_lost_or_doubled() {
    explore(Some(2), || {
        let (mailbox, bell) = mailbox();
        let batch = Arc::new(Batch::new());
        let senders: Vec<_> = [[1, 2], [11, 12]]
            .into_iter()
            .map(|items| {
                let (mailbox, batch) = (mailbox.clone(), batch.clone());
                thread::spawn(move || items.into_iter().for_each(|n| put(&batch, &mailbox, n)))
            })
            .collect();
        let mut received = Vec::new();
        let mut items = Vec::new();
        while received.len() < 4 {
            // Every announcement brings something: it is the first of what is there.
            let announced = receive(&mailbox, &bell, 1);
            for _ in announced {
                batch.take(&mut items);
                assert!(!items.is_empty());
                received.append(&mut items);
            }
        }
        let order = |from| received.iter().position(|n| *n == from);
        assert!(order(1) < order(2) && order(11) < order(12), "{received:?}");
        senders
            .into_iter()
            .for_each(|sender| sender.join().unwrap());
        assert!(
            !mailbox.has_mail() || {
                mailbox.take(&mut items);
                items.is_empty()
            }
        );
    });
}

#[test]
fn an_item_comes_back_or_is_returned_when_the_batch_closes() {
    explore(None, || {
        let batch = Arc::new(Batch::new());
        let sender = thread::spawn({
            let batch = batch.clone();
            move || (1..=2).map(|n| batch.put(n).err()).collect::<Vec<_>>()
        });
        let unread = batch.close();
        let returned: Vec<u32> = sender.join().unwrap().into_iter().flatten().collect();
        assert_eq!([unread, returned].concat(), [1, 2]);
    });
}

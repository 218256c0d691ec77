//! Long random sequences of {start, poll, drop, release, …}, with the named invariants of a primitive
//! asserted after every step, and with nothing left over at the end.

use std::collections::VecDeque;
use std::task::Poll;

use super::spy::{Spy, poll};
use super::{PriorityQueue, Queue, RwLock, Semaphore};

/// A small generator: the same sequence on every machine.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (self.0 >> 33) as usize % sides
    }

    fn pick<T>(&mut self, from: &mut Vec<T>) -> Option<T> {
        match from.len() {
            0 => None,
            len => Some(from.swap_remove(self.roll(len))),
        }
    }
}

#[test]
fn a_semaphore_loses_no_permit_and_serves_in_order() {
    for seed in 0..300 {
        let dice = &mut Dice(seed);
        let semaphore = Semaphore::new(dice.roll(5));
        let (mut line, mut held) = (Vec::new(), Vec::new());
        let mut number = 0;
        for _ in 0..120 {
            match dice.roll(7) {
                0 | 1 => {
                    let ask = dice.roll(4);
                    let (mut wait, spy) = (semaphore.acquire_many(ask), Spy::new());
                    match spy.poll(&mut wait) {
                        Poll::Ready(permit) => held.push(permit),
                        Poll::Pending => {
                            line.push((number, ask, spy, wait));
                            number += 1;
                        }
                    }
                }
                2 | 3 => drop(dice.pick(&mut held)),
                4 => {
                    if let Some((number, ask, spy, mut wait)) = dice.pick(&mut line) {
                        match poll(&mut wait) {
                            Poll::Ready(permit) => held.push(permit),
                            // The poll has swapped the waker: swap it back.
                            Poll::Pending => {
                                assert!(spy.poll(&mut wait).is_pending());
                                line.push((number, ask, spy, wait));
                            }
                        }
                    }
                }
                5 => drop(dice.pick(&mut line)),
                _ => match dice.roll(3) {
                    0 => semaphore.add_permits(1).unwrap(),
                    1 => dice
                        .pick(&mut held)
                        .into_iter()
                        .for_each(|permit| permit.forget()),
                    _ => held.extend(semaphore.try_acquire_many(dice.roll(3))),
                },
            }
            let granted = line.iter().filter(|(_, _, spy, _)| spy.wakes() > 0);
            let last = granted.clone().map(|entry| entry.0).max();
            let first = line
                .iter()
                .filter(|entry| entry.2.wakes() == 0)
                .map(|entry| entry.0)
                .min();
            assert!(last < first || first.is_none(), "served out of order");
            let in_hand: usize = held.iter().map(|permit| permit.num_permits()).sum();
            semaphore
                .raw
                .check(in_hand + granted.map(|entry| entry.1).sum::<usize>());
        }
        drop((line, held));
        semaphore.raw.check(0);
    }
}

#[test]
fn an_rwlock_always_lets_in_who_fits() {
    for seed in 0..300 {
        let dice = &mut Dice(seed);
        let lock = match seed % 2 {
            0 => RwLock::new(()),
            _ => RwLock::prefer_writers(()),
        };
        let (mut reads, mut writes) = (Vec::new(), Vec::new());
        let (mut reading, mut writing) = (Vec::new(), Vec::new());
        for _ in 0..120 {
            match dice.roll(10) {
                0 | 1 => reads.push(lock.read()),
                2 => writes.push(lock.write()),
                3 => drop(dice.pick(&mut reads)),
                4 => drop(dice.pick(&mut writes)),
                5 => drop(dice.pick(&mut reading)),
                6 => drop(dice.pick(&mut writing)),
                7 => reading.extend(writing.pop().map(super::RwLockWriteGuard::downgrade)),
                8 => {
                    if let Some(mut read) = dice.pick(&mut reads) {
                        match poll(&mut read) {
                            Poll::Ready(guard) => reading.push(guard),
                            Poll::Pending => reads.push(read),
                        }
                    }
                }
                _ => {
                    if let Some(mut write) = dice.pick(&mut writes) {
                        match poll(&mut write) {
                            Poll::Ready(guard) => writing.push(guard),
                            Poll::Pending => writes.push(write),
                        }
                    }
                }
            }
            lock.raw.check();
        }
        drop((reads, writes, reading, writing));
        assert!(!lock.is_locked());
    }
}

#[test]
fn a_queue_keeps_its_counts_and_loses_no_item() {
    for seed in 0..300 {
        let dice = &mut Dice(seed);
        let queue = Queue::bounded(1 + dice.roll(3));
        let (mut puts, mut gets) = (Vec::new(), Vec::new());
        // What is inside, in order: asked of the queue by taking everything out of it.
        let mut inside = VecDeque::new();
        let (mut next, mut unfinished) = (0, 0);
        for step in 0..150 {
            match dice.roll(9) {
                0 => {
                    puts.push((next, queue.put(next)));
                    next += 1;
                }
                1 => gets.push(queue.get()),
                2 => drop(dice.pick(&mut puts)),
                3 => drop(dice.pick(&mut gets)),
                4 | 5 => {
                    if let Some((item, mut put)) = dice.pick(&mut puts) {
                        match poll(&mut put) {
                            Poll::Ready(Ok(())) => {
                                inside.push_back(item);
                                unfinished += 1;
                            }
                            Poll::Ready(Err(refused)) => {
                                assert!(refused.0 == item && queue.is_closed());
                            }
                            Poll::Pending => puts.push((item, put)),
                        }
                    }
                }
                6 | 7 => {
                    if let Some(mut get) = dice.pick(&mut gets) {
                        match poll(&mut get) {
                            Poll::Ready(Ok(item)) => assert_eq!(Some(item), inside.pop_front()),
                            Poll::Ready(Err(_)) => assert!(queue.is_closed()),
                            Poll::Pending => gets.push(get),
                        }
                    }
                }
                _ if step > 100 && dice.roll(4) == 0 => match dice.roll(2) {
                    0 => queue.close(),
                    _ => {
                        let left = queue.close_now();
                        unfinished = usize::saturating_sub(unfinished, left.len());
                        assert_eq!(std::mem::take(&mut inside), left);
                    }
                },
                _ if queue.task_done().is_ok() => unfinished -= 1,
                _ => assert_eq!(unfinished, 0),
            }
            queue.raw.check();
            assert_eq!(
                (queue.len(), queue.unfinished()),
                (inside.len(), unfinished)
            );
        }
        drop((puts, gets));
        queue.raw.check();
        let mut rest = Vec::new();
        while let Ok(item) = queue.try_get() {
            rest.push(item);
        }
        assert_eq!(inside, rest);
    }
}

#[test]
fn a_priority_queue_gives_the_smallest_that_is_inside() {
    for seed in 0..100 {
        let dice = &mut Dice(seed);
        let (queue, mut model) = (PriorityQueue::unbounded(), Vec::new());
        for number in 0..200 {
            if dice.roll(5) > 1 {
                let item = (dice.roll(10), number);
                queue.try_put(item).unwrap();
                model.push(item);
            } else {
                model.sort_unstable_by(|a, b| b.cmp(a));
                assert_eq!(queue.try_get().ok(), model.pop());
            }
        }
        model.sort_unstable();
        assert_eq!(queue.close_now(), model);
    }
}

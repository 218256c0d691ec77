//! The model of `models.rs` for the three queues.

use std::fmt::Debug;
use std::ops::Deref;
use std::pin::Pin;

use proptest::prelude::*;
use turnwise::sync::{
    Channel, Closed, LifoQueue, PriorityQueue, Queue, Store, Taken, TryGetError, TryPutError,
};

use crate::sync::models::{World, config, drive, has, leak, pick, steps, take};

/// Ordered by its key alone, so that equal ones can be told apart.
#[derive(Clone, Copy, Debug)]
struct Item {
    key: u8,
    number: usize,
}

impl Ord for Item {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.key.cmp(&other.key)
    }
}

impl PartialOrd for Item {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Item {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

impl Eq for Item {}

#[derive(Clone, Copy)]
enum Ask {
    Put(Item),
    Get,
    Take,
    Join,
}

enum Out<S: Store + 'static> {
    Put(Result<(), Closed<Item>>),
    Got(Option<Item>),
    Took(Option<Taken<'static, S>>),
    Joined,
}

/// The number of the item that a put gets back, or that a get or take is given.
enum Expected {
    Put(Option<usize>),
    Got(Option<usize>),
    Joined,
}

#[derive(Clone, Copy, PartialEq)]
enum Rule {
    Fifo,
    Lifo,
    Priority,
}

struct QueueWorld<S: Store<Item = Item> + 'static> {
    queue: &'static Channel<S>,
    rule: Rule,
    capacity: usize,
    taken: Vec<Taken<'static, S>>,
    next: usize,
    /// In the order in which they were put.
    items: Vec<Item>,
    closed: bool,
    unfinished: usize,
    getters: Vec<(usize, ())>,
    /// Whether an item is reserved, or the end was announced.
    granted_getters: Vec<(usize, bool)>,
    putters: Vec<(usize, ())>,
    /// Whether room is promised, or the end was announced.
    granted_putters: Vec<(usize, bool)>,
    joiners: Vec<(usize, ())>,
    granted_joiners: Vec<(usize, ())>,
}

impl<S: Store<Item = Item>> QueueWorld<S> {
    fn new<Q: Deref<Target = Channel<S>>>(queue: &'static Q, rule: Rule) -> Self {
        QueueWorld {
            queue,
            rule,
            capacity: queue.capacity().unwrap_or(usize::MAX),
            taken: Vec::new(),
            next: 0,
            items: Vec::new(),
            closed: false,
            unfinished: 0,
            getters: Vec::new(),
            granted_getters: Vec::new(),
            putters: Vec::new(),
            granted_putters: Vec::new(),
            joiners: Vec::new(),
            granted_joiners: Vec::new(),
        }
    }

    /// Items that belong to nobody.
    fn free(&self) -> usize {
        let reserved = self.granted_getters.iter().filter(|entry| entry.1).count();
        self.items.len() - reserved
    }

    /// Room that belongs to nobody.
    fn room(&self) -> usize {
        let promised = self.granted_putters.iter().filter(|entry| entry.1).count();
        self.capacity - self.items.len() - promised
    }

    /// Gives what is free to those who wait for it, and announces the end to the rest.
    fn settle(&mut self) {
        while self.free() > 0 && !self.getters.is_empty() {
            let (id, ()) = self.getters.remove(0);
            self.granted_getters.push((id, true));
        }
        while self.room() > 0 && !self.putters.is_empty() {
            let (id, ()) = self.putters.remove(0);
            self.granted_putters.push((id, true));
        }
        if self.has_ended() {
            let told = self.getters.drain(..).map(|(id, ())| (id, false));
            self.granted_getters.extend(told);
        }
    }

    /// Whether no item is left, not even one that might come back from a getter that is dropped.
    fn has_ended(&self) -> bool {
        self.closed && self.items.is_empty()
    }

    fn store(&mut self, item: Item) {
        self.items.push(item);
        self.unfinished += 1;
        self.settle();
    }

    /// Takes out the next item, by its number.
    fn claim(&mut self) -> usize {
        let places = 0..self.items.len();
        let place = match self.rule {
            Rule::Fifo => Some(0),
            Rule::Lifo => places.last(),
            Rule::Priority => places.min_by_key(|&place| (self.items[place].key, place)),
        };
        let item = self.items.remove(place.unwrap());
        self.settle();
        item.number
    }

    fn finish(&mut self, done: usize) {
        self.unfinished -= done;
        if self.unfinished == 0 {
            self.granted_joiners.append(&mut self.joiners);
        }
    }

    fn close(&mut self) {
        self.closed = true;
        for granted in &mut self.granted_putters {
            granted.1 = false;
        }
        let told = self.putters.drain(..).map(|(id, ())| (id, false));
        self.granted_putters.extend(told);
        self.settle();
    }

    fn polled_getter(&mut self, id: usize, first: bool) -> Option<Option<usize>> {
        if !first {
            let reserved = take(&mut self.granted_getters, id)?;
            return Some(reserved.then(|| self.claim()));
        }
        if self.free() > 0 {
            return Some(Some(self.claim()));
        }
        if !self.has_ended() {
            self.getters.push((id, ()));
            return None;
        }
        Some(None)
    }

    fn polled_putter(&mut self, id: usize, item: Item, first: bool) -> Option<Option<usize>> {
        if !first {
            let promised = take(&mut self.granted_putters, id)?;
            if promised {
                self.store(item);
            }
            return Some((!promised).then_some(item.number));
        }
        if self.closed {
            return Some(Some(item.number));
        }
        if self.room() == 0 || !self.putters.is_empty() {
            self.putters.push((id, ()));
            return None;
        }
        self.store(item);
        Some(None)
    }

    fn item(&mut self, key: u8) -> Item {
        let number = self.next;
        self.next += 1;
        Item { key, number }
    }

    fn try_put(&mut self, key: u8) {
        let item = self.item(key);
        let result = self.queue.try_put(item);
        match (self.closed, self.room() > 0 && self.putters.is_empty()) {
            (true, _) => assert!(
                matches!(result, Err(TryPutError::Closed(back)) if back.number == item.number)
            ),
            (_, false) => assert!(
                matches!(result, Err(TryPutError::Full(back)) if back.number == item.number)
            ),
            _ => {
                assert!(result.is_ok());
                self.store(item);
            }
        }
    }

    fn try_get(&mut self) {
        let result = self.queue.try_get().map(|item| item.number);
        let expected = match (self.free() > 0, self.has_ended()) {
            (true, _) => Ok(self.claim()),
            (_, true) => Err(TryGetError::Closed),
            _ => Err(TryGetError::Empty),
        };
        assert_eq!(result, expected);
    }

    fn close_now(&mut self) {
        let left = self.queue.close_now();
        for granted in &mut self.granted_getters {
            granted.1 = false;
        }
        let waiting = std::mem::take(&mut self.getters);
        self.close();
        let mut expected = Vec::new();
        while !self.items.is_empty() {
            expected.push(self.claim());
        }
        let left: Vec<_> = left.iter().map(|item| item.number).collect();
        assert_eq!(left, expected);
        self.getters = waiting;
        self.settle();
        if !left.is_empty() {
            self.finish(left.len().min(self.unfinished));
        }
    }
}

impl<S: Store<Item = Item>> World for QueueWorld<S> {
    type Ask = Ask;
    type Out = Out<S>;
    type Expected = Expected;

    fn ask(&mut self, dice: u8) -> Ask {
        match dice % 16 {
            0..=6 => Ask::Put(self.item(dice / 16 % 3)),
            7..=10 => Ask::Get,
            11..=13 => Ask::Take,
            _ => Ask::Join,
        }
    }

    fn start(&self, ask: Ask) -> Pin<Box<dyn Future<Output = Out<S>>>> {
        let queue = self.queue;
        match ask {
            Ask::Put(item) => Box::pin(async move { Out::Put(queue.put(item).await) }),
            Ask::Get => Box::pin(async { Out::Got(queue.get().await.ok()) }),
            Ask::Take => Box::pin(async { Out::Took(queue.take().await.ok()) }),
            Ask::Join => Box::pin(async {
                queue.join().await;
                Out::Joined
            }),
        }
    }

    fn polled(&mut self, id: usize, ask: Ask, first: bool) -> Option<Expected> {
        match ask {
            Ask::Put(item) => self.polled_putter(id, item, first).map(Expected::Put),
            Ask::Get | Ask::Take => self.polled_getter(id, first).map(Expected::Got),
            Ask::Join if !first => take(&mut self.granted_joiners, id).map(|()| Expected::Joined),
            Ask::Join if self.unfinished > 0 => {
                self.joiners.push((id, ()));
                None
            }
            Ask::Join => Some(Expected::Joined),
        }
    }

    fn got(&mut self, out: Out<S>, expected: Expected) {
        match (out, expected) {
            (Out::Put(result), Expected::Put(back)) => {
                assert_eq!(result.err().map(|closed| closed.0.number), back);
            }
            (Out::Got(item), Expected::Got(number)) => {
                assert_eq!(item.map(|item| item.number), number);
            }
            (Out::Took(taken), Expected::Got(number)) => {
                assert_eq!(taken.as_ref().map(|taken| taken.number), number);
                self.taken.extend(taken);
            }
            (Out::Joined, Expected::Joined) => {}
            _ => unreachable!("it ends with something else"),
        }
    }

    fn left(&mut self, id: usize) {
        let getter =
            take(&mut self.granted_getters, id).or_else(|| take(&mut self.granted_putters, id));
        if getter.is_none() {
            let lists = [
                &mut self.getters,
                &mut self.putters,
                &mut self.joiners,
                &mut self.granted_joiners,
            ];
            let left = lists.into_iter().find_map(|list| take(list, id));
            left.expect("it waits");
        }
        self.settle();
    }

    fn is_granted(&self, id: usize) -> bool {
        has(&self.granted_getters, id)
            || has(&self.granted_putters, id)
            || has(&self.granted_joiners, id)
    }

    fn act(&mut self, what: u8, which: u8) {
        match what % 16 {
            0..=3 => self.try_put(which % 3),
            4..=6 => self.try_get(),
            7 | 8 => {
                assert_eq!(self.queue.task_done().is_ok(), self.unfinished > 0);
                self.finish(usize::from(self.unfinished > 0));
            }
            9..=13 => {
                if let Some(taken) = pick(&mut self.taken, which) {
                    match which % 2 {
                        0 => drop(taken),
                        _ => drop(taken.into_inner()),
                    }
                    self.finish(usize::from(self.unfinished > 0));
                }
            }
            14 if which % 4 == 0 => {
                self.queue.close();
                self.close();
            }
            15 if which % 8 == 0 => self.close_now(),
            _ => {}
        }
    }

    fn check(&self) {
        let queue = self.queue;
        assert_eq!(queue.len(), self.items.len());
        assert_eq!(queue.unfinished(), self.unfinished);
        assert_eq!(queue.is_closed(), self.closed);
        assert_eq!(queue.is_full(), self.room() == 0);
        assert!(
            queue.len() <= self.capacity,
            "more items than there is room"
        );
        let shown = format!("{queue:?}");
        let (getters, putters) = (self.getters.len(), self.putters.len());
        let waiting = format!("getters: {getters}, putters: {putters} ");
        assert!(shown.contains(&waiting), "{waiting}: {shown}");
    }

    fn end(&mut self) {
        for taken in self.taken.drain(..) {
            drop(taken);
            self.unfinished = self.unfinished.saturating_sub(1);
        }
        while !self.items.is_empty() {
            self.try_get();
        }
        while self.unfinished > 0 {
            self.queue.task_done().unwrap();
            self.unfinished -= 1;
        }
        assert!(self.queue.task_done().is_err());
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn fifo(steps in steps(), capacity in 1..4_usize) {
        drive(QueueWorld::new(leak(Queue::bounded(capacity)), Rule::Fifo), &steps);
    }

    #[test]
    fn lifo(steps in steps(), capacity in 1..4_usize) {
        drive(QueueWorld::new(leak(LifoQueue::bounded(capacity)), Rule::Lifo), &steps);
    }

    #[test]
    fn priority(steps in steps(), capacity in 1..6_usize) {
        drive(QueueWorld::new(leak(PriorityQueue::bounded(capacity)), Rule::Priority), &steps);
    }

    #[test]
    fn without_a_limit(steps in steps()) {
        drive(QueueWorld::new(leak(Queue::unbounded()), Rule::Fifo), &steps);
        drive(QueueWorld::new(leak(PriorityQueue::unbounded()), Rule::Priority), &steps);
    }
}

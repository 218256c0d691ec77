//! ResourcePool: eight workers, five resources, at most three in use, for fifteen seconds (block E10
//! of the text).
//!
//! # What the text gets wrong
//!
//! Its `release` is awaited, in a `finally`. A second cancel during that await leaves the resource in
//! `in_use` for ever, and after three of those nobody gets one any more. Here a resource is a guard:
//! dropping it puts the resource back and awaits nothing, so there is no middle to be cancelled in.
//!
//! [`ResourcePool`] stands on its own: lift it into a program.

mod support;

use std::cell::RefCell;
use std::collections::VecDeque;
use std::ops::{Deref, DerefMut};
use std::rc::Rc;
use std::time::Duration;

use fastrand::Rng;
use support::{Options, part, say};
use turnwise::sync::{Permit, Semaphore};
use turnwise::{JoinError, JoinHandle, sleep, spawn, yield_now};

/// Lends resources, a limited number at the same time, first come, first served.
#[derive(Debug)]
pub struct ResourcePool<T> {
    /// What is not in use; the one that rested longest is lent first.
    free: RefCell<VecDeque<T>>,
    size: usize,
    /// Never more permits than resources: whoever has a permit finds one.
    permits: Semaphore,
}

/// A resource on loan; dropping it puts it back.
#[derive(Debug)]
pub struct Resource<'a, T> {
    /// Present until the drop.
    item: Option<T>,
    pool: &'a ResourcePool<T>,
    // Returned after the resource is back: a field is dropped after the drop of the whole.
    _permit: Permit<'a>,
}

impl<T> ResourcePool<T> {
    /// Lends `resources`, at most `max_in_use` of them at the same time.
    ///
    /// # Panics
    ///
    /// If there are none, or none may be used.
    pub fn new(resources: impl IntoIterator<Item = T>, max_in_use: usize) -> Self {
        let free: VecDeque<T> = resources.into_iter().collect();
        let (size, most) = (free.len(), max_in_use.min(free.len()));
        assert!(
            most > 0,
            "a pool that lends nothing makes everybody wait for ever"
        );
        ResourcePool {
            free: RefCell::new(free),
            size,
            permits: Semaphore::new(most),
        }
    }

    /// Waits for a resource.
    pub async fn acquire(&self) -> Resource<'_, T> {
        let permit = self.permits.acquire().await;
        let item = self.free.borrow_mut().pop_front();
        debug_assert!(item.is_some(), "there are no more permits than resources");
        Resource {
            item,
            pool: self,
            _permit: permit,
        }
    }

    /// How many are in the pool; not all of them may be lent at the same time.
    pub fn free(&self) -> usize {
        self.free.borrow().len()
    }

    /// How many are in use.
    pub fn in_use(&self) -> usize {
        self.size - self.free()
    }
}

impl<T> Deref for Resource<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.item.as_ref().expect("it is there until the drop")
    }
}

impl<T> DerefMut for Resource<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        self.item.as_mut().expect("it is there until the drop")
    }
}

impl<T> Drop for Resource<'_, T> {
    fn drop(&mut self) {
        self.pool.free.borrow_mut().extend(self.item.take());
    }
}

fn main() {
    let options = Options::parse_seeded("Eight workers share five resources, three at a time.");
    options.runtime().block_on(async {
        eight_workers(options.random()).await;
        cancelled_twice().await;
    });
}

/// The text's program.
async fn eight_workers(mut random: Rng) {
    part("Eight workers, five resources, at most three in use");
    let pool = Rc::new(ResourcePool::new(0..5, 3));
    let workers = (0..8).map(|n| spawn(worker(pool.clone(), n, random.fork())));
    let workers: Vec<_> = workers.collect();
    sleep(Duration::from_secs(15)).await;
    end(workers).await;
    say!(
        "all workers have ended: {} free, {} in use",
        pool.free(),
        pool.in_use()
    );
    assert_eq!((pool.free(), pool.in_use()), (5, 0));
}

async fn worker(pool: Rc<ResourcePool<u32>>, n: u32, mut random: Rng) {
    loop {
        if pool.in_use() == 3 {
            say!(
                "worker {n} waits ({} free, {} in use)",
                pool.free(),
                pool.in_use()
            );
        }
        let resource = pool.acquire().await;
        assert!(pool.in_use() <= 3);
        let (free, in_use) = (pool.free(), pool.in_use());
        say!(
            "worker {n} uses resource {} ({free} free, {in_use} in use)",
            *resource
        );
        sleep(Duration::from_millis(random.u64(500..=2000))).await;
        say!("worker {n} returns resource {}", *resource);
        drop(resource);
        sleep(Duration::from_millis(random.u64(100..=500))).await;
    }
}

/// Cancels all tasks and waits until each has ended.
async fn end(tasks: Vec<JoinHandle<()>>) {
    for task in &tasks {
        task.cancel();
    }
    for (n, task) in tasks.into_iter().enumerate() {
        let ended = task.await;
        assert!(
            matches!(ended, Err(JoinError::Cancelled { .. })),
            "{ended:?}"
        );
        say!("worker {n} was cancelled");
    }
}

async fn cancelled_twice() {
    part("Cancelled twice while it holds the only resource");
    let pool = Rc::new(ResourcePool::new(["the only one"], 3));
    let hold = |name: &'static str| {
        let pool = pool.clone();
        spawn(async move {
            let resource = pool.acquire().await;
            say!("{name} has {}", *resource);
            sleep(Duration::from_secs(3600)).await;
        })
    };
    let (holder, impatient, next) = (hold("the holder"), hold("the impatient"), hold("the next"));
    yield_now().await;
    say!("the holder is cancelled, and cancelled again");
    holder.cancel();
    holder.cancel();
    // This one is granted the resource and cancelled before it runs.
    yield_now().await;
    say!("the impatient is cancelled between the grant and its turn");
    impatient.cancel();
    assert!(holder.await.is_err());
    assert!(impatient.await.is_err());
    yield_now().await;
    assert_eq!(pool.in_use(), 1);
    next.cancel();
    assert!(next.await.is_err());
    say!("in the end: {} free, {} in use", pool.free(), pool.in_use());
    assert_eq!((pool.free(), pool.in_use()), (1, 0));
}

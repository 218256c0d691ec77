//! Tasks whose results are collected as they end, as tokio's `JoinSet`. Copy this file into your program.
//!
//! Unlike a `task_group`, a set takes errors and panics of its tasks as values: one bad request does not end the server
//! that it came to. Dropping the set cancels the tasks that are left.

use std::collections::HashMap;
use std::future::Future;
use std::rc::Rc;

use turnwise::sync::Queue;
use turnwise::{JoinError, JoinHandle, spawn};

/// Tasks that belong together, and end one by one.
pub struct JoinSet<T> {
    handles: HashMap<u64, JoinHandle<T>>,
    /// The numbers of those that have ended.
    ended: Rc<Queue<u64>>,
    /// One that is being collected.
    ending: Option<u64>,
    next: u64,
}

/// Says that a task has ended, however that came.
struct Tells {
    number: u64,
    ended: Rc<Queue<u64>>,
}

impl Drop for Tells {
    fn drop(&mut self) {
        let _ = self.ended.try_put(self.number);
    }
}

impl<T: 'static> Default for JoinSet<T> {
    fn default() -> Self {
        JoinSet::new()
    }
}

impl<T: 'static> JoinSet<T> {
    /// A set without tasks.
    pub fn new() -> Self {
        JoinSet {
            handles: HashMap::new(),
            ended: Rc::new(Queue::unbounded()),
            ending: None,
            next: 0,
        }
    }

    /// How many tasks have not been collected.
    pub fn len(&self) -> usize {
        self.handles.len()
    }

    /// Whether all have been collected.
    pub fn is_empty(&self) -> bool {
        self.handles.is_empty()
    }

    /// Starts a task.
    #[track_caller]
    pub fn spawn(&mut self, future: impl Future<Output = T> + 'static) {
        let number = self.next;
        self.next += 1;
        let tells = Tells {
            number,
            ended: self.ended.clone(),
        };
        let task = spawn(async move {
            let _tells = tells;
            future.await
        });
        self.handles.insert(number, task);
    }

    /// Waits until a task ends, in the order in which they do, and takes its result; `None` if there is none left.
    ///
    /// # Cancel safety
    ///
    /// *Strict*: a result is taken in the poll that is ready.
    pub async fn join_next(&mut self) -> Option<Result<T, JoinError>> {
        if self.handles.is_empty() {
            return None;
        }
        let number = match self.ending {
            Some(number) => number,
            None => *self.ending.insert(self.ended.get().await.ok()?),
        };
        let result = self.handles.get_mut(&number)?.await;
        self.ending = None;
        self.handles.remove(&number);
        Some(result)
    }

    /// Requests the end of all tasks; `join_next` collects them as cancelled.
    pub fn abort_all(&self) {
        for task in self.handles.values() {
            task.cancel();
        }
    }

    /// Cancels all tasks and waits until they have ended.
    pub async fn shutdown(&mut self) {
        self.abort_all();
        while self.join_next().await.is_some() {}
    }
}

impl<T> Drop for JoinSet<T> {
    fn drop(&mut self) {
        for task in self.handles.values() {
            task.cancel();
        }
    }
}

//! A share of a queue that closes it when the last one goes.

use std::fmt;
use std::ops::Deref;
use std::rc::Rc;

use super::queue::Queue;

/// A putter's share of a queue, made by [`Queue::with_sender`]. Clones are counted; the last one that is dropped closes
/// the queue.
///
/// Getters then take what is left and learn of the end, whatever became of the putters: they returned, failed, were
/// cancelled or panicked. To a queue that is shared by `Rc` alone a putter has to say `close`.
///
/// Everything that the queue has can be called on it.
///
/// asyncio counterpart: none; a program there puts a value that means the end, or calls `shutdown`.
///
/// # Examples
///
/// ```
/// use turnwise::sync::Queue;
///
/// turnwise::block_on(async {
///     let (sender, queue) = Queue::bounded(1).with_sender();
///     for n in 1..=3 {
///         let sender = sender.clone();
///         let put = turnwise::spawn(async move { sender.put(n).await.unwrap() });
///         drop(put);
///     }
///     drop(sender);
///     let mut sum = 0;
///     while let Ok(n) = queue.get().await {
///         sum += n;
///     }
///     assert_eq!(sum, 6);
/// });
/// ```
#[must_use = "dropping the last one closes the queue"]
pub struct QueueSender<T>(Rc<Closes<T>>);

/// Closes the queue when it is dropped.
struct Closes<T>(Rc<Queue<T>>);

impl<T> Drop for Closes<T> {
    fn drop(&mut self) {
        self.0.close();
    }
}

impl<T> Queue<T> {
    /// Makes a first share for putters, which closes the queue when the last clone of it is dropped.
    #[doc(alias("mpsc", "Sender"))]
    pub fn with_sender(self) -> (QueueSender<T>, Rc<Self>) {
        let queue = Rc::new(self);
        (QueueSender(Rc::new(Closes(queue.clone()))), queue)
    }
}

impl<T> Clone for QueueSender<T> {
    fn clone(&self) -> Self {
        QueueSender(self.0.clone())
    }
}

impl<T> Deref for QueueSender<T> {
    type Target = Queue<T>;

    fn deref(&self) -> &Queue<T> {
        &self.0.0
    }
}

impl<T> fmt::Debug for QueueSender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QueueSender")
            .field("senders", &Rc::strong_count(&self.0))
            .field("queue", &**self)
            .finish()
    }
}

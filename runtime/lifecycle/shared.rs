//! The runtime that several owners of one thread share.

use std::cell::RefCell;
use std::rc::{Rc, Weak};

use super::runtime::Runtime;

thread_local! {
    static SHARED: RefCell<Weak<Runtime>> = const { RefCell::new(Weak::new()) };
}

impl Runtime {
    /// This thread's shared runtime, which is made for the first owner and ends with the last one.
    ///
    /// It is for blocking clients that have a runtime inside: two of them on one thread get the same one. Tasks that
    /// one of them has spawned go on whenever another one blocks.
    ///
    /// tokio counterpart: a `Builder::new_current_thread` in each client, of which a thread may have many.
    ///
    /// # Panics
    ///
    /// If the thread has a runtime that is not shared.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::rc::Rc;
    /// use turnwise::Runtime;
    ///
    /// struct BlockingClient {
    ///     runtime: Rc<Runtime>,
    /// }
    ///
    /// impl BlockingClient {
    ///     fn ask(&self) -> u32 {
    ///         self.runtime.block_on(async { 42 })
    ///     }
    /// }
    ///
    /// let one = BlockingClient { runtime: Runtime::shared() };
    /// let two = BlockingClient { runtime: Runtime::shared() };
    /// assert_eq!(one.ask(), two.ask());
    /// ```
    #[track_caller]
    pub fn shared() -> Rc<Runtime> {
        let shared = SHARED.with_borrow(Weak::upgrade);
        shared.unwrap_or_else(|| {
            let runtime = Rc::new(Runtime::new());
            SHARED.set(Rc::downgrade(&runtime));
            runtime
        })
    }
}

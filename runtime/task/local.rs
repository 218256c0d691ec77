//! Values that belong to a task and that its children inherit.
//!
//! # Implementation
//!
//! A task that has values holds a shared map; a spawn shares it, a `set` copies it if it is shared.
//! Programs without task-locals pay one test per spawn.

use std::any::Any;
use std::fmt;
use std::marker::PhantomData;
use std::rc::Rc;
use std::sync::atomic::AtomicU8;

use crate::runtime::kernel;
use crate::runtime::kernel::polling;

/// A value of the current task, inherited by the tasks it spawns.
///
/// A spawned task starts with the values its parent had at that moment; what it sets is seen by
/// itself and by those it spawns afterwards. A value is dropped when the last task that has it ends.
///
/// Declare it as a `static`: its address is its identity. A `const` has none, and does not compile:
///
/// ```compile_fail,E0716
/// use turnwise::task::TaskLocal;
///
/// const REQUEST: TaskLocal<u32> = TaskLocal::new();
///
/// turnwise::block_on(async { REQUEST.set(7) });
/// ```
///
/// asyncio counterpart: `contextvars.ContextVar`.
///
/// # Examples
///
/// ```
/// use turnwise::task::TaskLocal;
///
/// static REQUEST: TaskLocal<u32> = TaskLocal::new();
///
/// turnwise::block_on(async {
///     REQUEST.set(7);
///     let child = turnwise::spawn(async { REQUEST.get() });
///     REQUEST.set(8);
///     assert_eq!(child.await.unwrap(), Some(7));
/// });
/// ```
#[doc(alias = "ContextVar")]
pub struct TaskLocal<T: 'static> {
    /// Gives every static an address of its own. Without interior mutability the compiler would make
    /// a static of every use of a `const`, and let equal ones share their place.
    _place: AtomicU8,
    _value: PhantomData<fn() -> T>,
}

impl<T: 'static> TaskLocal<T> {
    /// Creates a task-local without a value.
    #[allow(
        clippy::new_without_default,
        reason = "it must be a static to have an identity"
    )]
    pub const fn new() -> Self {
        TaskLocal {
            _place: AtomicU8::new(0),
            _value: PhantomData,
        }
    }

    /// Sets the value for the current task and those it spawns from now on.
    ///
    /// # Panics
    ///
    /// Outside a task.
    #[track_caller]
    pub fn set(&'static self, value: T) {
        let id = polling::current_task()
            .expect("a task-local was set outside a task; set it inside block_on or spawn");
        let value: Rc<dyn Any> = Rc::new(value);
        let old = kernel::with(|kernel| {
            let mut locals = kernel.locals_of(id).unwrap_or_default();
            // Values are shared, so copying the map runs no code of theirs.
            Rc::make_mut(&mut locals).insert(self.key(), value);
            kernel.set_locals(id, locals)
        });
        drop(old);
    }

    /// The current task's value, if one was set for it or its ancestors.
    pub fn get(&'static self) -> Option<T>
    where
        T: Clone,
    {
        self.with(|value| value.cloned())
    }

    /// Runs `f` with the current task's value.
    pub fn with<R>(&'static self, f: impl FnOnce(Option<&T>) -> R) -> R {
        let id = polling::current_task();
        let value = id.and_then(|id| {
            let locals = kernel::try_with(|kernel| kernel.locals_of(id))??;
            locals.get(&self.key()).cloned()
        });
        f(value.as_ref().and_then(|value| value.downcast_ref()))
    }

    fn key(&'static self) -> usize {
        std::ptr::from_ref(self).addr()
    }
}

impl<T: 'static> fmt::Debug for TaskLocal<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskLocal").finish_non_exhaustive()
    }
}

//! Task-locals: inherited at the spawn, never shared back, gone with the last task that has them.

use std::cell::{Cell, RefCell};
use std::future::pending;
use std::rc::Rc;
use std::time::Duration;

use turnwise::sync::Event;
use turnwise::task::TaskLocal;
use turnwise::task::spawn_eager;
use turnwise::thread::remote;
use turnwise::{
    GroupError, Runtime, TaskGroup, block_on, gather, gather_spawned, sleep, spawn, spawn_blocking,
    try_task_group, yield_now,
};

use crate::support::{panic_of, virtual_runtime};

static REQUEST: TaskLocal<u32> = TaskLocal::new();
static OTHER: TaskLocal<u32> = TaskLocal::new();
static TEXT: TaskLocal<String> = TaskLocal::new();
static SHARED: TaskLocal<Rc<Cell<u32>>> = TaskLocal::new();

#[turnwise::test]
async fn a_child_has_what_its_parent_had_at_the_spawn() {
    assert_eq!(REQUEST.get(), None);
    let before = spawn(async { REQUEST.get() });
    REQUEST.set(1);
    let between = spawn(async {
        yield_now().await;
        REQUEST.get()
    });
    REQUEST.set(2);
    let after = spawn(async { REQUEST.get() });
    let values = [before.await, between.await, after.await].map(|value| value.expect("it returns"));
    assert_eq!(values, [None, Some(1), Some(2)]);
}

#[turnwise::test]
async fn what_a_child_sets_is_its_own_and_its_children_s() {
    REQUEST.set(1);
    let child = spawn(async {
        REQUEST.set(2);
        let grandchild = spawn(async {
            let inherited = REQUEST.get();
            REQUEST.set(3);
            inherited
        });
        yield_now().await;
        (REQUEST.get(), grandchild.await.expect("it returns"))
    });
    let sibling = spawn(async {
        yield_now().await;
        yield_now().await;
        REQUEST.get()
    });
    assert_eq!(child.await.expect("it returns"), (Some(2), Some(2)));
    assert_eq!(sibling.await.expect("it returns"), Some(1));
    assert_eq!(REQUEST.get(), Some(1));
}

#[turnwise::test]
async fn statics_of_one_type_are_different_values() {
    REQUEST.set(1);
    assert_eq!((REQUEST.get(), OTHER.get()), (Some(1), None));
    OTHER.set(2);
    TEXT.set("text".into());
    assert_eq!((REQUEST.get(), OTHER.get()), (Some(1), Some(2)));
    assert_eq!(TEXT.with(|text| text.map(String::len)), Some(4));
}

#[turnwise::test]
async fn every_way_to_spawn_inherits() {
    REQUEST.set(7);
    let get = || async { REQUEST.get() };
    assert_eq!(spawn_eager(get()).await.expect("it returns"), Some(7));
    assert_eq!(gather_spawned(vec![get(), get()]).await, [Some(7), Some(7)]);
    assert_eq!(gather((get(), get())).await, (Some(7), Some(7)));
    let result: Result<_, GroupError<()>> = try_task_group(async |group: TaskGroup<()>| {
        let child = group.spawn(async {
            REQUEST.set(8);
            spawn(async { REQUEST.get() }).await.expect("it returns")
        });
        Ok(child.await.expect("it returns"))
    })
    .await;
    assert_eq!(result, Ok(Some(8)));
    assert_eq!(REQUEST.get(), Some(7));
    // A polled future is no task of its own: what it sets stays.
    gather((async { REQUEST.set(9) }, async {})).await;
    assert_eq!(REQUEST.get(), Some(9));
}

#[turnwise::test]
async fn a_child_of_a_group_inherits_from_who_spawns_it() {
    REQUEST.set(1);
    let result: Result<_, GroupError<()>> = try_task_group(async |group: TaskGroup<()>| {
        let inside = group.clone();
        let spawner = spawn(async move {
            REQUEST.set(2);
            inside.spawn(async { REQUEST.get() }).await
        });
        Ok(spawner.await.expect("it returns").expect("it returns"))
    })
    .await;
    assert_eq!(result, Ok(Some(2)));
}

#[turnwise::test]
async fn what_comes_from_other_threads_has_none() {
    REQUEST.set(1);
    let remote = remote();
    let spawned = remote.spawn(|| async { REQUEST.get() });
    let called = Rc::new(Cell::new(Some(0)));
    thread_local! {
        static SEEN: Cell<Option<u32>> = const { Cell::new(Some(0)) };
    }
    remote
        .call(|| SEEN.set(REQUEST.get()))
        .expect("it is alive");
    assert_eq!(spawned.await.expect("it returns"), None);
    called.set(SEEN.get());
    assert_eq!(called.get(), None);
    assert_eq!(
        spawn_blocking(|| REQUEST.get()).await.expect("it returns"),
        None
    );
}

#[test]
fn outside_a_task_there_is_none_and_setting_one_panics_with_the_cure() {
    assert_eq!(REQUEST.get(), None);
    let text = panic_of(|| REQUEST.set(1));
    assert!(
        text.contains("outside a task; set it inside block_on or spawn"),
        "{text}"
    );
    let text = panic_of(|| futures::executor::block_on(async { REQUEST.set(1) }));
    assert!(text.contains("outside a task"), "{text}");
}

#[test]
fn a_task_in_a_used_slot_starts_without() {
    let runtime = Runtime::new();
    runtime.block_on(async {
        REQUEST.set(1);
        spawn(async { REQUEST.set(2) }).await.expect("it returns");
    });
    // Spawned outside a task; the slots are those of the tasks above.
    let one = runtime.spawn(async { REQUEST.get() });
    let two = runtime.spawn(async { REQUEST.get() });
    let here = runtime.block_on(async {
        (
            REQUEST.get(),
            one.await.expect("it returns"),
            two.await.expect("it returns"),
        )
    });
    assert_eq!(here, (None, None, None));
}

#[turnwise::test]
async fn a_value_is_dropped_with_the_last_task_that_has_it() {
    let value = Rc::new(Cell::new(0));
    let event = Rc::new(Event::new());
    let parent = spawn({
        let (value, event) = (value.clone(), event.clone());
        async move {
            SHARED.set(value);
            spawn(async move {
                event.wait().await;
                SHARED.with(|value| value.expect("it was inherited").set(7));
            })
        }
    });
    let child = parent.await.expect("it returns");
    assert_eq!(Rc::strong_count(&value), 2);
    event.set();
    child.await.expect("it returns");
    assert_eq!((Rc::strong_count(&value), value.get()), (1, 7));
}

#[turnwise::test]
async fn a_value_that_is_replaced_is_dropped_at_once_unless_a_child_has_it() {
    let (first, second) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(0)));
    SHARED.set(first.clone());
    SHARED.set(second.clone());
    assert_eq!(Rc::strong_count(&first), 1);
    let child = spawn(pending::<()>());
    SHARED.set(first.clone());
    assert_eq!(Rc::strong_count(&second), 2);
    child.cancel();
    let _ = child.await;
    assert_eq!(Rc::strong_count(&second), 1);
}

#[test]
fn destructors_of_values_may_use_the_runtime_and_the_value() {
    virtual_runtime().block_on(async {
        struct Busy(Rc<RefCell<Vec<Option<u32>>>>);
        impl Drop for Busy {
            fn drop(&mut self) {
                self.0.borrow_mut().push(REQUEST.get());
                if turnwise::task::current().is_some() {
                    REQUEST.set(5);
                }
                drop(spawn(async {}));
            }
        }
        static BUSY: TaskLocal<Rc<Busy>> = TaskLocal::new();
        let seen = Rc::new(RefCell::new(Vec::new()));
        REQUEST.set(1);
        BUSY.set(Rc::new(Busy(seen.clone())));
        BUSY.set(Rc::new(Busy(seen.clone())));
        assert_eq!(*seen.borrow(), [Some(1)]);
        assert_eq!(REQUEST.get(), Some(5));
        // The task that the destructor spawned has inherited the second one.
        yield_now().await;
        // A value may be replaced while it is being looked at.
        BUSY.with(|busy| {
            BUSY.set(Rc::new(Busy(seen.clone())));
            assert_eq!(busy.expect("it is still there").0.borrow().len(), 1);
        });
        assert_eq!(seen.borrow().len(), 2);
        yield_now().await;
    });
}

#[test]
fn a_destructor_of_a_cancelled_task_sees_the_task_s_values() {
    struct Sees(Rc<Cell<Option<u32>>>);
    impl Drop for Sees {
        fn drop(&mut self) {
            self.0.set(REQUEST.get());
        }
    }
    virtual_runtime().block_on(async {
        REQUEST.set(1);
        let seen = Rc::new(Cell::new(None));
        let sees = Sees(seen.clone());
        let child = spawn(async move {
            let _sees = sees;
            REQUEST.set(2);
            pending::<()>().await
        });
        yield_now().await;
        child.cancel();
        let _ = child.await;
        assert_eq!(seen.get(), Some(2));
        // So does one whose group ends, inside the poll of another task.
        let (seen, told) = (Rc::new(Cell::new(None)), Rc::new(Cell::new(None)));
        let (sees, parent) = (Sees(seen.clone()), Sees(told.clone()));
        let group = try_task_group(async move |group: TaskGroup<()>| {
            let _parent = parent;
            drop(group.spawn(async move {
                let _sees = sees;
                REQUEST.set(3);
                pending::<()>().await
            }));
            sleep(Duration::from_secs(1)).await;
            Err::<(), ()>(())
        });
        assert!(group.await.is_err());
        assert_eq!((seen.get(), told.get()), (Some(3), Some(1)));
        assert_eq!(REQUEST.get(), Some(1));
    });
}

#[turnwise::test]
async fn the_values_of_a_task_end_with_it_though_its_handle_is_kept() {
    let value = Rc::new(Cell::new(0));
    let (ends, cancelled) = (value.clone(), value.clone());
    let ended = spawn(async move { SHARED.set(ends) });
    let stopped = spawn(async move {
        SHARED.set(cancelled);
        Event::new().wait().await;
    });
    yield_now().await;
    assert_eq!(Rc::strong_count(&value), 2);
    stopped.cancel();
    yield_now().await;
    assert_eq!(Rc::strong_count(&value), 1);
    assert!(ended.await.is_ok() && stopped.await.is_err());
}

#[test]
fn the_values_of_main_end_with_it() {
    let value = Rc::new(Cell::new(0));
    let runtime = Runtime::new();
    runtime.block_on(async { SHARED.set(value.clone()) });
    assert_eq!(Rc::strong_count(&value), 1);
    let seen = runtime.block_on(async { SHARED.get().is_some() });
    assert!(!seen);
    block_on_again(runtime);
}

/// A deep chain of tasks inherits without copying: each holds the same map.
fn block_on_again(runtime: Runtime) {
    drop(runtime);
    block_on(async {
        let value = Rc::new(Cell::new(0));
        SHARED.set(value.clone());
        let children: Vec<_> = (0..1000).map(|_| spawn(pending::<()>())).collect();
        assert_eq!(Rc::strong_count(&value), 2);
        for child in &children {
            child.cancel();
        }
    });
}

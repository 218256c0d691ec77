//! Hangs over what somebody holds: the report knows who.

use std::cell::RefCell;
use std::rc::Rc;

use futures::FutureExt;
use turnwise::sync::{Event, Lock, OnceCell, RwLock, Semaphore};
use turnwise::{JoinHandle, gather, gather_spawned, spawn, try_task_group, yield_now};

use super::{Hang, certain, next};
use crate::support::forever;

pub(super) const TABLE: &[Hang] = &[
    certain(
        "AB-BA",
        &[
            "cycle of 2 tasks",
            "    took       lock made at {A}\n               at {a holds}\n    waits for  lock made at ",
            "\n               at {a waits}\n  task #2 \"b\"\n",
            "\n               at {b waits}\n",
            "task #1 \"a\" [waiting], spawned at {a}",
            "taken by task #2 \"b\" at {b holds}",
            "waits for the end of task #1 \"a\"\n        at {join}",
            "outside: nothing",
        ],
        || {
            async {
                next("A");
                let a = Rc::new(Lock::new(()));
                let b = Rc::new(Lock::new(()));
                next("a");
                let one = spawn({
                    let (a, b) = (a.clone(), b.clone());
                    async move {
                        next("a holds");
                        let _a = a.acquire().await;
                        yield_now().await;
                        next("a waits");
                        let _b = b.acquire().await;
                    }
                });
                let two = spawn(async move {
                    next("b holds");
                    let _b = b.acquire().await;
                    yield_now().await;
                    next("b waits");
                    let _a = a.acquire().await;
                });
                let (one, _two) = (one.named("a"), two.named("b"));
                next("join");
                one.await.unwrap();
            }
            .boxed_local()
        },
    ),
    certain(
        "three in a ring",
        &[
            "cycle of 3 tasks",
            "\"0\"",
            "\"1\"",
            "\"2\"",
            "at {holds}",
            "at {waits}",
        ],
        || ring(3).boxed_local(),
    ),
    certain(
        "twenty in a ring",
        &["cycle of 20 tasks", "taken by task #20 \"19\""],
        || ring(20).boxed_local(),
    ),
    certain(
        "a task takes a lock twice",
        &[
            "cycle of one task",
            "    took       lock made at {made}\n               at {holds}\n",
            "at {waits}\n    so it waits for what it took itself: let go of that first (drop the guard;",
            "taken by task #0 (main) at {holds}",
        ],
        || {
            async {
                next("made");
                let lock = Lock::new(());
                next("holds");
                let _once = lock.acquire().await;
                next("waits");
                let _twice = lock.acquire().await;
            }
            .boxed_local()
        },
    ),
    certain(
        "a writer that reads has write access, not what it asks for",
        &[
            "    took       write access to rwlock made at {made}\n               at {holds}\n",
            "    waits for  read access to rwlock made at {made}\n               at {waits}\n",
            "    so it waits for what it took itself",
        ],
        || {
            async {
                next("made");
                let lock = RwLock::new(());
                next("holds");
                let _once = lock.write().await;
                next("waits");
                let _twice = lock.read().await;
            }
            .boxed_local()
        },
    ),
    certain(
        "a reader that was granted and is not polled has read access",
        &[
            "    granted    read access to rwlock made at {made}\n               at {granted}",
            "    waits for  write access to rwlock made at {made}\n               at {waits}\n",
        ],
        || {
            async {
                next("made");
                let lock = RwLock::new(());
                let writer = lock.write().await;
                next("granted");
                let mut reader = std::pin::pin!(lock.read());
                assert!(futures::poll!(&mut reader).is_pending());
                drop(writer);
                next("waits");
                let _writer = lock.write().await;
            }
            .boxed_local()
        },
    ),
    certain(
        "an initialiser asks for its own cell",
        &[
            "    took       once cell made at {made}\n               at {turn}\n",
            "at {waits}\n    so it waits for what it took itself",
        ],
        || {
            async {
                next("made");
                let cell = OnceCell::new();
                next("turn");
                let outer = cell.get_or_init(async || {
                    next("waits");
                    *cell.get_or_init(async || 1).await
                });
                outer.await;
            }
            .boxed_local()
        },
    ),
    certain(
        "a try_acquire that is still held",
        &["cycle of one task", "at {holds}", "at {waits}"],
        || {
            async {
                let lock = Lock::new(());
                next("holds");
                let _once = lock.try_acquire();
                next("waits");
                let _ = lock.acquire().await;
            }
            .boxed_local()
        },
    ),
    certain(
        "main awaits a task that wants main's lock",
        &[
            "cycle of 2 tasks",
            "at {holds}",
            "    waits for  the end of task #1\n               at {join}\n",
            "at {waits}",
        ],
        || {
            async {
                let lock = Rc::new(Lock::new(()));
                next("holds");
                let _guard = lock.acquire().await;
                let child = spawn({
                    let lock = lock.clone();
                    async move {
                        next("waits");
                        let _ = lock.acquire().await;
                    }
                });
                next("join");
                child.await.unwrap();
            }
            .boxed_local()
        },
    ),
    certain(
        "a guard leaked by a task that has ended",
        &[
            "taken by task #1 at {leaked}\n        it has ended: its guard was moved or leaked\n",
            "at {waits}",
        ],
        || {
            async {
                let lock = forever(Lock::new(()));
                let leaks = spawn(async {
                    next("leaked");
                    std::mem::forget(lock.acquire().await);
                });
                leaks.await.unwrap();
                next("waits");
                let _ = lock.acquire().await;
            }
            .boxed_local()
        },
    ),
    certain(
        "a guard taken outside every task",
        &["taken by code outside any task at {holds}", "at {waits}"],
        || {
            let lock = forever(Lock::new(()));
            next("holds");
            let guard = lock.try_acquire();
            async move {
                next("waits");
                let _ = lock.acquire().await;
                drop(guard);
            }
            .boxed_local()
        },
    ),
    certain(
        "a place in line behind another",
        &["place 2 in line", "taken by task #0 (main) at {holds}"],
        || {
            async {
                let lock = Lock::new(());
                next("holds");
                let _guard = lock.acquire().await;
                let _ = gather((lock.acquire(), lock.acquire())).await;
            }
            .boxed_local()
        },
    ),
    certain(
        "a reader that wants to write",
        &[
            "waits for write access to rwlock made at {made}",
            "at {waits}",
        ],
        || {
            async {
                next("made");
                let lock = RwLock::new(());
                let _read = lock.read().await;
                next("waits");
                let _write = lock.write().await;
            }
            .boxed_local()
        },
    ),
    certain(
        "a writer that wants to read",
        &["cycle of one task", "rwlock", "at {holds}", "at {waits}"],
        || {
            async {
                let lock = RwLock::new(());
                next("holds");
                let _write = lock.write().await;
                next("waits");
                let _read = lock.read().await;
            }
            .boxed_local()
        },
    ),
    certain(
        "a reader reads again behind a writer",
        &[
            "at {writer}",
            "at {waits}",
            "readers: 1, the last since {reads}",
            "place 1 in line",
            "place 2 in line",
        ],
        || {
            async {
                let lock = Rc::new(RwLock::new(()));
                next("reads");
                let _read = lock.read().await;
                let _writer = spawn({
                    let lock = lock.clone();
                    async move {
                        next("writer");
                        let _write = lock.write().await;
                    }
                });
                yield_now().await;
                next("waits");
                let _again = lock.read().await;
            }
            .boxed_local()
        },
    ),
    certain(
        "AB-BA of writers, one lock of each policy",
        &["cycle of 2 tasks", "at {a}", "at {b}"],
        || {
            async {
                let a = Rc::new(RwLock::new(()));
                let b = Rc::new(RwLock::prefer_writers(()));
                let other = spawn({
                    let (a, b) = (a.clone(), b.clone());
                    async move {
                        next("b");
                        let _b = b.write().await;
                        yield_now().await;
                        let _a = a.write().await;
                    }
                });
                next("a");
                let _a = a.write().await;
                yield_now().await;
                let _b = b.write().await;
                drop(other);
            }
            .boxed_local()
        },
    ),
    certain(
        "a cell whose initialiser asks for it",
        &["cycle of one task", "once cell", "at {holds}", "at {waits}"],
        || {
            async {
                let cell = forever(OnceCell::<i32>::new());
                next("holds");
                cell.get_or_init(async || {
                    next("waits");
                    *cell.get_or_init(async || 1).await
                })
                .await;
            }
            .boxed_local()
        },
    ),
    certain(
        "two cells that need each other",
        &["cycle of 2 tasks", "once cell"],
        || {
            async {
                let (a, b) = (forever(OnceCell::<i32>::new()), forever(OnceCell::new()));
                let slow = async |other: &'static OnceCell<i32>| {
                    yield_now().await;
                    *other.get_or_init(async || 1).await
                };
                let other = spawn(async move { *a.get_or_init(|| slow(b)).await });
                b.get_or_init(|| slow(a)).await;
                drop(other);
            }
            .boxed_local()
        },
    ),
    certain(
        "who would set the event waits for the lock",
        &[
            "waits for event made at {event}",
            "at {holds}",
            "at {waits}",
        ],
        || {
            async {
                next("event");
                let event = Rc::new(Event::new());
                let lock = Rc::new(Lock::new(()));
                let setter = spawn({
                    let (event, lock) = (event.clone(), lock.clone());
                    async move {
                        next("waits");
                        let _guard = lock.acquire().await;
                        event.set();
                    }
                });
                next("holds");
                let _guard = lock.acquire().await;
                event.wait().await;
                drop(setter);
            }
            .boxed_local()
        },
    ),
    certain(
        "a group whose body holds what a child wants",
        &[
            "cycle of 2 tasks",
            "    waits for  the children #1 \"child\" of a task group made at {group}\n",
        ],
        || {
            async {
                let lock = Rc::new(Lock::new(()));
                let _guard = lock.acquire().await;
                let child = lock.clone();
                next("group");
                let all = try_task_group(async |group| {
                    drop(
                        group
                            .spawn(async move { drop(child.acquire().await) })
                            .named("child"),
                    );
                    Ok::<(), std::io::Error>(())
                });
                all.await.unwrap();
            }
            .boxed_local()
        },
    ),
    certain(
        "gathered tasks that want main's lock",
        &["cycle of 2 tasks", "of a gather"],
        || {
            async {
                let lock = forever(Lock::new(()));
                let _guard = lock.acquire().await;
                gather_spawned((0..3).map(|_| async { drop(lock.acquire().await) })).await;
            }
            .boxed_local()
        },
    ),
    certain(
        "the holder of all permits wants one more",
        &[
            "a permit of semaphore made at {made}",
            "at {waits}",
            "permits in hand: 2, the last since {holds}",
        ],
        || {
            async {
                next("made");
                let semaphore = Semaphore::new(2);
                next("holds");
                let _all = semaphore.acquire_many(2).await;
                next("waits");
                let _more = semaphore.acquire().await;
            }
            .boxed_local()
        },
    ),
    certain(
        "two tasks that await each other",
        &["cycle of 2 tasks", "\n               at {join}\n"],
        || joins(2).boxed_local(),
    ),
    certain(
        "five tasks that await each other",
        &["cycle of 5 tasks"],
        || joins(5).boxed_local(),
    ),
    certain(
        "a task that awaits itself",
        &["cycle of one task", "the end of task #1"],
        || joins(1).boxed_local(),
    ),
];

/// Tasks each of which holds a lock and wants its neighbour's.
async fn ring(size: usize) {
    let locks: Rc<[Lock<()>]> = (0..size).map(|_| Lock::new(())).collect();
    let mut tasks = Vec::new();
    for at in 0..size {
        let locks = locks.clone();
        let task = spawn(async move {
            next("holds");
            let _own = locks[at].acquire().await;
            yield_now().await;
            next("waits");
            let _other = locks[(at + 1) % locks.len()].acquire().await;
        });
        tasks.push(task.named(at.to_string()));
    }
    for task in tasks {
        task.await.unwrap();
    }
}

/// Tasks each of which awaits the next one's end.
async fn joins(size: usize) {
    let handles: Rc<RefCell<Vec<Option<JoinHandle<()>>>>> = Rc::default();
    for at in 0..size {
        let shared = handles.clone();
        let task = spawn(async move {
            let next_one = (at + 1) % size;
            let handle = shared.borrow_mut()[next_one].take().unwrap();
            next("join");
            handle.await.unwrap();
        });
        handles.borrow_mut().push(Some(task));
    }
    std::future::pending().await
}

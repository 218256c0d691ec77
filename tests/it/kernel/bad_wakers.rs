//! Foreign wakers that panic: nobody else stays asleep, nothing that was granted is lost, and the panic
//! goes no further than its message.

use std::cell::Cell;
use std::future::pending;
use std::io::{Read, Write};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Wake, Waker};
use std::time::Duration;

use futures::AsyncRead;
use turnwise::io::UnixStream;
use turnwise::sync::{Condition, Event, Lock, Queue, RwLock, Semaphore};
use turnwise::{Runtime, block_on, sleep, spawn, try_task_group, yield_now};

use crate::support::{Spy, bounded, poll_once, poll_with, virtual_runtime};
use crate::sync::trace::Trace;

/// Panics when it is woken.
fn bad() -> Waker {
    struct Bad;
    impl Wake for Bad {
        fn wake(self: Arc<Self>) {
            panic!("woken")
        }
    }
    Waker::from(Arc::new(Bad))
}

/// Panics when the last of its clones is dropped.
fn bad_to_drop() -> Waker {
    struct Bad;
    impl Wake for Bad {
        fn wake(self: Arc<Self>) {}
    }
    impl Drop for Bad {
        fn drop(&mut self) {
            if !std::thread::panicking() {
                panic!("dropped")
            }
        }
    }
    Waker::from(Arc::new(Bad))
}

#[test]
fn everybody_else_hears_of_the_event() {
    virtual_runtime().block_on(async {
        let event = Rc::new(Event::new());
        let mut waits: Vec<_> = (0..3).map(|_| event.wait()).collect();
        for wait in &mut waits {
            assert!(poll_with(wait, &bad()).is_pending());
        }
        let task = spawn({
            let event = event.clone();
            async move { event.wait().await }
        });
        yield_now().await;
        event.set();
        task.await.unwrap();
    });
}

#[test]
fn everybody_else_hears_of_the_deadline() {
    let runtime = virtual_runtime();
    let second = Duration::from_secs(1);
    let task = runtime.spawn(async move {
        let mut sleeps = sleep(2 * second);
        assert!(poll_with(&mut sleeps, &bad()).is_pending());
        pending::<()>().await;
    });
    let sleeper = runtime.spawn(sleep(2 * second));
    runtime.block_on(sleep(3 * second));
    assert!(sleeper.is_finished());
    task.cancel();
}

#[test]
fn everybody_else_hears_of_the_permits() {
    let semaphore = Semaphore::new(0);
    let (spy, waker) = Spy::new();
    let (mut first, mut second) = (semaphore.acquire(), semaphore.acquire());
    assert!(poll_with(&mut first, &bad()).is_pending());
    assert!(poll_with(&mut second, &waker).is_pending());
    semaphore.add_permits(2).unwrap();
    assert_eq!((spy.wakes(), semaphore.available()), (1, 0));
}

#[test]
fn everybody_else_is_notified() {
    let (lock, condition) = (Lock::new(0), Condition::new());
    let (spy, waker) = Spy::new();
    let mut first = condition.wait(lock.try_acquire().unwrap());
    assert!(poll_with(&mut first, &bad()).is_pending());
    let mut second = condition.wait(lock.try_acquire().unwrap());
    assert!(poll_with(&mut second, &waker).is_pending());
    condition.notify(2);
    assert_eq!(spy.wakes(), 1);
}

#[test]
fn every_reader_is_let_in() {
    let lock = RwLock::new(0);
    let writer = lock.try_write().unwrap();
    let (spy, waker) = Spy::new();
    let (mut first, mut second) = (lock.read(), lock.read());
    assert!(poll_with(&mut first, &bad()).is_pending());
    assert!(poll_with(&mut second, &waker).is_pending());
    drop(writer);
    assert_eq!(spy.wakes(), 1);
}

#[test]
fn a_queue_that_is_closed_tells_getters_and_joiners() {
    let queue = Queue::bounded(1);
    let (getter, wakes_getter) = Spy::new();
    let (joiner, wakes_joiner) = Spy::new();
    let (mut first, mut second) = (queue.get(), queue.get());
    assert!(poll_once(&mut first).is_pending());
    assert!(poll_with(&mut second, &wakes_getter).is_pending());
    // The first getter's, which it never comes for.
    queue.try_put(1).unwrap();
    let mut put = queue.put(2);
    assert!(poll_with(&mut put, &bad()).is_pending());
    let mut joins = queue.join();
    assert!(poll_with(&mut joins, &wakes_joiner).is_pending());
    assert_eq!(queue.close_now(), [1]);
    assert_eq!(queue.unfinished(), 0);
    assert_eq!((getter.wakes(), joiner.wakes()), (1, 1));
}

#[test]
fn an_item_is_not_lost_to_the_waker_of_a_putter() {
    let queue = Queue::bounded(1);
    queue.try_put(1).unwrap();
    let mut put = queue.put(2);
    assert!(poll_with(&mut put, &bad()).is_pending());
    assert_eq!(queue.try_get(), Ok(1));
    assert!(poll_once(&mut put).is_ready());
    assert_eq!(queue.try_get(), Ok(2));
}

#[test]
fn a_big_ask_that_leaves_lets_small_ones_pass() {
    let semaphore = Semaphore::new(1);
    let (spy, waker) = Spy::new();
    let mut big = semaphore.acquire_many(2);
    assert!(poll_with(&mut big, &bad_to_drop()).is_pending());
    let mut small = semaphore.acquire();
    assert!(poll_with(&mut small, &waker).is_pending());
    drop(big);
    assert_eq!((spy.wakes(), semaphore.available()), (1, 0));
}

#[test]
fn a_group_that_is_dropped_drops_its_children() {
    block_on(async {
        let trace = Trace::default();
        let child_dropped = trace.on_drop("child");
        let mut group = Box::pin(try_task_group(async move |group| {
            let child = async move {
                let _child_dropped = child_dropped;
                pending::<Result<(), ()>>().await
            };
            drop(group.try_spawn(child));
            pending::<Result<(), ()>>().await
        }));
        assert!(poll_with(&mut group, &bad_to_drop()).is_pending());
        yield_now().await;
        drop(group);
        assert_eq!(trace.take(), ["child"]);
    });
}

#[test]
fn everybody_else_of_one_look_at_descriptors_is_woken() {
    bounded(|| {
        let runtime = Runtime::new();
        let good = Rc::new(Cell::new(0));
        let (mut near, mut tasks) = (Vec::new(), Vec::new());
        for is_bad in [true, false, true, false] {
            let (ours, theirs) = runtime.block_on(async { UnixStream::pair() }).unwrap();
            near.push(ours.into_std().unwrap());
            let good = good.clone();
            tasks.push(runtime.spawn(async move {
                let mut byte = [0];
                let mut read = theirs.read(&mut byte);
                if is_bad {
                    assert!(poll_with(&mut read, &bad()).is_pending());
                    pending::<()>().await;
                }
                assert_eq!(read.await.unwrap(), 1);
                good.set(good.get() + 1);
            }));
        }
        runtime.run_until_stalled();
        for stream in &mut near {
            stream.write_all(&[1]).unwrap();
        }
        while good.get() < 2 {
            runtime.turn(None);
        }
    });
}

#[test]
fn a_method_hears_what_a_trait_heard_before_it() {
    bounded(|| {
        let runtime = Runtime::new();
        let (ours, theirs) = runtime.block_on(async { UnixStream::pair() }).unwrap();
        let ours = Rc::new(ours);
        let also = ours.clone();
        let bad = runtime.spawn(async move {
            let (mut stream, mut byte) = (&*also, [0]);
            let (waker, reader) = (bad(), Pin::new(&mut stream));
            let read = reader.poll_read(&mut Context::from_waker(&waker), &mut byte);
            assert!(read.is_pending());
            pending::<()>().await;
        });
        let reads = runtime.spawn(async move { ours.read(&mut [0]).await });
        runtime.run_until_stalled();
        theirs.into_std().unwrap().write_all(&[1]).unwrap();
        assert_eq!(runtime.block_on(reads).unwrap().unwrap(), 1);
        bad.cancel();
    });
}

#[test]
fn one_event_is_told_to_both_directions() {
    bounded(|| {
        let runtime = Runtime::new();
        let (ours, theirs) = runtime.block_on(async { UnixStream::pair() }).unwrap();
        let (ours, mut theirs) = (Rc::new(ours), theirs.into_std().unwrap());
        let also = ours.clone();
        let reads = runtime.spawn(async move {
            let mut byte = [0];
            let mut read = also.read(&mut byte);
            assert!(poll_with(&mut read, &bad()).is_pending());
            pending::<()>().await;
        });
        let writes = runtime.spawn(async move {
            let chunk = [0; 1 << 16];
            // More than the system keeps: it has to wait once at least.
            for _ in 0..100 {
                let mut sent = 0;
                while sent < chunk.len() {
                    sent += ours.write(&chunk[sent..]).await.unwrap();
                }
            }
        });
        runtime.run_until_stalled();
        assert!(!writes.is_finished());
        theirs.write_all(&[1]).unwrap();
        let (mut buffer, mut received) = (vec![0; 1 << 20], 0);
        theirs.set_nonblocking(true).unwrap();
        while received < 100 << 16 {
            received += theirs.read(&mut buffer).unwrap_or(0);
            runtime.turn(Some(Duration::ZERO));
        }
        runtime.block_on(writes).unwrap();
        reads.cancel();
    });
}

#[test]
fn a_runtime_ends_all_the_same() {
    bounded(|| {
        let runtime = Runtime::new();
        let remote = runtime.remote();
        let (ours, _theirs) = runtime.block_on(async { UnixStream::pair() }).unwrap();
        let mut byte = [0];
        let mut read = ours.read(&mut byte);
        assert!(poll_with(&mut read, &bad()).is_pending());
        drop(runtime);
        let late = std::thread::spawn(move || remote.call(|| ()).is_err());
        assert!(late.join().unwrap());
        // The thread can have another.
        let six = block_on(async { spawn(async { 6 }).await.unwrap() });
        assert_eq!(six, 6);
    });
}

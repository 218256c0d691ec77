//! The watchdog: who is said to block the loop, and when.

use std::future::pending;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use turnwise::report::Stall;
use turnwise::{Runtime, sleep, spawn, yield_now};

use crate::support::{here, yields};

fn watched() -> (turnwise::Runtime, mpsc::Receiver<Stall>) {
    let (told, stalls) = mpsc::channel();
    let builder = Runtime::builder().watchdog(Duration::from_millis(20));
    let tell = move |stall: &Stall| told.send(stall.clone()).unwrap();
    (builder.on_stall(tell).build(), stalls)
}

#[test]
fn the_watchdog_names_who_blocks_the_loop_while_it_does() {
    let (sender, stalls) = mpsc::channel::<(Stall, Instant)>();
    let builder = Runtime::builder().watchdog(Duration::from_millis(20));
    let runtime =
        builder.on_stall(move |stall| sender.send((stall.clone(), Instant::now())).unwrap());
    let runtime = runtime.build();
    let (mut line, mut ended) = (0, Instant::now());
    runtime.block_on(async {
        let (spawned, resumed) = (here() + 1, &mut line);
        let task = spawn(async {
            sleep(Duration::from_millis(1)).await;
            thread::sleep(Duration::from_millis(150));
        });
        *resumed = spawned + 1;
        task.named("busy").await.unwrap();
        ended = Instant::now();
        for _ in 0..100 {
            sleep(Duration::from_millis(1)).await;
        }
    });
    drop(runtime);
    let stalls: Vec<_> = stalls.into_iter().collect();
    let [(during, seen), (after, _)] = &stalls[..] else {
        panic!("{stalls:?}");
    };
    assert!(!during.over && *seen < ended && during.lasted >= Duration::from_millis(20));
    assert_eq!(during.name.as_deref(), Some("busy"));
    assert_eq!(during.spawned_at.line(), line - 1);
    assert!(during.to_string().contains("and still does"), "{during}");
    assert!(after.over && after.lasted > during.lasted);
    assert_eq!(after.resumed_at.map(|at| at.line()), Some(line), "{after}");
}

#[test]
fn a_hook_for_stalls_alone_has_the_loop_watched() {
    let (told, stalls) = mpsc::channel();
    let hook = move |stall: &Stall| told.send(stall.clone()).unwrap();
    let runtime = Runtime::builder().on_stall(hook).build();
    let stall = runtime.block_on(async { stalls.recv_timeout(Duration::from_secs(20)) });
    let text = stall.expect("it is seen while it lasts").to_string();
    assert!(text.contains("blocked the loop for at least 1"), "{text}");
}

#[test]
fn the_watchdog_knows_a_task_that_was_first_polled_out_of_turn() {
    let (runtime, stalls) = watched();
    runtime.block_on(async {
        // Somebody had the slot before.
        spawn(async {}).await.unwrap();
        let line = here() + 1;
        let task = turnwise::task::spawn_eager(async move {
            yield_now().await;
            let stall = stalls.recv_timeout(Duration::from_secs(20)).unwrap();
            (stall, stalls)
        });
        let id = task.id();
        let (stall, stalls) = task.await.unwrap();
        assert_eq!(
            (stall.task, stall.spawned_at.line(), stall.over),
            (id, line, false)
        );
        let over = stalls.recv_timeout(Duration::from_secs(20)).unwrap();
        assert_eq!((over.task, over.over), (id, true));
    });
}

#[test]
fn the_watchdog_names_a_task_whose_destructor_blocks_the_end_of_the_runtime() {
    struct Blocks(mpsc::Receiver<Stall>, mpsc::Sender<Stall>);

    impl Drop for Blocks {
        fn drop(&mut self) {
            let stall = self.0.recv_timeout(Duration::from_secs(20));
            self.1.send(stall.expect("it is seen while it lasts")).ok();
        }
    }

    let (runtime, stalls) = watched();
    let (send, seen) = mpsc::channel();
    let line = here() + 1;
    let task = runtime.spawn(async move {
        let _blocks = Blocks(stalls, send);
        pending::<()>().await;
    });
    let task = task.named("slow to go");
    runtime.block_on(yields(3));
    drop(runtime);
    let stall = seen.try_recv().expect("its destructor has run");
    assert_eq!((stall.task, stall.spawned_at.line()), (task.id(), line));
    assert_eq!(
        (stall.name.as_deref(), stall.over),
        (Some("slow to go"), false)
    );
}

#[test]
fn a_loop_that_rests_after_a_panic_of_main_blocks_nobody() {
    let (runtime, stalls) = watched();
    let main = std::panic::AssertUnwindSafe(|| {
        runtime.block_on(async { std::panic::resume_unwind(Box::new("meant")) })
    });
    std::panic::catch_unwind(main).unwrap_err();
    // Five thresholds: it would have been told after one.
    assert!(stalls.recv_timeout(Duration::from_millis(100)).is_err());
}

#[test]
fn the_watchdog_names_a_task_that_hangs_in_another_executors_block_on() {
    let (help, helped) = futures::channel::oneshot::channel();
    let help = std::sync::Mutex::new(Some(help));
    let builder = Runtime::builder().watchdog(Duration::from_millis(20));
    // Without help from the watchdog's thread it would hang for ever.
    let builder = builder.on_stall(move |stall| {
        if let Some(help) = help.lock().unwrap().take() {
            help.send(stall.clone()).unwrap();
        }
    });
    let stall = builder.build().block_on(async {
        let hangs = spawn(async {
            let never = Box::pin(sleep(Duration::MAX));
            let both = futures::future::select(never, helped);
            match futures::executor::block_on(both) {
                futures::future::Either::Right((stall, _)) => stall.unwrap(),
                futures::future::Either::Left(_) => panic!("the loop stands still"),
            }
        });
        hangs.named("nested").await.unwrap()
    });
    assert_eq!(stall.name.as_deref(), Some("nested"));
    assert!(!stall.over);
}

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;

use super::super::blocking::{BlockingIo, do_blocking};
use super::*;
use crate::{Runtime, block_on, spawn_blocking, yield_now};

/// A call that is stuck until the sender is gone; it sends to `begun` when it begins.
fn stuck(lane: Lane, begun: &mpsc::Sender<()>) -> (BlockingIo<()>, mpsc::Sender<()>) {
    let (free, freed) = mpsc::channel::<()>();
    let begun = begun.clone();
    let call = move || {
        begun.send(()).expect("the test waits");
        let _ = freed.recv();
        Ok(())
    };
    (do_blocking(lane, Location::caller(), call), free)
}

async fn is_free(lane: Lane) {
    let call = do_blocking(lane, Location::caller(), || Ok(7));
    assert_eq!(call.await.expect("it returns"), 7);
}

#[test]
fn a_lane_that_is_stuck_holds_up_no_other() {
    let runtime = Runtime::builder().blocking_threads(1).build();
    let (begun, has_begun) = mpsc::channel();
    runtime.block_on(async {
        let lookups: Vec<_> = (0..2 * LOOKUPS)
            .map(|_| stuck(Lane::Lookups, &begun))
            .collect();
        (0..LOOKUPS).for_each(|_| has_begun.recv().expect("it begins"));
        assert_eq!(spawn_blocking(|| 7).await.expect("it returns"), 7);
        is_free(Lane::Own).await;
        drop(lookups);
        is_free(Lane::Lookups).await;
        while has_begun.try_recv().is_ok() {}

        let calls = [(); 2].map(|()| stuck(Lane::Calls, &begun));
        has_begun.recv().expect("it begins");
        is_free(Lane::Lookups).await;
        is_free(Lane::Own).await;
        drop(calls);
    });
}

#[test]
fn a_call_of_the_runtime_itself_never_waits() {
    let (begun, has_begun) = mpsc::channel();
    block_on(async {
        let own: Vec<_> = (0..40).map(|_| stuck(Lane::Own, &begun)).collect();
        (0..40).for_each(|_| has_begun.recv().expect("it begins"));
        drop(own);
    });
}

#[test]
fn only_so_many_names_are_looked_up_at_a_time() {
    let running = Arc::new(AtomicUsize::new(0));
    block_on(async {
        let lookups: Vec<_> = (0..200)
            .map(|_| {
                let running = running.clone();
                do_blocking(Lane::Lookups, Location::caller(), move || {
                    let now = running.fetch_add(1, Ordering::SeqCst) + 1;
                    thread::yield_now();
                    running.fetch_sub(1, Ordering::SeqCst);
                    Ok(now)
                })
            })
            .collect();
        for lookup in lookups {
            assert!(lookup.await.expect("it returns") <= LOOKUPS);
        }
    });
}

#[test]
fn an_abandoned_lookup_leaves_the_line() {
    let (begun, has_begun) = mpsc::channel();
    block_on(async {
        let running: Vec<_> = (0..LOOKUPS).map(|_| stuck(Lane::Lookups, &begun)).collect();
        (0..LOOKUPS).for_each(|_| has_begun.recv().expect("it begins"));
        let token = Arc::new(());
        let inside = token.clone();
        let call = move || Ok(Arc::strong_count(&inside));
        drop(do_blocking(Lane::Lookups, Location::caller(), call));
        yield_now().await;
        assert_eq!(Arc::strong_count(&token), 1);
        drop(running);
    });
}

//! What costs the same beside ever more children, writers, sources, and after ever larger bursts. Ours alone: the
//! peers have no counterpart to most of it.

use std::rc::Rc;
use std::time::{Duration, Instant};

use turnwise::io::UnixStream;
use turnwise::{GroupError, Runtime, sleep, spawn, try_task_group, yield_now};

use crate::scaling::{Line, SERIES, each, rounds};

/// Sources and parks: each is a system call or two.
const FEW: u64 = 20_000;

pub(crate) fn lines() -> [Line; 4] {
    let line = |at: usize, most, run| Line {
        series: SERIES[at],
        peer: "turnwise",
        most,
        run,
    };
    [
        line(5, 1_000_000, group),
        line(6, 1_000_000, after_burst),
        line(7, 10_000, beside_sources),
        line(8, 10_000, beside_writers),
    ]
}

/// Groups of `n` children that yield once.
fn group(n: usize, operations: u64) -> f64 {
    let rounds = rounds(n, operations);
    let runtime = Runtime::new();
    runtime.block_on(async move {
        let start = Instant::now();
        for _ in 0..rounds {
            let ended: Result<(), GroupError<()>> = try_task_group(async |group| {
                (0..n).for_each(|_| drop(group.spawn(yield_now())));
                Ok(())
            })
            .await;
            ended.expect("no child fails");
        }
        each(start.elapsed(), rounds * n as u64)
    })
}

/// Spawns and joins after `n` tasks have been there at once.
fn after_burst(n: usize, operations: u64) -> f64 {
    let runtime = Runtime::new();
    runtime.block_on(async move {
        let burst: Vec<_> = (0..n).map(|_| spawn(yield_now())).collect();
        for task in burst {
            task.await.expect("it ends");
        }
        sleep(Duration::from_millis(1)).await;
        let start = Instant::now();
        for _ in 0..operations {
            spawn(async {}).await.expect("it ends");
        }
        each(start.elapsed(), operations)
    })
}

/// Virtual sleeps beside `n` sources that no task awaits.
fn beside_sources(n: usize, operations: u64) -> f64 {
    let sleeps = operations.min(FEW);
    let runtime = Runtime::builder().virtual_clock().build();
    runtime.block_on(async move {
        let pairs = (0..n.div_ceil(2)).map(|_| UnixStream::pair());
        let pairs: Vec<_> = pairs.collect::<Result<_, _>>().expect("descriptors");
        let start = Instant::now();
        for _ in 0..sleeps {
            sleep(Duration::from_millis(1)).await;
        }
        let took = start.elapsed();
        drop(pairs);
        each(took, sleeps)
    })
}

/// Turns of a host while `n` tasks write to one peer that does not read.
fn beside_writers(n: usize, operations: u64) -> f64 {
    let turns = operations.min(FEW);
    let runtime = Runtime::new();
    let (here, there) = runtime
        .block_on(async { UnixStream::pair() })
        .expect("descriptors");
    let (here, bytes) = (Rc::new(here), Rc::new(vec![0; 1 << 20]));
    let tasks: Vec<_> = (0..n)
        .map(|_| {
            let (here, bytes) = (here.clone(), bytes.clone());
            runtime.spawn(async move { here.write_all(&bytes).await })
        })
        .collect();
    runtime.run_until_stalled();
    let start = Instant::now();
    for _ in 0..turns {
        runtime.turn(Some(Duration::ZERO));
    }
    let took = start.elapsed();
    drop((tasks, there));
    each(took, turns)
}

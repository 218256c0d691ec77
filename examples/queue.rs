//! Queue: three producers, two consumers, at most five items (block E16 of the text).
//!
//! The text ends its consumers with one `None` for each, put after `join()`. That works as long as
//! everybody knows how many consumers there are, and it makes every item an `Option`. Here `close()`
//! ends them: they take what is left and then learn that there will be no more. And an item is taken
//! as a guard that says `task_done` when it is dropped, on every way out, so that a consumer that
//! fails half-way cannot make `join()` hang.

mod support;

use std::rc::Rc;
use std::time::Duration;

use fastrand::Rng;
use support::{Options, all, part, say};
use turnwise::sync::Queue;
use turnwise::{sleep, spawn, yield_now};

fn main() {
    let options = Options::parse_seeded("Three producers and two consumers share a queue of five.");
    options.runtime().block_on(async {
        producers_and_consumers(options.random()).await;
        a_failing_consumer_does_not_hang_join().await;
    });
}

/// The text's program.
async fn producers_and_consumers(mut random: Rng) {
    part("Three producers, two consumers, five places");
    let queue = Rc::new(Queue::bounded(5));
    let producers = (0..3).map(|n| spawn(producer(queue.clone(), n, random.fork())));
    let producers: Vec<_> = producers.collect();
    let consumers = (0..2).map(|n| spawn(consumer(queue.clone(), n, random.fork())));
    let consumers: Vec<_> = consumers.collect();

    all(producers).await;
    say!(
        "all producers have finished, {} items are left",
        queue.len()
    );
    queue.close();
    queue.join().await;
    say!("all items have been processed");
    let counts = all(consumers).await;
    say!("the consumers processed {counts:?} items");
    assert_eq!(counts.iter().sum::<usize>(), 15);
}

async fn producer(queue: Rc<Queue<String>>, n: u32, mut random: Rng) {
    for i in 0..5 {
        let item = format!("P{n}-{i}");
        queue
            .put(item.clone())
            .await
            .expect("producers end before the queue is closed");
        say!("producer {n} put {item}");
        sleep(Duration::from_millis(random.u64(100..=500))).await;
    }
    say!("producer {n} finished");
}

async fn consumer(queue: Rc<Queue<String>>, n: u32, mut random: Rng) -> usize {
    let mut count = 0;
    while let Ok(item) = queue.take().await {
        say!("consumer {n} got {}", *item);
        sleep(Duration::from_millis(random.u64(200..=800))).await;
        count += 1;
        // Here the guard ends: the work on this item is done.
    }
    say!("consumer {n} finished");
    count
}

async fn a_failing_consumer_does_not_hang_join() {
    part("A consumer that fails does not make join() hang");
    let queue = Rc::new(Queue::unbounded());
    for item in 1..=2 {
        queue.put(item).await.expect("the queue is open");
    }
    let failing = spawn({
        let queue = queue.clone();
        async move {
            let item = queue.take().await.expect("there are two");
            Err::<(), _>(format!("item {} is too hard", *item))
        }
    });
    let patient = spawn({
        let queue = queue.clone();
        async move {
            let item = queue.take().await.expect("there is one left");
            sleep(Duration::from_secs(3600)).await;
            *item
        }
    });
    let failure = failing
        .await
        .expect("an error is no panic")
        .expect_err("it fails");
    say!("the first consumer gave up: {failure}");
    yield_now().await;
    say!(
        "the second is cancelled in the middle of its item, {} unfinished",
        queue.unfinished()
    );
    patient.cancel();
    queue.join().await;
    say!("join() has returned, {} unfinished", queue.unfinished());
}

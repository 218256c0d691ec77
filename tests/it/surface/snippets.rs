//! What programs write first and have to find easy: each compiles as it stands here, and works.

use std::error::Error;
use std::future::pending;
use std::rc::Rc;
use std::time::Duration;

use futures::StreamExt;
use turnwise::io::{TcpListener, ctrl_c};
use turnwise::sync::{Condition, Lock, Queue};
use turnwise::{
    Either, Runtime, block_on, race_either, spawn, task_group, thread, try_task_group, yield_now,
};

#[derive(Debug, PartialEq)]
enum Refused {
    Empty,
}

#[turnwise::test]
async fn a_group_has_an_error_of_the_programs_own() {
    let failed = try_task_group(async |group| {
        group.try_spawn(async { Err::<(), _>(Refused::Empty) });
        pending::<()>().await;
        Ok(())
    });
    assert_eq!(failed.await.unwrap_err().errors(), [Refused::Empty]);
}

#[turnwise::test]
async fn children_that_cannot_fail_need_no_error() {
    let sum = task_group(async |group| {
        let halves = [group.spawn(async { 3 }), group.spawn(async { 4 })];
        let mut sum = 0;
        for half in halves {
            sum += half.await.unwrap();
        }
        sum
    });
    assert_eq!(sum.await.unwrap(), 7);
}

#[test]
fn a_server_accepts_until_it_is_told_to_end() {
    block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let client = std::thread::spawn(move || std::net::TcpStream::connect(address).unwrap());
        match race_either((listener.accept(), ctrl_c())).await {
            Either::A(accepted) => drop(accepted.unwrap()),
            Either::B(heard) => panic!("nothing was pressed: {heard:?}"),
            _ => unreachable!("there are two"),
        }
        drop(client.join().unwrap());
    });
}

#[turnwise::test]
async fn a_wait_for_a_condition_has_a_limit_and_keeps_the_guard() {
    let (stock, arrived) = (Lock::new(0), Condition::new());
    let second = Duration::from_secs(1);
    let guard = stock.acquire().await;
    let (mut guard, timed_out) = arrived
        .wait_for(guard, |stock| *stock > 0)
        .within(second)
        .await;
    assert!(timed_out);
    *guard = 1;
    let (guard, timed_out) = arrived
        .wait_for(guard, |stock| *stock > 0)
        .within(second)
        .await;
    assert!(!timed_out && *guard == 1);
}

#[turnwise::test]
async fn a_limit_on_a_condition_is_met_by_a_notification_before_it() {
    let shared = Rc::new((Lock::new(0), Condition::new()));
    let producer = spawn({
        let shared = shared.clone();
        async move {
            for stock in 1..=3 {
                turnwise::sleep(Duration::from_millis(400)).await;
                *shared.0.acquire().await = stock;
                shared.1.notify_one();
            }
        }
    });
    let guard = shared.0.acquire().await;
    let wait = shared.1.wait_for(guard, |stock| *stock == 2);
    let (guard, timed_out) = wait.within(Duration::from_secs(1)).await;
    assert!(!timed_out && *guard == 2);
    let wait = shared.1.wait_for(guard, |stock| *stock == 9);
    let (guard, timed_out) = wait.within(Duration::from_secs(1)).await;
    assert!(timed_out && *guard == 3);
    drop(guard);
    producer.await.unwrap();
}

#[turnwise::test]
async fn the_items_of_a_queue_are_a_stream_that_can_be_spawned() {
    let queue = Rc::new(Queue::unbounded());
    let items = queue.clone();
    let sum = spawn(async move { items.stream().fold(0, async |sum, n| sum + n).await });
    for n in 1..=3 {
        queue.put(n).await.unwrap();
    }
    queue.close();
    assert_eq!(sum.await.unwrap(), 6);
}

#[test]
fn a_call_from_another_thread_is_asked_with_a_question_mark() {
    fn ask(remote: &thread::Remote) -> Result<(), Box<dyn Error + Send + Sync>> {
        remote.call(|| ())?;
        Ok(())
    }
    let runtime = Runtime::new();
    let remote = runtime.remote();
    ask(&remote).unwrap();
    drop(runtime);
    assert!(ask(&remote).is_err());
}

#[turnwise::test]
async fn a_guard_moves_into_a_task() {
    let log = Rc::new(Lock::new(Vec::new()));
    let mut guard = log.acquire_owned().await;
    let writer = spawn(async move {
        yield_now().await;
        guard.borrow_mut().push("written");
    });
    assert_eq!(*log.acquire().await, ["written"]);
    writer.await.unwrap();
}

#[test]
fn the_runtime_stands_in_a_poll_set() {
    use rustix::event::{PollFd, PollFlags, poll};
    let runtime = Runtime::new();
    let task = runtime.spawn(async {
        turnwise::sleep(Duration::from_millis(5)).await;
        7
    });
    let embedded = runtime.embed().unwrap();
    while !task.is_finished() {
        poll(&mut [PollFd::new(&embedded, PollFlags::IN)], None).unwrap();
        runtime.turn(Some(Duration::ZERO));
    }
    assert_eq!(runtime.block_on(task).unwrap(), 7);
}

#[turnwise::test(real_time)]
async fn a_socket_of_the_standard_library_is_taken_over() -> std::io::Result<()> {
    use std::os::fd::AsRawFd;
    use std::os::unix::net::UnixStream;
    let (ours, theirs) = UnixStream::pair()?;
    let raw = ours.as_raw_fd();
    let (ours, mut theirs) = (turnwise::io::UnixStream::try_from(ours)?, theirs);
    assert_eq!(ours.as_raw_fd(), raw);
    assert!(ours.take_error()?.is_none());
    std::io::Write::write_all(&mut theirs, b"hello")?;
    let mut bytes = [0; 5];
    ours.read_exact(&mut bytes).await?;
    assert_eq!(&bytes, b"hello");
    Ok(())
}

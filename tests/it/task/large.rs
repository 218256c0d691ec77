//! Futures of hundreds of kilobytes on a small stack: a build without optimisation copies what is handed
//! on from frame to frame, and must not copy it often.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::thread;
use std::time::Duration;

use turnwise::task::spawn_eager;
use turnwise::{
    Runtime, block_on, gather, gather_spawned, race, spawn, timeout, try_gather, try_task_group,
};

/// A future of so many bytes, which waits once.
struct Large<const BYTES: usize> {
    waited: bool,
    bytes: [u8; BYTES],
}

impl<const BYTES: usize> Large<BYTES> {
    fn new() -> Self {
        Large {
            waited: false,
            bytes: [1; BYTES],
        }
    }
}

impl<const BYTES: usize> Future for Large<BYTES> {
    type Output = usize;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<usize> {
        if std::mem::replace(&mut self.waited, true) {
            return Poll::Ready(self.bytes.iter().map(|byte| usize::from(*byte)).sum());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

/// Runs on a thread with the usual stack.
fn on_two_mib(test: impl FnOnce() + Send + 'static) {
    let thread = thread::Builder::new().stack_size(2 << 20).spawn(test);
    let ended = thread.expect("it starts").join();
    ended.expect("the stack is large enough");
}

#[test]
fn a_future_of_700_kib_is_blocked_on() {
    const SIZE: usize = 700 << 10;
    on_two_mib(|| assert_eq!(block_on(Large::<SIZE>::new()), SIZE));
    on_two_mib(|| assert_eq!(Runtime::new().block_on(Large::<SIZE>::new()), SIZE));
    on_two_mib(|| {
        let ended = Runtime::new().try_block_on(Large::<SIZE>::new());
        assert_eq!(ended.expect("it is not dead"), SIZE);
    });
}

#[test]
fn a_future_of_900_kib_is_spawned() {
    const SIZE: usize = 900 << 10;
    on_two_mib(|| {
        let runtime = Runtime::new();
        let task = runtime.spawn(Large::<SIZE>::new());
        assert_eq!(runtime.block_on(task).unwrap(), SIZE);
    });
    on_two_mib(|| block_on(async { assert_eq!(spawn(Large::<SIZE>::new()).await.unwrap(), SIZE) }));
    on_two_mib(|| {
        block_on(async { assert_eq!(spawn_eager(Large::<SIZE>::new()).await.unwrap(), SIZE) })
    });
    on_two_mib(|| {
        let group = try_task_group(async |group| {
            let child = group.spawn(Large::<SIZE>::new());
            Ok::<_, std::io::Error>(child.await?)
        });
        assert_eq!(block_on(group).expect("no child fails"), SIZE);
    });
}

#[test]
fn a_program_of_400_kib_runs() {
    #[turnwise::main]
    async fn main() {
        assert_eq!(Large::<{ 400 << 10 }>::new().await, 400 << 10);
    }
    on_two_mib(main);

    #[turnwise::main(virtual_clock)]
    async fn virtual_main() {
        assert_eq!(Large::<{ 400 << 10 }>::new().await, 400 << 10);
    }
    on_two_mib(virtual_main);
}

#[turnwise::test]
async fn a_test_of_200_kib_runs() {
    assert_eq!(Large::<{ 200 << 10 }>::new().await, 200 << 10);
}

#[turnwise::test(real_time)]
async fn a_test_of_200_kib_runs_on_the_real_clock() {
    assert_eq!(Large::<{ 200 << 10 }>::new().await, 200 << 10);
}

#[test]
fn futures_of_200_kib_are_gathered_and_have_a_limit() {
    const SIZE: usize = 200 << 10;
    on_two_mib(|| {
        let all = async { gather_spawned(vec![Large::<SIZE>::new()]).await };
        assert_eq!(block_on(all), [SIZE]);
    });
    on_two_mib(|| {
        let all = async { gather(vec![Large::<SIZE>::new()]).await };
        assert_eq!(block_on(all), [SIZE]);
    });
    on_two_mib(|| {
        let limited = async { timeout(Duration::from_secs(9), Large::<SIZE>::new()).await };
        assert_eq!(block_on(limited), Ok(SIZE));
    });
}

#[test]
fn futures_of_50_kib_are_gathered_in_place() {
    const SIZE: usize = 50 << 10;
    type Part = Large<SIZE>;
    on_two_mib(|| {
        let all = async { gather((Part::new(), Part::new())).await };
        assert_eq!(block_on(all), (SIZE, SIZE));
    });
    on_two_mib(|| {
        let all = async { race((Part::new(), Part::new())).await };
        assert_eq!(block_on(all), SIZE);
    });
    on_two_mib(|| {
        let fallible = async || Ok::<_, ()>(Part::new().await);
        let all = async { try_gather((fallible(), fallible())).await };
        assert_eq!(block_on(all), Ok((SIZE, SIZE)));
    });
}

#[test]
fn an_array_of_futures_of_100_kib_is_gathered_in_place() {
    const SIZE: usize = 100 << 10;
    on_two_mib(|| {
        let all = async { gather([Large::<SIZE>::new(), Large::<SIZE>::new()]).await };
        assert_eq!(block_on(all), [SIZE; 2]);
    });
}

#[test]
fn boxed_futures_of_400_kib_are_gathered_in_place() {
    const SIZE: usize = 400 << 10;
    let large = || Box::pin(Large::<SIZE>::new());
    on_two_mib(move || {
        let all = async { gather((large(), large())).await };
        assert_eq!(block_on(all), (SIZE, SIZE));
    });
    on_two_mib(move || {
        let all = async { race([large(), large()]).await };
        assert_eq!(block_on(all), SIZE);
    });
}

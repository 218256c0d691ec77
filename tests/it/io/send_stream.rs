//! A stream that may be carried to other threads, and works on its own.

use std::io::{ErrorKind, Read};
use std::net::Shutdown;
use std::thread;
use std::time::Duration;

use futures::{AsyncReadExt, AsyncWriteExt, FutureExt};
use turnwise::io::{SendStream, StreamReader, TcpListener, TcpStream, UnixStream, split};
use turnwise::report::Verdict;
use turnwise::sync::Event;
use turnwise::{Runtime, block_on, sleep, spawn_blocking, timeout};

use crate::support::{bounded, virtual_runtime};

fn pair() -> (SendStream<UnixStream>, UnixStream) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    (ours.into_send(), theirs)
}

#[turnwise::test(real_time)]
async fn at_home_it_reads_and_writes_like_the_stream() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).await;
    let mut client = client.unwrap().into_send();
    let (server, peer) = listener.accept().await.unwrap();
    assert_eq!(
        client.with(|stream| stream.local_addr()).unwrap().unwrap(),
        peer
    );
    client.write_all(b"over there").await.unwrap();
    client.close().await.unwrap();
    let mut text = String::new();
    server.read_to_string(&mut text).await.unwrap();
    assert_eq!(text, "over there");
    server.write_all(b"and back\n").await.unwrap();
    let mut reader = StreamReader::new(client);
    reader.read_line(&mut text).await.unwrap();
    assert_eq!(text, "over thereand back\n");
    let client = reader.into_parts().0.into_inner().unwrap();
    client.shutdown(Shutdown::Both).unwrap();
}

#[turnwise::test(real_time)]
async fn elsewhere_each_use_is_an_error_and_it_comes_home_whole() {
    let (ours, theirs) = pair();
    let elsewhere = spawn_blocking(move || {
        let mut ours = ours;
        assert!(!ours.is_here());
        let error = ours.read(&mut [0]).now_or_never().unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        let error = ours.write(b"x").now_or_never().unwrap().unwrap_err();
        assert!(error.to_string().contains("another thread"), "{error}");
        assert!(ours.with(|_| ()).is_err());
        ours.into_inner().unwrap_err()
    });
    let ours = elsewhere.await.unwrap();
    theirs.write_all(b"x").await.unwrap();
    let ours = ours.into_inner().unwrap();
    ours.read_exact(&mut [0]).await.unwrap();
}

#[test]
fn dropped_elsewhere_it_is_closed_though_the_loop_sleeps() {
    bounded(|| {
        block_on(async {
            let (ours, theirs) = pair();
            let (go, went) = std::sync::mpsc::channel::<()>();
            let carrier = thread::spawn(move || {
                went.recv().unwrap();
                drop(ours);
            });
            let later = spawn_blocking(move || {
                thread::sleep(Duration::from_millis(20));
                go.send(()).unwrap();
            });
            assert_eq!(theirs.read(&mut [0]).await.unwrap(), 0);
            later.await.unwrap();
            carrier.join().unwrap();
        })
    });
}

#[test]
fn one_that_lives_elsewhere_keeps_no_hang_from_its_report() {
    bounded(|| {
        let (give, take) = std::sync::mpsc::channel::<SendStream<UnixStream>>();
        let (end, ended) = std::sync::mpsc::channel::<()>();
        let carrier = thread::spawn(move || {
            let _kept = take.recv().unwrap();
            ended.recv().unwrap();
        });
        let runtime = virtual_runtime();
        let result = runtime.try_block_on(async move {
            let (ours, _theirs) = pair();
            give.send(ours).unwrap();
            Event::new().wait().await;
        });
        let deadlock = result.unwrap_err();
        assert_eq!(deadlock.report().verdict(), Verdict::Certain, "{deadlock}");
        end.send(()).unwrap();
        carrier.join().unwrap();
    });
}

#[test]
fn one_that_outlives_its_runtime_is_closed_with_its_thread() {
    let (ours, mut theirs) = std::os::unix::net::UnixStream::pair().unwrap();
    let kept = thread::spawn(move || {
        let runtime = Runtime::new();
        let ours = runtime.block_on(async { UnixStream::from_std(ours).unwrap().into_send() });
        drop(runtime);
        let error = ours
            .with(|stream| stream.write(b"x").now_or_never())
            .unwrap();
        assert!(error.unwrap().is_err(), "its reactor is gone");
        ours
    });
    let ours = kept.join().unwrap();
    theirs
        .set_read_timeout(Some(Duration::from_secs(60)))
        .unwrap();
    assert_eq!(theirs.read(&mut [0]).unwrap(), 0, "the thread has ended");
    drop(ours);
}

#[turnwise::test(real_time)]
async fn its_place_goes_to_others_when_it_is_dropped() {
    let (first, first_peer) = pair();
    drop(first);
    assert_eq!(first_peer.read(&mut [0]).await.unwrap(), 0);
    let (mut second, second_peer) = pair();
    second.write_all(b"second").await.unwrap();
    second_peer.read_exact(&mut [0; 6]).await.unwrap();
    let (mut reader, _writer) = split(second_peer);
    let read = timeout(
        Duration::from_millis(1),
        reader.read_line(&mut String::new()),
    )
    .await;
    assert!(read.is_err(), "it is open");
    sleep(Duration::from_millis(1)).await;
}

#[cfg(feature = "process")]
#[turnwise::test(real_time)]
async fn the_pipes_of_a_child_can_be_sent_too() {
    let mut command = turnwise::io::Command::new("cat");
    let piped = std::process::Stdio::piped;
    let mut child = command.stdin(piped()).stdout(piped()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap().into_send();
    let mut output = child.stdout.take().unwrap().into_send();
    input.write_all(b"through the cat").await.unwrap();
    input.close().await.unwrap();
    let mut text = String::new();
    output.read_to_string(&mut text).await.unwrap();
    assert_eq!(text, "through the cat");
    assert!(child.wait().await.unwrap().success());
}

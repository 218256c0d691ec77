//! Bytes, lines and records: what is read whole, what a dropped future leaves, and where a report says it waits.

use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::future::join_all;
use futures::{AsyncRead, AsyncWrite, StreamExt, poll};
use turnwise::io::{
    IncompleteRead, LimitOverrun, StreamReader, StreamWriter, TcpListener, TcpStream, UnixStream,
    split,
};
use turnwise::report::{Verdict, dump};
use turnwise::sync::Event;
use turnwise::task::spawn_eager;
use turnwise::{gather, spawn, timeout, yield_now};

use crate::support::{here, poll_once, virtual_runtime};

/// Gives its bytes in pieces of `size`, and says "not yet" before each.
struct Dribble {
    bytes: VecDeque<u8>,
    size: usize,
    is_ready: bool,
}

impl Dribble {
    fn new(bytes: &[u8], size: usize) -> Self {
        Dribble {
            bytes: bytes.iter().copied().collect(),
            size,
            is_ready: false,
        }
    }

    /// Whether this is the poll that goes on.
    fn poll_turn(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.is_ready = !self.is_ready;
        match self.is_ready {
            true => {
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            false => Poll::Ready(()),
        }
    }
}

impl AsyncRead for Dribble {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        std::task::ready!(self.poll_turn(cx));
        let count = self.size.min(buffer.len()).min(self.bytes.len());
        for byte in &mut buffer[..count] {
            *byte = self.bytes.pop_front().unwrap();
        }
        Poll::Ready(Ok(count))
    }
}

impl AsyncWrite for Dribble {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        std::task::ready!(self.poll_turn(cx));
        let count = self.size.min(bytes.len());
        self.bytes.extend(&bytes[..count]);
        Poll::Ready(Ok(count))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// Polls the future at most so many times, drops it, and begins again, until one is ready.
macro_rules! insist {
    ($most:expr, $begin:expr) => {
        'done: loop {
            // What the future borrows may be a temporary.
            match $begin {
                mut future => {
                    for _ in 0..$most {
                        if let Poll::Ready(output) = poll_once(&mut future) {
                            break 'done output;
                        }
                    }
                }
            }
        }
    };
}

#[test]
fn what_a_reader_was_asked_for_is_taken_whole_after_every_number_of_polls() {
    let text = b"first\nsecond line\r\n--record--++exactly9last";
    for size in [1, 2, 3, 100] {
        for most in 1..40 {
            let mut reader = StreamReader::new(Dribble::new(text, size));
            let mut line = String::new();
            assert_eq!(insist!(most, reader.read_line(&mut line)).unwrap(), 6);
            assert_eq!(insist!(most, reader.read_line(&mut line)).unwrap(), 13);
            assert_eq!(line, "first\nsecond line\r\n");
            let mut record = Vec::new();
            let read = insist!(most, reader.read_until(b"--++", &mut record));
            assert_eq!((read.unwrap(), &record[..]), (12, &b"--record--++"[..]));
            let mut nine = [0; 8];
            insist!(most, reader.read_exact(&mut nine)).unwrap();
            assert_eq!(&nine, b"exactly9");
            let mut rest = Vec::new();
            insist!(most, reader.read_to_end(&mut rest)).unwrap();
            assert_eq!(rest, b"last", "pieces of {size}, {most} polls");
            assert_eq!(insist!(most, reader.read(&mut nine)).unwrap(), 0);
        }
    }
}

#[test]
fn what_a_writer_took_is_written_once_after_every_number_of_polls() {
    for high_water in [0, 4, 100] {
        for most in 1..20 {
            let mut writer = StreamWriter::with_high_water(Dribble::new(b"", 2), high_water);
            for word in ["one ", "two ", "three ", "four"] {
                insist!(most, writer.write_all(word.as_bytes())).unwrap();
                assert!(writer.buffer().len() <= high_water.max(word.len()));
            }
            insist!(most, writer.flush()).unwrap();
            let (stream, unwritten) = writer.into_parts();
            assert_eq!(unwritten, b"");
            assert_eq!(stream.bytes, b"one two three four");
        }
    }
}

#[test]
fn a_separator_is_found_wherever_the_reads_cut_it() {
    let cases: [(&[u8], &[u8]); 5] = [
        (b"\r\n\r\n", b"a\r\n\rb\r\r\n\r\n\r\n\r\nc\r\n\r\n"),
        (b"aa", b"baaabaaaa"),
        (b"aba", b"ababaabacaba"),
        (b"\0", b"\0\0x\0"),
        (b"end", b"enendxend"),
    ];
    for (separator, text) in cases {
        for size in 1..=text.len() {
            let mut reader = StreamReader::new(Dribble::new(text, size));
            let mut left = text;
            while !left.is_empty() {
                let mut ends = separator.len()..=left.len();
                let end = ends.find(|end| left[..*end].ends_with(separator));
                let mut record = Vec::new();
                let read = insist!(9, reader.read_until(separator, &mut record));
                match end {
                    Some(end) => {
                        assert_eq!((read.unwrap(), &record[..]), (end, &left[..end]));
                        left = &left[end..];
                    }
                    None => {
                        let error = read.unwrap_err().downcast::<IncompleteRead>().unwrap();
                        assert_eq!(error.partial(), left);
                        left = b"";
                    }
                }
            }
            let read = insist!(9, reader.read_until(separator, &mut Vec::new()));
            assert_eq!(
                read.unwrap(),
                0,
                "the end is told as often as it is asked for"
            );
        }
    }
}

#[test]
fn the_limit_is_on_what_comes_before_the_separator() {
    for size in [1, 3, 100] {
        let mut reader = StreamReader::with_limit(Dribble::new(b"12345--123456--x", size), 5);
        let mut record = Vec::new();
        assert_eq!(
            insist!(9, reader.read_until(b"--", &mut record)).unwrap(),
            7
        );
        for _ in 0..2 {
            let error = insist!(9, reader.read_until(b"--", &mut record)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidData);
            assert_eq!(error.downcast::<LimitOverrun>().unwrap().limit(), 5);
        }
        assert_eq!(record, b"12345--", "nothing of the second was taken");
        assert!(reader.buffer().starts_with(b"123456"));
        reader.consume(6);
        record.clear();
        assert_eq!(
            insist!(9, reader.read_until(b"--", &mut record)).unwrap(),
            2
        );
    }
}

#[test]
fn the_end_in_the_middle_gives_back_what_there_was() {
    let mut reader = StreamReader::new(Dribble::new(b"abc", 2));
    let error = insist!(9, reader.read_exact(&mut [0; 5])).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
    assert_eq!(error.to_string(), "the stream ended after 3 of 5 bytes");
    let incomplete = error.downcast::<IncompleteRead>().unwrap();
    assert_eq!(
        (incomplete.partial(), incomplete.expected()),
        (&b"abc"[..], Some(5))
    );
    assert_eq!(reader.buffer(), b"");
}

#[test]
fn what_is_no_text_comes_back_and_the_next_line_is_read() {
    let mut reader = StreamReader::new(Dribble::new(b"caf\xe9\nnext", 3));
    let mut line = String::from("kept ");
    let error = insist!(9, reader.read_line(&mut line)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidData);
    let error = error.downcast::<std::string::FromUtf8Error>().unwrap();
    assert_eq!(error.into_bytes(), b"caf\xe9\n");
    insist!(9, reader.read_line(&mut line)).unwrap();
    assert_eq!(line, "kept next");

    let mut reader = StreamReader::new(Dribble::new("grüße\u{ff}".as_bytes(), 1));
    let mut text = String::from("> ");
    // Cut in the middle of a character: the text before it is there.
    let mut future = reader.read_to_string(&mut text);
    for _ in 0..4 {
        assert!(poll_once(&mut future).is_pending());
    }
    drop(future);
    assert_eq!(text, "> gr");
}

#[test]
fn lines_are_those_of_the_standard_library() {
    for text in ["", "\n", "a", "a\n", "a\r\nb\r", "\r\n\n", "a\n\nb", "ä\nö"] {
        let lines = StreamReader::new(Dribble::new(text.as_bytes(), 1)).lines();
        let read: Vec<_> = futures::executor::block_on(lines.map(Result::unwrap).collect());
        let expected = io::BufRead::lines(text.as_bytes()).map(Result::unwrap);
        assert_eq!(read, expected.collect::<Vec<_>>(), "{text:?}");
        let mut lines = StreamReader::new(Dribble::new(text.as_bytes(), 2)).lines();
        let mut again = Vec::new();
        while let Some(line) = insist!(3, lines.next_line()).unwrap() {
            again.push(line);
        }
        assert_eq!(again, read);
    }
}

#[test]
fn a_large_buffer_is_given_back() {
    let megabyte = vec![b'x'; 1 << 20];
    let mut reader = StreamReader::new(io_cursor(&megabyte));
    let mut all = vec![0; 1 << 20];
    insist!(9, reader.read_exact(&mut all)).unwrap();
    assert_eq!(all, megabyte);
    assert!(format!("{reader:?}").contains("unread: 0"));
}

fn io_cursor(bytes: &[u8]) -> futures::io::Cursor<&[u8]> {
    futures::io::Cursor::new(bytes)
}

#[turnwise::test(real_time)]
async fn every_stream_reads_and_writes_whole() {
    const LARGE: usize = 1 << 20;
    async fn play(
        write: impl AsyncFn(&[u8]) -> io::Result<()>,
        read: impl AsyncFn(&mut [u8]) -> io::Result<()>,
    ) {
        let sent: Vec<u8> = (0..LARGE).map(|n| (n % 251) as u8).collect();
        let mut received = vec![0; LARGE];
        let (written, read) = gather((write(&sent), read(&mut received))).await;
        written.unwrap();
        read.unwrap();
        assert!(sent == received);
    }
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap())
        .await
        .unwrap();
    let (server, _) = listener.accept().await.unwrap();
    play(
        async |bytes| client.write_all(bytes).await,
        async |bytes| server.read_exact(bytes).await,
    )
    .await;
    drop(client);
    let error = server.read_exact(&mut [0; 4]).await.unwrap_err();
    assert_eq!(error.to_string(), "the stream ended after 0 of 4 bytes");

    let (a, b) = UnixStream::pair().unwrap();
    let (mut reader, mut writer) = split(a);
    let echo = spawn(async move {
        let mut line = String::new();
        while reader.read_line(&mut line).await? > 0 {}
        writer.write_all(line.as_bytes()).await?;
        writer.close().await
    });
    b.write_all(b"one\ntwo\nthree").await.unwrap();
    b.shutdown(std::net::Shutdown::Write).unwrap();
    let mut text = String::new();
    assert_eq!(b.read_to_string(&mut text).await.unwrap(), 13);
    assert_eq!(text, "one\ntwo\nthree");
    echo.await.unwrap().unwrap();
}

#[cfg(feature = "process")]
#[turnwise::test(real_time)]
async fn a_child_is_talked_to_in_lines() {
    use std::process::Stdio;
    let mut command = turnwise::io::Command::new("cat");
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = StreamReader::new(child.stdout.take().unwrap()).lines();
    let input = child.stdin.as_mut().unwrap();
    input.write_all(b"a\nb\n").await.unwrap();
    assert_eq!(lines.next_line().await.unwrap().unwrap(), "a");
    assert_eq!(lines.next_line().await.unwrap().unwrap(), "b");
    assert!(child.wait().await.unwrap().success());
    assert!(lines.next_line().await.unwrap().is_none());
}

/// A layer that knows nothing of us, as one for TLS would be.
fn layered(stream: UnixStream) -> futures::io::BufReader<Box<dyn AsyncRead + Unpin>> {
    futures::io::BufReader::new(Box::new(stream))
}

#[turnwise::test(real_time)]
async fn a_report_names_the_line_through_every_layer() {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let mut reader = StreamReader::new(layered(ours));
    let line = here() + 1;
    let waits = spawn(async move { reader.read_line(&mut String::new()).await });
    yield_now().await;
    let text = dump().to_string();
    let place = format!("bytes.rs:{line}:");
    assert!(text.contains("bytes from"), "{text}");
    assert!(text.contains(&place), "{text}");
    drop(theirs);
    assert_eq!(waits.await.unwrap().unwrap(), 0);
}

#[test]
fn a_read_that_was_given_up_blunts_no_verdict() {
    let verdict = |layers: bool| {
        let runtime = virtual_runtime();
        let result = runtime.try_block_on(async move {
            let (ours, _theirs) = UnixStream::pair().unwrap();
            let late = Duration::from_millis(1);
            match layers {
                true => {
                    let mut reader = StreamReader::new(layered(ours));
                    let read = timeout(late, reader.read_line(&mut String::new())).await;
                    assert!(read.is_err());
                    Event::new().wait().await;
                }
                false => {
                    let read = timeout(late, ours.read_exact(&mut [0])).await;
                    assert!(read.is_err());
                    Event::new().wait().await;
                }
            }
        });
        result.unwrap_err().report().verdict()
    };
    assert_eq!(verdict(false), Verdict::Certain);
    assert_eq!(verdict(true), Verdict::Certain);
}

#[turnwise::test(real_time)]
async fn readers_wait_under_a_combinator_too() {
    let pairs = (0..10).map(|_| UnixStream::pair().unwrap());
    let (ours, theirs): (Vec<_>, Vec<_>) = pairs.unzip();
    let reads = ours.into_iter().map(|stream| async move {
        let mut line = String::new();
        StreamReader::new(stream).read_line(&mut line).await?;
        io::Result::Ok(line)
    });
    let reads = spawn(join_all(reads));
    for (n, stream) in theirs.iter().enumerate().rev() {
        stream.write_all(format!("{n}").as_bytes()).await.unwrap();
        yield_now().await;
        stream.write_all(b"\n").await.unwrap();
    }
    for (n, line) in reads.await.unwrap().into_iter().enumerate() {
        assert_eq!(line.unwrap(), format!("{n}\n"));
    }
}

/// Starts a task in its poll, which waits for something else.
struct Starts {
    first: Option<Box<dyn FnOnce()>>,
    stream: UnixStream,
}

impl AsyncRead for Starts {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        if let Some(first) = self.first.take() {
            first();
        }
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

#[turnwise::test(real_time)]
async fn a_task_that_is_started_in_a_poll_waits_for_itself() {
    let (ours, _theirs) = UnixStream::pair().unwrap();
    let (other, feed) = UnixStream::pair().unwrap();
    let heard = Rc::new(Event::new());
    let first = {
        let heard = heard.clone();
        Box::new(move || {
            let waits = spawn_eager(async move {
                let mut other = other;
                // Through the trait: it would take a seat if one were lent to it.
                futures::AsyncReadExt::read(&mut other, &mut [0])
                    .await
                    .unwrap();
                heard.set();
            });
            drop(waits);
        })
    };
    let mut reader = StreamReader::new(Starts {
        first: Some(first),
        stream: ours,
    });
    let mut line = String::new();
    let mut read = Box::pin(reader.read_line(&mut line));
    assert!(poll!(&mut read).is_pending());
    drop(read);
    feed.write_all(b"x").await.unwrap();
    heard.wait().await;
}

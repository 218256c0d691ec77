//! A server whose connections are isolated: one bad request ends its own connection and nothing else.
//!
//! # What goes wrong without it
//!
//! In a `task_group` a panic of a child cancels the other children and goes on in the parent: right for work that
//! belongs together, and fatal for a server, where any client could end all others. A [`JoinSet`] takes the end of each
//! connection as a value: served, failed, panicked. The loop below accepts, collects and hears of the shutdown in one
//! place, and a connection that does not end in time is cancelled.

#[path = "recipes/cancellation_token.rs"]
#[allow(
    dead_code,
    unreachable_pub,
    reason = "a recipe has what programs ask for"
)]
mod cancellation_token;
#[path = "recipes/join_set.rs"]
#[allow(
    dead_code,
    unreachable_pub,
    reason = "a recipe has what programs ask for"
)]
mod join_set;
mod support;

use std::future::pending;
use std::io;
use std::time::Duration;

use cancellation_token::CancellationToken;
use join_set::JoinSet;
use support::{Options, part, say};
use turnwise::io::{TcpListener, TcpStream, split};
use turnwise::{JoinError, race, spawn, timeout};

/// How long connections may take to end after the shutdown.
const PATIENCE: Duration = Duration::from_secs(5);

fn main() {
    let options = Options::parse("A server goes on when one of its connections panics.");
    options.runtime().block_on(async {
        part("One bad request among good ones");
        // In place of the message and the backtrace, which go to the standard error.
        std::panic::set_hook(Box::new(|_| say!("a connection panics, and ends alone")));
        let listener = TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a port is free");
        let address = listener.local_addr().expect("it is bound");
        let stop = CancellationToken::new();
        let server = spawn(serve(listener, stop.clone()));
        for request in ["hello", "1/0", "hello again"] {
            let stream = TcpStream::connect(address).await.expect("it listens");
            stream
                .write_all(request.as_bytes())
                .await
                .expect("it reads");
            stream.write_all(b"\n").await.expect("it reads");
            let (mut reader, _writer) = split(stream);
            let mut answer = String::new();
            reader.read_line(&mut answer).await.expect("a clean end");
            say!("{request:?} is answered {answer:?}");
        }
        part("The end");
        let _silent = TcpStream::connect(address).await.expect("it listens");
        turnwise::sleep(Duration::from_secs(1)).await;
        stop.cancel();
        let ends = server.await.expect("the server itself does not panic");
        say!("{ends:?}");
        assert_eq!(
            ends,
            Ends {
                served: 2,
                panicked: 1,
                cancelled: 1,
                ..Ends::default()
            }
        );
    });
}

/// What became of the connections.
#[derive(Debug, Default, PartialEq)]
struct Ends {
    served: usize,
    failed: usize,
    panicked: usize,
    cancelled: usize,
}

impl Ends {
    fn count(&mut self, end: Result<io::Result<()>, JoinError>) {
        match end {
            Ok(Ok(())) => self.served += 1,
            Ok(Err(_)) => self.failed += 1,
            Err(error) if error.is_panic() => self.panicked += 1,
            Err(_) => self.cancelled += 1,
        }
    }
}

/// What happens next.
enum Next {
    Connection(io::Result<TcpStream>),
    End(Option<Result<io::Result<()>, JoinError>>),
    Stop,
}

/// Serves until it is asked to stop, and waits for the connections that are left.
async fn serve(listener: TcpListener, stop: CancellationToken) -> Ends {
    let mut connections = JoinSet::new();
    let mut ends = Ends::default();
    loop {
        let accept = async { Next::Connection(listener.accept().await.map(|(stream, _)| stream)) };
        // Branches are polled in order: a stop comes before the next connection.
        let stopped = async {
            stop.cancelled().await;
            Next::Stop
        };
        let ended = async {
            match connections.is_empty() {
                true => pending().await,
                false => Next::End(connections.join_next().await),
            }
        };
        match race((Box::pin(stopped), Box::pin(ended), Box::pin(accept))).await {
            Next::Stop => break,
            Next::End(end) => end.into_iter().for_each(|end| ends.count(end)),
            Next::Connection(Ok(stream)) => connections.spawn(connection(stream)),
            // Such as no descriptor left; the next `accept` waits until there may be one.
            Next::Connection(Err(error)) => say!("no connection: {error}"),
        }
    }
    drop(listener);
    let drain = async {
        while let Some(end) = connections.join_next().await {
            ends.count(end);
        }
    };
    if timeout(PATIENCE, drain).await.is_err() {
        say!("{} still open after {PATIENCE:?}", connections.len());
        connections.abort_all();
        while let Some(end) = connections.join_next().await {
            ends.count(end);
        }
    }
    ends
}

/// Answers lines with their length, and cannot divide by zero.
async fn connection(stream: TcpStream) -> io::Result<()> {
    let (mut reader, mut writer) = split(stream);
    let mut line = String::new();
    while reader.read_line(&mut line).await? > 0 {
        let text = line.trim_end();
        if let Some((a, b)) = text.split_once('/') {
            let divide = |a: &str, b: &str| Some(a.parse::<u32>().ok()? / b.parse::<u32>().ok()?);
            writer
                .write_all(format!("{:?}\n", divide(a, b)).as_bytes())
                .await?;
        } else {
            writer
                .write_all(format!("{}\n", text.len()).as_bytes())
                .await?;
        }
        writer.flush().await?;
        line.clear();
    }
    Ok(())
}

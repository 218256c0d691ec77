//! What the tests share: a guard against hangs, and servers.

use std::cell::{Cell, RefCell};
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::panic::{self, AssertUnwindSafe};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use hyper::Response;
use turnwise::time::Instant;
use turnwise::{Runtime, sleep};
use turnwise_real::http::{Client, Wire};
use turnwise_real::server::{Body, Site, direct, html};
use url::Url;

/// How long a test may take.
const LIMIT: Duration = Duration::from_secs(60);

/// Runs `test` on a thread of its own, and fails if it takes too long.
#[track_caller]
pub(crate) fn bounded(test: impl FnOnce() + Send + 'static) {
    let (ended, end) = mpsc::channel();
    thread::spawn(move || ended.send(panic::catch_unwind(AssertUnwindSafe(test))));
    match end.recv_timeout(LIMIT) {
        Ok(Ok(())) => {}
        Ok(Err(payload)) => panic::resume_unwind(payload),
        Err(error) => panic!("the test hangs: {error}"),
    }
}

/// The same, on the virtual clock.
#[track_caller]
pub(crate) fn on_virtual_time<F: Future<Output = ()>>(test: impl FnOnce() -> F + Send + 'static) {
    bounded(|| Runtime::builder().virtual_clock().build().block_on(test()));
}

/// The same, on the real one.
#[track_caller]
pub(crate) fn on_real_time<F: Future<Output = ()>>(test: impl FnOnce() -> F + Send + 'static) {
    bounded(|| turnwise::block_on(test()));
}

pub(crate) fn url(text: &str) -> Url {
    Url::parse(text).expect("the tests write addresses")
}

/// A client with the limits of a patient test.
pub(crate) fn client(wire: Wire) -> Client {
    Client {
        wire,
        time: Duration::from_secs(10),
        size: 1 << 20,
    }
}

/// What a scripted site saw.
#[derive(Debug, Default)]
pub(crate) struct Visits {
    /// Paths, with the time since the first.
    pub(crate) log: RefCell<Vec<(String, Duration)>>,
    first: Cell<Option<Instant>>,
    now: Cell<usize>,
    /// The most that were here at once.
    pub(crate) most: Cell<usize>,
}

impl Visits {
    fn enter(&self, path: &str) {
        let first = self.first.get().unwrap_or_else(Instant::now);
        self.first.set(Some(first));
        let visit = (path.to_owned(), first.elapsed());
        self.log.borrow_mut().push(visit);
        self.now.set(self.now.get() + 1);
        self.most.set(self.most.get().max(self.now.get()));
    }

    pub(crate) fn times(&self) -> Vec<Duration> {
        self.log.borrow().iter().map(|(_, time)| *time).collect()
    }

    pub(crate) fn paths(&self) -> Vec<String> {
        let log = self.log.borrow();
        log.iter().map(|(path, _)| path.clone()).collect()
    }
}

/// Counts a visitor as long as it is there.
struct Inside(Rc<Visits>);

impl Drop for Inside {
    fn drop(&mut self) {
        self.0.now.set(self.0.now.get() - 1);
    }
}

struct Script<P> {
    page: P,
    visits: Rc<Visits>,
}

impl<P: Fn(&str) -> (Duration, String) + 'static> Site for Script<P> {
    async fn answer(&self, path: &str) -> io::Result<Response<Body>> {
        self.visits.enter(path);
        let _inside = Inside(self.visits.clone());
        let (after, text) = (self.page)(path);
        sleep(after).await;
        Ok(html(text))
    }
}

/// A site in this program; `page` says how long a page takes and what it is.
pub(crate) fn site(page: impl Fn(&str) -> (Duration, String) + 'static) -> (Wire, Url, Rc<Visits>) {
    let visits = Rc::new(Visits::default());
    let script = Script {
        page,
        visits: visits.clone(),
    };
    let (wire, url) = direct(script, "site.test");
    (wire, url, visits)
}

/// Serves over TCP, on threads, whatever `answer` makes of the path and the raw connection.
///
/// A connection whose peer does not read or write for a minute fails.
pub(crate) fn raw_server(answer: impl Fn(&str, TcpStream) + Send + Sync + 'static) -> Url {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    let answer = Arc::new(answer);
    thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { continue };
            let answer = answer.clone();
            thread::spawn(move || {
                let patience = Some(LIMIT);
                stream.set_read_timeout(patience).expect("not zero");
                stream.set_write_timeout(patience).expect("not zero");
                let head = read_head(&mut stream);
                let path = head.split(' ').nth(1).unwrap_or_default();
                answer(path, stream);
            });
        }
    });
    url(&format!("http://{address}/"))
}

fn read_head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read(&mut byte) {
            Ok(1) => head.push(byte[0]),
            _ => break,
        }
    }
    String::from_utf8_lossy(&head).into_owned()
}

/// Writes, as long as somebody reads.
pub(crate) fn send(mut stream: &TcpStream, bytes: &[u8]) -> bool {
    stream.write_all(bytes).is_ok()
}

/// An address where nobody listens.
pub(crate) fn nobody() -> Url {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    url(&format!("http://{address}/"))
}

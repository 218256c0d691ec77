//! The crawler: what it finds, in which time, and what it survives.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::net::TcpStream;
use std::rc::Rc;
use std::thread;
use std::time::{Duration, Instant};

use fastrand::Rng;
use turnwise::{sleep, task, timeout};
use turnwise_real::crawl::{Crawler, Found, Plan};
use turnwise_real::http::{Client, Failure, Wire};
use url::Url;

use crate::support::{client, nobody, on_real_time, on_virtual_time, raw_server, send, site};

const PLAN: Plan = Plan {
    depth: 3,
    addresses: 1000,
    workers: 5,
    at_once: 3,
};

/// Paths with how far away they are and what is there.
type Findings = BTreeMap<String, (u32, String)>;

fn findings(crawler: &Crawler) -> Findings {
    let known = crawler.known();
    let known = known.iter().map(|(url, place)| {
        let found = match &place.found {
            None => "unknown".to_owned(),
            Some(Found::Page(links)) => format!("page {}", links.len()),
            Some(Found::Redirect(to)) => format!("to {}", to.path()),
            Some(Found::Other(kind)) => kind.clone(),
            Some(Found::Refused(status)) => status.to_string(),
            Some(Found::Failed(failure)) => match failure {
                Failure::Connect(error) => format!("no connection: {}", error.kind()),
                Failure::Broken(_) => "broken".into(),
                Failure::TooSlow(_) => "too slow".into(),
                Failure::TooLarge(_) => "too large".into(),
                other => other.to_string(),
            },
        };
        (url.path().to_owned(), (place.depth, found))
    });
    known.collect()
}

fn prepare(client: Client, plan: Plan, start: &Url) -> Rc<Crawler> {
    Rc::new(Crawler::new(client, plan, start))
}

async fn crawl(client: Client, plan: Plan, start: &Url) -> Findings {
    let crawler = prepare(client, plan, start);
    crawler.run().await;
    assert!(crawler.known().values().all(|place| place.found.is_some()));
    findings(&crawler)
}

fn page(links: impl IntoIterator<Item = impl AsRef<str>>) -> String {
    let links = links.into_iter();
    let links = links.map(|link| format!("<a href='{}'>", link.as_ref()));
    links.collect()
}

#[test]
fn the_end_does_not_come_before_the_links_of_the_last_page() {
    on_virtual_time(|| async {
        let (wire, start, visits) = site(|path| {
            let links = match path {
                "/" => page(["/a", "/b", "/c"]),
                // At every page the queue is empty, and it may be the last.
                _ if path.len() < 4 => page([format!("{path}x")]),
                _ => String::new(),
            };
            (Duration::from_millis(100), links)
        });
        let found = crawl(client(wire), PLAN, &start).await;
        assert_eq!(found.len(), 10);
        assert_eq!(visits.paths().len(), 10);
    });
}

/// A tree in which page n leads to its two children, its parent and itself.
fn tree(path: &str, pages: u32) -> String {
    let n: u32 = path[1..].parse().unwrap_or(1);
    let near = [2 * n, 2 * n + 1, n / 2, n, n + 1];
    let near = near.iter().filter(|n| (1..=pages).contains(*n));
    page(near.map(|n| format!("/{n}#here")))
}

#[test]
fn every_page_is_found_and_asked_for_once_whatever_the_answers_take() {
    on_virtual_time(|| async {
        let mut usual: Option<Findings> = None;
        for seed in 0..20 {
            let random = RefCell::new(Rng::with_seed(seed));
            let delay = move || Duration::from_millis(random.borrow_mut().u64(..=500));
            let (wire, start, visits) = site(move |path| (delay(), tree(path, 200)));
            let start = start.join("/1").expect("a path");
            let plan = Plan { depth: 100, ..PLAN };
            let found = crawl(client(wire), plan, &start).await;
            let mut paths = visits.paths();
            paths.sort_unstable();
            paths.dedup();
            assert_eq!((paths.len(), visits.paths().len()), (200, 200));
            assert_eq!(
                visits.most.get(),
                3,
                "as many at once as the semaphore lets in"
            );
            assert_eq!(*usual.get_or_insert(found.clone()), found, "seed {seed}");
        }
    });
}

#[test]
fn the_depth_reached_does_not_depend_on_the_answers() {
    on_virtual_time(|| async {
        let mut usual: Option<Findings> = None;
        for seed in 0..50 {
            let random = RefCell::new(Rng::with_seed(seed));
            let delay = move || Duration::from_millis(random.borrow_mut().u64(..=500));
            let (wire, start, _) = site(move |path| (delay(), tree(path, 100)));
            let start = start.join("/1").expect("a path");
            let found = crawl(client(wire), PLAN, &start).await;
            assert_eq!(*usual.get_or_insert(found.clone()), found, "seed {seed}");
        }
    });
}

#[test]
fn a_short_way_that_is_found_late_counts() {
    on_virtual_time(|| async {
        // The goal is three links away by quick pages, two by a slow one, and leads on.
        let (wire, start, visits) = site(|path| {
            let (millis, links): (u64, &[&str]) = match path {
                "/" => (0, &["/quick", "/slow"]),
                "/quick" => (0, &["/detour"]),
                "/detour" => (0, &["/goal"]),
                "/slow" => (1000, &["/goal"]),
                "/goal" => (0, &["/beyond"]),
                _ => (0, &[]),
            };
            (Duration::from_millis(millis), page(links))
        });
        let found = crawl(client(wire), PLAN, &start).await;
        assert_eq!(found["/goal"].0, 2);
        assert_eq!(found["/beyond"], (3, "page 0".into()));
        assert_eq!(visits.paths().len(), 6, "none is asked for twice");
    });
}

#[test]
fn a_site_without_end_is_left_at_the_limit() {
    on_virtual_time(|| async {
        let (wire, start, visits) = site(|path| {
            (
                Duration::ZERO,
                page([format!("{path}x"), format!("{path}y")]),
            )
        });
        let plan = Plan {
            depth: 1000,
            addresses: 50,
            ..PLAN
        };
        let crawler = prepare(client(wire), plan, &start);
        crawler.run().await;
        assert!(crawler.is_curtailed());
        assert_eq!(crawler.progress(), (50, 50));
        assert_eq!(visits.paths().len(), 50);
    });
}

#[test]
fn other_sites_are_left_alone() {
    on_virtual_time(|| async {
        let links = [
            "http://other.test/",
            "https://site.test/",
            "http://site.test:81/",
            "ftp://site.test/",
            "javascript:x",
            "/b",
        ];
        let (wire, start, _) = site(move |_| (Duration::ZERO, page(links)));
        let found = crawl(client(wire), PLAN, &start).await;
        assert_eq!(found.keys().collect::<Vec<_>>(), ["/", "/b"]);
    });
}

#[test]
fn a_crawl_that_is_dropped_leaves_nothing_running() {
    on_virtual_time(|| async {
        let (wire, start, _) = site(|path| {
            let hour = Duration::from_secs(3600);
            let after = if path == "/" { Duration::ZERO } else { hour };
            (after, page((0..10).map(|n| format!("/{n}"))))
        });
        let before = task::all().len();
        let mut client = client(wire);
        client.time = Duration::MAX;
        let crawler = prepare(client, PLAN, &start);
        let limit = Duration::from_secs(60);
        assert!(timeout(limit, crawler.run()).await.is_err());
        assert_eq!(crawler.progress(), (1, 11));
        // The server hears that its clients have gone.
        sleep(limit).await;
        assert_eq!(task::all().len(), before);
        let unknown = findings(&crawler).into_values();
        assert_eq!(unknown.filter(|(_, found)| found == "unknown").count(), 10);
    });
}

/// Serves what a server should not.
fn nasty(path: &str, stream: TcpStream) {
    let html = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n";
    match path {
        "/" => {
            let links = [
                "reset",
                "cut",
                "nonsense",
                "nothing",
                "heads",
                "slow-head",
                "drops",
                "large",
                "two-lengths",
                "old",
                "good",
                "bytes",
            ];
            let body = page(links);
            let length = body.len();
            send(
                &stream,
                format!("{html}Content-Length: {length}\r\n\r\n{body}").as_bytes(),
            );
        }
        "/reset" => {
            // Data that nobody reads turns the close into a reset.
            send(
                &stream,
                format!("{html}Content-Length: 99\r\n\r\n<a href=").as_bytes(),
            );
            let socket = rustix::net::sockopt::set_socket_linger(&stream, Some(Duration::ZERO));
            socket.expect("a socket can linger");
        }
        "/cut" => {
            send(
                &stream,
                format!("{html}Content-Length: 99\r\n\r\n<a href=/cut2>").as_bytes(),
            );
        }
        "/nonsense" => {
            send(&stream, b"220 mail.example ESMTP\r\n");
        }
        "/nothing" => {}
        "/heads" => {
            send(&stream, html.as_bytes());
            while send(&stream, b"X-Header: and one more\r\n") {}
        }
        "/slow-head" => {
            send(&stream, format!("{html}X-Header: ").as_bytes());
            while send(&stream, b"x") {
                thread::sleep(Duration::from_millis(20));
            }
        }
        "/drops" => {
            send(&stream, format!("{html}\r\n").as_bytes());
            while send(&stream, b" ") {
                thread::sleep(Duration::from_millis(20));
            }
        }
        "/large" => {
            send(&stream, format!("{html}\r\n").as_bytes());
            while send(&stream, &[b' '; 4096]) {}
        }
        "/two-lengths" => {
            send(
                &stream,
                format!("{html}Content-Length: 1\r\nContent-Length: 2\r\n\r\nxx").as_bytes(),
            );
        }
        "/old" => {
            send(
                &stream,
                b"HTTP/1.0 200 OK\r\nContent-Type: text/html\r\n\r\n<a href=/good>",
            );
        }
        "/good" => {
            let chunk = "6\r\n<a hre\r\n9\r\nf=/last >\r\n0\r\n\r\n";
            send(
                &stream,
                format!("{html}Transfer-Encoding: chunked\r\n\r\n{chunk}").as_bytes(),
            );
        }
        "/bytes" => {
            let text = format!("{html}Content-Length: 14\r\n\r\n<a href=/last>");
            stream.set_nodelay(true).expect("a socket");
            text.bytes().all(|byte| send(&stream, &[byte]));
        }
        _ => {
            send(
                &stream,
                b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
            );
        }
    }
}

#[test]
fn no_answer_is_bad_enough_to_end_it() {
    on_real_time(|| async {
        let start = raw_server(nasty);
        let client = Client {
            wire: Wire::Tcp,
            time: Duration::from_secs(4),
            size: 1 << 20,
        };
        let begun = Instant::now();
        let found = crawl(client, PLAN, &start).await;
        let expected: [(&str, u32, &str); 14] = [
            ("/", 0, "page 12"),
            ("/bytes", 1, "page 1"),
            ("/cut", 1, "broken"),
            ("/drops", 1, "too slow"),
            ("/good", 1, "page 1"),
            ("/heads", 1, "broken"),
            ("/large", 1, "too large"),
            ("/last", 2, "404 Not Found"),
            ("/nonsense", 1, "broken"),
            ("/nothing", 1, "broken"),
            ("/old", 1, "page 1"),
            ("/reset", 1, "broken"),
            ("/slow-head", 1, "too slow"),
            ("/two-lengths", 1, "broken"),
        ];
        let expected = expected.map(|(path, depth, kind)| (path.into(), (depth, kind.into())));
        assert_eq!(found, Findings::from(expected));
        // Fourteen requests, one by one and each too slow.
        assert!(begun.elapsed() < Duration::from_secs(56));
    });
}

#[test]
fn nobody_listens() {
    on_real_time(|| async {
        let found = crawl(client(Wire::Tcp), PLAN, &nobody()).await;
        assert_eq!(found["/"].1, "no connection: connection refused");
    });
}

#[test]
fn another_scheme_is_a_failure_of_its_own() {
    on_real_time(|| async {
        let start = Url::parse("https://localhost/").expect("an address");
        let found = crawl(client(Wire::Tcp), PLAN, &start).await;
        assert_eq!(found["/"].1, "https is not spoken here, only http");
    });
}

//! The server that docs/tokio.md shows on both: it is what is compiled here, and both do the same.

mod on_tokio;
mod on_turnwise;

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::rc::Rc;
use std::thread;

use turnwise::sync::Event;
use turnwise::{spawn, spawn_blocking};

use crate::bounded;

/// Asks a few things, and says what was answered. The connection stays open.
fn ask(address: SocketAddr) -> (String, TcpStream) {
    let mut stream = TcpStream::connect(address).expect("it listens");
    stream
        .write_all(b"tea=hot\ntea\nmilk\ntea=cold\ntea\n")
        .expect("it reads");
    let mut answers = String::new();
    let mut reader = BufReader::new(&stream);
    for _ in 0..5 {
        reader.read_line(&mut answers).expect("it answers");
    }
    (answers, stream)
}

const ANSWERS: &str = "\nhot\n\nhot\ncold\n";

#[test]
fn on_turnwise() {
    bounded(async {
        let listener = turnwise::io::TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a port");
        let address = listener.local_addr().expect("it is bound");
        let stop = Rc::new(Event::new());
        let serving = spawn(on_turnwise::serve(listener, stop.clone()));
        let (answers, _open) = spawn_blocking(move || ask(address))
            .await
            .expect("no panic");
        assert_eq!(answers, ANSWERS);
        stop.set();
        serving.await.expect("no panic");
    });
}

#[test]
fn on_tokio() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.expect("it starts").block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a port");
        let address = listener.local_addr().expect("it is bound");
        let (stop, stopped) = tokio::sync::watch::channel(false);
        let serving = tokio::spawn(on_tokio::serve(listener, stopped));
        let client = thread::spawn(move || ask(address));
        while !client.is_finished() {
            tokio::task::yield_now().await;
        }
        let (answers, _open) = client.join().expect("no panic");
        assert_eq!(answers, ANSWERS);
        stop.send(true).expect("it serves");
        serving.await.expect("no panic");
    });
}

#[test]
fn the_page_shows_both() {
    let page = include_str!("../../../docs/tokio.md");
    for shown in [include_str!("on_tokio.rs"), include_str!("on_turnwise.rs")] {
        assert!(
            page.contains(shown),
            "docs/tokio.md lacks, or has otherwise:\n{shown}"
        );
    }
}

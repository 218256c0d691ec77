use std::cell::RefCell;
use std::collections::HashMap;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use turnwise::io::{StreamReader, TcpListener, TcpStream};
use turnwise::sync::{Event, Semaphore};
use turnwise::{Either, race_either, spawn, timeout};

const CONNECTIONS: usize = 100;
const IDLE: Duration = Duration::from_secs(60);
const PATIENCE: Duration = Duration::from_secs(5);

type Words = Rc<RefCell<HashMap<String, String>>>;

/// Serves until `stop` is set, and waits a while for the connections that are left.
pub async fn serve(listener: TcpListener, stop: Rc<Event>) {
    let words = Words::default();
    let slots = Rc::new(Semaphore::new(CONNECTIONS));
    loop {
        let permit = slots.acquire_owned().await;
        match race_either((stop.wait(), listener.accept())).await {
            Either::A(()) => break,
            Either::B(accepted) => {
                let Ok((stream, _)) = accepted else { continue };
                let talk = talk(stream, words.clone(), stop.clone());
                spawn(async move {
                    let _permit = permit;
                    talk.await
                });
            }
        }
    }
    let _ = timeout(PATIENCE, slots.acquire_many(CONNECTIONS)).await;
}

/// `word=meaning` sets a word, `word` asks for its meaning.
async fn talk(stream: TcpStream, words: Words, stop: Rc<Event>) -> io::Result<()> {
    let mut lines = StreamReader::new(&stream).lines();
    loop {
        let line = timeout(IDLE, lines.next_line());
        let line = match race_either((stop.wait(), line)).await {
            Either::A(()) => return Ok(()),
            Either::B(line) => line??,
        };
        let Some(line) = line else { return Ok(()) };
        let answer = match line.split_once('=') {
            Some((word, meaning)) => words.borrow_mut().insert(word.into(), meaning.into()),
            None => words.borrow().get(&line).cloned(),
        };
        let answer = answer.unwrap_or_default() + "\n";
        stream.write_all(answer.as_bytes()).await?;
    }
}

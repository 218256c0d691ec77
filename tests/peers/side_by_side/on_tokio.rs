use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::time::timeout;

const CONNECTIONS: u32 = 100;
const IDLE: Duration = Duration::from_secs(60);
const PATIENCE: Duration = Duration::from_secs(5);

type Words = Arc<Mutex<HashMap<String, String>>>;

/// Serves until `stop` changes, and waits a while for the connections that are left.
pub async fn serve(listener: TcpListener, mut stop: watch::Receiver<bool>) {
    let words = Words::default();
    let slots = Arc::new(Semaphore::new(CONNECTIONS as usize));
    loop {
        let permit = slots.clone().acquire_owned().await.unwrap();
        tokio::select! {
            biased;
            _ = stop.changed() => break,
            accepted = listener.accept() => {
                let Ok((stream, _)) = accepted else { continue };
                let talk = talk(stream, words.clone(), stop.clone());
                tokio::spawn(async move {
                    let _permit = permit;
                    talk.await
                });
            }
        }
    }
    let _ = timeout(PATIENCE, slots.acquire_many(CONNECTIONS)).await;
}

/// `word=meaning` sets a word, `word` asks for its meaning.
async fn talk(
    mut stream: TcpStream,
    words: Words,
    mut stop: watch::Receiver<bool>,
) -> io::Result<()> {
    let (reader, mut writer) = stream.split();
    let mut lines = BufReader::new(reader).lines();
    loop {
        let line = tokio::select! {
            biased;
            _ = stop.changed() => return Ok(()),
            line = timeout(IDLE, lines.next_line()) => line??,
        };
        let Some(line) = line else { return Ok(()) };
        let answer = match line.split_once('=') {
            Some((word, meaning)) => words.lock().unwrap().insert(word.into(), meaning.into()),
            None => words.lock().unwrap().get(&line).cloned(),
        };
        let answer = answer.unwrap_or_default() + "\n";
        writer.write_all(answer.as_bytes()).await?;
    }
}

//! A small server that speaks the protocol of Redis: GET, SET, DEL, EXPIRE, TTL, PUBLISH, SUBSCRIBE, and an orderly end.
//!
//! It is what a port of a tokio server looks like. What stands in an `Arc<Mutex<…>>` there is a `RefCell` in an `Rc`
//! here: nothing is held across an await. Each connection is a task, which ends alone when its client makes a mistake.
//! Within it one future reads commands and another one writes what is in its outbox, so that a message to a subscriber
//! needs no lock on its stream.
//!
//! A subscriber that does not read is hung up on when its outbox is full, as Redis does.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use turnwise::io::{SharedStream, StreamReader, StreamWriter, TcpListener, TcpStream, split};
use turnwise::sync::{Event, Queue};
use turnwise::time::Instant;
use turnwise::{Either, race_either, spawn, timeout, try_gather};

type Bytes = Vec<u8>;
type Outbox = Queue<Bytes>;
/// The connections that have subscribed to a channel, by number.
type Subscribers = Vec<(u64, Rc<Outbox>)>;

/// Messages that a connection has not read yet, at most.
const OUTBOX: usize = 1024;
/// Words of a command, and bytes of a word, at most.
const WORDS: usize = 1024;
const WORD: usize = 1 << 20;
/// How long connections may take to end.
const PATIENCE: Duration = Duration::from_secs(5);

/// Values with a time to live, and subscribers.
#[derive(Default)]
struct Store {
    values: RefCell<HashMap<Bytes, Value>>,
    channels: RefCell<HashMap<Bytes, Subscribers>>,
    connections: Cell<u64>,
}

struct Value {
    bytes: Bytes,
    ends: Option<Instant>,
}

impl Store {
    /// Runs `f` with a value that has not expired.
    fn with<R>(&self, key: &[u8], f: impl FnOnce(&mut Value) -> R) -> Option<R> {
        let mut values = self.values.borrow_mut();
        let value = values.get_mut(key)?;
        if value.ends.is_some_and(|ends| ends <= Instant::now()) {
            values.remove(key);
            return None;
        }
        Some(f(value))
    }

    /// Hands a message to all subscribers; returns how many there were.
    fn publish(&self, channel: &[u8], message: &[u8]) -> usize {
        let frame = array(&[bulk(b"message"), bulk(channel), bulk(message)]);
        let subscribers = self.channels.borrow().get(channel).cloned();
        let reached = subscribers
            .unwrap_or_default()
            .into_iter()
            .filter(|(_, outbox)| {
                let put = outbox.try_put(frame.clone());
                if put.is_err() {
                    drop(outbox.close_now());
                }
                put.is_ok()
            });
        reached.count()
    }
}

/// Serves clients until `stop` is set, and waits a while for those that are left.
pub async fn serve(listener: TcpListener, stop: Rc<Event>) {
    let (store, clients) = (Rc::new(Store::default()), Rc::new(Clients::default()));
    while let Either::B(accepted) = race_either((stop.wait(), listener.accept())).await {
        let stream = match accepted {
            Ok((stream, _)) => stream,
            // Out of descriptors, for example: the next call waits until there may be one.
            Err(_) => continue,
        };
        let (client, store, stop) = (Client::new(&clients), store.clone(), stop.clone());
        spawn(async move {
            let _client = client;
            // A client that breaks off, or talks nonsense, is its own affair.
            let _ = connection(stream, store, &stop).await;
        });
    }
    if clients.count.get() > 0 {
        let _ = timeout(PATIENCE, clients.gone.wait()).await;
    }
}

/// How many clients there are.
#[derive(Default)]
struct Clients {
    count: Cell<usize>,
    /// Set when the last one goes.
    gone: Event,
}

/// One of them.
struct Client(Rc<Clients>);

impl Client {
    fn new(clients: &Rc<Clients>) -> Self {
        clients.count.set(clients.count.get() + 1);
        clients.gone.clear();
        Client(clients.clone())
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.0.count.set(self.0.count.get() - 1);
        if self.0.count.get() == 0 {
            self.0.gone.set();
        }
    }
}

/// What a connection has subscribed to, until it ends.
struct Subscriptions {
    number: u64,
    store: Rc<Store>,
    outbox: Rc<Outbox>,
    channels: Vec<Bytes>,
}

impl Subscriptions {
    fn add(&mut self, channel: Bytes) -> usize {
        if !self.channels.contains(&channel) {
            let mut channels = self.store.channels.borrow_mut();
            let subscribers = channels.entry(channel.clone()).or_default();
            subscribers.push((self.number, self.outbox.clone()));
            self.channels.push(channel);
        }
        self.channels.len()
    }
}

impl Drop for Subscriptions {
    fn drop(&mut self) {
        let mut channels = self.store.channels.borrow_mut();
        for channel in &self.channels {
            if let Some(subscribers) = channels.get_mut(channel) {
                subscribers.retain(|(number, _)| *number != self.number);
                if subscribers.is_empty() {
                    channels.remove(channel);
                }
            }
        }
    }
}

async fn connection(stream: TcpStream, store: Rc<Store>, stop: &Event) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let (mut reader, writer) = split(stream);
    let outbox = Rc::new(Queue::bounded(OUTBOX));
    let number = store.connections.replace(store.connections.get() + 1);
    let mut subscriptions = Subscriptions {
        number,
        store: store.clone(),
        outbox: outbox.clone(),
        channels: Vec::new(),
    };
    let reading = async {
        loop {
            let command = match race_either((stop.wait(), Box::pin(read(&mut reader)))).await {
                Either::A(()) => break,
                Either::B(command) => command?,
            };
            let Some(words) = command else {
                break;
            };
            for reply in answer(words, &store, &mut subscriptions) {
                if outbox.put(reply).await.is_err() {
                    return Ok(());
                }
            }
        }
        outbox.close();
        Ok(())
    };
    try_gather((reading, write(writer, &outbox)))
        .await
        .map(drop)
}

/// Writes what comes into the outbox, as much at a time as there is.
async fn write(
    mut writer: StreamWriter<SharedStream<TcpStream>>,
    outbox: &Outbox,
) -> io::Result<()> {
    while let Ok(bytes) = outbox.get().await {
        writer.write_all(&bytes).await?;
        if outbox.is_empty() {
            writer.flush().await?;
        }
    }
    writer.close().await
}

/// Reads a command; `None` at the end between two of them.
async fn read(
    reader: &mut StreamReader<SharedStream<TcpStream>>,
) -> io::Result<Option<Vec<Bytes>>> {
    let Some(count) = header(reader, b'*', WORDS).await? else {
        return Ok(None);
    };
    let mut words = Vec::with_capacity(count);
    for _ in 0..count {
        let length = header(reader, b'$', WORD).await?;
        let length = length.ok_or(io::ErrorKind::UnexpectedEof)?;
        let mut word = vec![0; length + 2];
        reader.read_exact(&mut word).await?;
        word.truncate(length);
        words.push(word);
    }
    Ok(Some(words))
}

/// Reads a line with a mark and a number of at most `most`.
async fn header(
    reader: &mut StreamReader<SharedStream<TcpStream>>,
    mark: u8,
    most: usize,
) -> io::Result<Option<usize>> {
    let mut line = Vec::new();
    if reader.read_until(b"\r\n", &mut line).await? == 0 {
        return Ok(None);
    }
    let number = line
        .strip_prefix(&[mark])
        .and_then(|rest| rest.strip_suffix(b"\r\n"));
    let number = number.and_then(|digits| std::str::from_utf8(digits).ok()?.parse().ok());
    match number.filter(|number| *number <= most) {
        Some(number) => Ok(Some(number)),
        None => Err(io::ErrorKind::InvalidData.into()),
    }
}

fn answer(words: Vec<Bytes>, store: &Store, subscriptions: &mut Subscriptions) -> Vec<Bytes> {
    let Some((verb, arguments)) = words.split_first() else {
        return Vec::new();
    };
    let verb = verb.to_ascii_uppercase();
    let reply = match (&verb[..], arguments) {
        (b"GET", [key]) => {
            let value = store.with(key, |value| bulk(&value.bytes));
            value.unwrap_or_else(|| b"$-1\r\n".to_vec())
        }
        (b"SET", [key, value]) => set(store, key, value, None),
        (b"SET", [key, value, word, seconds]) if word.eq_ignore_ascii_case(b"EX") => {
            set(store, key, value, Some(seconds))
        }
        (b"SETEX", [key, seconds, value]) => set(store, key, value, Some(seconds)),
        (b"DEL", keys) => {
            let gone = |key: &&Bytes| {
                store
                    .with(key, |_| ())
                    .and_then(|()| store.values.borrow_mut().remove(*key))
                    .is_some()
            };
            number(keys.iter().filter(gone).count() as i64)
        }
        (b"EXPIRE", [key, seconds]) => match seconds_of(seconds) {
            Some(life) => {
                let ends = Some(Instant::now() + life);
                number(i64::from(
                    store.with(key, |value| value.ends = ends).is_some(),
                ))
            }
            None => error("value is not an integer or out of range"),
        },
        (b"TTL", [key]) => number(match store.with(key, |value| value.ends) {
            None => -2,
            Some(None) => -1,
            Some(Some(ends)) => (ends - Instant::now()).as_secs_f64().ceil() as i64,
        }),
        (b"PUBLISH", [channel, message]) => number(store.publish(channel, message) as i64),
        (b"SUBSCRIBE", channels @ [_, ..]) => {
            let subscribe = |channel: &Bytes| {
                let count = subscriptions.add(channel.clone());
                array(&[bulk(b"subscribe"), bulk(channel), number(count as i64)])
            };
            return channels.iter().map(subscribe).collect();
        }
        (b"PING", []) => b"+PONG\r\n".to_vec(),
        // What clients say of themselves when they connect.
        (b"CLIENT" | b"SELECT", _) => b"+OK\r\n".to_vec(),
        _ => error(&format!(
            "unknown command, or a wrong number of arguments: {}",
            verb.escape_ascii()
        )),
    };
    vec![reply]
}

fn set(store: &Store, key: &Bytes, value: &Bytes, seconds: Option<&Bytes>) -> Bytes {
    let ends = match seconds.map(|seconds| seconds_of(seconds)) {
        Some(None) => return error("invalid expire time"),
        Some(Some(life)) => Some(Instant::now() + life),
        None => None,
    };
    let bytes = value.clone();
    store
        .values
        .borrow_mut()
        .insert(key.clone(), Value { bytes, ends });
    b"+OK\r\n".to_vec()
}

fn seconds_of(word: &[u8]) -> Option<Duration> {
    let seconds = std::str::from_utf8(word).ok()?.parse::<u32>().ok()?;
    Some(Duration::from_secs(seconds.into()))
}

fn bulk(bytes: &[u8]) -> Bytes {
    [format!("${}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat()
}

fn number(number: i64) -> Bytes {
    format!(":{number}\r\n").into_bytes()
}

fn error(text: &str) -> Bytes {
    format!("-ERR {text}\r\n").into_bytes()
}

fn array(parts: &[Bytes]) -> Bytes {
    let mut frame = format!("*{}\r\n", parts.len()).into_bytes();
    frame.extend(parts.iter().flatten());
    frame
}

//! Runs the scripts of `order.rs` on turnwise, and has Python run them on asyncio.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::io::Write;
use std::ops::Deref;
use std::process::{Command, Stdio};
use std::rc::Rc;
use std::time::Duration;

use turnwise::sync::{
    Barrier, Channel, Condition, CountDownLatch, Event, LifoQueue, Lock, LockGuard, Permit,
    PriorityQueue, Queue, Semaphore, Store, TryGetError, TryPutError,
};
use turnwise::{JoinHandle, gather_spawned, sleep, spawn, timeout, yield_now};

use crate::support::{Log, virtual_runtime};

/// Tasks that start in order, and those with a capital, which another one spawns. Each is a list of
/// operations; what is over is logged.
pub(crate) struct Script {
    pub(crate) name: &'static str,
    pub(crate) settings: &'static str,
    pub(crate) tasks: &'static [(&'static str, &'static str)],
}

/// What a script works on.
struct Stage<Q> {
    sources: HashMap<&'static str, &'static str>,
    handles: RefCell<HashMap<&'static str, JoinHandle<()>>>,
    over: CountDownLatch,
    log: Log,
    lock: Lock<()>,
    condition: Condition,
    event: Event,
    semaphore: Semaphore,
    queue: Q,
    barrier: Barrier,
}

/// What a task holds.
#[derive(Default)]
struct Held<'a> {
    lock: Option<LockGuard<'a, ()>>,
    permits: Vec<Permit<'a>>,
}

/// Counts a task as over, and logs that it was cancelled if it began and did not end.
struct Ending<Q> {
    stage: Rc<Stage<Q>>,
    name: &'static str,
    unfinished: Cell<bool>,
}

impl<Q> Drop for Ending<Q> {
    fn drop(&mut self) {
        if self.unfinished.get() {
            self.stage.log.add(format!("{}:cancelled", self.name));
        }
        self.stage.over.count_down();
    }
}

impl<Q, S> Stage<Q>
where
    Q: Deref<Target = Channel<S>> + 'static,
    S: Store<Item = u32> + 'static,
{
    fn start(self: &Rc<Self>, name: &'static str) {
        let ending = Ending {
            stage: self.clone(),
            name,
            unfinished: Cell::new(false),
        };
        let handle = spawn(async move {
            ending.unfinished.set(true);
            ending.stage.run(name).await;
            ending.unfinished.set(false);
        });
        self.handles.borrow_mut().insert(name, handle);
    }

    async fn run(self: &Rc<Self>, name: &'static str) {
        let mut held = Held::default();
        for op in self.sources[name].split("; ") {
            let result = match op.split_once(' ') {
                Some(("timeout" | "wait_for", rest)) => {
                    let (limit, op) = rest.split_once(' ').unwrap();
                    let limit = Duration::from_secs(limit.parse().unwrap());
                    let step = timeout(limit, self.step(&mut held, op));
                    step.await.unwrap_or_else(|_| "=late".into())
                }
                _ => self.step(&mut held, op).await,
            };
            self.log
                .add(format!("{name}:{}{result}", op.replace(' ', "-")));
        }
    }

    /// Does one operation and returns what to add to the log.
    async fn step<'a>(self: &'a Rc<Self>, held: &mut Held<'a>, op: &'static str) -> String {
        let words: Vec<_> = op.split(' ').collect();
        let number = || words[1].parse::<u32>().unwrap();
        match words[0] {
            "acquire" => held.lock = Some(self.lock.acquire().await),
            "release" => drop(held.lock.take().unwrap()),
            "locked" if self.lock.is_locked() => return "=yes".into(),
            "locked" => return "=no".into(),
            "wait" => {
                let guard = held.lock.take().unwrap();
                held.lock = Some(self.condition.wait(guard).await);
            }
            "notify" => self.condition.notify(number() as usize),
            "notify_all" => self.condition.notify_all(),
            "enter" => held.permits.push(self.semaphore.acquire().await),
            "leave" => drop(held.permits.pop().unwrap()),
            "see" => self.event.wait().await,
            "set" => self.event.set(),
            "clear" => self.event.clear(),
            "put" => self.queue.put(number()).await.unwrap(),
            "get" => return format!("={}", self.queue.get().await.unwrap()),
            "try_put" => match self.queue.try_put(number()) {
                Ok(()) => {}
                Err(TryPutError::Full(_)) => return "=full".into(),
                Err(_) => unreachable!("no script closes the queue"),
            },
            "try_get" => match self.queue.try_get() {
                Ok(item) => return format!("={item}"),
                Err(TryGetError::Empty) => return "=empty".into(),
                Err(_) => unreachable!("no script closes the queue"),
            },
            "done" => self.queue.task_done().unwrap(),
            "join" => self.queue.join().await,
            "meet" => match self.barrier.wait().await {
                Ok(pass) => return format!("={}", pass.index),
                Err(_) => return "=broken".into(),
            },
            "abort" => self.barrier.abort(),
            "turn" => yield_now().await,
            "sleep" => sleep(Duration::from_secs(number().into())).await,
            "spawn" => self.start(words[1]),
            "cancel" => drop(self.handles.borrow()[words[1]].cancel()),
            "awaits" => drop(self.handle(words[1]).await),
            "gather" => drop(gather_spawned(words[1..].iter().map(|name| self.handle(name))).await),
            "each" => {
                let mut handles: Vec<_> = words[1..].iter().map(|name| self.handle(name)).collect();
                let done = turnwise::wait(&mut handles).await;
                return format!("={}", done.len());
            }
            other => panic!("no operation {other}"),
        }
        String::new()
    }

    fn handle(&self, name: &str) -> JoinHandle<()> {
        self.handles.borrow_mut().remove(name).unwrap()
    }
}

/// The log of a script on turnwise.
pub(crate) fn here(script: &Script) -> String {
    let capacity = number(script, "capacity", 1);
    match setting(script, "kind") {
        None => here_with(script, Queue::bounded(capacity)),
        Some("lifo") => here_with(script, LifoQueue::bounded(capacity)),
        Some(_) => here_with(script, PriorityQueue::bounded(capacity)),
    }
}

fn here_with<Q, S>(script: &Script, queue: Q) -> String
where
    Q: Deref<Target = Channel<S>> + 'static,
    S: Store<Item = u32> + 'static,
{
    let runtime = virtual_runtime();
    let stage = Rc::new(Stage {
        sources: script.tasks.iter().copied().collect(),
        handles: RefCell::default(),
        over: CountDownLatch::new(script.tasks.len()),
        log: Log::new(),
        lock: Lock::new(()),
        condition: Condition::new(),
        event: Event::new(),
        semaphore: Semaphore::new(number(script, "permits", 1)),
        queue,
        barrier: Barrier::new(number(script, "parties", 2)),
    });
    for (name, _) in script.tasks {
        if name.starts_with(char::is_lowercase) {
            stage.start(name);
        }
    }
    let result = runtime.try_block_on(stage.over.wait());
    let mut log = stage.log.text();
    if result.is_err() {
        let handles = stage.handles.borrow();
        let mut stuck: Vec<_> = handles
            .iter()
            .filter(|entry| !entry.1.is_finished())
            .collect();
        stuck.sort_by_key(|entry| entry.0);
        let stuck: Vec<_> = stuck.into_iter().map(|entry| *entry.0).collect();
        log += &format!(" stuck:{}", stuck.join(","));
    }
    drop(runtime);
    log
}

fn setting(script: &Script, key: &str) -> Option<&'static str> {
    let pairs = script.settings.split_whitespace();
    let mut pairs = pairs.filter_map(|pair| pair.split_once('='));
    pairs.find(|(name, _)| *name == key).map(|(_, value)| value)
}

fn number(script: &Script, key: &str, default: usize) -> usize {
    setting(script, key).map_or(default, |value| value.parse().unwrap())
}

/// The version of Python and the logs of all scripts on its asyncio, or `None` on a machine without
/// a fit one.
pub(crate) fn on_asyncio(scripts: &[Script]) -> Option<(String, HashMap<String, String>)> {
    let version = ["-c", "import sys; sys.exit(sys.version_info < (3, 11))"];
    let fit = Command::new("python3").args(version).status();
    if !fit.is_ok_and(|status| status.success()) {
        return None;
    }
    let mut python = Command::new("python3")
        .arg(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/tests/it/asyncio/order.py"
        ))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = String::new();
    for script in scripts {
        input += &format!("script {} {}\n", script.name, script.settings);
        for (name, ops) in script.tasks {
            input += &format!("task {name} {ops}\n");
        }
        input += "end\n";
    }
    let mut stdin = python.stdin.take().unwrap();
    stdin.write_all(input.as_bytes()).unwrap();
    drop(stdin);
    let output = python.wait_with_output().unwrap();
    assert!(output.status.success(), "order.py failed");
    let lines = String::from_utf8(output.stdout).unwrap();
    let lines = lines.lines().filter_map(|line| line.split_once('\t'));
    let mut logs: HashMap<String, String> =
        lines.map(|(name, log)| (name.into(), log.into())).collect();
    Some((logs.remove("version").unwrap(), logs))
}

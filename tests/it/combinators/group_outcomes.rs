//! Task groups: every way in which body and children can end, times every order of the two.

use std::cell::RefCell;
use std::io;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::rc::Rc;

use futures::FutureExt;
use turnwise::futures::TryGroupRun;
use turnwise::time::Instant;
use turnwise::{Runtime, TaskGroup, race, sleep, spawn, task, timeout, try_task_group, yield_now};

use crate::combinators::groups::{Errors, SpawnsOnDrop, error, seconds, texts};
use crate::sync::trace::Trace;

/// What a child does when its time has come.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Child {
    Returns,
    Fails,
    Panics,
    IsCancelled,
    SpawnsSiblings,
    /// It is alive to the end and spawns in its destructor.
    SpawnsWhileDying,
}

/// What the body does when its time has come.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Body {
    Returns,
    Fails,
    Panics,
    IsTimedOut,
    LosesRace,
    IsCancelled,
}

/// Sleeps, and says when it is dropped.
fn sleeper(trace: &Trace, name: &str, time: u64) -> impl Future<Output = ()> + use<> {
    let dropped = trace.on_drop(name);
    async move {
        let _dropped = dropped;
        sleep(seconds(time)).await;
    }
}

/// The child in question.
async fn child(
    does: Child,
    at: u64,
    group: TaskGroup<std::io::Error>,
    trace: Trace,
) -> Result<(), std::io::Error> {
    let _dropped = trace.on_drop("child");
    let _dying = (does == Child::SpawnsWhileDying).then(|| SpawnsOnDrop {
        group: group.clone(),
        trace: trace.clone(),
    });
    match does {
        Child::SpawnsWhileDying => sleep(seconds(10)).await,
        Child::IsCancelled => std::future::pending().await,
        _ => sleep(seconds(at)).await,
    }
    match does {
        Child::Fails => return Err(error("child")),
        Child::Panics => panic!("child"),
        Child::SpawnsSiblings => {
            let sibling = sleeper(&trace, "sibling", 1);
            let again = group.clone();
            drop(group.try_spawn(async move {
                sibling.await;
                drop(again.spawn(sleeper(&trace, "sibling's sibling", 20)));
                Ok(())
            }));
        }
        _ => {}
    }
    Ok(())
}

/// A group of an elder child that takes ten seconds, the child in question, and a younger one of
/// ten seconds.
fn family(
    (child_does, child_at): (Child, u64),
    (body_does, body_at): (Body, u64),
    trace: Trace,
    handle: Rc<RefCell<Option<TaskGroup<std::io::Error>>>>,
) -> TryGroupRun<impl Future<Output = Result<i32, std::io::Error>>, i32, std::io::Error> {
    try_task_group(async move |group: TaskGroup<std::io::Error>| {
        *handle.borrow_mut() = Some(group.clone());
        let _body = trace.on_drop("body");
        drop(group.spawn(sleeper(&trace, "elder", 10)));
        let actor = group.try_spawn(child(child_does, child_at, group.clone(), trace.clone()));
        drop(group.spawn(sleeper(&trace, "younger", 10)));
        if child_does == Child::IsCancelled {
            drop(group.spawn(async move {
                sleep(seconds(child_at)).await;
                actor.cancel();
            }));
        }
        sleep(seconds(body_at)).await;
        match body_does {
            Body::Returns => Ok(7),
            Body::Fails => Err(error("body")),
            Body::Panics => panic!("body"),
            _ => std::future::pending().await,
        }
    })
}

fn describe(result: Result<i32, Errors>) -> String {
    match result {
        Ok(value) => format!("value {value}"),
        Err(failed) => format!("errors {}", texts(&failed).join(", ")),
    }
}

/// Runs the family to its end. Returns what came of it, and when.
async fn run(child: (Child, u64), body: (Body, u64), trace: &Trace) -> (String, u64) {
    let start = Instant::now();
    let handle = Rc::new(RefCell::new(None));
    let group = family(child, body, trace.clone(), handle.clone());
    let limit = seconds(body.1);
    let host = spawn(async move {
        match body.0 {
            Body::IsTimedOut => match timeout(limit, group).await {
                Ok(result) => describe(result),
                Err(elapsed) => elapsed.to_string(),
            },
            Body::LosesRace => {
                let other = async {
                    sleep(limit).await;
                    "lost race".to_owned()
                };
                race((async { describe(group.await) }, other)).await
            }
            _ => describe(group.await),
        }
    });
    let id = host.id();
    let canceller = spawn(async move {
        sleep(limit).await;
        if body.0 == Body::IsCancelled {
            let all = task::all();
            all.iter()
                .find(|info| info.id == id)
                .expect("it is alive")
                .cancel();
        }
    });
    let end = host.await.unwrap_or_else(|error| error.to_string());
    let took = start.elapsed().as_secs();
    canceller.cancel();
    let _ = canceller.await;
    trace.say("over");

    // Nothing outlives the group, and its handle is of no use any more.
    assert_eq!(
        task::all().len(),
        1,
        "only main is alive: {:?}",
        task::all()
    );
    let group = handle.take().expect("the body ran");
    assert!(group.is_closed() && group.is_empty());
    let late = sleeper(trace, "future after the end", 1);
    assert!(group.spawn(late).is_finished());
    trace.say("refused");
    (end, took)
}

/// What must come of it.
fn expected(child: (Child, u64), body: (Body, u64)) -> (String, u64, Vec<&'static str>) {
    let child_first = child.1 < body.1;
    let ends_group = matches!(child.0, Child::Fails | Child::Panics);
    let by_child = ends_group && (child_first || body.0 == Body::Returns);
    let mut order = Vec::new();
    let end = if by_child {
        let text = match child.0 {
            Child::Fails => "errors child",
            _ => "task panicked: child",
        };
        if !child_first {
            order.push("body");
        }
        order.push("child");
        if child_first {
            order.push("body");
        }
        order.extend(["elder", "younger"]);
        (text, child.1)
    } else if body.0 == Body::Returns {
        let acts: &[_] = match child.0 {
            Child::SpawnsSiblings => &["child", "sibling"],
            Child::SpawnsWhileDying => &[],
            _ => &["child"],
        };
        match child_first {
            true => order.extend(acts.iter().chain(&["body"])),
            false => order.extend(["body"].iter().chain(acts)),
        }
        order.push("elder");
        if child.0 == Child::SpawnsWhileDying {
            order.extend(["late child taken", "child"]);
        }
        order.push("younger");
        match child.0 {
            Child::SpawnsSiblings => order.push("sibling's sibling"),
            Child::SpawnsWhileDying => order.push("late future"),
            _ => {}
        }
        let last = if child.0 == Child::SpawnsSiblings {
            child.1 + 21
        } else {
            10
        };
        ("value 7", last)
    } else {
        let gone = child_first && child.0 != Child::SpawnsWhileDying;
        if gone {
            order.push("child");
            if child.0 == Child::SpawnsSiblings {
                order.push("sibling");
            }
        }
        order.extend(["body", "elder"]);
        if !gone {
            if child.0 == Child::SpawnsWhileDying {
                order.extend(["late future", "late child refused"]);
            }
            order.push("child");
        }
        order.push("younger");
        if gone && child.0 == Child::SpawnsSiblings {
            order.push("sibling's sibling");
        }
        let text = match body.0 {
            Body::Fails => "errors body",
            Body::Panics => "task panicked: body",
            Body::IsTimedOut => "deadline has elapsed",
            Body::LosesRace => "lost race",
            Body::IsCancelled | Body::Returns => "task cancelled",
        };
        (text, body.1)
    };
    order.extend(["over", "future after the end", "refused"]);
    (end.0.to_owned(), end.1, order)
}

#[test]
fn every_outcome_of_child_and_body_leaves_nothing_behind() {
    let children = [
        Child::Returns,
        Child::Fails,
        Child::Panics,
        Child::IsCancelled,
        Child::SpawnsSiblings,
        Child::SpawnsWhileDying,
    ];
    let bodies = [
        Body::Returns,
        Body::Fails,
        Body::Panics,
        Body::IsTimedOut,
        Body::LosesRace,
        Body::IsCancelled,
    ];
    for child in children {
        for body in bodies {
            for (child_at, body_at) in [(2, 5), (5, 2)] {
                let (child, body) = ((child, child_at), (body, body_at));
                let runtime = Runtime::builder().virtual_clock().build();
                let trace = Trace::default();
                let (end, took) = runtime.block_on(run(child, body, &trace));
                let (text, time, order) = expected(child, body);
                assert_eq!((end, took), (text, time), "{child:?} {body:?}");
                assert_eq!(trace.take(), order, "{child:?} {body:?}");
                let stats = runtime.stats();
                assert_eq!(
                    (stats.alive, stats.waiters, stats.timers),
                    (0, 0, 0),
                    "{child:?} {body:?}"
                );
            }
        }
    }
}

/// Panics when it is dropped.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("the body's destructor");
    }
}

#[turnwise::test]
async fn the_children_are_gone_when_the_body_s_destructor_panics() {
    let trace = Trace::default();
    let child = sleeper(&trace, "child", 100);
    let group = try_task_group(async move |group: TaskGroup<&str>| {
        drop(group.spawn(child));
        drop(group.try_spawn(async { Err::<(), _>("the other child") }));
        let _bomb = Bomb;
        std::future::pending::<Result<(), &str>>().await
    });
    // Kept: it is not its end that drops the child.
    let mut group = std::pin::pin!(group);
    let ended = AssertUnwindSafe(group.as_mut()).catch_unwind().await;
    assert!(ended.is_err());
    assert_eq!(trace.take(), ["child"]);
}

#[test]
fn the_panic_of_a_child_that_dropped_its_group_is_told() {
    type Slot = Rc<RefCell<Option<Pin<Box<dyn Future<Output = ()>>>>>>;
    let told = Rc::new(RefCell::new(Vec::new()));
    let hook = told.clone();
    let runtime = Runtime::builder()
        .on_unobserved(move |problem| hook.borrow_mut().push(problem.problem.clone()))
        .build();
    runtime.block_on(async {
        let slot = Slot::default();
        let own = slot.clone();
        let mut group: Pin<Box<dyn Future<Output = ()>>> = Box::pin(async move {
            let body = async move |group: TaskGroup<()>| {
                drop(group.spawn(async move {
                    drop(own.take());
                    panic!("unheard");
                }));
                std::future::pending::<Result<(), ()>>().await
            };
            drop(try_task_group(body).await);
        });
        assert!(futures::poll!(group.as_mut()).is_pending());
        slot.replace(Some(group));
        yield_now().await;
        yield_now().await;
    });
    assert_eq!(told.borrow().len(), 1, "{told:?}");
    assert!(told.borrow()[0].contains("unheard"), "{told:?}");
}

#[turnwise::test]
async fn an_error_of_input_and_output_keeps_its_kind_through_a_group() {
    let broken = || async { Err::<(), _>(io::Error::from(io::ErrorKind::BrokenPipe)) };
    let group = try_task_group(async |group: TaskGroup<io::Error>| {
        drop(group.try_spawn(broken()));
        std::future::pending::<Result<(), io::Error>>().await
    });
    let error = io::Error::from(group.await.unwrap_err());
    assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
    let other = try_task_group(async |_: TaskGroup<&str>| Err::<(), _>("no"));
    let error = io::Error::from(other.await.unwrap_err());
    assert_eq!(error.kind(), io::ErrorKind::Other);
}

//! Hangs in which somebody foreign still keeps a waker: suspected, never certain.

use std::cell::RefCell;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Poll, Waker};

use futures::channel::{mpsc, oneshot};
use futures::future::join_all;
use futures::{FutureExt, StreamExt};
use turnwise::spawn;
use turnwise::sync::{Event, Lock};

use super::{Hang, next, suspected};
use crate::support::forever;

const KEEPS: &str = "foreign code keeps its waker";

pub(super) const TABLE: &[Hang] = &[
    suspected(
        "a foreign channel whose sender is here",
        &[KEEPS, "spawned at tests/it/diagnostics/hangs/mod.rs:"],
        || {
            async {
                let (_sender, receiver) = oneshot::channel::<()>();
                let _ = receiver.await;
            }
            .boxed_local()
        },
    ),
    suspected(
        "a foreign stream whose sender is in a task that waits",
        &[KEEPS, "at {waits}"],
        || {
            async {
                let (sender, mut receiver) = mpsc::channel::<()>(1);
                let event = Rc::new(Event::new());
                let _task = spawn(async move {
                    let _sender = sender;
                    next("waits");
                    event.wait().await;
                });
                receiver.next().await;
            }
            .boxed_local()
        },
    ),
    suspected("tokio's mutex, taken twice", &[KEEPS], || {
        async {
            let mutex = tokio::sync::Mutex::new(());
            let _once = mutex.lock().await;
            let _twice = mutex.lock().await;
        }
        .boxed_local()
    }),
    suspected("tokio's notify that nobody notifies", &[KEEPS], || {
        async { tokio::sync::Notify::new().notified().await }.boxed_local()
    }),
    suspected("the lock of futures, taken twice", &[KEEPS], || {
        async {
            let mutex = futures::lock::Mutex::new(());
            let _once = mutex.lock().await;
            let _twice = mutex.lock().await;
        }
        .boxed_local()
    }),
    suspected(
        "a big join_all over our own lock",
        &["cycle of one task", "at {holds}", "at {waits}", KEEPS],
        || {
            async {
                let lock = forever(Lock::new(()));
                next("holds");
                let _guard = lock.acquire().await;
                join_all((0..40).map(|_| async {
                    next("waits");
                    let _ = lock.acquire().await;
                }))
                .await;
            }
            .boxed_local()
        },
    ),
    suspected(
        "a waker that somebody keeps and never uses",
        &[KEEPS],
        || {
            async {
                let kept: RefCell<Option<Waker>> = RefCell::default();
                poll_fn(|cx| {
                    kept.replace(Some(cx.waker().clone()));
                    Poll::<()>::Pending
                })
                .await
            }
            .boxed_local()
        },
    ),
    suspected("a waker that is leaked", &[KEEPS], || {
        async {
            poll_fn(|cx| {
                std::mem::forget(cx.waker().clone());
                Poll::<()>::Pending
            })
            .await
        }
        .boxed_local()
    }),
];

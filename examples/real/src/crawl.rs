//! A crawler of one site: workers that share a queue of addresses.

use std::cell::{Cell, Ref, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::rc::Rc;

use hyper::StatusCode;
use turnwise::sync::{Queue, Semaphore};
use turnwise::{gather, gather_spawned};
use url::{Origin, Url};

use crate::http::{Answer, Client, Failure};
use crate::links::{links, resolve};

/// How many redirects are followed in a row.
const HOPS: u32 = 10;

/// How far a crawl goes, and how hard it works.
#[derive(Clone, Debug)]
pub struct Plan {
    /// How many links away from the start a page may be.
    pub depth: u32,
    /// How many addresses may be asked for in all.
    pub addresses: usize,
    /// How many workers there are.
    pub workers: usize,
    /// How many requests are made at once.
    pub at_once: usize,
}

/// A crawl of one site.
///
/// What it finds does not depend on which answer comes first: an address that turns out to be
/// nearer to the start than it seemed takes along what it leads to.
pub struct Crawler {
    client: Client,
    plan: Plan,
    site: Origin,
    /// Addresses that nobody has asked for yet. Each is put once.
    queue: Queue<Url>,
    slots: Semaphore,
    known: RefCell<BTreeMap<Url, Place>>,
    asked: Cell<usize>,
    /// Whether there was more to find than the plan allows.
    curtailed: Cell<bool>,
}

/// An address that the crawl has come upon.
#[derive(Debug)]
pub struct Place {
    /// How many links it is away from the start.
    pub depth: u32,
    /// How many redirects in a row lead to it, at least.
    pub hops: u32,
    /// What is there; nobody knows before it was asked for.
    pub found: Option<Found>,
}

/// What is at an address.
#[derive(Debug)]
pub enum Found {
    /// A page with these links, each once.
    Page(Vec<Url>),
    /// It is somewhere else.
    Redirect(Url),
    /// Something that is no page; its type.
    Other(String),
    /// The server refuses.
    Refused(StatusCode),
    /// There was no answer, or none that is bearable.
    Failed(Failure),
}

impl Place {
    /// Whether a redirect from here is followed no more.
    pub fn is_last(&self) -> bool {
        self.hops >= HOPS
    }

    /// Where one gets from here: address, depth and hops.
    fn onward(&self) -> Vec<(Url, u32, u32)> {
        match &self.found {
            Some(Found::Page(links)) => {
                let links = links.iter().cloned();
                links.map(|link| (link, self.depth + 1, 0)).collect()
            }
            Some(Found::Redirect(to)) if !self.is_last() => {
                vec![(to.clone(), self.depth, self.hops + 1)]
            }
            _ => Vec::new(),
        }
    }
}

impl Crawler {
    /// Prepares a crawl of the site at `start`.
    ///
    /// # Panics
    ///
    /// If there are to be no workers, or no requests at all.
    pub fn new(client: Client, plan: Plan, start: &Url) -> Self {
        assert!(plan.workers > 0 && plan.at_once > 0, "nobody would work");
        let crawler = Crawler {
            client,
            site: start.origin(),
            queue: Queue::unbounded(),
            slots: Semaphore::new(plan.at_once),
            known: RefCell::default(),
            asked: Cell::new(0),
            curtailed: Cell::new(false),
            plan,
        };
        if let Some(start) = resolve(start, "") {
            crawler.note(vec![(start, 0, 0)]);
        }
        crawler
    }

    /// Asks for everything that can be reached, and ends when all of it has been.
    ///
    /// Dropped, it breaks off what is under way; [`known`](Crawler::known) tells how far it came.
    pub async fn run(self: &Rc<Self>) {
        let workers = (0..self.plan.workers).map(|_| {
            let crawler = self.clone();
            async move {
                // The guard counts as unfinished until its links are in the queue: `join` cannot
                // return too early. It ends with the round.
                while let Ok(address) = crawler.queue.take().await {
                    crawler.visit(&address).await;
                }
            }
        });
        let end = async {
            self.queue.join().await;
            self.queue.close();
        };
        gather((gather_spawned(workers), end)).await;
    }

    /// What the crawl has come upon so far, in the order of the addresses.
    pub fn known(&self) -> Ref<'_, BTreeMap<Url, Place>> {
        self.known.borrow()
    }

    /// How many addresses were asked for, and how many are known.
    pub fn progress(&self) -> (usize, usize) {
        (self.asked.get(), self.known.borrow().len())
    }

    /// Whether there was more to find than the plan allows.
    pub fn is_curtailed(&self) -> bool {
        self.curtailed.get()
    }

    async fn visit(&self, address: &Url) {
        let asked = {
            let _slot = self.slots.acquire().await;
            let wanted = |answer: &Answer| answer.status.is_success() && answer.is_html();
            self.client.get_if(address, wanted).await
        };
        let found = judge(address, asked);
        self.asked.set(self.asked.get() + 1);
        let onward = {
            let mut known = self.known.borrow_mut();
            let place = known.get_mut(address);
            let place = place.expect("what is in the queue is known");
            place.found = Some(found);
            place.onward()
        };
        self.note(onward);
    }

    /// Takes in addresses with their depth and hops, and what is now nearer because of them.
    fn note(&self, news: Vec<(Url, u32, u32)>) {
        let mut news = VecDeque::from(news);
        let mut known = self.known.borrow_mut();
        while let Some((address, depth, hops)) = news.pop_front() {
            if depth > self.plan.depth || address.origin() != self.site {
                continue;
            }
            if let Some(place) = known.get_mut(&address) {
                if depth < place.depth || hops < place.hops {
                    place.depth = place.depth.min(depth);
                    place.hops = place.hops.min(hops);
                    news.extend(place.onward());
                }
                continue;
            }
            if known.len() == self.plan.addresses {
                self.curtailed.set(true);
                continue;
            }
            let place = Place {
                depth,
                hops,
                found: None,
            };
            known.insert(address.clone(), place);
            // Refused only after the end of the crawl, when nobody would come for it.
            let _ = self.queue.try_put(address);
        }
    }
}

fn judge(address: &Url, asked: Result<Answer, Failure>) -> Found {
    let answer = match asked {
        Ok(answer) => answer,
        Err(failure) => return Found::Failed(failure),
    };
    if let Some(to) = answer.redirect().and_then(|to| resolve(address, to)) {
        return Found::Redirect(to);
    }
    if !answer.status.is_success() {
        return Found::Refused(answer.status);
    }
    if !answer.is_html() {
        return Found::Other(answer.content_type().to_owned());
    }
    let mut links = links(&answer.body, address);
    links.sort_unstable();
    links.dedup();
    Found::Page(links)
}

impl fmt::Debug for Crawler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Crawler")
            .field("plan", &self.plan)
            .field("progress", &self.progress())
            .field("queue", &self.queue)
            .finish_non_exhaustive()
    }
}

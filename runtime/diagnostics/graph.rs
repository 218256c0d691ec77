//! Which task can still wake which: a pure structure over numbered tasks.
//!
//! A task waits for several things at once and goes on when *one* of them comes. A thing comes from
//! a source that is certain (a timer, a descriptor), from named tasks that must *all* go on first
//! (those that hold a lock), from *one* of several (children that are to end), or from any task
//! at all.
//!
//! # Implementation
//!
//! Life spreads from what is alive already, over each wait once. Cycles are found per strongly
//! connected part (Tarjan), and a shortest one is named. Both are linear, on demand only. A task takes
//! a byte, a task that another one needs 16: a program with a million tasks has no room to spare.

use std::collections::{HashMap, VecDeque};
use std::iter;

/// What can end one wait.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Help {
    /// It comes by itself, or from outside.
    Sure,
    /// Only these tasks can bring it, and all of them have to go on for it.
    From(Vec<usize>),
    /// Any one of these tasks can bring it.
    OneOf(Vec<usize>),
    /// Any task that is alive might bring it.
    Anyone,
    /// Nothing will bring it.
    None,
}

impl Help {
    /// The tasks it needs.
    pub(crate) fn tasks(&self) -> &[usize] {
        match self {
            Help::From(tasks) | Help::OneOf(tasks) => tasks,
            Help::Sure | Help::Anyone | Help::None => &[],
        }
    }
}

/// What can wake each of so many tasks.
#[derive(Debug)]
pub(crate) struct Graph {
    /// Of each task, what of the following is true.
    lives: Vec<u8>,
    /// The waits that need certain tasks: whose it is, and how many of them must go on for it.
    waits: Vec<(u32, u32)>,
    /// A task that is needed, and the wait that needs it.
    needs: Vec<(u32, u32)>,
}

/// It runs, is ready to, or has a wait that ends by itself.
pub(crate) const ALIVE: u8 = 1;
/// Any task that is alive might wake it.
const ANYONE: u8 = 2;
/// Foreign code keeps its waker.
pub(crate) const CLONED: u8 = 4;
/// It may have given up a wait that would end by itself.
pub(crate) const LAPSED: u8 = 8;

impl Graph {
    pub(crate) fn new(tasks: usize) -> Self {
        Graph {
            lives: vec![0; tasks],
            waits: Vec::new(),
            needs: Vec::new(),
        }
    }

    pub(crate) fn set(&mut self, task: usize, what: u8) {
        self.lives[task] |= what;
    }

    pub(crate) fn unset(&mut self, task: usize, what: u8) {
        self.lives[task] &= !what;
    }

    pub(crate) fn is(&self, task: usize, what: u8) -> bool {
        self.lives[task] & what != 0
    }

    /// Adds a wait of a task.
    pub(crate) fn add(&mut self, task: usize, help: &Help) {
        let needed = match help {
            Help::Sure => return self.set(task, ALIVE),
            Help::Anyone => return self.set(task, ANYONE),
            Help::None => return,
            Help::From(tasks) => tasks.len(),
            Help::OneOf(_) => 1,
        };
        let wait = self.waits.len() as u32;
        self.waits.push((task as u32, needed as u32));
        let needs = help.tasks().iter().map(|other| (*other as u32, wait));
        self.needs.extend(needs);
    }

    /// The tasks that nothing alive can ever wake. `stranger` says that code outside the tasks, a
    /// host or another thread, may still do something; `alive`, what makes a task alive.
    pub(crate) fn stuck(&self, stranger: bool, alive: u8) -> Vec<bool> {
        let mut stuck = vec![true; self.lives.len()];
        let lacked_by = Edges::new(self.lives.len(), self.needs.iter().copied());
        let mut lacks: Vec<u32> = self.waits.iter().map(|(_, needed)| *needed).collect();
        let having = |what: u8| {
            let having = self
                .lives
                .iter()
                .enumerate()
                .filter(move |life| life.1 & what != 0);
            having.map(|(task, _)| task as u32)
        };
        let mut line: Vec<u32> = having(alive).collect();
        let mut anyone = Some(having(ANYONE));
        if stranger {
            line.extend(anyone.take().into_iter().flatten());
        }
        while let Some(task) = line.pop() {
            if !std::mem::replace(&mut stuck[task as usize], false) {
                continue;
            }
            // The first that lives is anyone.
            line.extend(anyone.take().into_iter().flatten());
            for wait in lacked_by.of(task as usize) {
                let lacks = &mut lacks[*wait as usize];
                let last = *lacks == 1;
                *lacks = lacks.saturating_sub(1);
                line.extend(last.then_some(self.waits[*wait as usize].0));
            }
        }
        stuck
    }

    /// From each of these tasks to those that its waits need.
    pub(crate) fn edges(&self, of: &[bool]) -> Edges {
        let edges = self
            .needs
            .iter()
            .map(|(needed, wait)| (self.waits[*wait as usize].0, *needed));
        Edges::new(of.len(), edges.filter(|(from, _)| of[*from as usize]))
    }
}

/// The edges of a graph, by the node that each begins at.
#[derive(Debug)]
pub(crate) struct Edges {
    /// Where those of each node begin, and the end.
    begin: Vec<u32>,
    to: Vec<u32>,
}

impl Edges {
    fn new(nodes: usize, edges: impl Iterator<Item = (u32, u32)> + Clone) -> Self {
        let mut begin = vec![0; nodes + 1];
        edges
            .clone()
            .for_each(|(from, _)| begin[from as usize] += 1);
        let mut all = 0;
        for count in &mut begin {
            all += *count;
            *count = all;
        }
        // Filled from the ends, which become the beginnings.
        let mut to = vec![0; all as usize];
        for (from, other) in edges {
            begin[from as usize] -= 1;
            to[begin[from as usize] as usize] = other;
        }
        Edges { begin, to }
    }

    fn of(&self, node: usize) -> &[u32] {
        &self.to[self.begin[node] as usize..self.begin[node + 1] as usize]
    }

    fn nodes(&self) -> usize {
        self.begin.len() - 1
    }
}

/// One shortest cycle for each strongly connected part of the graph, in the order of its first
/// task; a task that waits for itself is a cycle of one.
pub(crate) fn cycles(edges: &Edges) -> Vec<Vec<u32>> {
    let mut found = Vec::new();
    parts(edges, |part| found.extend(shortest(edges, part)));
    found.sort_unstable_by_key(|cycle: &Vec<u32>| cycle[0]);
    found
}

/// The strongly connected parts.
fn parts(edges: &Edges, mut found: impl FnMut(&[u32])) {
    const NEW: u32 = u32::MAX;
    let nodes = edges.nodes();
    let (mut number, mut low) = (vec![NEW; nodes], vec![0; nodes]);
    let (mut open, mut is_open) = (Vec::new(), vec![false; nodes]);
    let mut next = 0;
    for root in 0..nodes {
        if number[root] != NEW {
            continue;
        }
        // A stack of our own: a chain of a million joins must not overflow the thread's.
        let mut path = vec![(root as u32, 0_u32)];
        while let Some((node, edge)) = path.last_mut() {
            let at = *node as usize;
            if *edge == 0 {
                (number[at], low[at]) = (next, next);
                next += 1;
                open.push(*node);
                is_open[at] = true;
            }
            if let Some(to) = edges.of(at).get(*edge as usize).copied() {
                *edge += 1;
                if number[to as usize] == NEW {
                    path.push((to, 0));
                } else if is_open[to as usize] {
                    low[at] = low[at].min(number[to as usize]);
                }
                continue;
            }
            path.pop();
            if let Some((parent, _)) = path.last() {
                let parent = *parent as usize;
                low[parent] = low[parent].min(low[at]);
            }
            if low[at] == number[at] {
                let from = open.iter().rposition(|open| *open as usize == at);
                let from = from.unwrap_or(0);
                open[from..]
                    .iter()
                    .for_each(|member| is_open[*member as usize] = false);
                found(&open[from..]);
                open.truncate(from);
            }
        }
    }
}

/// A shortest cycle through the first task of a part, if it is on one.
fn shortest(edges: &Edges, part: &[u32]) -> Option<Vec<u32>> {
    let first = *part.iter().min()?;
    if part.len() == 1 {
        return edges
            .of(first as usize)
            .contains(&first)
            .then(|| vec![first]);
    }
    // Of each task of the part, the one it was reached from.
    let mut before: HashMap<u32, Option<u32>> = part.iter().map(|task| (*task, None)).collect();
    let mut line = VecDeque::from([first]);
    while let Some(at) = line.pop_front() {
        for to in edges.of(at as usize).iter().copied() {
            if to == first {
                let back = |at: &u32| before.get(at).copied().flatten();
                let mut cycle: Vec<_> = iter::successors(Some(at), back).collect();
                cycle.reverse();
                return Some(cycle);
            }
            if let Some(unseen @ None) = before.get_mut(&to) {
                *unseen = Some(at);
                line.push_back(to);
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of each task, what can end its waits; without a list it runs.
    fn stuck(tasks: &[Option<&[Help]>], stranger: bool) -> Vec<bool> {
        let mut graph = Graph::new(tasks.len());
        for (task, waits) in tasks.iter().enumerate() {
            match waits {
                Some(waits) => waits.iter().for_each(|help| graph.add(task, help)),
                None => graph.set(task, ALIVE),
            }
        }
        graph.stuck(stranger, ALIVE)
    }

    fn edges(of: &[&[u32]]) -> Edges {
        let of = of.iter().enumerate();
        let all = of.flat_map(|(from, to)| to.iter().map(move |to| (from as u32, *to)));
        Edges::new(
            all.clone()
                .map(|(from, _)| from as usize + 1)
                .max()
                .unwrap_or(0)
                .max(5),
            all,
        )
    }

    #[test]
    fn a_cycle_is_stuck_though_others_live() {
        let from = |task| [Help::From(vec![task])];
        let tasks: [Option<&[Help]>; 5] = [
            Some(&from(1)),
            Some(&from(0)),
            None,
            Some(&from(2)),
            Some(&[Help::Anyone]),
        ];
        assert_eq!(stuck(&tasks, false), [true, true, false, false, false]);
    }

    #[test]
    fn one_sure_wait_is_enough_and_life_spreads() {
        let both = [Help::From(vec![1]), Help::Sure];
        let tasks: [Option<&[Help]>; 2] = [Some(&both), Some(&[Help::From(vec![0])])];
        assert_eq!(stuck(&tasks, false), [false, false]);
    }

    #[test]
    fn without_anybody_alive_whoever_cares_is_nobody() {
        let tasks: [Option<&[Help]>; 2] = [Some(&[Help::Anyone]), Some(&[Help::None])];
        assert_eq!(stuck(&tasks, false), [true, true]);
        assert_eq!(stuck(&tasks, true), [false, true]);
    }

    #[test]
    fn all_holders_must_go_on_but_one_child_is_enough() {
        let (all, one) = ([Help::From(vec![1, 2])], [Help::OneOf(vec![2, 1])]);
        let tasks: [Option<&[Help]>; 4] = [Some(&all), None, Some(&[]), Some(&one)];
        assert_eq!(stuck(&tasks, false), [true, false, true, false]);
    }

    #[test]
    fn life_goes_along_a_chain_of_a_million_in_either_direction() {
        const MANY: usize = 1_000_000;
        for (step, end) in [(1, MANY - 1), (MANY - 1, 0)] {
            let mut graph = Graph::new(MANY);
            (0..MANY).for_each(|at| graph.add(at, &Help::From(vec![(at + step) % MANY])));
            graph.set(end, ALIVE);
            assert!(!graph.stuck(false, ALIVE).contains(&true));
        }
    }

    #[test]
    fn every_part_has_one_shortest_cycle() {
        // 0 → 1 → 2 → 0 with a short cut 1 → 0; 3 → 3; 4 → 0 is on no cycle.
        let graph = edges(&[&[1], &[2, 0], &[0], &[3], &[0]]);
        assert_eq!(cycles(&graph), [vec![0, 1], vec![3]]);
        assert_eq!(cycles(&edges(&[&[1], &[2], &[]])), Vec::<Vec<u32>>::new());
    }

    #[test]
    fn a_chain_of_a_million_overflows_no_stack() {
        let ring = (0..1_000_000).map(|at| (at, (at + 1) % 1_000_000));
        let mut found = Vec::new();
        parts(&Edges::new(1_000_000, ring), |part| found.push(part.len()));
        assert_eq!(found, [1_000_000]);
    }
}

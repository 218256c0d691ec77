//! Who can still wake whom: a pure structure over numbered tasks.
//!
//! A task waits for several things at once and goes on when *one* of them comes. A thing comes from
//! a source that is certain (a timer, a descriptor), from named tasks that must *all* go on first
//! (those that hold a lock), from *one* of several (children that are to end), or from whoever cares
//! to.
//!
//! # Implementation
//!
//! Life spreads from what is alive already, over each wait once. Cycles are found per strongly
//! connected part (Tarjan), and a shortest one is named. Both are linear, on demand only.

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

/// One task, as far as life and death go.
#[derive(Clone, Debug, Default)]
pub(crate) struct Node {
    /// It runs, or is ready to.
    pub(crate) alive: bool,
    pub(crate) waits: Vec<Help>,
}

/// The tasks that nothing alive can ever wake. `stranger` says that code outside the tasks, a
/// host or another thread, may still do something.
pub(crate) fn stuck(nodes: &[Node], stranger: bool) -> Vec<bool> {
    let mut alive = vec![false; nodes.len()];
    // Of each wait, how many tasks it still lacks; and of each task, the waits that lack it.
    let mut lacks: Vec<(usize, usize)> = Vec::new();
    let mut lacked_by: Vec<Vec<usize>> = vec![Vec::new(); nodes.len()];
    let (mut line, mut anyones) = (Vec::new(), Vec::new());
    for (task, node) in nodes.iter().enumerate() {
        line.extend(node.alive.then_some(task));
        for help in &node.waits {
            let (tasks, needed) = match help {
                Help::Sure => {
                    line.push(task);
                    continue;
                }
                Help::Anyone => {
                    anyones.push(task);
                    continue;
                }
                Help::None => continue,
                Help::From(tasks) => (tasks, tasks.len()),
                Help::OneOf(tasks) => (tasks, 1),
            };
            tasks
                .iter()
                .for_each(|other| lacked_by[*other].push(lacks.len()));
            lacks.push((task, needed));
        }
    }
    if stranger {
        line.append(&mut anyones);
    }
    while let Some(task) = line.pop() {
        if std::mem::replace(&mut alive[task], true) {
            continue;
        }
        // The first that lives is anyone.
        line.append(&mut anyones);
        for wait in lacked_by[task].drain(..) {
            let (waiting, needed) = &mut lacks[wait];
            *needed = needed.saturating_sub(1);
            line.extend((*needed == 0).then_some(*waiting));
        }
    }
    alive.into_iter().map(|alive| !alive).collect()
}

/// One shortest cycle for each strongly connected part of the graph, in the order of its first
/// task; a task that waits for itself is a cycle of one.
pub(crate) fn cycles(edges: &[Vec<usize>]) -> Vec<Vec<usize>> {
    let mut found = vec![Vec::new(); edges.len()];
    for part in parts(edges) {
        if let Some(cycle) = shortest(edges, &part) {
            let first = cycle[0];
            found[first] = cycle;
        }
    }
    found.retain(|cycle| !cycle.is_empty());
    found
}

/// The strongly connected parts.
fn parts(edges: &[Vec<usize>]) -> Vec<Vec<usize>> {
    const NEW: usize = usize::MAX;
    let (mut number, mut low) = (vec![NEW; edges.len()], vec![0; edges.len()]);
    let (mut open, mut is_open) = (Vec::new(), vec![false; edges.len()]);
    let (mut next, mut parts) = (0, Vec::new());
    for root in 0..edges.len() {
        if number[root] != NEW {
            continue;
        }
        // A stack of our own: a chain of a million joins must not overflow the thread's.
        let mut path = vec![(root, 0)];
        while let Some((at, edge)) = path.last_mut() {
            let at = *at;
            if *edge == 0 {
                (number[at], low[at]) = (next, next);
                next += 1;
                open.push(at);
                is_open[at] = true;
            }
            if let Some(to) = edges[at].get(*edge).copied() {
                *edge += 1;
                if number[to] == NEW {
                    path.push((to, 0));
                } else if is_open[to] {
                    low[at] = low[at].min(number[to]);
                }
                continue;
            }
            path.pop();
            if let Some((parent, _)) = path.last() {
                low[*parent] = low[*parent].min(low[at]);
            }
            if low[at] == number[at] {
                let from = open.iter().rposition(|open| *open == at).unwrap_or(0);
                let part = open.split_off(from);
                part.iter().for_each(|member| is_open[*member] = false);
                parts.push(part);
            }
        }
    }
    parts
}

/// A shortest cycle through the first task of a part, if it is on one.
fn shortest(edges: &[Vec<usize>], part: &[usize]) -> Option<Vec<usize>> {
    let first = *part.iter().min()?;
    if part.len() == 1 {
        return edges[first].contains(&first).then(|| vec![first]);
    }
    // Of each task of the part, the one it was reached from.
    let mut before: HashMap<usize, Option<usize>> = part.iter().map(|task| (*task, None)).collect();
    let mut line = VecDeque::from([first]);
    while let Some(at) = line.pop_front() {
        for to in edges[at].iter().copied() {
            if to == first {
                let back = |at: &usize| before.get(at).copied().flatten();
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

    fn waits(waits: &[Help]) -> Node {
        Node {
            alive: false,
            waits: waits.to_vec(),
        }
    }

    fn running() -> Node {
        Node {
            alive: true,
            waits: Vec::new(),
        }
    }

    #[test]
    fn a_cycle_is_stuck_though_others_live() {
        let from = |task| waits(&[Help::From(vec![task])]);
        let nodes = [from(1), from(0), running(), from(2), waits(&[Help::Anyone])];
        assert_eq!(stuck(&nodes, false), [true, true, false, false, false]);
    }

    #[test]
    fn one_sure_wait_is_enough_and_life_spreads() {
        let both = waits(&[Help::From(vec![1]), Help::Sure]);
        let nodes = [both, waits(&[Help::From(vec![0])])];
        assert_eq!(stuck(&nodes, false), [false, false]);
    }

    #[test]
    fn without_anybody_alive_whoever_cares_is_nobody() {
        let nodes = [waits(&[Help::Anyone]), waits(&[Help::None])];
        assert_eq!(stuck(&nodes, false), [true, true]);
        assert_eq!(stuck(&nodes, true), [false, true]);
    }

    #[test]
    fn all_holders_must_go_on() {
        let nodes = [waits(&[Help::From(vec![1, 2])]), running(), waits(&[])];
        assert_eq!(stuck(&nodes, false), [true, false, true]);
    }

    #[test]
    fn life_goes_along_a_chain_of_a_million_in_either_direction() {
        let chain = |next: fn(usize) -> usize, end| {
            let mut nodes: Vec<Node> = (0..1_000_000)
                .map(|at| waits(&[Help::From(vec![next(at) % 1_000_000])]))
                .collect();
            nodes[end] = running();
            nodes
        };
        for nodes in [chain(|at| at + 1, 999_999), chain(|at| at + 999_999, 0)] {
            assert!(!stuck(&nodes, false).contains(&true));
        }
    }

    #[test]
    fn every_part_has_one_shortest_cycle() {
        // 0 → 1 → 2 → 0 with a short cut 1 → 0; 3 → 3; 4 → 0 is on no cycle.
        let edges = [vec![1], vec![2, 0], vec![0], vec![3], vec![0]];
        assert_eq!(cycles(&edges), [vec![0, 1], vec![3]]);
        assert_eq!(
            cycles(&[vec![1], vec![2], vec![]]),
            Vec::<Vec<usize>>::new()
        );
    }

    #[test]
    fn a_chain_of_a_million_overflows_no_stack() {
        let edges: Vec<Vec<usize>> = (0..1_000_000)
            .map(|at| vec![(at + 1) % 1_000_000])
            .collect();
        let parts = parts(&edges);
        assert_eq!((parts.len(), parts[0].len()), (1, 1_000_000));
    }
}

//! What we have promised ourselves, and whether it holds.

use turnwise_benches::results::{Figures, competes};
use turnwise_benches::table::number;
use turnwise_benches::{BEYOND_MEMORY, ROWS};

use crate::svg::OURS;

/// A bar, met or not, and the figures that say so. `None` if it was not measured.
pub struct Bar {
    pub bar: &'static str,
    pub met: Option<bool>,
    pub figures: String,
}

/// All figures by stage.
pub struct All {
    pub times: Figures,
    pub late: Figures,
    pub memory: Figures,
    pub allocations: Figures,
    pub syscalls: Figures,
    pub instructions: Figures,
    pub scaling: Figures,
    pub echo: Figures,
    pub hello: Figures,
}

/// More than this, in µs, and a timer is not one of those that come when they are due.
const MOST_LATE: f64 = 2000.0;
const SPAWNING: [&str; 2] = ["spawn+join", "spawn+join 1000"];
const PRIMITIVES: [&str; 13] = [
    "lock free",
    "lock 100 tasks",
    "semaphore 10 of 1000",
    "event 1000",
    "condition",
    "notify",
    "queue 1:1 cap 1",
    "queue 1:1 cap 16",
    "queue 1:1 cap 1024",
    "queue 4:4 cap 1",
    "queue 4:4 cap 16",
    "queue 4:4 cap 1024",
    "oneshot",
];

pub fn bars(all: &All) -> Vec<Bar> {
    let in_memory = |row: &&str| !BEYOND_MEMORY.contains(row) && !SPAWNING.contains(row);
    let rows: Vec<&str> = ROWS.iter().map(|(row, _)| *row).collect();
    let of_memory: Vec<&str> = rows.iter().copied().filter(in_memory).collect();
    // Like with like: who comes for all timers at once after 16 ms has its own row.
    let late = |peer: &str| all.late.get("sleep 100 µs", peer);
    let exact = |row: &str, peer: &str| {
        row != "sleep 100k" || late(peer).is_none_or(|late| late <= MOST_LATE)
    };
    vec![
        ahead(
            "ahead of every peer in every row of work in memory",
            &of_memory,
            all,
            |_, _| true,
        ),
        ahead(
            "ahead of every peer in the rows with threads and the clock; *sleep 100k*: of those at most 2 ms late",
            // Coarse timers are beside nobody's but ntex's, and told where we are behind.
            &["sleep 100k", "from a thread"],
            all,
            exact,
        ),
        spawning(all),
        primitives(all),
        at_most(
            "a sleep of 100 µs ends at most 40 µs late",
            &all.late,
            "sleep 100 µs",
            40.0,
            "µs",
        ),
        at_most(
            "a task parked on an event takes at most 240 bytes",
            &all.memory,
            "on an event",
            240.0,
            "bytes",
        ),
        million(all),
        echo_time(all),
        echo_calls(all),
        no_allocation(all),
        no_call(all),
        cold(all),
        crates(all),
    ]
}

fn ours(figures: &Figures, row: &str) -> Option<f64> {
    figures.get(row, OURS)
}

fn list(failed: &[String], when_none: &str) -> String {
    if failed.is_empty() {
        return when_none.to_owned();
    }
    failed.join("; ")
}

/// Ahead of those peers that are `alike` in a row.
fn ahead(bar: &'static str, rows: &[&str], all: &All, alike: impl Fn(&str, &str) -> bool) -> Bar {
    let compared = rows.iter().filter_map(|row| {
        let (peer, best) = all.times.best_of(row, |peer| alike(row, peer))?;
        Some((row, peer, ours(&all.times, row)? / best))
    });
    let compared: Vec<_> = compared.collect();
    let behind = compared.iter().filter(|(_, _, ratio)| *ratio >= 1.0);
    let behind: Vec<String> = behind
        .map(|(row, peer, ratio)| format!("{row}: {ratio:.2} of {peer}"))
        .collect();
    Bar {
        bar,
        met: (!compared.is_empty()).then_some(behind.is_empty()),
        figures: list(
            &behind,
            &format!("{} of {} rows", compared.len(), compared.len()),
        ),
    }
}

fn spawning(all: &All) -> Bar {
    let mut failed = Vec::new();
    let mut said = Vec::new();
    for row in SPAWNING {
        for peer in all.times.peers().into_iter().filter(|peer| competes(peer)) {
            let most = match peer {
                peer if peer.starts_with("tokio") || peer == "smol" => 1.0,
                "monoio, local-sync" => 1.5,
                _ => continue,
            };
            if let (Some(ours), Some(other)) = (ours(&all.times, row), all.times.get(row, peer)) {
                said.push(format!("{row}: {:.2} of {peer}", ours / other));
                if ours / other > most {
                    failed.extend(said.last().cloned());
                }
            }
        }
    }
    Bar {
        bar: "spawn + join: ahead of tokio and smol, at most 1.5 × monoio",
        met: (!said.is_empty()).then_some(failed.is_empty()),
        figures: list(&failed, &said.join("; ")),
    }
}

fn primitives(all: &All) -> Bar {
    let mut compared = 0;
    let mut failed = Vec::new();
    for row in PRIMITIVES {
        let (Some(ours), Some((_, best))) = (ours(&all.times, row), all.times.best_peer(row))
        else {
            continue;
        };
        compared += 1;
        let limit = all.times.get(row, "limit").unwrap_or_default();
        if ours > (0.6 * best).max(1.5 * limit) {
            failed.push(format!("{row}: {:.2} and {:.2}", ours / best, ours / limit));
        }
    }
    Bar {
        bar: "primitives at most 0.6 of the best peer or 1.5 × the limit, whichever is larger",
        met: (compared > 0).then_some(failed.is_empty()),
        figures: list(&failed, &format!("{compared} of {compared} rows")),
    }
}

fn at_most(bar: &'static str, figures: &Figures, row: &str, most: f64, unit: &str) -> Bar {
    let found = ours(figures, row);
    Bar {
        bar,
        met: found.map(|found| found <= most),
        figures: found
            .map(|found| format!("{} {unit}", number(found)))
            .unwrap_or_default(),
    }
}

fn million(all: &All) -> Bar {
    let armed = ours(&all.scaling, "timer armed and dropped, n armed 1000000");
    Bar {
        bar: "a million armed timers",
        met: armed.map(|_| true),
        figures: armed
            .map(|armed| format!("{} ns to arm and drop one more", number(armed)))
            .unwrap_or_default(),
    }
}

fn echo_time(all: &All) -> Bar {
    let times = all
        .echo
        .rows()
        .into_iter()
        .filter(|row| row.starts_with("µs"));
    let compared: Vec<(&str, f64)> = times
        .filter_map(|row| Some((row, ours(&all.echo, row)? / all.echo.best_peer(row)?.1)))
        .collect();
    let said: Vec<String> = compared
        .iter()
        .map(|(row, ratio)| format!("{}: {ratio:.2}", row.trim_start_matches("µs per request, ")))
        .collect();
    Bar {
        bar: "echo level with the best peer: at most 1.05 of its processor time",
        met: (!compared.is_empty()).then_some(compared.iter().all(|(_, ratio)| *ratio <= 1.05)),
        figures: said.join("; "),
    }
}

fn echo_calls(all: &All) -> Bar {
    let bars = [("1", 3.05), ("64", 2.1), ("512", 2.1)];
    let found: Vec<(f64, f64)> = bars
        .iter()
        .filter_map(|(n, most)| {
            let row = format!("calls per request and end, {n} connections");
            Some((ours(&all.echo, &row)?, *most))
        })
        .collect();
    let said: Vec<String> = found
        .iter()
        .map(|(calls, _)| format!("{calls:.2}"))
        .collect();
    Bar {
        bar: "system calls per echoed request and end: 3.05 at one connection, 2.1 at 64 and 512",
        met: (!found.is_empty()).then_some(found.iter().all(|(calls, most)| calls <= most)),
        figures: said.join("; "),
    }
}

fn no_allocation(all: &All) -> Bar {
    let allocates = |row: &&str| {
        ["spawn", "semaphore", "oneshot", "sleep", "from"]
            .iter()
            .any(|word| row.starts_with(word))
    };
    let rows = ROWS
        .iter()
        .map(|(row, _)| *row)
        .filter(|row| !allocates(row));
    let counted: Vec<(&str, f64)> = rows
        .filter_map(|row| Some((row, ours(&all.allocations, row)?)))
        .collect();
    let failed = counted.iter().filter(|(_, count)| *count > 0.0);
    let failed: Vec<String> = failed
        .map(|(row, count)| format!("{row}: {count:.3}"))
        .collect();
    Bar {
        bar: "no allocation per wait, wake, switch or timer",
        met: (!counted.is_empty()).then_some(failed.is_empty()),
        figures: list(&failed, &format!("0 in {} rows", counted.len())),
    }
}

fn no_call(all: &All) -> Bar {
    let rows = ROWS
        .iter()
        .map(|(row, _)| *row)
        .filter(|row| !BEYOND_MEMORY.contains(row));
    let counted: Vec<(&str, f64)> = rows
        .filter_map(|row| Some((row, ours(&all.syscalls, row)?)))
        .collect();
    let failed = counted.iter().filter(|(_, count)| *count >= 0.01);
    let failed: Vec<String> = failed
        .map(|(row, count)| format!("{row}: {count:.3}"))
        .collect();
    Bar {
        bar: "no system call where nothing but memory is needed",
        met: (!counted.is_empty()).then_some(failed.is_empty()),
        figures: list(
            &failed,
            &format!(
                "fewer than one in a hundred operations in {} rows",
                counted.len()
            ),
        ),
    }
}

/// Beside those who bring about as much as we do; all others are told too.
fn cold(all: &All) -> Bar {
    let seconds = |program: &str| all.hello.get("seconds", program);
    let ours = seconds("turnwise without default features");
    let rivals = ["tokio", "smol"].map(seconds);
    let told = all.hello.iter().filter(|(row, program, _)| {
        *row == "seconds" && *program != "threads of std" && !program.contains("process")
    });
    let told = told.map(|(_, program, seconds)| format!("{program} {seconds:.1} s"));
    Bar {
        bar: "a small program, with the features it needs, builds from cold in less time than with tokio and with smol \
              ([why not with everybody](decisions/0019-a-small-program-is-not-the-first-to-be-built.md))",
        met: ours.map(|ours| rivals.iter().flatten().all(|rival| ours < *rival)),
        figures: told.collect::<Vec<_>>().join("; "),
    }
}

fn crates(all: &All) -> Bar {
    let small = all
        .hello
        .get("crates", "turnwise without signal and process");
    let tokio = all.hello.get("crates", "tokio");
    Bar {
        bar: "without signal and process no more crates than tokio",
        met: small.zip(tokio).map(|(small, tokio)| small <= tokio),
        figures: small
            .zip(tokio)
            .map(|(small, tokio)| format!("{small} and {tokio}"))
            .unwrap_or_default(),
    }
}

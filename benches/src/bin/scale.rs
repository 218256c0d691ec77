//! `scale SERIES PEER N OPERATIONS` runs one point of the scaling chart, for itself or for callgrind;
//! `scale late SAMPLES` measures how late sleeps end, `scale` alone lists the lines. Prints
//! tab-separated values.

use std::process::ExitCode;

use turnwise_benches::extra::sleepers;
use turnwise_benches::scaling::lines;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        [] => lines()
            .iter()
            .for_each(|line| println!("{}\t{}", line.series, line.peer)),
        ["late", samples] => {
            let Ok(samples) = samples.parse() else {
                return complain(samples);
            };
            for (peer, lateness) in sleepers() {
                let late = lateness(samples).as_nanos() as f64 / 1000.0;
                println!("sleep 100 µs\t{peer}\t{late:.1}");
            }
        }
        [series, peer, n, operations] => {
            let (Ok(n), Ok(operations)) = (n.parse(), operations.parse()) else {
                return complain(n);
            };
            let all = lines();
            let Some(line) = all
                .iter()
                .find(|line| line.series == series && line.peer == peer)
            else {
                return complain(series);
            };
            println!("{series} {n}\t{peer}\t{:.1}", (line.run)(n, operations));
        }
        _ => return complain("that many words"),
    }
    ExitCode::SUCCESS
}

fn complain(about: &str) -> ExitCode {
    eprintln!("cannot make sense of {about:?}; call without arguments for a list");
    ExitCode::FAILURE
}

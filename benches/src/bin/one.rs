//! Runs one row of one peer, for callgrind and perf: `one ROW PEER ROUNDS`. Without arguments it
//! lists what there is.
//!
//! Instructions per operation are the difference of two runs: `(I(2n) - I(n)) / (n * operations)`.

use std::process::ExitCode;

use turnwise_benches::cases;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [row, peer, rounds] = &arguments[..] else {
        for case in cases() {
            println!(
                "{:?} {:?} ({} a round)",
                case.row, case.peer, case.operations
            );
        }
        return ExitCode::SUCCESS;
    };
    let Ok(rounds) = rounds.parse::<u64>() else {
        eprintln!("{rounds:?} is no number of rounds");
        return ExitCode::FAILURE;
    };
    let Some(case) = cases()
        .into_iter()
        .find(|case| case.row == row && case.peer == peer)
    else {
        eprintln!("no row {row:?} of {peer:?}; call without arguments for a list");
        return ExitCode::FAILURE;
    };
    let took = case.run(rounds);
    let each = took.as_nanos() as f64 / (rounds * case.operations) as f64;
    println!("{row} {peer}: {each:.1} ns");
    ExitCode::SUCCESS
}

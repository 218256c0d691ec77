//! Prints what criterion measured as a markdown table, in ns per operation.
//!
//! `table [--fastest] [DIRECTORY]`: criterion's directory, `benches/target/criterion` unless told
//! otherwise. The figure is criterion's median, or with `--fastest` the fastest sample: the better
//! choice on a machine that others use at the same time.

use std::path::PathBuf;

use turnwise_benches::ROWS;
use turnwise_benches::results::{criterion, target};
use turnwise_benches::table::table;

fn main() {
    let mut arguments: Vec<_> = std::env::args_os().skip(1).collect();
    let fastest = arguments.first().is_some_and(|word| word == "--fastest");
    if fastest {
        arguments.remove(0);
    }
    let directory = arguments
        .first()
        .map_or_else(|| target().join("criterion"), PathBuf::from);
    let figures = criterion(&directory, fastest);
    let rows: Vec<&str> = ROWS.iter().map(|(row, _)| *row).collect();
    print!("{}", table("ns per operation", &rows, &figures));
}

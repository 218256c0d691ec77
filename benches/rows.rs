//! The criterion harness: a group per row, a function per peer.

use std::time::Duration;

use criterion::{Criterion, SamplingMode, Throughput};
use turnwise_benches::{ROWS, cases};

fn main() {
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_millis(700))
        .sample_size(20)
        .without_plots()
        .configure_from_args();
    let cases = cases();
    for (row, operations) in ROWS {
        let mut group = criterion.benchmark_group(row);
        group.throughput(Throughput::Elements(operations));
        if operations >= 100_000 {
            // A round takes long enough to be a sample.
            group
                .sampling_mode(SamplingMode::Flat)
                .sample_size(10)
                .warm_up_time(Duration::from_millis(1));
        }
        for case in cases.iter().filter(|case| case.row == row) {
            group.bench_function(case.peer, |bencher| {
                bencher.iter_custom(|rounds| case.run(rounds))
            });
        }
        group.finish();
    }
    criterion.final_summary();
}

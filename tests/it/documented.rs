//! Sentences of the documents that no other file pins.

use futures::executor;
use turnwise::io;

use crate::support::panic_of;

#[test]
fn a_lookup_without_a_runtime_names_what_needs_one() {
    let lookup = || executor::block_on(io::lookup_host("localhost:80"));
    let text = panic_of(lookup);
    assert!(
        text.contains("no runtime on this thread: a blocking call needs one"),
        "{text}"
    );
}

#[cfg(feature = "process")]
#[test]
fn a_command_without_a_runtime_starts_nothing() {
    // No program is looked for: that would be an `Err`.
    let mut command = io::Command::new("/no/such/program");
    for text in [
        panic_of(|| drop(command.status())),
        panic_of(|| drop(command.output())),
    ] {
        assert!(text.contains("no runtime on this thread"), "{text}");
    }
}

//! Instructions of a program, as callgrind counts them.

use std::io;
use std::process::Command;

/// Instructions of a whole run.
///
/// # Errors
///
/// When valgrind is not there, or the program fails under it.
pub fn callgrind(program: &Command) -> io::Result<f64> {
    let mut command = Command::new("valgrind");
    command.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]);
    let output = command
        .arg(program.get_program())
        .args(program.get_args())
        .output()?;
    let text = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        return Err(io::Error::other(format!("callgrind: {}", output.status)));
    }
    let collected = text.lines().find_map(|line| line.split_once("Collected :"));
    collected
        .and_then(|(_, count)| count.trim().parse().ok())
        .ok_or_else(|| io::Error::other(format!("callgrind counted nothing: {text}")))
}

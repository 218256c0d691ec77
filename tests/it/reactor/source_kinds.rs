//! What reports say of the sources of the system that tasks wait for.

use std::io;
use std::pin::pin;

use futures::{join, poll};
use turnwise::io::{Command, SignalKind, TcpListener, TcpStream, UdpSocket, UnixStream, signal};
use turnwise::report::dump;

#[turnwise::test(real_time)]
async fn a_report_says_what_a_source_is() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let client = TcpStream::connect(listener.local_addr()?).await?;
    let (_server, _) = listener.accept().await?;
    let (near, _far) = UnixStream::pair()?;
    let udp = UdpSocket::bind("127.0.0.1:0").await?;
    let mut hangup = signal(SignalKind::HANGUP)?;
    let mut child = Command::new("sleep").arg("60").kill_on_drop(true).spawn()?;
    let (mut a, mut b, mut c) = ([0], [0], [0]);
    let mut waits = pin!(async {
        join!(
            async { drop(listener.accept().await) },
            async { drop(client.read(&mut a).await) },
            async { drop(near.read(&mut b).await) },
            async { drop(udp.recv_from(&mut c).await) },
            async { drop(hangup.recv().await) },
            async { drop(child.wait().await) },
        )
    });
    assert!(poll!(&mut waits).is_pending());
    let text = dump().to_string();
    for what in [
        "a connection to TCP listener",
        "bytes from TCP stream",
        "bytes from Unix stream",
        "a datagram to UDP socket",
        "a delivery to signal listener",
        "the end of child process",
    ] {
        let wait = format!("waits for {what} made at {}", file!());
        assert!(text.contains(&wait), "{wait}\n{text}");
    }
    Ok(())
}

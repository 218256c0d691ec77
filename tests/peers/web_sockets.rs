//! WebSockets by async-tungstenite, over the traits of futures-io.

use async_tungstenite::tungstenite::Message;
use async_tungstenite::{accept_async, client_async};
use futures::StreamExt;
use turnwise::io::UnixStream;
use turnwise::{gather, spawn};

use crate::bounded;

#[test]
fn messages_go_both_ways_and_the_close_is_heard() {
    bounded(async {
        let (ours, theirs) = UnixStream::pair().expect("a pair");
        let shaking = (client_async("ws://localhost/", ours), accept_async(theirs));
        let (client, server) = gather(shaking).await;
        let (mut client, _) = client.expect("it upgrades");
        let mut server = server.expect("it asks");
        let echo = spawn(async move {
            let mut count = 0;
            while let Some(Ok(message)) = server.next().await {
                if message.is_binary() {
                    server.send(message).await.expect("the client reads");
                    count += 1;
                }
            }
            count
        });
        for n in 0..100_usize {
            let bytes = vec![n as u8; n * 1000];
            client
                .send(Message::binary(bytes.clone()))
                .await
                .expect("it reads");
            let back = client
                .next()
                .await
                .expect("it is open")
                .expect("it answers");
            assert_eq!(back.into_data(), bytes);
        }
        client.close(None).await.expect("it closes");
        while client.next().await.is_some() {}
        assert_eq!(echo.await.expect("no panic"), 100);
    });
}

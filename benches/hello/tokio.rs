use std::{io, rc::Rc, time::Duration};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Mutex;

#[tokio::main(flavor = "local")]
async fn main() -> io::Result<()> {
    let greetings = Rc::new(Mutex::new(0));
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let counted = greetings.clone();
    let server = tokio::task::spawn_local(async move {
        let (mut stream, _) = listener.accept().await?;
        let mut buffer = [0; 5];
        let length = stream.read(&mut buffer).await?;
        *counted.lock().await += 1;
        stream.write(&buffer[..length]).await
    });
    let mut stream = TcpStream::connect(address).await?;
    stream.write(b"hello").await?;
    let mut buffer = [0; 5];
    let length = stream.read(&mut buffer).await?;
    server.await.unwrap()?;
    tokio::time::sleep(Duration::from_millis(1)).await;
    assert_eq!(*greetings.lock().await, 1);
    println!("{}", String::from_utf8_lossy(&buffer[..length]));
    Ok(())
}

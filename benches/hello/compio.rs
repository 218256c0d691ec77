use async_lock::Mutex;
use compio::BufResult;
use compio::io::{AsyncRead, AsyncWrite};
use compio::net::{TcpListener, TcpStream};
use std::{io, rc::Rc, time::Duration};

#[compio::main]
async fn main() -> io::Result<()> {
    let greetings = Rc::new(Mutex::new(0));
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let counted = greetings.clone();
    let server = compio::runtime::spawn(async move {
        let (mut stream, _) = listener.accept().await?;
        let BufResult(length, mut buffer) = stream.read(Vec::with_capacity(5)).await;
        *counted.lock().await += 1;
        buffer.truncate(length?);
        stream.write(buffer).await.0
    });
    let mut stream = TcpStream::connect(address).await?;
    stream.write(b"hello").await.0?;
    let BufResult(length, buffer) = stream.read(Vec::with_capacity(5)).await;
    server.await.ok().unwrap()?;
    compio::time::sleep(Duration::from_millis(1)).await;
    assert_eq!(*greetings.lock().await, 1);
    println!("{}", String::from_utf8_lossy(&buffer[..length?]));
    Ok(())
}

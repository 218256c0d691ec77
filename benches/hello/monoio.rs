use local_sync::semaphore::Semaphore;
use monoio::io::{AsyncReadRent, AsyncWriteRent};
use monoio::net::{TcpListener, TcpStream};
use std::{cell::Cell, io, rc::Rc, time::Duration};

#[monoio::main(driver = "legacy", timer_enabled = true)]
async fn main() -> io::Result<()> {
    // There is no mutex: a semaphore with one permit.
    let greetings = Rc::new((Semaphore::new(1), Cell::new(0)));
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let counted = greetings.clone();
    let server = monoio::spawn(async move {
        let (mut stream, _) = listener.accept().await?;
        let (length, mut buffer) = stream.read(vec![0; 5]).await;
        let _permit = counted.0.acquire().await.unwrap();
        counted.1.set(counted.1.get() + 1);
        buffer.truncate(length?);
        stream.write(buffer).await.0
    });
    let mut stream = TcpStream::connect(address).await?;
    stream.write(b"hello").await.0?;
    let (length, buffer) = stream.read(vec![0; 5]).await;
    server.await?;
    monoio::time::sleep(Duration::from_millis(1)).await;
    let _permit = greetings.0.acquire().await.unwrap();
    assert_eq!(greetings.1.get(), 1);
    println!("{}", String::from_utf8_lossy(&buffer[..length?]));
    Ok(())
}

use std::{io, rc::Rc, time::Duration};
use turnwise::io::{TcpListener, TcpStream};
use turnwise::sync::Lock;

#[turnwise::main]
async fn main() -> io::Result<()> {
    let greetings = Rc::new(Lock::new(0));
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let counted = greetings.clone();
    let server = turnwise::spawn(async move {
        let (stream, _) = listener.accept().await?;
        let mut buffer = [0; 5];
        let length = stream.read(&mut buffer).await?;
        *counted.acquire().await += 1;
        stream.write(&buffer[..length]).await
    });
    let stream = TcpStream::connect(address).await?;
    stream.write(b"hello").await?;
    let mut buffer = [0; 5];
    let length = stream.read(&mut buffer).await?;
    server.await.unwrap()?;
    turnwise::sleep(Duration::from_millis(1)).await;
    assert_eq!(*greetings.acquire().await, 1);
    println!("{}", String::from_utf8_lossy(&buffer[..length]));
    Ok(())
}

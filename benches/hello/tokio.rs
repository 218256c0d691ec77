use std::{io, rc::Rc, time::Duration};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Mutex;

async fn read(stream: &TcpStream, buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        stream.readable().await?;
        match stream.try_read(buffer) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            done => return done,
        }
    }
}

async fn write(stream: &TcpStream, bytes: &[u8]) -> io::Result<usize> {
    loop {
        stream.writable().await?;
        match stream.try_write(bytes) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            done => return done,
        }
    }
}

#[tokio::main(flavor = "local")]
async fn main() -> io::Result<()> {
    let greetings = Rc::new(Mutex::new(0));
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let counted = greetings.clone();
    let server = tokio::task::spawn_local(async move {
        let (stream, _) = listener.accept().await?;
        let mut buffer = [0; 5];
        let length = read(&stream, &mut buffer).await?;
        *counted.lock().await += 1;
        write(&stream, &buffer[..length]).await
    });
    let stream = TcpStream::connect(address).await?;
    write(&stream, b"hello").await?;
    let mut buffer = [0; 5];
    let length = read(&stream, &mut buffer).await?;
    server.await.unwrap()?;
    tokio::time::sleep(Duration::from_millis(1)).await;
    assert_eq!(*greetings.lock().await, 1);
    println!("{}", String::from_utf8_lossy(&buffer[..length]));
    Ok(())
}

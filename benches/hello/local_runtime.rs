use async_lock::Mutex;
use futures_lite::{AsyncReadExt, AsyncWriteExt};
use local_runtime::{Executor, io::Async, time::sleep};
use std::net::{TcpListener, TcpStream};
use std::{io, rc::Rc, time::Duration};

fn main() -> io::Result<()> {
    let executor = Executor::new();
    executor.block_on(async {
        let greetings = Rc::new(Mutex::new(0));
        let listener = Async::<TcpListener>::bind(([127, 0, 0, 1], 0))?;
        let address = listener.get_ref().local_addr()?;
        let counted = greetings.clone();
        let server = executor.spawn(async move {
            let (mut stream, _) = listener.accept().await?;
            let mut buffer = [0; 5];
            let length = stream.read(&mut buffer).await?;
            *counted.lock().await += 1;
            stream.write(&buffer[..length]).await
        });
        let mut stream = Async::<TcpStream>::connect(address).await?;
        stream.write(b"hello").await?;
        let mut buffer = [0; 5];
        let length = stream.read(&mut buffer).await?;
        server.await?;
        sleep(Duration::from_millis(1)).await;
        assert_eq!(*greetings.lock().await, 1);
        println!("{}", String::from_utf8_lossy(&buffer[..length]));
        Ok(())
    })
}

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::{thread, time::Duration};

fn main() -> io::Result<()> {
    let greetings = Arc::new(Mutex::new(0));
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let counted = greetings.clone();
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept()?;
        let mut buffer = [0; 5];
        let length = stream.read(&mut buffer)?;
        *counted.lock().unwrap() += 1;
        stream.write(&buffer[..length])
    });
    let mut stream = TcpStream::connect(address)?;
    stream.write(b"hello")?;
    let mut buffer = [0; 5];
    let length = stream.read(&mut buffer)?;
    server.join().unwrap()?;
    thread::sleep(Duration::from_millis(1));
    assert_eq!(*greetings.lock().unwrap(), 1);
    println!("{}", String::from_utf8_lossy(&buffer[..length]));
    Ok(())
}

//! Who echoes. Buffers are passed by value, as monoio wants them.

use std::future::Future;
use std::io::{Read, Write};
use std::net::{self, SocketAddr};
use std::time::Duration;

/// A runtime with TCP.
pub trait Peer: 'static {
    type Listener: 'static;
    type Stream: 'static;
    type Handle;

    fn block_on<F: Future>(main: F) -> F::Output;
    fn spawn(future: impl Future<Output = ()> + 'static) -> Self::Handle;
    fn join(handle: Self::Handle) -> impl Future<Output = ()>;
    fn detach(handle: Self::Handle) {
        drop(handle);
    }
    fn sleep(duration: Duration) -> impl Future<Output = ()>;

    fn bind() -> impl Future<Output = (Self::Listener, SocketAddr)>;
    fn accept(listener: &Self::Listener) -> impl Future<Output = Self::Stream>;
    fn connect(address: SocketAddr) -> impl Future<Output = Self::Stream>;
    fn read(stream: &mut Self::Stream, buffer: Vec<u8>) -> impl Future<Output = (usize, Vec<u8>)>;
    /// Writes the first `count` bytes.
    fn write(
        stream: &mut Self::Stream,
        buffer: Vec<u8>,
        count: usize,
    ) -> impl Future<Output = Vec<u8>>;
}

const LOCAL: &str = "127.0.0.1:0";

pub struct Turnwise;

impl Peer for Turnwise {
    type Listener = turnwise::io::TcpListener;
    type Stream = turnwise::io::TcpStream;
    type Handle = turnwise::JoinHandle<()>;

    fn block_on<F: Future>(main: F) -> F::Output {
        turnwise::block_on(main)
    }

    fn spawn(future: impl Future<Output = ()> + 'static) -> Self::Handle {
        turnwise::spawn(future)
    }

    async fn join(handle: Self::Handle) {
        handle.await.unwrap();
    }

    fn sleep(duration: Duration) -> impl Future<Output = ()> {
        turnwise::sleep(duration)
    }

    async fn bind() -> (Self::Listener, SocketAddr) {
        let listener = turnwise::io::TcpListener::bind(LOCAL).await.unwrap();
        let address = listener.local_addr().unwrap();
        (listener, address)
    }

    async fn accept(listener: &Self::Listener) -> Self::Stream {
        listener.accept().await.unwrap().0
    }

    async fn connect(address: SocketAddr) -> Self::Stream {
        turnwise::io::TcpStream::connect(address).await.unwrap()
    }

    async fn read(stream: &mut Self::Stream, mut buffer: Vec<u8>) -> (usize, Vec<u8>) {
        (stream.read(&mut buffer).await.unwrap(), buffer)
    }

    async fn write(stream: &mut Self::Stream, buffer: Vec<u8>, count: usize) -> Vec<u8> {
        futures_lite::AsyncWriteExt::write_all(stream, &buffer[..count])
            .await
            .unwrap();
        buffer
    }
}

/// tokio's `LocalRuntime`.
pub struct Tokio;

impl Peer for Tokio {
    type Listener = tokio::net::TcpListener;
    type Stream = tokio::net::TcpStream;
    type Handle = tokio::task::JoinHandle<()>;

    fn block_on<F: Future>(main: F) -> F::Output {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        let runtime = builder.enable_all().build_local(Default::default());
        runtime.unwrap().block_on(main)
    }

    fn spawn(future: impl Future<Output = ()> + 'static) -> Self::Handle {
        tokio::task::spawn_local(future)
    }

    async fn join(handle: Self::Handle) {
        handle.await.unwrap();
    }

    fn sleep(duration: Duration) -> impl Future<Output = ()> {
        tokio::time::sleep(duration)
    }

    async fn bind() -> (Self::Listener, SocketAddr) {
        let listener = tokio::net::TcpListener::bind(LOCAL).await.unwrap();
        let address = listener.local_addr().unwrap();
        (listener, address)
    }

    async fn accept(listener: &Self::Listener) -> Self::Stream {
        listener.accept().await.unwrap().0
    }

    async fn connect(address: SocketAddr) -> Self::Stream {
        tokio::net::TcpStream::connect(address).await.unwrap()
    }

    async fn read(stream: &mut Self::Stream, mut buffer: Vec<u8>) -> (usize, Vec<u8>) {
        let count = tokio::io::AsyncReadExt::read(stream, &mut buffer).await;
        (count.unwrap(), buffer)
    }

    async fn write(stream: &mut Self::Stream, buffer: Vec<u8>, count: usize) -> Vec<u8> {
        tokio::io::AsyncWriteExt::write_all(stream, &buffer[..count])
            .await
            .unwrap();
        buffer
    }
}

/// `async-executor` and `async-io`.
pub struct Smol;

thread_local! {
    static EXECUTOR: async_executor::LocalExecutor<'static> = const {
        async_executor::LocalExecutor::new()
    };
}

impl Peer for Smol {
    type Listener = async_io::Async<net::TcpListener>;
    type Stream = async_io::Async<net::TcpStream>;
    type Handle = async_executor::Task<()>;

    fn block_on<F: Future>(main: F) -> F::Output {
        EXECUTOR.with(|executor| async_io::block_on(executor.run(main)))
    }

    fn spawn(future: impl Future<Output = ()> + 'static) -> Self::Handle {
        EXECUTOR.with(|executor| executor.spawn(future))
    }

    fn join(handle: Self::Handle) -> impl Future<Output = ()> {
        handle
    }

    fn detach(handle: Self::Handle) {
        handle.detach();
    }

    async fn sleep(duration: Duration) {
        async_io::Timer::after(duration).await;
    }

    async fn bind() -> (Self::Listener, SocketAddr) {
        let listener = net::TcpListener::bind(LOCAL).unwrap();
        let address = listener.local_addr().unwrap();
        (async_io::Async::new(listener).unwrap(), address)
    }

    async fn accept(listener: &Self::Listener) -> Self::Stream {
        listener.accept().await.unwrap().0
    }

    async fn connect(address: SocketAddr) -> Self::Stream {
        async_io::Async::<net::TcpStream>::connect(address)
            .await
            .unwrap()
    }

    async fn read(stream: &mut Self::Stream, mut buffer: Vec<u8>) -> (usize, Vec<u8>) {
        let count = stream.read_with(|mut stream| stream.read(&mut buffer));
        (count.await.unwrap(), buffer)
    }

    async fn write(stream: &mut Self::Stream, buffer: Vec<u8>, count: usize) -> Vec<u8> {
        let written = stream.write_with(|mut stream| stream.write_all(&buffer[..count]));
        written.await.unwrap();
        buffer
    }
}

/// monoio on epoll (its legacy driver).
pub struct Monoio;

impl Peer for Monoio {
    type Listener = monoio::net::TcpListener;
    type Stream = monoio::net::TcpStream;
    type Handle = monoio::task::JoinHandle<()>;

    fn block_on<F: Future>(main: F) -> F::Output {
        let builder = monoio::RuntimeBuilder::<monoio::LegacyDriver>::new();
        builder.enable_timer().build().unwrap().block_on(main)
    }

    fn spawn(future: impl Future<Output = ()> + 'static) -> Self::Handle {
        monoio::spawn(future)
    }

    fn join(handle: Self::Handle) -> impl Future<Output = ()> {
        handle
    }

    fn sleep(duration: Duration) -> impl Future<Output = ()> {
        monoio::time::sleep(duration)
    }

    async fn bind() -> (Self::Listener, SocketAddr) {
        let listener = monoio::net::TcpListener::bind(LOCAL).unwrap();
        let address = listener.local_addr().unwrap();
        (listener, address)
    }

    async fn accept(listener: &Self::Listener) -> Self::Stream {
        listener.accept().await.unwrap().0
    }

    async fn connect(address: SocketAddr) -> Self::Stream {
        monoio::net::TcpStream::connect(address).await.unwrap()
    }

    async fn read(stream: &mut Self::Stream, buffer: Vec<u8>) -> (usize, Vec<u8>) {
        let (count, buffer) = monoio::io::AsyncReadRent::read(stream, buffer).await;
        (count.unwrap(), buffer)
    }

    async fn write(stream: &mut Self::Stream, buffer: Vec<u8>, count: usize) -> Vec<u8> {
        use monoio::buf::IoBuf;
        let slice = buffer.slice(..count);
        let (written, slice) = monoio::io::AsyncWriteRentExt::write_all(stream, slice).await;
        written.unwrap();
        slice.into_inner()
    }
}

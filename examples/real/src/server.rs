//! A web server in the program itself: hyper's server over turnwise's streams.

use std::future::Future;
use std::io;
use std::net::Ipv4Addr;
use std::pin::Pin;
use std::rc::Rc;
use std::time::Duration;

use futures_util::{StreamExt, stream};
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Bytes, Frame};
use hyper::header::CONTENT_TYPE;
use hyper::rt::{Read, Write};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Response, StatusCode};
use turnwise::io::{HyperTimer, TcpListener};
use turnwise::{interval, spawn};
use url::Url;

use crate::http::Wire;

/// What follows the head of an answer. It may come in pieces, and need not end.
pub type Body = Pin<Box<dyn hyper::body::Body<Data = Bytes, Error = io::Error>>>;

/// What a server has to say.
pub trait Site: 'static {
    /// Answers a question for `path`; an error breaks the connection off.
    fn answer(&self, path: &str) -> impl Future<Output = io::Result<Response<Body>>>;
}

/// Serves `site` on loopback, at a port that is free, as long as the runtime lives.
///
/// Returns how to get there, and the address.
///
/// # Errors
///
/// What the system says; there may be no port left.
pub async fn listen(site: impl Site) -> io::Result<(Wire, Url)> {
    let site = Rc::new(site);
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let url = format!("http://{}/", listener.local_addr()?);
    let accept = async move {
        loop {
            match listener.accept().await {
                Ok((stream, _)) => drop(spawn(serve(stream, site.clone()))),
                // Too many open files, for example: the next call waits until that may be over.
                Err(error) => eprintln!("cannot accept: {error}"),
            }
        }
    };
    drop(spawn(accept).named("server"));
    let url = Url::parse(&url).expect("an address of the system is one");
    Ok((Wire::Tcp, url))
}

/// Serves `site` to this program alone, under the address `name`. See [`Wire::Direct`].
///
/// # Panics
///
/// If `name` is no name of a host.
pub fn direct(site: impl Site, name: &str) -> (Wire, Url) {
    let site = Rc::new(site);
    let serve = move |stream| drop(spawn(serve(stream, site.clone())));
    let url = Url::parse(&format!("http://{name}/")).expect("the name of a host");
    (Wire::Direct(Rc::new(serve)), url)
}

/// Answers what comes over one connection, until its end.
async fn serve(stream: impl Read + Write + Unpin + 'static, site: Rc<impl Site>) {
    let answer = service_fn(|request| {
        let site = site.clone();
        async move { site.answer(&path_of(&request)).await }
    });
    let connection = http1::Builder::new()
        .timer(HyperTimer::new())
        .serve_connection(stream, answer);
    // A client that breaks off, or talks nonsense, is its own affair.
    let _ = connection.await;
}

fn path_of<B>(request: &hyper::Request<B>) -> String {
    let path = request.uri().path_and_query();
    path.map_or_else(String::new, ToString::to_string)
}

/// An answer with a status and a text.
pub fn answer(status: StatusCode, kind: &'static str, text: impl Into<Bytes>) -> Response<Body> {
    let body = Full::new(text.into()).map_err(|never| match never {});
    respond(status, kind, Box::pin(body))
}

/// An answer without end: `piece` again and again, at once or `every` so often.
pub fn endless(kind: &'static str, piece: &'static str, every: Option<Duration>) -> Response<Body> {
    let piece = move || Ok(Frame::data(Bytes::from_static(piece.as_bytes())));
    let body: Body = match every {
        Some(period) => Box::pin(StreamBody::new(interval(period).map(move |_| piece()))),
        None => Box::pin(StreamBody::new(stream::repeat_with(piece))),
    };
    respond(StatusCode::OK, kind, body)
}

/// A page in HTML.
pub fn html(text: impl Into<Bytes>) -> Response<Body> {
    answer(StatusCode::OK, "text/html; charset=utf-8", text)
}

fn respond(status: StatusCode, kind: &'static str, body: Body) -> Response<Body> {
    let response = Response::builder()
        .status(status)
        .header(CONTENT_TYPE, kind)
        .body(body);
    response.expect("the head of an answer is made of constants")
}

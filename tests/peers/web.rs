//! axum's Router, served by hyper: its handlers are `Send`, and the connections stay here.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::extract::Path;
use axum::routing::{get, post};
use futures::channel::oneshot;
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::{Request, StatusCode, client, server};
use hyper_util::service::TowerToHyperService;
use turnwise::io::{HyperTimer, TcpListener, TcpStream};
use turnwise::{sleep, spawn};

use crate::bounded;

fn router() -> Router {
    Router::new()
        .route(
            "/hello/{name}",
            get(async |Path(name): Path<String>| format!("hello {name}")),
        )
        .route("/echo", post(async |body: String| body))
        .route("/slow", get(slow))
}

/// What waits here is not `Send`, as axum asks of its handlers; the end of a channel is.
async fn slow() -> &'static str {
    let (tx, rx) = oneshot::channel();
    spawn(async {
        sleep(Duration::from_millis(1)).await;
        let _ = tx.send("after a while");
    });
    rx.await.unwrap_or("never")
}

async fn serve(listener: TcpListener, router: Router) {
    loop {
        let (stream, _) = listener.accept().await.expect("clients connect");
        let connection = server::conn::http1::Builder::new()
            .timer(HyperTimer::new())
            .header_read_timeout(Duration::from_secs(5))
            .serve_connection(stream, TowerToHyperService::new(router.clone()));
        spawn(connection);
    }
}

async fn ask(address: SocketAddr, request: Request<Full<Bytes>>) -> (StatusCode, Bytes) {
    let stream = TcpStream::connect(address).await.expect("it listens");
    let shaken = client::conn::http1::handshake(stream).await;
    let (mut sender, connection) = shaken.expect("it speaks HTTP");
    spawn(connection);
    let response = sender.send_request(request).await.expect("it answers");
    let status = response.status();
    let body = response.into_body().collect().await.expect("it ends");
    (status, body.to_bytes())
}

#[test]
fn a_router_answers() {
    bounded(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("it is bound");
        let server = spawn(serve(listener, router()));
        let get = |path: &str| Request::get(path).body(Full::default()).expect("valid");
        let (status, body) = ask(address, get("/hello/there")).await;
        assert_eq!((status, &body[..]), (StatusCode::OK, &b"hello there"[..]));
        let text = Full::new(Bytes::from(vec![b'x'; 1 << 20]));
        let post = Request::post("/echo").body(text).expect("valid");
        assert_eq!(ask(address, post).await.1.len(), 1 << 20);
        assert_eq!(ask(address, get("/slow")).await.1, "after a while");
        assert_eq!(ask(address, get("/nothing")).await.0, StatusCode::NOT_FOUND);
        server.cancel();
    });
}

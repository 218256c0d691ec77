//! One HTTP request with limits on time and size: hyper's client over turnwise's streams.
//!
//! Every request has a connection of its own, and the future of a request owns it: nothing runs on
//! when the request is answered, fails, takes too long or is dropped.

use std::error::Error;
use std::fmt;
use std::future::{Future, pending};
use std::io;
use std::rc::Rc;
use std::time::Duration;

use http_body_util::{BodyExt, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::header::{CONNECTION, CONTENT_TYPE, HOST, HeaderMap, LOCATION, USER_AGENT};
use hyper::rt::{Read, Write};
use hyper::{Request, StatusCode};
use turnwise::io::{TcpStream, UnixStream};
use turnwise::{race, timeout};
use url::{Host, Position, Url};

/// Asks servers.
#[derive(Clone, Debug)]
pub struct Client {
    /// How the bytes get to a server.
    pub wire: Wire,
    /// How long a request may take in all, from the connection to the last byte.
    pub time: Duration,
    /// How many bytes an answer may have.
    pub size: usize,
}

/// How the bytes get to a server.
#[derive(Clone)]
pub enum Wire {
    /// Over TCP, to the host that the address names.
    Tcp,
    /// To a server in this program, whatever the address says, over a pair of sockets that nothing
    /// lies between. What one end has written, the other can read at once, so that a program on the
    /// virtual clock does the same every time.
    Direct(Rc<dyn Fn(UnixStream)>),
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Wire::Tcp => "Tcp",
            Wire::Direct(_) => "Direct",
        })
    }
}

/// What a server has answered.
#[derive(Debug)]
pub struct Answer {
    /// Whether it went well.
    pub status: StatusCode,
    /// What else the server says.
    pub headers: HeaderMap,
    /// The answer itself; empty if nobody wanted it.
    pub body: Vec<u8>,
}

impl Answer {
    /// Whether it is a page in HTML, as far as its head tells.
    pub fn is_html(&self) -> bool {
        let kind = self.text(CONTENT_TYPE).unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default().trim();
        ["text/html", "application/xhtml+xml"]
            .iter()
            .any(|html| kind.eq_ignore_ascii_case(html))
    }

    /// What the server says the answer is.
    pub fn content_type(&self) -> &str {
        self.text(CONTENT_TYPE).unwrap_or("unknown type")
    }

    /// Where the server says one should look instead.
    pub fn redirect(&self) -> Option<&str> {
        let elsewhere = matches!(self.status.as_u16(), 301 | 302 | 303 | 307 | 308);
        self.text(LOCATION).filter(|_| elsewhere)
    }

    fn text(&self, name: hyper::header::HeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// Why there is no answer.
#[derive(Debug)]
#[non_exhaustive]
pub enum Failure {
    /// It would need something else than HTTP without encryption.
    Scheme(String),
    /// The address cannot be asked for.
    Address(hyper::http::Error),
    /// There is no connection.
    Connect(io::Error),
    /// The connection broke, or what came over it makes no sense.
    Broken(hyper::Error),
    /// It took longer than this.
    TooSlow(Duration),
    /// It is larger than so many bytes.
    TooLarge(usize),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Scheme(scheme) => write!(f, "{scheme} is not spoken here, only http"),
            Failure::Address(error) => write!(f, "{error}"),
            Failure::Connect(error) => write!(f, "no connection: {error}"),
            Failure::Broken(error) => {
                write!(f, "{error}")?;
                error.source().map_or(Ok(()), |why| write!(f, ": {why}"))
            }
            Failure::TooSlow(limit) => write!(f, "takes longer than {limit:?}"),
            Failure::TooLarge(limit) => write!(f, "larger than {limit} bytes"),
        }
    }
}

impl Error for Failure {}

impl Client {
    /// Gets what is at `url`, whatever it is.
    ///
    /// # Errors
    ///
    /// See [`Failure`]. An answer like 404 is an answer, and no error.
    pub async fn get(&self, url: &Url) -> Result<Answer, Failure> {
        self.get_if(url, |_| true).await
    }

    /// Gets what is at `url`; the head of the answer tells whether the rest is wanted.
    ///
    /// # Errors
    ///
    /// As for [`get`](Client::get).
    pub async fn get_if(
        &self,
        url: &Url,
        wanted: impl Fn(&Answer) -> bool,
    ) -> Result<Answer, Failure> {
        timeout(self.time, self.ask(url, wanted))
            .await
            .unwrap_or(Err(Failure::TooSlow(self.time)))
    }

    async fn ask(&self, url: &Url, wanted: impl Fn(&Answer) -> bool) -> Result<Answer, Failure> {
        if url.scheme() != "http" {
            return Err(Failure::Scheme(url.scheme().to_owned()));
        }
        let request = Request::get(&url[Position::BeforePath..Position::AfterQuery])
            .header(HOST, &url[Position::BeforeHost..Position::AfterPort])
            .header(USER_AGENT, "turnwise-example")
            .header(CONNECTION, "close")
            .body(Empty::new())
            .map_err(Failure::Address)?;
        match &self.wire {
            Wire::Tcp => {
                let stream = connect(url).await.map_err(Failure::Connect)?;
                self.converse(stream, request, wanted).await
            }
            Wire::Direct(serve) => {
                let (ours, theirs) = UnixStream::pair().map_err(Failure::Connect)?;
                serve(theirs);
                self.converse(ours, request, wanted).await
            }
        }
    }

    /// Sends the request over `stream` and reads the answer.
    async fn converse<S: Read + Write + Unpin>(
        &self,
        stream: S,
        request: Request<Empty<Bytes>>,
        wanted: impl Fn(&Answer) -> bool,
    ) -> Result<Answer, Failure> {
        let (mut sender, connection) = http1::handshake(stream).await.map_err(Failure::Broken)?;
        let exchange = async {
            let response = sender.send_request(request).await;
            let (head, body) = response.map_err(Failure::Broken)?.into_parts();
            let mut answer = Answer {
                status: head.status,
                headers: head.headers,
                body: Vec::new(),
            };
            if wanted(&answer) {
                answer.body = self.read(body).await?;
            }
            Ok(answer)
        };
        // What the connection fails of, the exchange hears and says.
        race((without_end(connection), exchange)).await
    }

    async fn read(&self, mut body: Incoming) -> Result<Vec<u8>, Failure> {
        let mut bytes = Vec::new();
        while let Some(frame) = body.frame().await {
            let Ok(data) = frame.map_err(Failure::Broken)?.into_data() else {
                continue;
            };
            if bytes.len() + data.len() > self.size {
                return Err(Failure::TooLarge(self.size));
            }
            bytes.extend_from_slice(&data);
        }
        Ok(bytes)
    }
}

/// Reads an address as a person writes it.
///
/// # Errors
///
/// What is wrong with it, and what it should look like.
pub fn address(text: &str) -> Result<Url, String> {
    let problem = match Url::parse(text) {
        Ok(url) if url.scheme() == "http" => return Ok(url),
        Ok(url) => format!("'{}' is not spoken here, only http", url.scheme()),
        Err(error) => error.to_string(),
    };
    Err(format!(
        "'{text}' cannot be asked for: {problem}; write an address like http://localhost:8000/"
    ))
}

async fn connect(url: &Url) -> io::Result<TcpStream> {
    let port = url.port_or_known_default().unwrap_or(80);
    let stream = match url.host() {
        Some(Host::Domain(name)) => TcpStream::connect((name, port)).await,
        Some(Host::Ipv4(address)) => TcpStream::connect((address, port)).await,
        Some(Host::Ipv6(address)) => TcpStream::connect((address, port)).await,
        None => Err(io::Error::other("the address names no host")),
    }?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Runs `future`, and never ends.
async fn without_end<T>(future: impl Future) -> T {
    future.await;
    pending().await
}

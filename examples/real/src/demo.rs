//! The sites that the programs talk to unless they are told another.

use std::future::pending;
use std::io;
use std::time::Duration;

use hyper::header::LOCATION;
use hyper::{Response, StatusCode};
use turnwise::sleep;

use crate::server::{Body, Site, answer, endless, html};

/// Answers `/delay/N` after N milliseconds; `/missing`, `/hang-up` and `/silence` are what they say.
#[derive(Debug)]
pub struct Delays;

impl Site for Delays {
    async fn answer(&self, path: &str) -> io::Result<Response<Body>> {
        let millis = path.strip_prefix("/delay/").map(str::parse);
        match (millis, path) {
            (Some(Ok(millis)), _) => {
                sleep(Duration::from_millis(millis)).await;
                let text = format!("after {millis} ms\n");
                Ok(answer(StatusCode::OK, "text/plain", text))
            }
            (_, "/hang-up") => Err(io::ErrorKind::ConnectionAborted.into()),
            (_, "/silence") => pending().await,
            _ => Ok(missing()),
        }
    }
}

/// A small site with everything that a crawler meets.
#[derive(Debug)]
pub struct Maze;

impl Site for Maze {
    async fn answer(&self, path: &str) -> io::Result<Response<Body>> {
        Ok(match path {
            "/" => html(INDEX),
            "/about" => html("<title>About</title> Back <a href=/>home</a>, or <a href='#top'>up</a>."),
            "/docs/" => html(
                "<a href=one>One</a> <a href=two?page=1>Two</a> <a href='../about#team'>Team</a>",
            ),
            "/docs/one" => html("<a href=deep/down/>deeper</a>"),
            "/docs/two?page=1" => html("<a href=?page=2>next</a>"),
            "/docs/two?page=2" => html("<a href='?page=1'>back</a>, and that is all"),
            "/docs/deep/down/" => html("<base href=/docs/deep/><a href=bottom>further</a>"),
            "/docs/deep/bottom" => html("the bottom; <a href=hidden>too deep</a> for most"),
            "/docs/deep/hidden" => html("found"),
            // Nothing here is closed or right, and a browser finds two links all the same.
            "/broken" => html(&b"<p><b><a href = /docs/one \xff\xfe><A HREF='/from&#45;broken'class=x\n<table><a <script>"[..]),
            "/from-broken" => html("<!-- <a href=/comment> --><script>'<a href=/script>'</script>"),
            "/old" => redirect("docs/"),
            "/outside" => redirect("http://elsewhere.example/"),
            "/circle" => redirect("/circle/half"),
            "/circle/half" => redirect("/circle"),
            "/picture.png" => answer(StatusCode::OK, "image/png", "\u{89}PNG"),
            "/private" => answer(StatusCode::FORBIDDEN, "text/html", "<a href=/secret>no</a>"),
            "/slow" => pending().await,
            "/drip" => endless("text/html", " ", Some(Duration::from_millis(50))),
            "/endless" => endless("text/html", "<a href=/more>more of the same</a>\n", None),
            "/hang-up" => return Err(io::ErrorKind::ConnectionAborted.into()),
            _ => {
                if let Some(n) = path.strip_prefix("/chain/").and_then(|n| n.parse::<u32>().ok()) {
                    redirect(&format!("/chain/{}", n.saturating_add(1)))
                } else {
                    missing()
                }
            }
        })
    }
}

const INDEX: &str = "<!doctype html>
<title>A small site</title>
<ul>
  <li><a href=/about>About</a>, <a href=\"docs/\">documents</a>, <a href=/old>where they were</a>
  <li><a href=/missing>missing</a>, <a href=/private>private</a>, <a href=/picture.png>a picture</a>
  <li><a href=/broken>broken HTML</a>, <a href=/hang-up>a server that hangs up</a>
  <li><a href=/slow>no answer</a>, <a href=/drip>drop by drop</a>, <a href=/endless>endless</a>
  <li><a href=/circle>in a circle</a>, <a href=/chain/1>for ever on</a>, <a href=/outside>away</a>
  <li><a href=mailto:someone@example.com>a letter</a>, <a href='http://[bad'>nonsense</a>
</ul>
";

fn redirect(to: &str) -> Response<Body> {
    let mut response = answer(StatusCode::FOUND, "text/plain", "it is elsewhere\n");
    let to = to.parse().expect("an address of this site");
    response.headers_mut().insert(LOCATION, to);
    response
}

fn missing() -> Response<Body> {
    answer(
        StatusCode::NOT_FOUND,
        "text/plain",
        "there is no such page\n",
    )
}

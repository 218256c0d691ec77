//! Links in HTML, however broken.

use fastrand::Rng;
use turnwise_real::links::{links, resolve};

use crate::support::url;

#[track_caller]
fn check(html: impl AsRef<[u8]>, expected: &[&str]) {
    let found = links(html.as_ref(), &url("http://a.test/x/y?q"));
    let found: Vec<_> = found.iter().map(ToString::to_string).collect();
    assert_eq!(found, expected);
}

#[test]
fn addresses_are_resolved_as_a_browser_does() {
    check("<a href=z>", &["http://a.test/x/z"]);
    check("<a href=/z/../w>", &["http://a.test/w"]);
    check("<a href='?r=1&amp;s'>", &["http://a.test/x/y?r=1&s"]);
    check("<a href=\" \n z \t\">", &["http://a.test/x/z"]);
    check("<a href=//b.test:80/>", &["http://b.test/"]);
    check("<area href=z>", &["http://a.test/x/z"]);
    check("<a href='z w'>", &["http://a.test/x/z%20w"]);
    check("<a href=''>", &["http://a.test/x/y?q"]);
    check("<a href=mailto:x@y>", &["mailto:x@y"]);
    check("<a href=http://[>", &[]);
    check("<a name=z>", &[]);
}

#[test]
fn what_follows_the_hash_is_no_other_page() {
    check(
        "<a href='z#1'><a href=#2>",
        &["http://a.test/x/z", "http://a.test/x/y?q"],
    );
    let page = url("http://a.test/#top");
    assert_eq!(resolve(&page, ""), Some(url("http://a.test/")));
}

#[test]
fn the_first_base_counts_for_the_whole_page() {
    let html = "<a href=1><base href=/b/><a href=2><base href=/c/>";
    check(html, &["http://a.test/b/1", "http://a.test/b/2"]);
    check("<base href='http://['><a href=1>", &["http://a.test/x/1"]);
}

#[test]
fn broken_pages_have_links_too() {
    check("<A HREF=z", &[]);
    check("<A HREF=z>", &["http://a.test/x/z"]);
    check("<a\nhref\n=\nz\n>", &["http://a.test/x/z"]);
    check(
        "<p><b></p><a x='<a href=no>' href=z>",
        &["http://a.test/x/z"],
    );
    check("<a href=1 href=2>", &["http://a.test/x/1"]);
    check("<a href='z&#x2F;w'>", &["http://a.test/x/z/w"]);
    check(b"\xff<a href=\xffz>\x00", &["http://a.test/x/%EF%BF%BDz"]);
}

#[test]
fn links_that_no_reader_sees_are_none() {
    check("<!-- <a href=z> -->", &[]);
    check(
        "<script>'<a href=z>'</script><a href=w>",
        &["http://a.test/x/w"],
    );
    check("<textarea><a href=z></textarea>", &[]);
    check("<title><a href=z></title>", &[]);
    check("<link href=z>", &[]);
}

#[test]
fn no_bytes_make_it_panic_or_take_for_ever() {
    const PARTS: [&str; 16] = [
        "<a ",
        "href=",
        "'",
        "\"",
        ">",
        "<",
        "/",
        "<!--",
        "-->",
        "<script>",
        "</script>",
        "&#",
        "<base ",
        "http://[",
        "\0",
        "ü",
    ];
    let mut random = Rng::with_seed(7);
    for _ in 0..2000 {
        let mut html = Vec::new();
        for _ in 0..random.usize(..40) {
            match random.bool() {
                true => html.extend_from_slice(PARTS[random.usize(..PARTS.len())].as_bytes()),
                false => html.push(random.u8(..)),
            }
        }
        let found = links(&html, &url("http://a.test/"));
        assert!(found.iter().all(|link| link.fragment().is_none()));
    }
}

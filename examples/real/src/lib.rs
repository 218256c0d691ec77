//! What the programs of this package are made of. Each module can be lifted into a program.
//!
//! | program | its parts |
//! | --- | --- |
//! | `rate_limited_client` | [`rate_limit`], [`http`] |
//! | `crawler` | [`crawl`], [`links`], [`http`] |
//! | `database_pool` | [`pool`] |
//! | `kv_server` | [`kv`] |
//!
//! [`server`] and [`demo`] are the other end: sites to talk to without leaving the machine.

pub mod crawl;
pub mod demo;
pub mod http;
pub mod kv;
pub mod links;
pub mod pool;
pub mod rate_limit;
pub mod server;

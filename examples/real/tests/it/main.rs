//! The programs of this package and their parts, against servers that mean no good.

mod crawl;
mod pages;
mod pool;
mod programs;
mod rate;
mod support;

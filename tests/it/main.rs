//! The black-box tests, one binary.

#![allow(
    clippy::type_complexity,
    clippy::async_yields_async,
    clippy::declare_interior_mutable_const,
    clippy::incompatible_msrv,
    clippy::cloned_ref_to_slice_refs,
    clippy::let_unit_value,
    dropping_copy_types,
    reason = "tests are written for the installed toolchain, and some provoke these on purpose"
)]

mod asyncio;
mod combinators;
mod diagnostics;
mod io;
mod kernel;
mod lifecycle;
mod pages;
mod reactor;
mod recipes;
mod structure;
mod support;
mod surface;
mod sync;
mod task;
mod threads;
mod time;

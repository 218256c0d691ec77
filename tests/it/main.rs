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

mod aftermath;
mod alloc;
mod asyncio_interpreter;
mod asyncio_order;
mod asyncio_random;
mod auto_traits;
mod bad_wakers;
mod blocking;
mod cancel_channels;
mod cancel_everywhere;
mod cancel_meetings;
mod crowd;
mod descriptors;
mod diagnostics_page;
mod differential;
mod differential_channels;
mod documented;
mod documents;
mod dump;
mod eager;
mod embed;
mod ends;
mod examples;
mod explore;
mod fifo;
mod foreign;
mod gather;
mod group_cancel;
mod group_outcomes;
mod groups;
mod hangs;
mod host_programs;
mod hostile_sources;
mod hyper_io;
mod inherited;
mod inject;
mod inlet;
mod io;
mod kernel_traits;
mod large;
mod locals;
mod lock_like;
mod lock_like_wakers;
mod misuse;
mod model_condition;
mod model_once;
mod model_queue;
mod models;
mod nesting;
mod not_hangs;
mod primitives;
mod process;
mod readiness;
mod rearming;
mod refused;
mod remote;
mod shared_streams;
mod signals;
mod source_kinds;
mod stdio;
mod structure;
mod structure_language;
mod structure_rooms;
mod support;
mod syscalls;
mod tcp;
mod teardown;
mod threads;
mod time;
mod toys;
mod trace;
mod turns;
mod udp;
mod unix;
mod unobserved;
mod wait;
mod wakers;
mod watchdog;

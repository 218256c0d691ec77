//! The same scripts beside CPython's asyncio.

pub(crate) mod interpreter;
pub(crate) mod order;
pub(crate) mod random;

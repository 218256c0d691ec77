//! The primitives, and models of them.

pub(crate) mod cancel_channels;
pub(crate) mod cancel_everywhere;
pub(crate) mod cancel_meetings;
pub(crate) mod differential;
pub(crate) mod differential_channels;
pub(crate) mod explore;
pub(crate) mod lock_like;
pub(crate) mod lock_like_wakers;
pub(crate) mod model_condition;
pub(crate) mod model_once;
pub(crate) mod model_queue;
pub(crate) mod models;
pub(crate) mod primitives;
pub(crate) mod queue_sender;
pub(crate) mod trace;

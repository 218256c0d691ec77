//! What other threads put into our hands, and what they get back.

pub(crate) mod blocking;
pub(crate) mod dispatch;
pub(crate) mod external;
pub(crate) mod inlet;
pub(crate) mod oneshot;
pub(crate) mod pool;
pub(crate) mod remote;

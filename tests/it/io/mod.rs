//! Sockets, streams, signals, children.

pub(crate) mod bytes;
pub(crate) mod descriptors;
pub(crate) mod hyper_io;
pub(crate) mod inherited;
pub(crate) mod inject;
pub(crate) mod process;
pub(crate) mod process_groups;
pub(crate) mod send_stream;
pub(crate) mod signals;
pub(crate) mod stagger;
pub(crate) mod stdio;
pub(crate) mod streams;
pub(crate) mod tcp;
pub(crate) mod tcp_socket;
pub(crate) mod udp;
pub(crate) mod unix;
pub(crate) mod unix_peers;

//! Addresses, and names that have to be looked up to have some.

use std::io;
use std::net::ToSocketAddrs as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::panic::Location;

use super::steps::Steps;
use crate::runtime::{Lane, do_blocking};

/// What stands for one or several socket addresses: the types of
/// [`std::net::ToSocketAddrs`], but a name is looked up off the loop.
///
/// The trait is sealed: it cannot be implemented elsewhere.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no address",
    label = "neither a `SocketAddr`, nor `\"host:port\"`, nor a host beside its port",
    note = "write `\"localhost:80\"` or `(\"localhost\", 80)`"
)]
pub trait ToSocketAddrs: sealed::Sealed {}

impl<T: sealed::Sealed + ?Sized> ToSocketAddrs for T {}

/// What a [`ToSocketAddrs`] says.
#[derive(Debug)]
pub enum Addresses {
    /// Nothing has to be looked up.
    Known(Vec<SocketAddr>),
    /// "host:port"
    Text(String),
    /// A host and a port.
    Name(String, u16),
}

mod sealed {
    pub trait Sealed {
        fn to_addresses(&self) -> super::Addresses;
    }
}

use sealed::Sealed;

/// For types that are an address by themselves.
macro_rules! known {
    ($($type:ty),+) => {$(
        impl Sealed for $type {
            fn to_addresses(&self) -> Addresses {
                Addresses::Known(vec![SocketAddr::from(*self)])
            }
        }
    )+};
}

known!(
    SocketAddr,
    SocketAddrV4,
    SocketAddrV6,
    (IpAddr, u16),
    (Ipv4Addr, u16),
    (Ipv6Addr, u16)
);

impl Sealed for [SocketAddr] {
    fn to_addresses(&self) -> Addresses {
        Addresses::Known(self.to_vec())
    }
}

impl Sealed for Vec<SocketAddr> {
    fn to_addresses(&self) -> Addresses {
        Addresses::Known(self.clone())
    }
}

impl<const N: usize> Sealed for [SocketAddr; N] {
    fn to_addresses(&self) -> Addresses {
        Addresses::Known(self.to_vec())
    }
}

impl Sealed for str {
    fn to_addresses(&self) -> Addresses {
        match self.parse() {
            Ok(address) => Addresses::Known(vec![address]),
            Err(_) => Addresses::Text(self.to_owned()),
        }
    }
}

impl Sealed for String {
    fn to_addresses(&self) -> Addresses {
        self.as_str().to_addresses()
    }
}

impl Sealed for (&str, u16) {
    fn to_addresses(&self) -> Addresses {
        match self.0.parse::<IpAddr>() {
            Ok(ip) => (ip, self.1).to_addresses(),
            Err(_) => Addresses::Name(self.0.to_owned(), self.1),
        }
    }
}

impl Sealed for (String, u16) {
    fn to_addresses(&self) -> Addresses {
        (self.0.as_str(), self.1).to_addresses()
    }
}

impl<T: Sealed + ?Sized> Sealed for &T {
    fn to_addresses(&self) -> Addresses {
        T::to_addresses(self)
    }
}

/// Looks a name up on a thread of its own; an address that is one already costs nothing. At most 32
/// names are looked up at a time, and further ones wait in line; a resolver that does not answer holds up
/// neither [`spawn_blocking`](crate::spawn_blocking) nor the standard input.
///
/// asyncio counterpart: `loop.getaddrinfo`.
///
/// # Cancel safety
///
/// *Strict*: nothing is lost. A lookup that waits in line is given up. The system's resolver cannot be
/// stopped once it has begun; its answer is dropped.
///
/// # Errors
///
/// What the resolver says; `NotFound` if it gives no address.
///
/// # Panics
///
/// When polled without a runtime on this thread, if the name has to be looked up.
///
/// # Examples
///
/// ```
/// # turnwise::block_on(async {
/// let addresses = turnwise::io::lookup_host("127.0.0.1:80").await.unwrap();
/// assert!(addresses[0].ip().is_loopback());
/// # });
/// ```
#[track_caller]
#[doc(alias = "getaddrinfo")]
pub fn lookup_host(name: impl ToSocketAddrs) -> Steps<Vec<SocketAddr>> {
    let (addresses, at) = (name.to_addresses(), Location::caller());
    Steps::new(resolve(addresses, at))
}

/// Turns addresses into socket addresses; there is at least one.
pub(crate) async fn resolve(
    addresses: Addresses,
    at: &'static Location<'static>,
) -> io::Result<Vec<SocketAddr>> {
    let lookup: Box<dyn FnOnce() -> io::Result<Vec<SocketAddr>> + Send> = match addresses {
        Addresses::Known(known) => return non_empty(known),
        Addresses::Text(text) => Box::new(move || Ok(text.to_socket_addrs()?.collect())),
        Addresses::Name(name, port) => {
            Box::new(move || Ok((name.as_str(), port).to_socket_addrs()?.collect()))
        }
    };
    non_empty(do_blocking(Lane::Lookups, at, lookup).await?)
}

fn non_empty(addresses: Vec<SocketAddr>) -> io::Result<Vec<SocketAddr>> {
    if addresses.is_empty() {
        let text = "the name stands for no address";
        return Err(io::Error::new(io::ErrorKind::NotFound, text));
    }
    Ok(addresses)
}

/// Calls `make` with one address after the other until it succeeds; else returns the last error.
pub(crate) async fn first_that_works<T>(
    addresses: Vec<SocketAddr>,
    mut make: impl AsyncFnMut(SocketAddr) -> io::Result<T>,
) -> io::Result<T> {
    let mut last = None;
    for address in addresses {
        match make(address).await {
            Ok(made) => return Ok(made),
            Err(error) => last = Some(error),
        }
    }
    Err(last.expect("there is an address"))
}

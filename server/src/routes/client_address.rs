//! The address of a request's client, behind as many proxies as the operator names.

use std::net::{IpAddr, SocketAddr};

use axum::{
    extract::{ConnectInfo, Request},
    http::{HeaderMap, HeaderName},
};

use crate::listen::{Client, group};

/// How often one address may ask, and what its address is.
#[derive(Debug, Clone)]
pub struct Rate {
    /// Requests a second, for as long as one likes; 0 for no limit.
    pub per_s: u32,
    /// The header in which a proxy names the client. Anybody may write it where there is no proxy, so that none is read
    /// unless it is named.
    pub client_header: Option<HeaderName>,
    /// How many proxies stand before this server, each of which adds the address that it saw.
    pub hops: usize,
}

impl Default for Rate {
    fn default() -> Self {
        Self { per_s: 0, client_header: None, hops: 1 }
    }
}

/// The address that a request counts for, as [`group`] has it; none where a router is called without a connection.
#[derive(Debug, Clone, Copy)]
pub(super) struct Who(pub(super) Option<u128>);

impl Who {
    pub(super) fn of(rate: &Rate, request: &Request) -> Self {
        let peer = request.extensions().get::<ConnectInfo<Client>>().map(|info| info.0.0);
        Self(client(rate, request.headers(), peer).map(group))
    }
}

/// The address that the farthest of the operator's proxies saw; without one, the connection's.
fn client(rate: &Rate, headers: &HeaderMap, peer: Option<SocketAddr>) -> Option<IpAddr> {
    let said = rate.client_header.as_ref().and_then(|name| {
        let lines = headers.get_all(name).iter().rev();
        let entries = lines.flat_map(|line| line.to_str().unwrap_or_default().rsplit(','));
        // Each proxy adds what it saw at the end; what stands before theirs is the client's own word. One that came in
        // behind the first of them has fewer.
        entries.take(rate.hops).last()
    });
    said.and_then(address).or(peer.map(|peer| peer.ip()))
}

/// An address, with a port or without.
fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    bare.parse().ok().or_else(|| text.parse().ok().map(|with_port: SocketAddr| with_port.ip()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate(client_header: Option<&'static str>, hops: usize) -> Rate {
        Rate { client_header: client_header.map(HeaderName::from_static), hops, ..Rate::default() }
    }

    fn is(who: &str) -> Option<IpAddr> {
        who.parse().ok()
    }

    #[test]
    fn a_header_counts_only_where_it_is_named_and_only_its_end() {
        let peer = Some("10.0.0.1:5".parse().expect("an address"));
        let mut headers = HeaderMap::new();
        let name = HeaderName::from_static("x-forwarded-for");
        headers.append(&name, "1.1.1.1, 2.2.2.2".parse().expect("ASCII"));
        let (deaf, hears) = (rate(None, 1), rate(Some("x-forwarded-for"), 1));
        assert_eq!(client(&deaf, &headers, peer), is("10.0.0.1"));
        assert_eq!(client(&hears, &headers, peer), is("2.2.2.2"));
        headers.append(&name, "3.3.3.3".parse().expect("ASCII"));
        assert_eq!(client(&hears, &headers, peer), is("3.3.3.3"));
        headers.append(&name, "unknown".parse().expect("ASCII"));
        assert_eq!(client(&hears, &headers, peer), is("10.0.0.1"), "what is no address is nobody's");
        assert_eq!(client(&hears, &HeaderMap::new(), peer), is("10.0.0.1"));
    }

    #[test]
    fn behind_two_proxies_the_second_entry_from_the_end_is_the_client() {
        let peer = Some("10.0.0.1:5".parse().expect("an address"));
        let two = rate(Some("x-forwarded-for"), 2);
        let name = HeaderName::from_static("x-forwarded-for");
        let of = |lines: &[&str]| {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(&name, line.parse().expect("ASCII"));
            }
            client(&two, &headers, peer)
        };
        assert_eq!(of(&["9.9.9.9, 1.1.1.1, 10.0.0.2"]), is("1.1.1.1"), "and what it wrote itself is not read");
        assert_eq!(of(&["9.9.9.9, 1.1.1.1", "10.0.0.2"]), is("1.1.1.1"), "in one line or two");
        assert_eq!(of(&["10.0.0.2"]), is("10.0.0.2"), "one that came in behind the first");
    }

    #[test]
    fn a_port_is_no_part_of_an_address() {
        for (text, wanted) in [
            ("192.0.2.1:4711", "192.0.2.1"),
            (" [2001:db8::1]:443", "2001:db8::1"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("2001:db8::1", "2001:db8::1"),
        ] {
            assert_eq!(address(text), is(wanted), "{text}");
        }
        assert_eq!(address("[2001:db8::1"), None);
    }

    #[test]
    fn a_household_is_one_address() {
        let of = |who: &str| group(who.parse().expect("an address"));
        assert_eq!(of("2001:db8:1:2:3::4"), of("2001:db8:1:2::1"));
        assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
        assert_ne!(of("1.2.3.4"), of("1.2.3.5"));
        assert_eq!(of("::ffff:1.2.3.4"), of("1.2.3.4"));
    }
}

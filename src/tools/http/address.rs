//! Which addresses a request may reach, and a resolver that connects to nothing but what was looked at.
//!
//! A name on an allow-list says little of where it leads: whoever owns the name can point it at this machine or at
//! a cloud's metadata service. So names are resolved first, every address is judged, and the connection is made
//! to the addresses that were judged, not to what a second look-up says.

use std::collections::{BTreeSet, HashMap};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// Where an address leads, from harmless to worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Zone {
    Public,
    /// RFC 1918, RFC 6598, unique local: a company's own network, a cluster's pods.
    Private,
    /// Multicast, broadcast and what no host has.
    Reserved,
    Unspecified,
    Loopback,
    LinkLocal,
    /// Where clouds hand out credentials to whoever asks.
    Metadata,
}

impl Zone {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Public => "a public address",
            Self::Private => "a private address",
            Self::Reserved => "a reserved address",
            Self::Unspecified => "the unspecified address",
            Self::Loopback => "a loopback address",
            Self::LinkLocal => "a link-local address",
            Self::Metadata => "a cloud's metadata address",
        }
    }
}

/// AWS and most others; AWS containers and pods; Alibaba; Oracle; Azure's host.
const METADATA_V4: &[Ipv4Addr] = &[
    Ipv4Addr::new(169, 254, 169, 254),
    Ipv4Addr::new(169, 254, 170, 2),
    Ipv4Addr::new(169, 254, 170, 23),
    Ipv4Addr::new(100, 100, 100, 200),
    Ipv4Addr::new(192, 0, 0, 192),
    Ipv4Addr::new(168, 63, 129, 16),
];
/// AWS (instances, pods) and Google.
const METADATA_V6: &[Ipv6Addr] = &[
    Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254),
    Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x23),
    Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254),
];
/// Names of metadata services: these resolve only inside their cloud, to link-local addresses.
const METADATA_NAMES: &[&str] = &["metadata.google.internal", "metadata.goog", "metadata", "instance-data"];

/// `ip` as one spelling: an IPv4 address inside IPv6 is the IPv4 address.
pub(super) fn canonical(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V6(v6) => v6.to_ipv4_mapped().map_or(ip, IpAddr::V4),
        IpAddr::V4(_) => ip,
    }
}

/// Where `ip` leads. Addresses that carry an IPv4 address (6to4, NAT64, …) lead where the worse of the two does.
pub(super) fn zone(ip: IpAddr) -> Zone {
    match canonical(ip) {
        IpAddr::V4(v4) => zone_v4(v4),
        IpAddr::V6(v6) => embedded(v6).map_or(zone_v6(v6), |v4| zone_v6(v6).max(zone_v4(v4))),
    }
}

fn zone_v4(ip: Ipv4Addr) -> Zone {
    let [a, b, c, _] = ip.octets();
    match (a, b, c) {
        _ if METADATA_V4.contains(&ip) => Zone::Metadata,
        (0, ..) => Zone::Unspecified,
        (127, ..) => Zone::Loopback,
        (169, 254, _) => Zone::LinkLocal,
        (10, ..) | (172, 16..=31, _) | (192, 168, _) | (100, 64..=127, _) | (198, 18..=19, _) => {
            Zone::Private
        }
        (224.., ..) | (192, 0, 0 | 2) | (198, 51, 100) | (203, 0, 113) => Zone::Reserved,
        _ => Zone::Public,
    }
}

fn zone_v6(ip: Ipv6Addr) -> Zone {
    let first = ip.segments()[0];
    match first {
        _ if METADATA_V6.contains(&ip) => Zone::Metadata,
        _ if ip.is_unspecified() => Zone::Unspecified,
        _ if ip.is_loopback() => Zone::Loopback,
        0xfe80..=0xfebf => Zone::LinkLocal,
        0xfc00..=0xfdff | 0xfec0..=0xfeff => Zone::Private,
        0xff00.. => Zone::Reserved,
        _ => Zone::Public,
    }
}

/// The IPv4 address a translator or a tunnel would take out of `ip`.
fn embedded(ip: Ipv6Addr) -> Option<Ipv4Addr> {
    let v4 = |high: u16, low: u16| Some(Ipv4Addr::from(u32::from(high) << 16 | u32::from(low)));
    match ip.segments() {
        // ::/96, long out of use; `::` and `::1` are themselves.
        [0, 0, 0, 0, 0, 0, high, low] if high != 0 || low > 1 => v4(high, low),
        // NAT64, well-known and local prefix; 6to4.
        [0x64, 0xff9b, 0, 0, 0, 0, high, low]
        | [0x64, 0xff9b, 1, _, _, _, high, low]
        | [0x2002, high, low, ..] => v4(high, low),
        // Teredo: the client's address, inverted.
        [0x2001, 0, _, _, _, _, high, low] => v4(!high, !low),
        _ => None,
    }
}

/// What of the places that are closed to all may be reached anyway, since a person wrote it down.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Listed {
    pub addresses: BTreeSet<IpAddr>,
    pub names: BTreeSet<String>,
    /// Whether private networks are open to names.
    pub private: bool,
}

impl Listed {
    /// Takes a host as it stands in a configuration, in its normal form.
    pub(super) fn add(&mut self, host: &str) {
        match address(host) {
            Some(ip) => _ = self.addresses.insert(canonical(ip)),
            None => _ = self.names.insert(host.to_owned()),
        }
    }

    /// Whether `name` may lead to `ip`.
    ///
    /// # Errors
    /// In words for a model and for the person who owns the list.
    pub(super) fn check(&self, name: &str, ip: IpAddr) -> Result<(), String> {
        let zone = zone(ip);
        let listed = self.addresses.contains(&canonical(ip));
        // A name says where it leads only where the machine itself or the cloud defines it.
        let own = match zone {
            Zone::Loopback => is_localhost(name) && self.names.contains(name),
            Zone::Metadata | Zone::LinkLocal => METADATA_NAMES.contains(&name) && self.names.contains(name),
            _ => false,
        };
        match zone {
            Zone::Public => Ok(()),
            Zone::Private if self.private => Ok(()),
            _ if listed || own => Ok(()),
            _ if name.parse::<IpAddr>().is_ok() => {
                Err(format!("`{name}` is {}, which is closed to this tool", zone.name()))
            }
            _ => Err(format!("`{name}` leads to {ip}, {}, which is closed to this tool", zone.name())),
        }
    }
}

pub(super) fn is_localhost(name: &str) -> bool {
    name == "localhost" || name.ends_with(".localhost")
}

/// The address that a URL's host is, brackets or not.
pub(super) fn address(host: &str) -> Option<IpAddr> {
    host.trim_start_matches('[').trim_end_matches(']').parse().ok()
}

/// The addresses of names that were judged. A client that resolves through it connects to these alone.
#[derive(Debug, Clone, Default)]
pub(super) struct Judged {
    names: Arc<Mutex<HashMap<String, Vec<SocketAddr>>>>,
}

impl Judged {
    /// Resolves `name`, judges every address and keeps them for the connection. `proxied`: a proxy stands before
    /// the network, and a name that only the proxy can resolve is the proxy's to judge.
    ///
    /// # Errors
    /// When it does not resolve, or one of its addresses is closed.
    pub(super) async fn look(&self, name: &str, listed: &Listed, proxied: bool) -> Result<(), String> {
        let found: Vec<SocketAddr> = match tokio::net::lookup_host((name, 0)).await {
            Ok(found) => found.collect(),
            Err(_) if proxied => {
                // No address was judged: a connection past the proxy (`NO_PROXY`) must not look again.
                self.names.lock().unwrap_or_else(PoisonError::into_inner).entry(name.to_owned()).or_default();
                return Ok(());
            }
            Err(_) => Vec::new(),
        };
        if found.is_empty() {
            return Err(format!("`{name}` does not resolve: no such host, or no name server answers"));
        }
        for address in &found {
            listed.check(name, address.ip())?;
        }
        self.names.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), found);
        Ok(())
    }
}

impl Resolve for Judged {
    fn resolve(&self, name: Name) -> Resolving {
        let wanted = name.as_str().to_owned();
        let known = self.names.lock().unwrap_or_else(PoisonError::into_inner).get(&wanted).cloned();
        Box::pin(async move {
            let found = match known {
                Some(found) => found,
                // Targets are all known: this is the proxy's own name.
                None => tokio::net::lookup_host((wanted, 0)).await?.collect(),
            };
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_to_write_a_closed_address_is_closed() {
        for (ip, expected) in [
            ("169.254.169.254", Zone::Metadata),
            ("::ffff:169.254.169.254", Zone::Metadata),
            ("::169.254.169.254", Zone::Metadata),
            ("64:ff9b::a9fe:a9fe", Zone::Metadata),
            ("64:ff9b:1::a9fe:a9fe", Zone::Metadata),
            ("2002:a9fe:a9fe::1", Zone::Metadata),
            ("2001:0:1:2:3:4:5601:5601", Zone::Metadata),
            ("fd00:ec2::254", Zone::Metadata),
            ("100.100.100.200", Zone::Metadata),
            ("127.0.0.1", Zone::Loopback),
            ("127.255.255.254", Zone::Loopback),
            ("::1", Zone::Loopback),
            ("::ffff:127.0.0.1", Zone::Loopback),
            ("::127.0.0.1", Zone::Loopback),
            ("2002:7f00:1::", Zone::Loopback),
            ("0.0.0.0", Zone::Unspecified),
            ("0.1.2.3", Zone::Unspecified),
            ("::", Zone::Unspecified),
            ("169.254.1.1", Zone::LinkLocal),
            ("fe80::1", Zone::LinkLocal),
            ("febf::1", Zone::LinkLocal),
            ("10.1.2.3", Zone::Private),
            ("172.31.0.1", Zone::Private),
            ("192.168.1.1", Zone::Private),
            ("100.64.0.1", Zone::Private),
            ("fd12::1", Zone::Private),
            ("64:ff9b::10.0.0.1", Zone::Private),
            ("255.255.255.255", Zone::Reserved),
            ("224.0.0.1", Zone::Reserved),
            ("ff02::1", Zone::Reserved),
            ("172.32.0.1", Zone::Public),
            ("8.8.8.8", Zone::Public),
            ("2606:4700::1", Zone::Public),
        ] {
            assert_eq!(zone(ip.parse().unwrap()), expected, "{ip}");
        }
    }

    #[test]
    fn a_name_opens_only_what_it_stands_for() {
        let mut listed = Listed { private: true, ..Listed::default() };
        for host in ["api.example.com", "localhost", "metadata.google.internal", "127.0.0.7"] {
            listed.add(host);
        }
        let check = |name: &str, ip: &str| listed.check(name, ip.parse().unwrap());
        assert!(check("api.example.com", "10.0.0.1").is_ok());
        assert!(check("localhost", "127.0.0.1").is_ok() && check("localhost", "::1").is_ok());
        assert!(check("metadata.google.internal", "169.254.169.254").is_ok());
        // Whoever owns the name could point it anywhere.
        assert!(check("api.example.com", "127.0.0.1").unwrap_err().contains("loopback"));
        assert!(check("api.example.com", "169.254.169.254").unwrap_err().contains("metadata"));
        assert!(check("localhost", "169.254.169.254").is_err());
        // An address that is listed itself is open to names too.
        assert!(check("api.example.com", "127.0.0.7").is_ok());
        assert!(Listed::default().check("x.example", "10.0.0.1".parse().unwrap()).is_err());
    }
}

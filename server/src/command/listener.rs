//! Listeners and their limits: where a server listens, and how many connections it takes.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use privet_server::{Connections, Tls};
use tokio::net::TcpListener;

use super::{Done, because};

/// Files that are not for connections of devices: the store's, the way to the helper, the operator's port.
const OTHERS: u64 = 256;
/// Connections of the operator's port.
const OPERATORS: usize = 64;
/// How far the operator's port is from the other, unless told.
const APART: u16 = 1000;

/// Limits of connections that the system's limit of files has room for; it is raised as far as it may be.
pub(crate) fn connections(most: Option<usize>, each: usize) -> Done<Connections> {
    let files = rlimit::increase_nofile_limit(u64::MAX).map_err(because("the limit of open files"))?;
    // Under a limit that small, half is for each.
    let room = usize::try_from(files.saturating_sub(OTHERS).max(files / 2)).unwrap_or(usize::MAX);
    match most {
        Some(most) if most > room => Err(format!(
            "{most} connections do not fit: this process may open {files} files and needs {} of them for itself",
            files - room as u64
        )),
        most => Ok(Connections::new(most.unwrap_or(Connections::MOST).min(room), each)),
    }
}

pub(crate) async fn listen(at: SocketAddr, tls: Option<&Tls>) -> Done<(TcpListener, String)> {
    let cannot = format!("cannot listen on {at} (choose another with --listen 127.0.0.1:0)");
    let listener = TcpListener::bind(at).await.map_err(because(cannot))?;
    let address = listener.local_addr().map_err(because("the address is not known"))?;
    Ok((listener, format!("{}://{address}", if tls.is_some() { "https" } else { "http" })))
}

/// The operator's port, its connections, and TLS unless it is for this machine alone.
pub(crate) struct Operator {
    pub(crate) listener: TcpListener,
    pub(crate) tls: Option<Tls>,
    pub(crate) connections: Connections,
    pub(crate) url: String,
}

impl Operator {
    /// At this address. Without one it is the loopback's, a thousand above the other port; where that is taken, any.
    pub(crate) async fn listen(at: Option<SocketAddr>, beside: &TcpListener, tls: Option<&Tls>) -> Done<Self> {
        let listener = match at {
            Some(at) => {
                let cannot = format!("cannot listen on {at} (choose another with --operator-listen 127.0.0.1:0)");
                TcpListener::bind(at).await.map_err(because(cannot))?
            }
            None => beside_of(beside).await?,
        };
        let address = listener.local_addr().map_err(because("the address is not known"))?;
        let tls = tls.filter(|_| !address.ip().is_loopback()).cloned();
        if tls.is_none() && !address.ip().is_loopback() {
            tracing::warn!("the operator's port is open to other machines without TLS");
        }
        let url = format!("{}://{address}", if tls.is_some() { "https" } else { "http" });
        Ok(Self { listener, tls, connections: Connections::new(OPERATORS, 0), url })
    }
}

async fn beside_of(other: &TcpListener) -> Done<TcpListener> {
    let port = other.local_addr().map_err(because("the address is not known"))?.port();
    for port in [port.checked_add(APART).unwrap_or(0), 0] {
        if let Ok(listener) = TcpListener::bind((IpAddr::V4(Ipv4Addr::LOCALHOST), port)).await {
            return Ok(listener);
        }
    }
    Err("no port of the loopback is free for the operator".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_connections_than_files_are_refused_with_both_numbers() {
        assert!(connections(None, 0).is_ok() && connections(Some(10), 10).is_ok());
        let refused = connections(Some(usize::MAX), 0).expect_err("nobody has so many files");
        assert!(
            refused.starts_with(&format!("{} connections do not fit: this process may open ", usize::MAX)),
            "{refused}"
        );
    }

    #[tokio::test]
    async fn the_operators_port_is_a_thousand_above_or_any_that_is_free() {
        let main = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let port = main.local_addr().expect("it is bound").port();
        let first = Operator::listen(None, &main, None).await.expect("a port is free");
        let second = Operator::listen(None, &main, None).await.expect("a port is free");
        let is = |operator: &Operator| operator.listener.local_addr().expect("it is bound");
        assert!(is(&first).ip().is_loopback() && is(&second).ip().is_loopback());
        assert!(is(&second).port() != port + APART, "that one is taken");
        let refused = Operator::listen(Some(is(&first)), &main, None).await.err().expect("it is taken");
        assert!(refused.contains("--operator-listen"), "{refused}");
    }
}

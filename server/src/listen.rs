//! Where requests come in: plain, or under TLS.

use std::{io, net::SocketAddr, path::Path, sync::Arc, time::Duration};

use axum::{
    Router,
    extract::connect_info::Connected,
    serve::{IncomingStream, Listener},
};
use rustls::{
    ServerConfig,
    crypto::{CryptoProvider, ring},
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Semaphore, mpsc},
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

/// Whoever takes longer for a handshake is not waited for.
const PATIENCE: Duration = Duration::from_secs(10);
/// Handshakes at a time.
const HANDSHAKES: usize = 256;

/// The one provider of TLS's algorithms, named so that no dependency's choice of another can stop the server.
pub(crate) fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

/// A certificate and its key.
#[derive(Debug, Clone)]
pub struct Tls(Arc<ServerConfig>);

impl Tls {
    /// Reads a chain of certificates and a key, both in PEM. They are read once: a new certificate needs a restart.
    pub fn from_files(chain: &Path, key: &Path) -> Result<Self, String> {
        let certificates = certificates(chain)?;
        let secret = PrivateKeyDer::from_pem_file(key).map_err(|cause| format!("{}: {cause}", key.display()))?;
        let config = ServerConfig::builder_with_provider(provider()).with_safe_default_protocol_versions();
        let config = config.map_err(|cause| cause.to_string())?.with_no_client_auth();
        let unfit = |cause| format!("{} and {} do not fit: {cause}", chain.display(), key.display());
        Ok(Self(Arc::new(config.with_single_cert(certificates, secret).map_err(unfit)?)))
    }
}

/// The certificates of a PEM file; at least one.
pub(crate) fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let read = CertificateDer::pem_file_iter(file).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let read = read.map_err(|cause| format!("{}: {cause}", file.display()))?;
    if read.is_empty() { Err(format!("{} holds no certificate", file.display())) } else { Ok(read) }
}

/// Whom a connection comes from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Client(pub(crate) SocketAddr);

impl Connected<IncomingStream<'_, TcpListener>> for Client {
    fn connect_info(stream: IncomingStream<'_, TcpListener>) -> Self {
        Self(*stream.remote_addr())
    }
}

impl Connected<IncomingStream<'_, Handshaken>> for Client {
    fn connect_info(stream: IncomingStream<'_, Handshaken>) -> Self {
        Self(*stream.remote_addr())
    }
}

/// Serves until it is asked to stop, and finishes what it accepted by then.
pub async fn serve(
    listener: TcpListener,
    tls: Option<Tls>,
    app: Router,
    stopped: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let app = app.into_make_service_with_connect_info::<Client>();
    match tls {
        None => axum::serve(listener, app).with_graceful_shutdown(stopped).await,
        Some(tls) => axum::serve(Handshaken::new(listener, &tls)?, app).with_graceful_shutdown(stopped).await,
    }
}

/// Connections whose handshake is done. One that is slow keeps no other waiting.
struct Handshaken {
    done: mpsc::Receiver<(TlsStream<TcpStream>, SocketAddr)>,
    address: SocketAddr,
}

impl Handshaken {
    fn new(listener: TcpListener, tls: &Tls) -> io::Result<Self> {
        let (ready, done) = mpsc::channel(HANDSHAKES);
        let address = listener.local_addr()?;
        tokio::spawn(shake(listener, TlsAcceptor::from(tls.0.clone()), ready));
        Ok(Self { done, address })
    }
}

async fn shake(mut listener: TcpListener, tls: TlsAcceptor, ready: mpsc::Sender<(TlsStream<TcpStream>, SocketAddr)>) {
    let places = Arc::new(Semaphore::new(HANDSHAKES));
    loop {
        let place = places.clone().acquire_owned().await.expect("nobody closes it");
        let (stream, from) = tokio::select! {
            accepted = Listener::accept(&mut listener) => accepted,
            () = ready.closed() => return,
        };
        let (tls, ready) = (tls.clone(), ready.clone());
        tokio::spawn(async move {
            let _place = place;
            if let Ok(Ok(stream)) = tokio::time::timeout(PATIENCE, tls.accept(stream)).await {
                // The server may have stopped in the meantime.
                drop(ready.send((stream, from)).await);
            }
        });
    }
}

impl Listener for Handshaken {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        match self.done.recv().await {
            Some(connection) => connection,
            // The sender ends with this end alone.
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.address)
    }
}

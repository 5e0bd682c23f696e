//! Certificates, and their keys.

use std::{path::Path, sync::Arc};

use rustls::{
    ServerConfig,
    crypto::{CryptoProvider, ring},
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};

/// The one provider of TLS's algorithms, named so that no dependency's choice of another can stop the server.
pub(crate) fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

/// A certificate and its key.
#[derive(Debug, Clone)]
pub struct Tls(pub(super) Arc<ServerConfig>);

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

//! Keys, certificates and tokens: made once, kept in the data folder for their owner's eyes only.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use rand::RngCore as _;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use serde_json::json;

use crate::auth::tokens::Tokens;

/// Names under which clients may reach the API.
const SERVER_NAMES: [&str; 7] = [
    "127.0.0.1",
    "::1",
    "localhost",
    "kubernetes",
    "kubernetes.default",
    "kubernetes.default.svc",
    "kubernetes.default.svc.cluster.local",
];

/// Why an identity could not be had.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// A file cannot be read or written.
    #[error("cannot use the file {path}")]
    File {
        /// Which one.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The key or certificate in the data folder is damaged.
    #[error("the cluster's certificate authority cannot be used")]
    Authority(#[from] rcgen::Error),
    /// TLS does not accept what was made.
    #[error("the server's certificate cannot be used")]
    Tls(#[from] rustls::Error),
}

/// Everything secret about a cluster.
pub struct Identity {
    /// The authority's certificate, in PEM.
    pub authority: Arc<str>,
    /// What the server shows to clients.
    pub tls: Arc<ServerConfig>,
    /// Knows and signs tokens.
    pub tokens: Arc<Tokens>,
    admin: String,
}

impl Identity {
    /// Reads the identity in the folder, or makes one.
    pub fn load(folder: &Path) -> Result<Self, IdentityError> {
        let key = KeyPair::from_pem(&kept(folder, "ca.key", || Ok(KeyPair::generate()?.serialize_pem()))?)?;
        let params = authority_params();
        let authority = kept(folder, "ca.crt", || Ok(params.self_signed(&key)?.pem()))?;
        let tls = server_config(&Issuer::new(params, key))?;
        let admin = kept(folder, "admin.token", || Ok(random()))?;
        let signing = kept(folder, "tokens.key", || Ok(random()))?;
        let tokens = Arc::new(Tokens::new(admin.clone(), signing.as_bytes()));
        Ok(Self { authority: authority.into(), tls, tokens, admin })
    }

    /// Writes a kubeconfig for the administrator.
    pub fn write_kubeconfig(&self, path: &Path, server: &str) -> Result<(), IdentityError> {
        const NAME: &str = "porthole";
        // JSON is YAML, and quoting is safe in it.
        let config = json!({
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": NAME,
            "clusters": [{"name": NAME, "cluster":
                {"server": server, "certificate-authority-data": STANDARD.encode(&*self.authority)}}],
            "users": [{"name": "admin", "user": {"token": self.admin}}],
            "contexts": [{"name": NAME, "context": {"cluster": NAME, "user": "admin", "namespace": "default"}}],
        });
        let text = serde_yaml_ng::to_string(&config).unwrap_or_else(|_| config.to_string());
        write_private(path, &text).map_err(|source| IdentityError::File { path: path.to_owned(), source })
    }
}

fn authority_params() -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, "porthole-embedded-cluster");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign, KeyUsagePurpose::DigitalSignature];
    params
}

/// A fresh certificate for this run. Only HTTP/1.1 is offered: upgrades stay simple.
fn server_config(issuer: &Issuer<'_, KeyPair>) -> Result<Arc<ServerConfig>, IdentityError> {
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::new(SERVER_NAMES.map(str::to_owned).to_vec())?;
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, "kube-apiserver");
    params.use_authority_key_identifier_extension = true;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let certificate = params.signed_by(&key, issuer)?;
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let mut config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

fn random() -> String {
    let mut bytes = [0; 32];
    rand::rng().fill_bytes(&mut bytes);
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The file's text; made first if it is missing.
fn kept(
    folder: &Path,
    name: &str,
    make: impl FnOnce() -> Result<String, IdentityError>,
) -> Result<String, IdentityError> {
    let path = folder.join(name);
    match std::fs::read_to_string(&path) {
        Ok(text) => Ok(text),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let text = make()?;
            write_private(&path, &text).map_err(|source| IdentityError::File { path, source })?;
            Ok(text)
        }
        Err(source) => Err(IdentityError::File { path, source }),
    }
}

/// Writes a file that only its owner can read, whole or not at all.
pub(crate) fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    let draft = path.with_extension("new");
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&draft)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    std::fs::rename(draft, path)
}

//! The other way: one POST to the upload proxy, as `virtctl image-upload` does it.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use futures_util::stream;
use http_body_util::StreamBody;
use hyper::body::Frame;
use hyper_util::client::legacy::Client as HttpClient;
use hyper_util::rt::TokioExecutor;
use kube::client::ConfigExt as _;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use serde_json::{Value, json};

use crate::NAMESPACE;
use crate::file::File;

const CDI: &str = "/apis/cdi.kubevirt.io/v1beta1";
const LOOK: Duration = Duration::from_millis(50);

/// The upload proxy, and the cluster that gives out tokens for it.
pub struct Proxy {
    config: Config,
    kube: Client,
    address: String,
}

impl Proxy {
    /// The proxy of a kubeconfig's cluster.
    pub async fn new(kubeconfig: &Path) -> Result<Self> {
        let kubeconfig = Kubeconfig::read_from(kubeconfig)?;
        let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await?;
        let kube = Client::try_from(config.clone())?;
        let cdi = ask(&kube, "GET", &format!("{CDI}/cdiconfigs/config"), None).await?;
        let address = cdi["status"]["uploadProxyURL"].as_str().context("CDI does not say where its proxy is")?;
        Ok(Self { address: format!("https://{address}/v1beta1/upload"), config, kube })
    }

    /// Makes a claim ready for a file; what is given back sends it.
    pub async fn put(&self, name: &str, file: File) -> Result<impl Future<Output = Result<()>>> {
        let volumes = format!("{CDI}/namespaces/{NAMESPACE}/datavolumes");
        let volume = json!({
            "apiVersion": "cdi.kubevirt.io/v1beta1", "kind": "DataVolume", "metadata": {"name": name},
            "spec": {"source": {"upload": {}}, "storage": {"resources": {"requests": {"storage": file.bytes().to_string()}}}},
        });
        ask(&self.kube, "POST", &volumes, Some(&volume)).await?;
        while ask(&self.kube, "GET", &format!("{volumes}/{name}"), None).await?["status"]["phase"] != "UploadReady" {
            tokio::time::sleep(LOOK).await;
        }
        let request = json!({
            "apiVersion": "upload.cdi.kubevirt.io/v1beta1", "kind": "UploadTokenRequest", "metadata": {"name": name},
            "spec": {"pvcName": name},
        });
        let tokens = format!("/apis/upload.cdi.kubevirt.io/v1beta1/namespaces/{NAMESPACE}/uploadtokenrequests");
        let answer = ask(&self.kube, "POST", &tokens, Some(&request)).await?;
        let token = answer["status"]["token"].as_str().context("no token for the upload")?.to_owned();
        Ok(async move {
            let parts = (0..file.parts).map(|_| Ok::<_, std::io::Error>(Frame::data(File::part())));
            let request = http::Request::post(&self.address)
                .header("authorization", format!("Bearer {token}"))
                .header("content-length", file.bytes())
                .body(StreamBody::new(stream::iter(parts)))?;
            let client = HttpClient::builder(TokioExecutor::new()).build(self.config.rustls_https_connector()?);
            let answer = client.request(request).await?;
            if !answer.status().is_success() {
                bail!("the proxy answered {}", answer.status());
            }
            Ok(())
        })
    }
}

async fn ask(kube: &Client, method: &str, path: &str, body: Option<&Value>) -> Result<Value> {
    let body = body.map(|body| Bytes::from(body.to_string())).unwrap_or_default();
    let request = http::Request::builder().method(method).uri(path).header("content-type", "application/json");
    Ok(kube.request(request.body(body.to_vec())?).await?)
}

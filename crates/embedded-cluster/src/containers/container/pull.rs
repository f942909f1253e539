//! A container's image: pulled, waited for, or stood in for.

use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use super::{BACK_OFF, LONGEST_BACK_OFF, Run};
use crate::containers::image::{Files, ImageError};
use crate::containers::status;
use crate::virt::events::Level;
use crate::virt::kinds::{SECRETS, text};

/// How long a failed pull shows as such before it becomes a wait.
const SHOWN: Duration = Duration::from_secs(2);

impl Run {
    /// What the container is made of; waits as long as its image is not there.
    pub(super) async fn files(&self) -> Files {
        let image = text(&self.container["image"]).to_owned();
        let Some((sandbox, _)) = &self.shared.sandbox else {
            let why = "this machine has no sandbox for containers";
            self.tell(
                Level::Normal,
                "Pulled",
                &format!("Container image \"{image}\" is not needed: a built-in stand-in takes its place"),
            );
            return Files::StandIn(why.to_owned());
        };
        let always = self.container["imagePullPolicy"] == "Always";
        let mut wait = BACK_OFF;
        loop {
            let begun = Instant::now();
            let (credentials, is_insecure) = self.registry_access(&image);
            let (reason, why) =
                match self.shared.all.images.find(sandbox, &image, always, credentials, is_insecure).await {
                    Ok(files) => {
                        self.tell(Level::Normal, "Pulled", &pulled(&image, &files, begun.elapsed()));
                        return files;
                    }
                    Err(ImageError::InvalidName(why)) => ("InvalidImageName", why),
                    Err(ImageError::Refused(why)) => {
                        ("ErrImagePull", format!("failed to pull and unpack image \"{image}\": {why}"))
                    }
                };
            if reason == "InvalidImageName" {
                self.tell(
                    Level::Warning,
                    "InspectFailed",
                    &format!("Failed to apply default image tag \"{image}\": {why}"),
                );
                self.status(|status| status::waiting(status, reason, &why));
                std::future::pending::<()>().await;
            }
            self.tell(Level::Normal, "Pulling", &format!("Pulling image \"{image}\""));
            self.tell(Level::Warning, "Failed", &format!("Failed to pull image \"{image}\": {why}"));
            self.tell(Level::Warning, "Failed", "Error: ErrImagePull");
            self.status(|status| status::waiting(status, "ErrImagePull", &why));
            tokio::time::sleep(SHOWN).await;
            let message = format!("Back-off pulling image \"{image}\"");
            self.tell(Level::Normal, "BackOff", &message);
            self.tell(Level::Warning, "Failed", "Error: ImagePullBackOff");
            let message = format!("{message}: ErrImagePull: {why}");
            self.status(|status| status::waiting(status, "ImagePullBackOff", &message));
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(LONGEST_BACK_OFF);
        }
    }

    /// Credentials for the image's registry, and whether it speaks without TLS.
    fn registry_access(&self, image: &str) -> (Option<String>, bool) {
        let host = image.split('/').next().unwrap_or_default();
        let store = &self.shared.all.store;
        let is_local = host.starts_with("127.") || host.starts_with("localhost:");
        let config = store.get(&crate::cdi::CONFIGS, None, kubevirt::cdi::CONFIG_NAME);
        let insecure = config.as_ref().and_then(|config| config["spec"]["insecureRegistries"].as_array());
        let is_insecure = is_local || insecure.into_iter().flatten().any(|known| known == host);
        let pod = self.shared.pod();
        let named = pod.as_ref().and_then(|pod| pod["spec"]["imagePullSecrets"].as_array());
        let credentials = named.into_iter().flatten().find_map(|reference| {
            use base64::Engine as _;
            let secret = store.get(&SECRETS, Some(&self.shared.worker.at.namespace), text(&reference["name"]))?;
            let packed = text(&secret["data"][".dockerconfigjson"]);
            let plain = base64::engine::general_purpose::STANDARD.decode(packed).ok()?;
            let config: Value = serde_json::from_slice(&plain).ok()?;
            let known = config["auths"].as_object()?;
            let (_, found) = known.iter().find(|(registry, _)| registry.contains(host))?;
            Some(format!("Basic {}", found["auth"].as_str()?))
        });
        (credentials, is_insecure)
    }
}

fn pulled(image: &str, files: &Files, took: Duration) -> String {
    match files {
        Files::Image { .. } => format!(
            "Successfully pulled image \"{image}\" in {}ms ({}ms including waiting)",
            took.as_millis(),
            took.as_millis()
        ),
        Files::Tools { stands_in: None } => format!("Container image \"{image}\" already present on machine"),
        Files::Tools { stands_in: Some(why) } => {
            format!("Container image \"{image}\" cannot be had ({why}): this machine's own programs stand in")
        }
        Files::StandIn(why) => {
            format!("Container image \"{image}\" cannot be had ({why}): a built-in stand-in takes its place")
        }
    }
}

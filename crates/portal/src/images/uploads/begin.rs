//! The beginning of an upload: everything that can be known to be wrong is told before a byte is sent.

use std::sync::Arc;

use model::ObjectRef;
use model::upload::{UploadRequest, UploadState, check};

use super::upload::Upload;
use super::{pump, upload};
use crate::Inner;
use crate::access::{Actor, Ask};
use crate::error::PortalError;
use crate::images::{make, volume};

impl Inner {
    /// Makes the data volume in the person's name and starts to wait for its claim.
    pub(crate) async fn begin_upload(
        self: &Arc<Self>,
        actor: &Actor,
        request: UploadRequest,
    ) -> Result<UploadState, PortalError> {
        let wrong = check(&request);
        if !wrong.is_empty() {
            return Err(PortalError::Invalid(wrong));
        }
        let at = ObjectRef::parse(&request.namespace, &request.name)
            .map_err(|error| make::at_field("name", crate::diagnosis::texts::sentence(&error.to_string())))?;
        self.may_make(actor, &request.namespace).await?;
        if !self.permissions.may_in(actor, Ask::upload(&request.namespace)).await? {
            return Err(PortalError::Forbidden(format!(
                "Your role in {} does not include uploading.",
                request.namespace
            )));
        }
        self.check_place(&at, &request.class)?;
        self.check_quota(actor, &request.namespace, &request.class, &request.volume_mode, request.disk_bytes).await?;

        let uid = self.make_volume(actor, &at, &volume::for_upload(&request)).await?;
        if request.is_image {
            self.make_source(actor, &at, &uid, &request.preference).await?;
        }
        let now = self.uploads.clock.now();
        let id = upload::hex(&rand::random::<[u8; 16]>());
        let upload = Arc::new(Upload::new(id, actor.account.clone(), at.clone(), request, uid.clone(), now));
        let stored = match self.uploads.insert(&upload) {
            Ok(()) => self.records.uploads().save(&pump::row(&upload, false, None)).await.map_err(PortalError::from),
            Err(error) => Err(error),
        };
        if let Err(error) = stored {
            self.uploads.forget(&upload.id);
            self.unmake_volume(actor, &at, &uid).await;
            return Err(error);
        }
        tracing::info!(
            account = actor.account,
            upload.id = upload.id,
            image = %at,
            size_bytes = upload.request.file.size,
            "upload begun"
        );
        self.carry(Arc::clone(&upload), false, None);
        Ok(upload.tell(now))
    }
}

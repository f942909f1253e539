//! Room for the chunks of one upload: a few buffers, used again and again.
//!
//! A chunk needs a buffer before a byte of it is read, and the buffer comes back when the last of its bytes has left for
//! the cluster. A cluster that is slow thereby makes the browser wait, not this process grow; and a buffer that was used
//! before costs no fresh memory.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The buffers of one upload.
#[derive(Clone, Debug)]
pub(super) struct Buffers {
    free: Arc<Semaphore>,
    spare: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl Buffers {
    /// So many, each made when it is needed first.
    pub(super) fn new(count: usize) -> Self {
        Self { free: Arc::new(Semaphore::new(count)), spare: Arc::default() }
    }

    /// An empty buffer with room for so many bytes, as soon as there is one.
    pub(super) async fn take(&self, length: usize) -> Buffer {
        let permit = Arc::clone(&self.free).acquire_owned().await.expect("nobody closes this semaphore");
        let spare = self.spare.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut bytes = spare.unwrap_or_default();
        bytes.reserve_exact(length);
        Buffer { bytes, home: Arc::clone(&self.spare), _permit: permit }
    }
}

/// One buffer; it goes back when it is dropped.
#[derive(Debug)]
pub(super) struct Buffer {
    /// What is in it.
    pub(super) bytes: Vec<u8>,
    home: Arc<Mutex<Vec<Vec<u8>>>>,
    _permit: OwnedSemaphorePermit,
}

impl Buffer {
    /// Its bytes for reading; the buffer goes back when the last part of them is dropped.
    pub(super) fn freeze(self) -> Bytes {
        Bytes::from_owner(self)
    }
}

impl AsRef<[u8]> for Buffer {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let mut bytes = std::mem::take(&mut self.bytes);
        bytes.clear();
        self.home.lock().unwrap_or_else(PoisonError::into_inner).push(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt as _;

    #[tokio::test]
    async fn a_buffer_is_used_again_once_all_parts_of_its_bytes_are_gone() {
        let buffers = Buffers::new(1);
        let mut buffer = buffers.take(4).await;
        buffer.bytes.extend_from_slice(b"disk");
        let place = buffer.bytes.as_ptr();
        let whole = buffer.freeze();
        let part = whole.slice(2..);
        drop(whole);
        assert!(buffers.take(4).now_or_never().is_none(), "{part:?} still needs it");
        drop(part);
        let again = buffers.take(4).await;
        assert!(again.bytes.is_empty());
        assert_eq!(again.bytes.as_ptr(), place);
    }
}

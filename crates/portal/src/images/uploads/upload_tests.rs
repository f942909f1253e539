use super::*;
use crate::images::tests::request;
use futures_util::stream;
use model::upload::{CHUNK_BYTES, FileMark, chunk_length};
use std::convert::Infallible;

const NOW: Duration = Duration::from_secs(100);

fn upload(size: u64) -> Upload {
    let file = FileMark { size, ..request().file };
    let request = UploadRequest { file, ..request() };
    let at = ObjectRef::parse("blue", "debian").unwrap();
    Upload::new("id".to_owned(), "ana".to_owned(), at, request, "uid".to_owned(), NOW)
}

fn chunk(size: u64, index: u64) -> Vec<u8> {
    vec![u8::try_from(index % 251).unwrap(); usize::try_from(chunk_length(size, index)).unwrap()]
}

fn sum(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

async fn send(upload: &Upload, attempt: u32, index: u64, bytes: Vec<u8>, sha256: &str) -> Result<(), ChunkError> {
    let body = stream::iter([Ok::<_, Infallible>(Bytes::from(bytes))]);
    upload.take(attempt, index, sha256, body, || NOW).await
}

#[tokio::test]
async fn chunks_of_any_order_come_out_in_order_and_their_sum_is_the_files() {
    let size = 2 * CHUNK_BYTES + 9;
    let mut upload = upload(size);
    let expected: Vec<u8> = (0..3).flat_map(|index| chunk(size, index)).collect();
    upload.request.sha256 = sum(&expected).to_uppercase();
    for index in [2, 0, 1] {
        let bytes = chunk(size, index);
        let sum = sum(&bytes);
        send(&upload, 1, index, bytes, &sum).await.unwrap();
    }
    let mut whole = Vec::new();
    loop {
        match upload.next_piece(1, || NOW).await {
            Piece::Bytes(bytes) => whole.extend(bytes),
            piece => {
                assert_eq!(piece, Piece::End);
                break;
            }
        }
    }
    assert_eq!(whole, expected);
    assert_eq!(upload.tell(NOW).sent_bytes, size);
}

#[tokio::test]
async fn a_chunk_that_lies_is_refused_and_can_be_sent_again() {
    let upload = upload(CHUNK_BYTES);
    let good = chunk(CHUNK_BYTES, 0);
    let right = sum(&good);
    assert_eq!(send(&upload, 1, 0, good.clone(), &sum(b"other")).await, Err(ChunkError::Damaged));
    let short = good[1..].to_vec();
    let length = ChunkError::Length { expected: CHUNK_BYTES, came: CHUNK_BYTES - 1 };
    assert_eq!(send(&upload, 1, 0, short.clone(), &sum(&short)).await, Err(length));
    let long = [good.as_slice(), &[1]].concat();
    assert!(matches!(send(&upload, 1, 0, long.clone(), &sum(&long)).await, Err(ChunkError::Length { .. })));
    assert_eq!(send(&upload, 1, 1, good.clone(), &right).await, Err(ChunkError::Beyond));
    assert_eq!(send(&upload, 2, 0, good.clone(), &right).await, Err(ChunkError::Stale));
    let broken = stream::iter([Ok(Bytes::from_static(b"x")), Err(std::io::Error::other("reset"))]);
    assert_eq!(upload.take(1, 0, &right, broken, || NOW).await, Err(ChunkError::Cut));
    assert_eq!(upload.tell(NOW).next_chunk, 0, "nothing of it was taken");
    assert_eq!(send(&upload, 1, 0, good.clone(), &right).await, Ok(()));
    assert_eq!(send(&upload, 1, 0, good, &right).await, Ok(()), "a second time does no harm");
}

#[tokio::test(start_paused = true)]
async fn nobody_fills_the_memory_while_the_cluster_takes_its_time() {
    let size = 10 * CHUNK_BYTES;
    let upload = upload(size);
    for index in 0..WINDOW {
        let bytes = chunk(size, index);
        let sum = sum(&bytes);
        send(&upload, 1, index, bytes, &sum).await.unwrap();
    }
    let bytes = chunk(size, WINDOW);
    let sum = sum(&bytes);
    assert_eq!(send(&upload, 1, WINDOW, bytes.clone(), &sum).await, Err(ChunkError::Busy));
    let handed_on = upload.next_piece(1, || NOW).await;
    assert!(matches!(handed_on, Piece::Bytes(_)));
    assert_eq!(send(&upload, 1, WINDOW, bytes.clone(), &sum).await, Err(ChunkError::Busy), "it is still on its way");
    drop(handed_on);
    assert_eq!(send(&upload, 1, WINDOW, bytes, &sum).await, Ok(()), "it comes in as soon as there is room");
}

#[tokio::test]
async fn a_file_with_another_checksum_never_gets_its_last_part() {
    let mut upload = upload(CHUNK_BYTES + 1);
    upload.request.sha256 = "0".repeat(64);
    for index in [0, 1] {
        let bytes = chunk(CHUNK_BYTES + 1, index);
        let sum = sum(&bytes);
        send(&upload, 1, index, bytes, &sum).await.unwrap();
    }
    assert!(matches!(upload.next_piece(1, || NOW).await, Piece::Bytes(_)));
    assert_eq!(upload.next_piece(1, || NOW).await, Piece::Broken);
    assert!(upload.unfit().is_some_and(|reason| reason.contains("checksum")) && !upload.is_complete());
}

#[tokio::test]
async fn a_file_that_is_no_image_reaches_the_cluster_from_no_client() {
    for (start, told) in [(&b"PK\x03\x04"[..], "zip archive"), (b"<!DOCTYPE html><title>Sign in</title>", "web page")] {
        let upload = upload(CHUNK_BYTES);
        let mut bytes = vec![b' '; usize::try_from(CHUNK_BYTES).unwrap()];
        bytes[..start.len()].copy_from_slice(start);
        let sum = sum(&bytes);
        send(&upload, 1, 0, bytes, &sum).await.unwrap();
        assert_eq!(upload.next_piece(1, || NOW).await, Piece::Broken);
        assert!(upload.unfit().is_some_and(|reason| reason.contains(told)), "{told}");
    }
}

#[tokio::test]
async fn a_new_attempt_wants_everything_again_and_ends_the_old_one() {
    let upload = upload(2 * CHUNK_BYTES);
    let bytes = chunk(2 * CHUNK_BYTES, 0);
    let sum = sum(&bytes);
    send(&upload, 1, 0, bytes.clone(), &sum).await.unwrap();
    upload.restart("the connection broke");
    let state = upload.tell(NOW);
    assert_eq!((state.attempt, state.next_chunk, state.sent_bytes), (2, 0, 0));
    assert_eq!(state.restarted.as_deref(), Some("the connection broke"));
    assert_eq!(upload.next_piece(1, || NOW).await, Piece::Broken);
    assert_eq!(send(&upload, 2, 0, bytes, &sum).await, Ok(()));
}

#[tokio::test]
async fn what_is_over_stays_over() {
    let upload = upload(CHUNK_BYTES);
    assert!(upload.set_stage(UploadStage::Cancelled));
    assert!(!upload.set_stage(UploadStage::Receiving));
    assert_eq!(upload.stage(), UploadStage::Cancelled);
    assert_eq!(send(&upload, 1, 0, Vec::new(), "").await, Err(ChunkError::Stale));
}

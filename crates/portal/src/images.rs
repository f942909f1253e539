//! Images: claims, the data volumes that fill them, and the names that machines are made from.
//!
//! ```text
//!   DataSource --names--> PersistentVolumeClaim <--makes and fills-- DataVolume
//!                                 |
//!                          StorageClass, StorageProfile: where it is kept, and how it may be used
//! ```
//!
//! | module | what it does |
//! |---|---|
//! | `index`, `pace` | keeps what the watches bring, and how fast disks are filled |
//! | `volume` | writes the objects that make an image |
//! | `make`, `now` | what is checked before, and objects made in the person's name |
//! | `uploads` | a file from a browser into a claim |
//! | `import` | the cluster fetches or copies by itself |
//! | `frozen` | a disk of a running machine, as it is at one moment |
//! | `download` | a claim to a browser |
//! | `library`, `query` | rows and pages |

mod download;
mod frozen;
pub(crate) mod https;
mod import;
mod index;
mod library;
mod make;
mod now;
mod pace;
mod passing;
mod query;
mod uploads;
mod volume;

pub use download::Download;
pub(crate) use index::DiskIndex;
pub(crate) use library::{is_passing, users};
pub use uploads::{Chunk, ChunkError, UploadProxy};
pub(crate) use uploads::{Uploads, greet};

#[cfg(test)]
pub(crate) mod tests {
    use model::upload::{FileMark, UploadRequest};

    pub(crate) fn request() -> UploadRequest {
        UploadRequest {
            namespace: "blue".to_owned(),
            name: "debian".to_owned(),
            file: FileMark { name: "d.iso".to_owned(), size: 10, modified: 1, first_chunk: "0".repeat(64) },
            disk_bytes: 10,
            class: String::new(),
            access_mode: String::new(),
            volume_mode: String::new(),
            format: "ISO".to_owned(),
            preference: String::new(),
            sha256: String::new(),
            is_image: false,
        }
    }
}

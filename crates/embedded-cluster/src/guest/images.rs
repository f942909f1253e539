//! Container images as folders: `registry.example/linux:1` is `<folder>/registry.example_linux_1/`.
//!
//! Nothing is pulled. Whoever wants an image puts its file tree there; several folders are searched in order.

use std::path::{Component, Path, PathBuf};

/// Folders that hold images.
#[derive(Clone, Debug, Default)]
pub struct Images {
    folders: Vec<PathBuf>,
}

/// What is wrong with an image.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ImageError {
    /// No folder of that name.
    #[error("image {0} is not in any image folder")]
    NotFound(String),
    /// The image lacks a file that was asked for.
    #[error("no file {path} in image {image}")]
    NoFile {
        /// Which image.
        image: String,
        /// Which file.
        path: String,
    },
    /// A path that would leave the image.
    #[error("the path {0} leads out of the image")]
    Outside(String),
    /// KubeVirt's own words for a container disk without a disk.
    #[error("no file found in folder /disk, no disk present")]
    NoDisk,
    /// KubeVirt's own words for a container disk with several.
    #[error("more than one file found in folder /disk, only one disk is allowed")]
    SeveralDisks,
}

impl Images {
    /// Searches these folders, the first one first.
    pub const fn new(folders: Vec<PathBuf>) -> Self {
        Self { folders }
    }

    /// The folder of an image.
    pub fn find(&self, image: &str) -> Result<PathBuf, ImageError> {
        let name = image.replace(['/', ':'], "_");
        let is_plain = !name.is_empty() && name != "." && name != "..";
        let found = self.folders.iter().map(|folder| folder.join(&name)).find(|path| is_plain && path.is_dir());
        found.ok_or_else(|| ImageError::NotFound(image.to_owned()))
    }

    /// A file of an image by its path in it.
    pub fn file(&self, image: &str, path: &str) -> Result<PathBuf, ImageError> {
        let folder = self.find(image)?;
        let inside: PathBuf = Path::new(path).components().filter(|part| *part != Component::RootDir).collect();
        if inside.components().any(|part| !matches!(part, Component::Normal(_) | Component::CurDir)) {
            return Err(ImageError::Outside(path.to_owned()));
        }
        let file = folder.join(inside);
        if file.is_file() {
            return Ok(file);
        }
        Err(ImageError::NoFile { image: image.to_owned(), path: path.to_owned() })
    }

    /// The disk of a container disk: the one that `path` names, or the only file in `/disk`.
    pub fn disk(&self, image: &str, path: Option<&str>) -> Result<PathBuf, ImageError> {
        if let Some(path) = path.filter(|path| !path.is_empty()) {
            return self.file(image, path);
        }
        let folder = self.find(image)?.join("disk");
        let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
            .map(|entries| entries.flatten().map(|entry| entry.path()).filter(|path| path.is_file()).collect())
            .unwrap_or_default();
        match (files.pop(), files.pop()) {
            (None, _) => Err(ImageError::NoDisk),
            (Some(only), None) => Ok(only),
            (Some(_), Some(_)) => Err(ImageError::SeveralDisks),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn images() -> (tempfile::TempDir, Images) {
        let folder = tempfile::tempdir().unwrap();
        let image = folder.path().join("porthole.dev_demo-linux_1");
        std::fs::create_dir_all(image.join("boot")).unwrap();
        std::fs::create_dir_all(image.join("disk")).unwrap();
        std::fs::write(image.join("boot/vmlinuz"), "kernel").unwrap();
        let images = Images::new(vec![folder.path().join("absent"), folder.path().to_owned()]);
        (folder, images)
    }

    #[test]
    fn a_reference_is_a_folder_and_a_path_is_a_file_in_it() {
        let (folder, images) = images();
        let expected = folder.path().join("porthole.dev_demo-linux_1/boot/vmlinuz");
        assert_eq!(images.file("porthole.dev/demo-linux:1", "/boot/vmlinuz"), Ok(expected));
        assert_eq!(images.find("porthole.dev/other:1"), Err(ImageError::NotFound("porthole.dev/other:1".into())));
        assert_eq!(images.find(".."), Err(ImageError::NotFound("..".into())));
    }

    #[test]
    fn no_path_leads_out_of_an_image() {
        let (_folder, images) = images();
        for path in ["../secret", "/boot/../../secret"] {
            assert_eq!(images.file("porthole.dev/demo-linux:1", path), Err(ImageError::Outside(path.into())));
        }
    }

    #[test]
    fn a_container_disk_holds_exactly_one_disk() {
        let (folder, images) = images();
        let disks = folder.path().join("porthole.dev_demo-linux_1/disk");
        assert_eq!(images.disk("porthole.dev/demo-linux:1", None), Err(ImageError::NoDisk));
        std::fs::write(disks.join("a.img"), "").unwrap();
        assert_eq!(images.disk("porthole.dev/demo-linux:1", None), Ok(disks.join("a.img")));
        std::fs::write(disks.join("b.img"), "").unwrap();
        assert_eq!(images.disk("porthole.dev/demo-linux:1", None), Err(ImageError::SeveralDisks));
        assert_eq!(images.disk("porthole.dev/demo-linux:1", Some("/disk/b.img")), Ok(disks.join("b.img")));
    }
}

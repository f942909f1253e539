//! A file of an earlier disk lies where the new one is to be written: two disks share a folder of a node.

use super::super::told::{Draft, Told};
use super::super::volume_case::VolumeCase;

/// `BLKGETSIZE64` comes from CDI before 1.47 and from its asynchronous upload, the others from scratch space in the
/// same folder.
const WORDS: [&str; 4] = [
    "blkgetsize64",
    "error determining if block device exists",
    "could not get file descriptor for fsync call",
    "disk.img: file exists",
];

pub(super) fn check(case: &VolumeCase) -> Option<Draft> {
    let told = case.says(&WORDS).or_else(|| shared_folder(case))?;
    Some(Draft::error(
        told,
        "A file disk.img lies already where this disk is to be written: two disks share one folder of a node",
        "An administrator has to give every volume a folder of its own and take the old file away. CDI from 1.57 on clears \
         its target by itself; before that, upload through the synchronous address.",
    ))
}

/// Two volumes made by hand with the same folder, before it goes wrong.
fn shared_folder(case: &VolumeCase) -> Option<Told> {
    let volumes = case.facts.volumes.as_ref().filter(|_| case.is_open())?;
    let name = case.claim.as_ref()?.spec.volume_name.as_deref()?;
    let mine = volumes.iter().find(|volume| volume.metadata.name == name)?;
    let path = mine.spec.host_path.as_ref()?.path.trim_end_matches('/');
    let other = volumes.iter().find(|volume| {
        volume.metadata.name != name
            && volume.status.phase.as_deref() != Some("Available")
            && volume.spec.host_path.as_ref().is_some_and(|host| host.path.trim_end_matches('/') == path)
    })?;
    let words = format!("The volumes {name} and {} are both in {path}.", other.metadata.name);
    let source = model::finding::Source { kind: "PersistentVolume".to_owned(), namespace: None, name: name.to_owned() };
    Some(Told::state(source, case.created(), words))
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::testing::{by, failing, pending, volume};
    use serde_json::json;

    const BLOCK: &str = "Saving stream failed: Unable to transfer source data to target file: error determining if block device \
                         exists: exit status 1, blockdev: ioctl error on BLKGETSIZE64: Inappropriate ioctl for device";

    #[test]
    fn it_is_told_by_the_upload_the_import_and_the_log() {
        let log = json!({"dataVolumes": [{"metadata": {"name": "disk"}, "spec": {"source": {"upload": {}}}, "status": {"phase": "UploadReady"}}],
            "pods": [{"metadata": {"name": "cdi-upload-disk"}}], "logs": [{"pod": "cdi-upload-disk", "lines": ["ok", BLOCK]}]});
        for case in [
            json!({"answer": BLOCK}),
            failing(BLOCK),
            failing("could not get file descriptor for fsync call: open /data/disk.img: no such file or directory"),
            log,
        ] {
            assert!(by("disk-exists", &volume(&case)).title.contains("share one folder"));
        }
    }

    #[test]
    fn two_volumes_in_one_folder_are_noticed_before() {
        let mut case = pending(60, "", "");
        case["claims"][0]["spec"]["volumeName"] = json!("pv1");
        let pv = |name: &str, path: &str| json!({"metadata": {"name": name}, "spec": {"hostPath": {"path": path}}, "status": {"phase": "Bound"}});
        case["volumes"] = json!([pv("pv1", "/data"), pv("pv2", "/data/")]);
        assert!(by("disk-exists", &volume(&case)).why.contains("both in /data"));
    }
}

use std::path::Path;
use std::process::Command;

use proptest::prelude::*;

use super::*;

fn files(list: &[(&str, &[u8])]) -> BTreeMap<String, Vec<u8>> {
    list.iter().map(|(path, content)| ((*path).to_owned(), content.to_vec())).collect()
}

/// How a reader finds its way on a disc: by the names of Rock Ridge, by those of Joliet, or by the short ones.
const WAYS: [(&str, &str); 3] =
    [("Rock Ridge", "iso9660:!joliet"), ("Joliet", "iso9660:!rockridge"), ("short", "iso9660:!rockridge,!joliet")];

/// What bsdtar finds on a disc; nothing, said aloud, where it is not installed.
fn read_back(disc: &[u8], options: &str) -> Option<BTreeMap<String, Vec<u8>>> {
    let folder = tempfile::tempdir().unwrap();
    let (file, root) = (folder.path().join("disc.iso"), folder.path().join("root"));
    std::fs::write(&file, disc).unwrap();
    std::fs::create_dir(&root).unwrap();
    let mut bsdtar = Command::new("bsdtar");
    // Names are bytes; without this locale those beyond ASCII cannot be written.
    bsdtar.env("LC_ALL", "C.UTF-8").args(["--options", options, "-xf"]).arg(&file).arg("-C").arg(&root);
    let Ok(output) = bsdtar.output() else {
        println!("skipped: bsdtar is not installed");
        return None;
    };
    assert!(output.status.success(), "{options}: {}", String::from_utf8_lossy(&output.stderr));
    let mut files = BTreeMap::new();
    collect(&root, "", &mut files);
    Some(files)
}

fn collect(folder: &Path, prefix: &str, files: &mut BTreeMap<String, Vec<u8>>) {
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let name = format!("{prefix}{}", entry.file_name().to_str().unwrap());
        if entry.path().is_dir() {
            collect(&entry.path(), &format!("{name}/"), files);
        } else {
            files.insert(name, std::fs::read(entry.path()).unwrap());
        }
    }
}

/// The paths as the short names tell them: only the folders and contents can be compared.
fn contents(files: &BTreeMap<String, Vec<u8>>) -> Vec<(usize, &Vec<u8>)> {
    let mut all: Vec<_> = files.iter().map(|(path, content)| (path.matches('/').count(), content)).collect();
    all.sort();
    all
}

fn comes_back(label: &str, all: &BTreeMap<String, Vec<u8>>) {
    let disc = build(label, all.clone()).unwrap();
    for (way, options) in WAYS {
        let Some(found) = read_back(&disc, options) else { return };
        if way == "short" {
            assert!(found.keys().all(|path| !path.contains(char::is_lowercase)), "{way}: {:?}", found.keys());
            assert_eq!(contents(&found), contents(all), "{way}");
        } else {
            assert_eq!(&found, all, "{way}");
        }
    }
}

#[test]
fn a_disc_has_both_volumes_and_its_label() {
    let disc = build("cidata", files(&[("user-data", b"#cloud-config\n"), ("meta-data", b"{}")])).unwrap();
    assert_eq!(disc.len() % SECTOR, 0);
    assert_eq!(&disc[16 * SECTOR..][..6], b"\x01CD001");
    assert_eq!(&disc[16 * SECTOR + 40..][..8], b"cidata  ");
    assert_eq!(&disc[17 * SECTOR + 40..][..12], b"\0c\0i\0d\0a\0t\0a");
    assert_eq!(&disc[17 * SECTOR + 88..][..3], b"%/E");
    assert!(disc.windows(14).any(|window| window == b"#cloud-config\n"));
    let again = build("cidata", files(&[("meta-data", b"{}"), ("user-data", b"#cloud-config\n")])).unwrap();
    assert_eq!(disc, again, "the same files make the same disc");
}

#[test]
fn a_standard_tool_reads_every_file_back() {
    let long = vec![7; 3 * SECTOR + 5];
    let deep = "openstack/latest/user_data";
    let many: Vec<String> = (0..60).map(|number| format!("configuration-file-number-{number}.yaml")).collect();
    let mut all = files(&[(deep, b"deep"), ("Autounattend.xml", b"<unattend/>"), ("empty", b""), ("long.bin", &long)]);
    all.extend(many.iter().map(|name| (name.clone(), name.clone().into_bytes())));
    comes_back("config-2", &all);
}

/// Names that every way can write: Joliet has no place for `* : ; ? \`.
fn name() -> impl Strategy<Value = String> {
    let mixed = "[a-zA-Z0-9äß€漢_. -]{1,64}".prop_filter("is refused", |name| !matches!(name.as_str(), "." | ".."));
    prop_oneof![mixed, "[€漢]{50,53}"]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn a_standard_tool_reads_back_whatever_is_put_on_a_disc(
        label in "[A-Za-z0-9_-]{0,16}",
        all in prop::collection::btree_map(
            prop::collection::vec(name(), 1..4).prop_map(|parts| parts.join("/")),
            prop::collection::vec(any::<u8>(), 0..5000),
            0..40,
        ),
    ) {
        // Nothing is a file and a folder.
        let is_folder = |path: &str| all.keys().any(|other| other.starts_with(&format!("{path}/")));
        let files: BTreeMap<_, _> = all.iter().filter(|(path, _)| !is_folder(path)).map(|(path, content)| (path.clone(), content.clone())).collect();
        comes_back(&label, &files);
    }
}

#[test]
fn names_that_no_disc_can_hold_are_refused() {
    for bad in ["", "a//b", "../a", &"x".repeat(65), &"€".repeat(54)] {
        assert!(matches!(build("x", files(&[(bad, b"")])), Err(DiscError::Name(_))), "{bad:?}");
    }
    assert_eq!(build("x", files(&[("a", b""), ("a/b", b"")])), Err(DiscError::Twice("a".into())));
}

#[test]
fn files_that_differ_only_at_the_end_of_a_long_name_stay_apart() {
    let tree = Tree::of(files(&[("user-data-one", b"1"), ("user-data-two", b"2")])).unwrap();
    assert_ne!(tree.0[1].short, tree.0[2].short);
}

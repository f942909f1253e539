use super::*;

fn files(list: &[(&str, &[u8])]) -> BTreeMap<String, Vec<u8>> {
    list.iter().map(|(path, content)| ((*path).to_owned(), content.to_vec())).collect()
}

/// The first of the common tools that is installed, and its words for "print this file of this disc".
fn reader(disc: &std::path::Path, file: &str) -> Option<std::process::Output> {
    let disc = disc.to_str().unwrap();
    let tools: [(&str, Vec<&str>); 3] = [
        ("bsdtar", vec!["-xOf", disc, file]),
        ("7z", vec!["e", "-so", disc, file]),
        ("xorriso", vec!["-indev", disc, "-osirrox", "on", "-concat", "append", "-", file]),
    ];
    tools.into_iter().find_map(|(tool, arguments)| std::process::Command::new(tool).args(arguments).output().ok())
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
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("disc.iso");
    std::fs::write(&path, build("config-2", all.clone()).unwrap()).unwrap();
    for (name, content) in &all {
        let Some(output) = reader(&path, name) else {
            println!("skipped: none of bsdtar, 7z and xorriso is installed");
            return;
        };
        assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(&output.stdout, content, "{name}");
    }
}

#[test]
fn names_that_no_disc_can_hold_are_refused() {
    for bad in ["", "a//b", "../a", &"x".repeat(65)] {
        assert!(matches!(build("x", files(&[(bad, b"")])), Err(DiscError::Name(_))), "{bad:?}");
    }
    assert_eq!(build("x", files(&[("a", b""), ("a/b", b"")])), Err(DiscError::Twice("a".into())));
}

#[test]
fn files_that_differ_only_at_the_end_of_a_long_name_stay_apart() {
    let tree = Tree::of(files(&[("user-data-one", b"1"), ("user-data-two", b"2")])).unwrap();
    assert_ne!(tree.0[1].short, tree.0[2].short);
}

//! Where in a YAML text a field stands, so that a refusal can be shown at its line.

/// The line, counted from 1, of the field that a path such as `spec.template.spec.volumes[0].name` names: of the field
/// itself, or of the nearest one around it that is written down.
///
/// Reads block style as people and tools write manifests; of flow style it knows the line that it begins on.
pub fn line_of(yaml: &str, path: &str) -> Option<usize> {
    let wanted = segments(path);
    let mut here: Vec<(usize, String)> = Vec::new();
    let mut best = (0, None);
    for (number, line) in yaml.lines().enumerate() {
        let mut indent = line.len() - line.trim_start().len();
        let mut rest = line.trim_start();
        if rest.is_empty() || rest.starts_with('#') {
            continue;
        }
        while let Some(item) = rest.strip_prefix("- ").or_else(|| (rest == "-").then_some("")) {
            enter_item(&mut here, indent);
            note(&here, &wanted, number, &mut best);
            indent += rest.len() - item.trim_start().len();
            rest = item.trim_start();
        }
        if let Some((key, _)) = rest.split_once(':') {
            here.retain(|(at, _)| *at < indent);
            here.push((indent, key.trim().trim_matches(['"', '\'']).to_owned()));
            note(&here, &wanted, number, &mut best);
        }
    }
    best.1
}

/// Goes on to the next item of the list at an indent. A list may stand as far left as its own key.
fn enter_item(here: &mut Vec<(usize, String)>, indent: usize) {
    here.retain(|(at, _)| *at <= indent);
    let last = here.iter().position(|(at, segment)| *at == indent && segment.starts_with('['));
    let next = last.map_or(0, |place| {
        let index = here[place].1.trim_matches(['[', ']']).parse::<usize>().unwrap_or_default();
        here.truncate(place);
        index + 1
    });
    here.push((indent, format!("[{next}]")));
}

fn note(here: &[(usize, String)], wanted: &[String], number: usize, best: &mut (usize, Option<usize>)) {
    let depth = here.len();
    let is_on_the_way =
        depth <= wanted.len() && here.iter().zip(wanted).all(|((_, segment), wanted)| segment == wanted);
    if is_on_the_way && depth > best.0 {
        *best = (depth, Some(number + 1));
    }
}

/// `a.b[0].c` as `a`, `b`, `[0]`, `c`.
fn segments(path: &str) -> Vec<String> {
    let parts = path.split('.').filter(|part| !part.is_empty());
    parts
        .flat_map(|part| {
            let (name, indexes) = part.split_at(part.find('[').unwrap_or(part.len()));
            let name = (!name.is_empty()).then(|| name.to_owned());
            name.into_iter().chain(indexes.split_inclusive(']').map(str::to_owned)).collect::<Vec<_>>()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
# a machine
spec:
  runStrategy: Always
  template:
    spec:
      domain:
        devices:
          disks:
            - name: root
              disk:
                bus: virtio
            - disk: {bus: ide}
              name: second
      volumes:
      - name: root
        dataVolume: {name: a}
      -
        name: second
";

    #[test]
    fn a_field_is_found_at_its_line() {
        for (path, line) in [
            ("spec.runStrategy", 3),
            ("spec.template.spec.domain.devices.disks[0].disk.bus", 11),
            ("spec.template.spec.domain.devices.disks[1].name", 13),
            ("spec.template.spec.domain.devices.disks[1].disk.bus", 12),
            ("spec.template.spec.volumes[0]", 15),
            ("spec.template.spec.volumes[1].name", 18),
        ] {
            assert_eq!(line_of(TEXT, path), Some(line), "{path}");
        }
    }

    #[test]
    fn what_is_not_written_down_is_shown_at_what_is_around_it() {
        assert_eq!(line_of(TEXT, "spec.template.spec.domain.memory.guest"), Some(6));
        assert_eq!(line_of(TEXT, "status.phase"), None);
        assert_eq!(line_of("", "spec"), None);
    }

    #[test]
    fn every_field_of_a_manifest_that_we_write_is_found() {
        let draft = super::super::super::MachineDraft { name: "a".to_owned(), ..Default::default() };
        let text = super::super::all_as_yaml(&draft, &super::super::CreateOptions::default());
        for (path, ends) in [
            ("metadata.name", "name: a"),
            ("spec.template.spec.domain.devices.disks[0].bootOrder", "bootOrder: 1"),
            ("spec.template.spec.networks[0].name", "name: default"),
        ] {
            let line = line_of(&text, path).unwrap();
            assert!(text.lines().nth(line - 1).unwrap().ends_with(ends), "{path} {line}\n{text}");
        }
    }
}

//! Names of files as the two volumes write them.

/// A name of eight and three letters that is not among those taken.
pub(super) fn primary(name: &str, is_folder: bool, taken: &[String]) -> String {
    let letters = |text: &str, most: usize| -> String {
        let letter = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
        text.chars().map(letter).take(most).collect()
    };
    let (stem, ending) = name.rsplit_once('.').filter(|(stem, _)| !is_folder && !stem.is_empty()).unwrap_or((name, ""));
    let (stem, ending) = (letters(stem, 8), letters(ending, 3));
    let whole = |stem: &str| if is_folder { stem.to_owned() } else { format!("{stem}.{ending};1") };
    let is_free = |name: &String| !taken.iter().any(|other| seen(other) == seen(name));
    let first = whole(&stem);
    if is_free(&first) {
        return first;
    }
    let numbered = (1..).map(|number: usize| {
        let number = number.to_string();
        whole(&format!("{}{number}", letters(&stem, 8_usize.saturating_sub(number.len()))))
    });
    numbered.into_iter().find(is_free).unwrap_or(first)
}

/// A short name as readers show it: a folder `A` and a file `A.;1` are the same to them.
fn seen(short: &str) -> &str {
    short.trim_end_matches(";1").trim_end_matches('.')
}

/// A name in the characters of Joliet, which leaves a few out.
pub(super) fn joliet(name: &str) -> Vec<u8> {
    let allowed = |c: char| if matches!(c, '*' | '/' | ':' | ';' | '?' | '\\') { '_' } else { c };
    let name: String = name.chars().map(allowed).collect();
    name.encode_utf16().flat_map(u16::to_be_bytes).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_names_are_unique() {
        assert_eq!(primary("user-data", false, &[]), "USER_DAT.;1");
        assert_eq!(primary("user-data2", false, &["USER_DAT.;1".into()]), "USER_DA1.;1");
        assert_eq!(primary("user-data", true, &["USER_DAT.;1".into()]), "USER_DA1", "a folder beside a file");
        assert_eq!(primary("autounattend.xml", false, &[]), "AUTOUNAT.XML;1");
        assert_eq!(primary("openstack", true, &[]), "OPENSTAC");
        assert_eq!(primary(".profile", false, &[]), "_PROFILE.;1");
    }
}

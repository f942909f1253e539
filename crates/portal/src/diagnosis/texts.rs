//! Small tools for the cluster's messages.

/// A message as a sentence: trimmed, with a capital and a full stop.
pub(crate) fn sentence(message: &str) -> String {
    let mut text = capital(&cut(message));
    if !text.is_empty() && !text.ends_with(['.', '!', '?']) {
        text.push('.');
    }
    text
}

/// A message as it continues a sentence of ours, without its full stop.
pub(crate) fn clause(message: &str) -> String {
    cut(message).trim_end_matches('.').to_owned()
}

fn cut(message: &str) -> String {
    message.trim().chars().take(400).collect()
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

/// What stands between the first pair of double quotes.
pub(crate) fn quoted(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once('"')?;
    rest.split_once('"').map(|(inside, _)| inside)
}

/// What stands between the double quotes that follow a text at once.
pub(crate) fn quoted_after<'a>(text: &'a str, before: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(before)?;
    rest.starts_with('"').then(|| quoted(rest))?
}

/// The word that follows a text.
pub(crate) fn word_after<'a>(text: &'a str, before: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(before)?;
    rest.split_whitespace().next().map(|word| word.trim_matches(['"', ',', '.', ':', '\'', '[', ']']))
}

/// Whether a text holds one of some words, which are in lower case.
pub(crate) fn says(text: &str, words: &[&str]) -> bool {
    let text = text.to_lowercase();
    words.iter().any(|word| text.contains(word))
}

/// What an admission webhook said, without the words around it.
pub(crate) fn verdict(message: &str) -> &str {
    message.rsplit_once("denied the request: ").map_or(message, |(_, words)| words)
}

/// An address without user, password and query, which may hold a key.
pub(crate) fn public(url: &str) -> String {
    let url = url.split(['?', '#']).next().unwrap_or_default();
    match url.split_once("://") {
        Some((scheme, rest)) => {
            let (host, path) = rest.split_once('/').map_or((rest, ""), |(host, path)| (host, path));
            let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
            if path.is_empty() { format!("{scheme}://{host}") } else { format!("{scheme}://{host}/{path}") }
        }
        None => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_become_sentences() {
        assert_eq!(sentence(" the moon is full "), "The moon is full.");
        assert_eq!(sentence("Really?"), "Really?");
        assert_eq!(sentence(""), "");
        assert_eq!(clause("The moon is full."), "The moon is full");
    }

    #[test]
    fn names_are_found_in_messages() {
        let text = "storageclass.storage.k8s.io \"fast\" not found";
        assert_eq!(quoted(text), Some("fast"));
        assert_eq!(quoted_after(text, "storageclass.storage.k8s.io "), Some("fast"));
        assert_eq!(quoted_after(text, "other "), None);
        assert_eq!(word_after("unable to retrieve storage class fast", "storage class "), Some("fast"));
    }

    #[test]
    fn webhooks_lose_the_words_around_what_they_say() {
        assert_eq!(verdict("admission webhook \"x\" denied the request: too odd"), "too odd");
        assert_eq!(verdict("too odd"), "too odd");
    }

    #[test]
    fn an_address_is_told_without_its_secrets() {
        assert_eq!(public("https://ana:secret@a.example/x.img?key=1"), "https://a.example/x.img");
        assert_eq!(public("docker://quay.io/a:1"), "docker://quay.io/a:1");
    }
}

//! Where a person goes after signing in: back to the page that they asked for.
//!
//! The page travels through the sign-in form as `next`. Only a path of this portal is followed, so that a link to
//! the sign-in page can lead nowhere else.

use axum::http::HeaderMap;
use axum::http::header::REFERER;

use super::origin::{Origin, Origins};

/// The longest path that is remembered.
const MAX_LENGTH: usize = 2048;

/// The path, if it is one of this portal's.
pub fn checked(next: &str) -> Option<&str> {
    // A browser reads `//host` and `/\host` as another site, and drops tabs and line ends before it reads.
    let is_local = next.starts_with('/') && !next.starts_with("//") && !next.contains('\\');
    let is_plain = next.len() <= MAX_LENGTH && next.bytes().all(|byte| (0x21..0x7f).contains(&byte));
    let is_loop = next.split(['?', '#']).next().is_some_and(|path| matches!(path, "/sign-in" | "/sign-out"));
    (is_local && is_plain && !is_loop).then_some(next)
}

/// The address of the sign-in page, with what it has to know.
pub fn sign_in_url(pairs: &[(&str, &str)]) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(pairs.iter().filter(|(_, value)| !value.is_empty()));
    let query = query.finish();
    if query.is_empty() { "/sign-in".to_owned() } else { format!("/sign-in?{query}") }
}

/// The page that a form was on, if it was one of ours.
pub fn referring_page(headers: &HeaderMap, origins: &Origins) -> Option<String> {
    let referer = headers.get(REFERER)?.to_str().ok()?;
    let start = referer.find("://")? + 3;
    let path_at = start + referer[start..].find('/')?;
    let origin: Origin = referer[..path_at].parse().ok()?;
    (origins.authority(headers)?.as_str() == origin.authority())
        .then(|| checked(&referer[path_at..]).map(str::to_owned))?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_paths_of_this_portal_are_followed() {
        assert_eq!(checked("/machines?state=running"), Some("/machines?state=running"));
        let elsewhere = [
            "",
            "machines",
            "//evil.example",
            "/\\evil.example",
            "https://evil.example",
            "javascript:alert(1)",
            "/\t/evil.example",
            "/a b",
            "/sign-in?next=%2F",
            "/sign-out",
            "/x\r\nSet-Cookie: a=b",
        ];
        for next in elsewhere {
            assert_eq!(checked(next), None, "{next:?}");
        }
    }

    #[test]
    fn what_the_sign_in_page_has_to_know_is_encoded() {
        assert_eq!(sign_in_url(&[("next", "/machines?a=b&c"), ("error", "")]), "/sign-in?next=%2Fmachines%3Fa%3Db%26c");
        assert_eq!(sign_in_url(&[("next", "")]), "/sign-in");
    }

    #[test]
    fn a_form_leads_back_to_its_own_page_only() {
        let origins = Origins::Listening("127.0.0.1:8080".parse().unwrap());
        let from = |referer: &str| {
            let pairs = [("host", "127.0.0.1:8080"), ("referer", referer)];
            let headers = pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
            referring_page(&headers, &origins)
        };
        assert_eq!(from("http://127.0.0.1:8080/machines?page=2").as_deref(), Some("/machines?page=2"));
        assert_eq!(from("http://evil.example/machines"), None);
        assert_eq!(from("nonsense"), None);
    }
}

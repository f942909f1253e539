//! Rows as CSV (RFC 4180), in parts of some hundred lines.
//!
//! A spreadsheet takes a cell that begins with `=`, `+`, `-` or `@` for a formula, and names and labels are other
//! people's texts: such cells begin with an apostrophe.

use std::sync::Arc;

use jiff::Timestamp;
use model::query::amount::write;
use model::query::key::{MACHINES, PODS, WORKLOADS};
use model::query::matching::Fields as _;
use model::query::{Key, ListQuery, Tab};

use crate::Inner;
use crate::access::{Actor, Visible};
use crate::error::PortalError;
use crate::listing::{Asked, Entry, Seen, matching};
use crate::workloads::whole;

/// Lines in one part.
const PART: usize = 256;

/// What stands first in each line, whatever columns are chosen; without the state where rows have none.
const FIXED: [Key; 4] = [Key::Name, Key::Team, Key::State, Key::For];

/// Parts of a file, whatever its rows are.
pub(crate) type Parts = Box<dyn Iterator<Item = String> + Send>;

impl Inner {
    /// Everything that a query means, in its order, with the columns that it shows.
    pub(crate) async fn export_rows(
        &self,
        actor: &Actor,
        tab: &'static Tab,
        query: &ListQuery,
    ) -> Result<Parts, PortalError> {
        let asked = Asked { tab, query, now: self.now() };
        let mut columns = tab.columns_of(&query.columns);
        // What is in use is another number by the time that somebody reads the file.
        columns.retain(|key| !matches!(key, Key::CpuUsed | Key::MemoryUsed));
        Ok(if tab.word == PODS.word {
            let (rows, visible, _) = self.show_pods(actor, query, |seen| matching(seen, asked)).await?;
            parts(tab, rows?, visible, columns)
        } else if tab.word == WORKLOADS.word {
            let (entries, visible, _) = self.listed_workloads(actor, query).await?;
            parts(tab, matching(whole(&entries), asked)?, Arc::new(visible), columns)
        } else if tab.word == MACHINES.word {
            let (rows, _) = self.show_machines(actor, |seen| matching(seen, asked)).await?;
            parts(tab, rows?, self.places(actor).await?, columns)
        } else {
            let (entries, visible) = self.listed_services(actor).await?;
            parts(tab, matching(whole(&entries), asked)?, visible, columns)
        })
    }
}

fn parts<T: Entry + Send + Sync + 'static>(
    tab: &Tab,
    rows: Vec<Arc<T>>,
    places: Arc<Visible>,
    columns: Vec<Key>,
) -> Parts {
    // Services do nothing themselves.
    let has_state = !tab.states.is_empty();
    let fixed = if has_state { &FIXED[..] } else { &FIXED[..2] };
    let titles = fixed.iter().map(|key| title(*key)).chain(has_state.then_some("Reason"));
    let head = line(titles.chain(columns.iter().map(|key| title(*key))).map(str::to_owned));
    let mut rows = rows.into_iter();
    let next = move || {
        let part: Vec<_> = rows.by_ref().take(PART).collect();
        let lines = part.iter().map(|entry| {
            let row = Seen { entry, sees_place: places.covers(entry.at().namespace.as_str()) };
            let reason = has_state.then(|| entry.reason().unwrap_or_default().to_owned());
            let cells = |keys: &[Key]| keys.iter().map(|key| cell(&row, *key)).collect::<Vec<_>>();
            line(cells(fixed).into_iter().chain(reason).chain(cells(&columns)))
        });
        let text: String = lines.collect();
        (!text.is_empty()).then_some(text)
    };
    Box::new(std::iter::once(head).chain(std::iter::from_fn(next)))
}

const fn title(key: Key) -> &'static str {
    match key {
        // An age would be wrong as soon as it is read.
        Key::Age => "Created",
        Key::For => "Since",
        Key::Memory => "Memory (MiB)",
        other => other.title(),
    }
}

fn cell<T: Entry>(row: &Seen<'_, T>, key: Key) -> String {
    match key {
        Key::Age | Key::For => {
            let moment = row.amount(key).and_then(|seconds| Timestamp::from_second(seconds).ok());
            moment.map(|moment| moment.to_string()).unwrap_or_default()
        }
        Key::Label => {
            let labels = row.labels().into_iter().flatten();
            labels.map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(" ")
        }
        Key::Memory => row.amount(key).map(|mib| mib.to_string()).unwrap_or_default(),
        key if key.reading().is_number() => {
            let amount = row.amount(key).and_then(|amount| u64::try_from(amount).ok());
            amount.map(|amount| write(key.reading(), amount)).unwrap_or_default()
        }
        key => {
            let mut texts = Vec::new();
            row.any(key, &mut |text| {
                texts.push(text.to_owned());
                false
            });
            texts.join(" ")
        }
    }
}

fn line(cells: impl Iterator<Item = String>) -> String {
    let cells: Vec<_> = cells.map(|text| guarded(&text)).collect();
    cells.join(",") + "\r\n"
}

fn guarded(text: &str) -> String {
    let is_formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let needs_quotes = is_formula || text.contains(['"', ',', '\n', '\r']);
    let apostrophe = if is_formula { "'" } else { "" };
    if needs_quotes { format!("\"{apostrophe}{}\"", text.replace('"', "\"\"")) } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::Kind;
    use crate::testing::{Fake, allowed, ana};
    use model::query::key::SERVICES;
    use serde_json::json;

    #[test]
    fn cells_are_quoted_where_they_have_to_be_and_never_formulas() {
        for (text, written) in [
            ("web", "web"),
            ("a,b", "\"a,b\""),
            ("say \"hi\"", "\"say \"\"hi\"\"\""),
            ("=1+1", "\"'=1+1\""),
            ("@x", "\"'@x\""),
            ("-2", "\"'-2\""),
        ] {
            assert_eq!(guarded(text), written);
        }
    }

    #[tokio::test]
    async fn a_file_holds_what_the_query_means_and_the_person_sees() {
        let fake = Fake::new(|call| {
            allowed(call.review().is_some_and(|spec| spec["resourceAttributes"]["namespace"] == "blue"))
        })
        .await;
        fake.namespace("blue");
        fake.namespace("green");
        let vm = |label: &str| {
            json!({"metadata": {"labels": {"note": label}, "creationTimestamp": "2026-01-01T00:00:00Z"},
                "spec": {"template": {"spec": {"domain": {"cpu": {"cores": 2}, "memory": {"guest": "1Gi"}}}}},
                "status": {"printableStatus": "Stopped"}})
        };
        for number in 0..600 {
            fake.machine("blue", &format!("m{number:03}"), vm("x"));
        }
        fake.machine("green", "theirs", vm("x"));
        let query = ListQuery { columns: "cpu,memory,label,age".to_owned(), ..ListQuery::of("name:m00*") };
        let all: String = fake.inner.export_rows(&ana(), &MACHINES, &query).await.unwrap().collect();
        let lines: Vec<_> = all.split("\r\n").collect();
        assert_eq!(lines[0], "Name,Team,State,Since,Reason,CPU,Memory (MiB),Labels,Created");
        assert_eq!(lines[1], "m000,blue,stopped,2026-01-01T00:00:00Z,,2,1024,note=x,2026-01-01T00:00:00Z");
        assert_eq!(lines.len(), 12, "ten machines, the head, and the end of the last line");
        let parts: Vec<_> = fake.inner.export_rows(&ana(), &MACHINES, &ListQuery::default()).await.unwrap().collect();
        assert_eq!((parts.len(), parts.concat().lines().count()), (4, 601), "in parts, and nobody else's");
    }

    #[tokio::test]
    async fn workloads_and_services_are_files_too() {
        let fake = Fake::new(|_| allowed(true)).await;
        fake.namespace("blue");
        let web = json!({"metadata": {"creationTimestamp": "2026-01-01T00:00:00Z"},
            "spec": {"replicas": 0, "template": {"spec": {"containers": [{"name": "c", "image": "web:1"}]}}}});
        fake.controller(Kind::Deployment, "blue", "web", web);
        fake.controller(
            Kind::Service,
            "blue",
            "web",
            json!({"spec": {"type": "ClusterIP", "selector": {"app": "web"}}}),
        );
        fake.controller(
            Kind::Service,
            "blue",
            "db",
            json!({"spec": {"type": "ExternalName", "externalName": "db.example"}}),
        );
        let file = async |tab, q: &str| {
            let parts = fake.inner.export_rows(&ana(), tab, &ListQuery::of(q)).await.unwrap();
            parts.collect::<String>()
        };
        let workloads = file(&WORKLOADS, "kind:deployment").await;
        assert!(
            workloads.starts_with("Name,Team,State,Since,Reason,Kind,Ready,Image,Created\r\nweb,blue,"),
            "{workloads}"
        );
        assert!(workloads.ends_with(",deployment,0,web:1,2026-01-01T00:00:00Z\r\n"), "{workloads}");
        let services = file(&SERVICES, "").await;
        let lines: Vec<_> = services.lines().collect();
        assert_eq!(lines[0], "Name,Team,Ready,Address,Kind,Created", "services have no state");
        assert_eq!(lines[1..], ["db,blue,,db.example,ExternalName,", "web,blue,0,web.blue.svc,ClusterIP,"]);
        assert_eq!(file(&SERVICES, "ready:0").await.lines().count(), 2, "a name elsewhere has no pods to be ready");
    }
}

//! Every address that a page links to, and list queries to and from the URL.
//!
//! A list's filter, search, namespace, sort and page are its URL, so that a view can be linked, reloaded and
//! walked back through. Only what differs from the default is written.

use std::collections::BTreeMap;

use leptos_router::params::ParamsMap;
use model::ObjectRef;
use model::create::{Boot, MachineDraft, Run};
use model::finding::FindingPage;
use model::image::import::ImportAgain;
use model::image::{DownloadForm, SHARED_NAMESPACE};
use model::query::key::{PODS, SERVICES as SERVICES_TAB, WORKLOADS as WORKLOADS_TAB};
use model::query::view::View;
use model::query::{Key, ListQuery, Tab};
use model::workload::WorkloadKind;
use model::workload::run::{FIELDS, RunDraft};

/// The first page.
pub const OVERVIEW: &str = "/";
/// All machines.
pub const MACHINES: &str = "/machines";
/// All pods.
pub const CONTAINERS: &str = "/containers";
/// What runs pods.
pub const WORKLOADS: &str = "/workloads";
/// What leads to pods.
pub const SERVICES: &str = "/services";
/// The form that runs an image.
pub const RUN: &str = "/containers/new";
/// The check of the whole cluster, for administrators.
pub const DOCTOR: &str = "/doctor";
/// Moves of machines to other nodes.
pub const MIGRATIONS: &str = "/migrations";
/// Sending files.
pub const UPLOAD: &str = "/images/upload";
/// Having the cluster fetch or copy an image.
pub const IMPORT: &str = "/images/import";
/// All nodes, for those who may list them.
pub const NODES: &str = "/nodes";
/// Where people sign in.
pub const SIGN_IN: &str = "/sign-in";

/// Images and discs.
pub const IMAGES: &str = "/images";
/// Templates for new machines.
pub const TEMPLATES: &str = "/templates";
/// A template of a machine that is there.
pub const NEW_TEMPLATE: &str = "/templates/new";
/// The form for a new machine.
pub const NEW_MACHINE: &str = "/machines/new";

/// The form for a new machine with its basic fields filled in. `check` has the server say what is wrong with them.
pub fn new_machine(draft: &MachineDraft, check: bool) -> String {
    let fields = [
        ("name", draft.name.as_str()),
        ("copies", &draft.copies),
        ("namespace", &draft.namespace),
        ("system", &draft.system),
        ("boot", draft.boot.word()),
        ("image", &draft.image),
        ("container", &draft.container),
        ("instancetype", &draft.instancetype),
        ("cpus", &draft.cpus),
        ("memory", &draft.memory),
        ("disk", &draft.disk),
        ("run", draft.run.word()),
        ("check", if check { "true" } else { "" }),
    ];
    let pairs = fields.iter().filter(|(_, value)| !value.is_empty());
    let query: Vec<_> = pairs.map(|(key, value)| format!("{key}={}", encode(value))).collect();
    format!("{NEW_MACHINE}?{}", query.join("&"))
}

/// The form for a new machine that a template starts, for a team.
pub fn new_machine_from(template: &str, namespace: &str) -> String {
    let team = if namespace.is_empty() { String::new() } else { format!("&namespace={}", encode(namespace)) };
    format!("{NEW_MACHINE}?template={}{team}", encode(template))
}

/// The form with a template as it is, to change it.
pub fn change_template(template: &str, namespace: &str) -> String {
    format!("{}&change=true", new_machine_from(template, namespace))
}

/// What stands before the name of a template's parameter in the address.
const PARAMETER: &str = "p.";

/// The name under which a plain form sends the value of a template's parameter.
pub fn parameter_field(name: &str) -> String {
    format!("{PARAMETER}{name}")
}

/// Values of a template's parameters in an address.
pub fn parameter_values(params: &ParamsMap) -> BTreeMap<String, String> {
    let pairs = params.clone().into_iter();
    pairs.filter_map(|(key, value)| Some((key.strip_prefix(PARAMETER)?.to_owned(), value))).collect()
}

/// The page that makes a template of a machine.
pub fn template_of(at: &ObjectRef) -> String {
    format!("{NEW_TEMPLATE}?machine={}/{}", at.namespace, at.name)
}

/// The draft that an address asks for.
pub fn draft_query(params: &ParamsMap) -> MachineDraft {
    let text = |key: &str| params.get(key).map(|value| value.trim().to_owned()).unwrap_or_default();
    MachineDraft {
        name: text("name"),
        copies: text("copies"),
        namespace: text("namespace"),
        system: text("system"),
        boot: Boot::from_word(&text("boot")),
        image: text("image"),
        container: text("container"),
        instancetype: text("instancetype"),
        cpus: text("cpus"),
        memory: text("memory"),
        disk: text("disk"),
        run: Run::from_word(&text("run")),
        ..MachineDraft::default()
    }
}

/// Where machines are that were made just now: the one, or the list of its team's.
pub fn made(machines: &[ObjectRef]) -> String {
    match machines {
        [one] => machine(one),
        [first, ..] => {
            let query = ListQuery { sort: Key::Age, ..ListQuery::of(format!("team:{}", first.namespace)) };
            list(MACHINES, &query)
        }
        [] => MACHINES.to_owned(),
    }
}

/// A machine's page.
pub fn machine(at: &ObjectRef) -> String {
    format!("/machines/{}/{}", at.namespace, at.name)
}

/// Where a machine is told to move to another node.
pub fn move_machine(at: &ObjectRef) -> String {
    format!("{}/move", machine(at))
}

/// A tab of a machine's page; the first one has no word.
pub fn machine_tab(at: &ObjectRef, tab: &str) -> String {
    if tab.is_empty() { machine(at) } else { format!("{}?tab={tab}", machine(at)) }
}

/// A machine's page with the answer to a question that is asked only then: `guest` or `related`.
pub fn machine_asking(at: &ObjectRef, what: &str) -> String {
    format!("{}?ask={what}", machine(at))
}

/// A machine's charts over a range.
pub fn machine_metrics(at: &ObjectRef, range: &str) -> String {
    format!("{}&range={range}", machine_tab(at, "metrics"))
}

/// A machine's timeline, all of it or its warnings.
pub fn machine_timeline(at: &ObjectRef, only_warnings: bool) -> String {
    let filter = if only_warnings { "&warnings=true" } else { "" };
    format!("{}{filter}", machine_tab(at, "timeline"))
}

/// A machine's manifest, to edit it or with its status.
pub fn machine_manifest(at: &ObjectRef, has_status: bool) -> String {
    let status = if has_status { "&status=true" } else { "" };
    format!("{}{status}", machine_tab(at, "yaml"))
}

/// The page of something that a finding or a list of related things leads to.
pub fn found(page: &FindingPage) -> String {
    match page {
        FindingPage::Machine(at) => machine(at),
        FindingPage::Console(at) => console(at),
        FindingPage::Pod(at) => pod(at),
        FindingPage::Doctor => DOCTOR.to_owned(),
        FindingPage::Image(at) => image(at),
        FindingPage::Images => IMAGES.to_owned(),
        FindingPage::Upload => UPLOAD.to_owned(),
        FindingPage::Import(again) => import_again(again),
    }
}

/// A machine's screen in full.
pub fn console(at: &ObjectRef) -> String {
    format!("/machines/{}/{}/console", at.namespace, at.name)
}

/// A picture of a machine's screen. The number only makes the browser ask again.
pub fn screen_picture(at: &ObjectRef, turn: u32) -> String {
    if turn == 0 {
        format!("/machines/{}/{}/screen.png", at.namespace, at.name)
    } else {
        format!("/machines/{}/{}/screen.png?turn={turn}", at.namespace, at.name)
    }
}

/// The websocket of a machine's screen.
pub fn screen_socket(at: &ObjectRef, takeover: bool) -> String {
    let question = if takeover { "?takeover=true" } else { "" };
    format!("/console/{}/{}/vnc{question}", at.namespace, at.name)
}

/// A node's page.
pub fn node(name: &str) -> String {
    format!("{NODES}/{}", encode(name))
}

/// A node's page with how far a run over its pods has got.
pub fn node_run(name: &str, run: &str) -> String {
    format!("{}?run={}", node(name), encode(run))
}

/// A machine's serial console in full.
pub fn serial(at: &ObjectRef) -> String {
    format!("{}?view=serial", console(at))
}

/// The websocket of a machine's serial console.
pub fn serial_socket(at: &ObjectRef) -> String {
    format!("/console/{}/{}/serial", at.namespace, at.name)
}

/// The websocket of a shell in a pod.
pub fn shell_socket(at: &ObjectRef) -> String {
    format!("/console/{}/{}/exec", at.namespace, at.name)
}

/// Shells in a pod, in full; the first one in a container.
pub fn shell(at: &ObjectRef, container: &str) -> String {
    format!("/pods/{}/{}/shell?container={}", at.namespace, at.name, encode(container))
}

/// A pod's log as it is written.
pub fn pod_log_stream(at: &ObjectRef) -> String {
    format!("/pods/{}/{}/log", at.namespace, at.name)
}

/// The logs of a workload's pods as they are written.
pub fn workload_log_stream(kind: WorkloadKind, at: &ObjectRef) -> String {
    format!("{}/log", workload(kind, at))
}

/// A workload's page.
pub fn workload(kind: WorkloadKind, at: &ObjectRef) -> String {
    format!("/workloads/{}/{}/{}", kind.word(), at.namespace, at.name)
}

/// What stands in no address: it may hold passwords, and addresses are kept in many places.
const UNSAID: &str = "environment";

/// The form that runs an image, filled in. `check` has the server say what is wrong with it.
pub fn run(draft: &RunDraft, check: bool) -> String {
    let fields = FIELDS.iter().filter(|field| **field != UNSAID).map(|field| (*field, draft.get(field)));
    let all = fields.chain([("check", if check { "true" } else { "" })]);
    let query: Vec<_> =
        all.filter(|(_, value)| !value.is_empty()).map(|(key, value)| format!("{key}={}", encode(value))).collect();
    format!("{RUN}?{}", query.join("&"))
}

/// The draft that an address asks for; an empty form begins with the usual.
pub fn run_query(params: &ParamsMap) -> RunDraft {
    let is_filled = params.get("check").is_some();
    let mut draft = if is_filled { RunDraft::default() } else { RunDraft::begin() };
    for field in FIELDS {
        if let Some(value) = params.get(field).filter(|_| field != UNSAID) {
            draft.set(field, value);
        }
    }
    draft
}

/// A pod's page.
pub fn pod(at: &ObjectRef) -> String {
    format!("/pods/{}/{}", at.namespace, at.name)
}

/// A pod's page with the log of one container and that many lines.
pub fn pod_log(at: &ObjectRef, container: &str, lines: u32) -> String {
    format!("/pods/{}/{}?container={}&lines={lines}#log", at.namespace, at.name, encode(container))
}

/// An image's page.
pub fn image(at: &ObjectRef) -> String {
    format!("{IMAGES}/{}/{}", at.namespace, at.name)
}

/// An image's disk as a file, once it was prepared.
pub fn download(at: &ObjectRef, offer: &str, form: DownloadForm) -> String {
    format!("{IMAGES}/{}/{}/download?offer={}&form={}", at.namespace, at.name, encode(offer), form.word())
}

/// The import form, with what is copied filled in.
pub fn copy_image(at: &ObjectRef) -> String {
    format!("{IMPORT}?source={}/{}", at.namespace, at.name)
}

/// The import form, filled in as for an import that failed.
pub fn import_again(again: &ImportAgain) -> String {
    let ImportAgain { from, source, team, size, class, sha256 } = again;
    let asked =
        [("from", from), ("source", source), ("team", team), ("size", size), ("class", class), ("sha256", sha256)];
    let query: Vec<_> = asked
        .iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(key, value)| format!("{key}={}", encode(value)))
        .collect();
    format!("{IMPORT}?{}", query.join("&"))
}

/// The import form, for a copy that everybody may use.
pub fn share_image(at: &ObjectRef) -> String {
    format!("{}&team={SHARED_NAMESPACE}", copy_image(at))
}

/// The form for a new machine, with what it boots filled in.
pub fn machine_from(at: &ObjectRef) -> String {
    format!("{NEW_MACHINE}?image={}/{}", at.namespace, at.name)
}

/// The sign-in page that leads back to where the person wanted to go.
pub fn sign_in(next: &str) -> String {
    if next.is_empty() || next == "/" { SIGN_IN.to_owned() } else { format!("{SIGN_IN}?next={}", encode(next)) }
}

/// A list with its query.
pub fn list(base: &str, query: &ListQuery) -> String {
    with_question(base, &list_address(query))
}

fn with_question(base: &str, address: &str) -> String {
    if address.is_empty() { base.to_owned() } else { format!("{base}?{address}") }
}

/// A list's query as its address has it, without the question mark.
pub fn list_address(query: &ListQuery) -> String {
    let page = if query.page > 1 { query.page.to_string() } else { String::new() };
    let pairs = [
        ("q", query.q.trim_start()),
        ("sort", if query.sort == Key::default() { "" } else { query.sort.word() }),
        ("descending", if query.descending { "true" } else { "" }),
        ("columns", &query.columns),
        ("view", &query.view),
        ("page", &page),
    ];
    let pairs = pairs.iter().filter(|(_, value)| !value.is_empty());
    pairs.map(|(key, value)| format!("{key}={}", encode(value))).collect::<Vec<_>>().join("&")
}

/// The query that a URL asks for. What it does not understand it leaves at the default.
///
/// `search`, `state` and `namespace` are how lists were asked before they had a language; links of that time still open.
pub fn list_query(params: &ParamsMap) -> ListQuery {
    let text = |key: &str| params.get(key).map(|value| value.trim().to_owned()).unwrap_or_default();
    let mut q = params.get("q").map(|q| q.trim_start().to_owned()).unwrap_or_default();
    for (key, old) in [("", "search"), ("state:", "state"), ("team:", "namespace")] {
        let value = text(old);
        if !value.is_empty() {
            let space = if q.is_empty() || q.ends_with(' ') { "" } else { " " };
            q = format!("{q}{space}{key}{value}");
        }
    }
    ListQuery {
        q,
        sort: Key::from_word(&text("sort")).unwrap_or_default(),
        descending: text("descending") == "true",
        page: text("page").parse().unwrap_or_default(),
        page_size: 0,
        columns: text("columns"),
        view: text("view"),
    }
}

/// A saved view of a list: its name, so that the page knows where it began.
pub fn view(base: &str, view: &View) -> String {
    format!("{base}?{}&view={}", view.address, encode(&view.name))
}

/// What a list's query means, as a file.
pub fn csv(tab: &Tab, query: &ListQuery) -> String {
    let address = list_address(&ListQuery { page: 0, view: String::new(), ..query.clone() });
    let address = if address.is_empty() { address } else { format!("&{address}") };
    format!("/inventory.csv?tab={}{address}", tab.word)
}

/// Where the rows of a tab are listed.
pub fn tab(tab: &Tab) -> &'static str {
    match tab.word {
        word if word == PODS.word => CONTAINERS,
        word if word == WORKLOADS_TAB.word => WORKLOADS,
        word if word == SERVICES_TAB.word => SERVICES,
        _ => MACHINES,
    }
}

/// Percent-encodes what a query value may not hold as it is.
pub fn encode(text: &str) -> String {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push('%');
            encoded.push(char::from(HEX[usize::from(byte >> 4)]));
            encoded.push(char::from(HEX[usize::from(byte & 15)]));
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at() -> ObjectRef {
        ObjectRef::parse("blue", "web-1").expect("a valid reference")
    }

    fn params(pairs: &[(&'static str, &str)]) -> ParamsMap {
        pairs.iter().map(|(key, value)| (*key, (*value).to_owned())).collect()
    }

    #[test]
    fn addresses_are_stable() {
        assert_eq!(machine(&at()), "/machines/blue/web-1");
        assert_eq!(console(&at()), "/machines/blue/web-1/console");
        assert_eq!(machine_tab(&at(), ""), "/machines/blue/web-1");
        assert_eq!(machine_metrics(&at(), "6h"), "/machines/blue/web-1?tab=metrics&range=6h");
        assert_eq!(machine_timeline(&at(), true), "/machines/blue/web-1?tab=timeline&warnings=true");
        assert_eq!(machine_manifest(&at(), false), "/machines/blue/web-1?tab=yaml");
        assert_eq!(screen_picture(&at(), 0), "/machines/blue/web-1/screen.png");
        assert_eq!(screen_socket(&at(), true), "/console/blue/web-1/vnc?takeover=true");
        assert_eq!(workload(WorkloadKind::Deployment, &at()), "/workloads/deployments/blue/web-1");
        assert_eq!(shell(&at(), "app"), "/pods/blue/web-1/shell?container=app");
        assert_eq!(pod_log(&at(), "compute", 500), "/pods/blue/web-1?container=compute&lines=500#log");
    }

    #[test]
    fn each_list_of_the_inventory_has_its_own_address() {
        use model::query::key;
        for (of, address) in
            [(&key::MACHINES, MACHINES), (&PODS, CONTAINERS), (&WORKLOADS_TAB, WORKLOADS), (&SERVICES_TAB, SERVICES)]
        {
            assert_eq!(tab(of), address);
        }
    }

    #[test]
    fn an_import_is_asked_for_again_with_what_was_typed() {
        let again = ImportAgain {
            from: "http".to_owned(),
            source: "https://a.example/b c.iso".to_owned(),
            team: "blue".to_owned(),
            size: "20 GiB".to_owned(),
            ..ImportAgain::default()
        };
        assert_eq!(
            import_again(&again),
            "/images/import?from=http&source=https%3A//a.example/b%20c.iso&team=blue&size=20%20GiB"
        );
    }

    #[test]
    fn a_query_comes_back_from_its_url() {
        let query = ListQuery {
            q: "web & more state:running".to_owned(),
            sort: Key::Age,
            descending: true,
            page: 3,
            page_size: 0,
            columns: "cpu,os".to_owned(),
            view: "Mine".to_owned(),
        };
        let url = list(MACHINES, &query);
        assert_eq!(
            url,
            "/machines?q=web%20%26%20more%20state%3Arunning&sort=age&descending=true&columns=cpu%2Cos&view=Mine&page=3"
        );
        let read = list_query(&params(&[
            ("q", "web & more state:running"),
            ("sort", "age"),
            ("descending", "true"),
            ("columns", "cpu,os"),
            ("view", "Mine"),
            ("page", "3"),
        ]));
        assert_eq!(read, query);
        assert_eq!(
            csv(&model::query::key::MACHINES, &query),
            "/inventory.csv?tab=machines&q=web%20%26%20more%20state%3Arunning&sort=age&descending=true&columns=cpu%2Cos"
        );
    }

    #[test]
    fn links_from_before_the_language_still_open() {
        let read = list_query(&params(&[("search", "web"), ("state", "running"), ("namespace", "blue")]));
        assert_eq!(read, ListQuery::of("web state:running team:blue"));
    }

    #[test]
    fn the_default_query_leaves_the_url_bare_and_unknown_words_are_ignored() {
        assert_eq!(list(MACHINES, &ListQuery::default()), "/machines");
        assert_eq!(list_query(&params(&[("sort", "colour"), ("page", "many")])), ListQuery::default());
    }

    #[test]
    fn a_draft_comes_back_from_its_address_without_its_password() {
        let mut draft = MachineDraft {
            name: "web 1".to_owned(),
            boot: Boot::Blank,
            memory: "4 GiB".to_owned(),
            run: Run::ByHand,
            ..MachineDraft::default()
        };
        draft.password.0 = "horse".to_owned();
        let url = new_machine(&draft, true);
        assert_eq!(url, "/machines/new?name=web%201&boot=blank&memory=4%20GiB&run=by_hand&check=true");
        let read =
            draft_query(&params(&[("name", "web 1"), ("boot", "blank"), ("memory", "4 GiB"), ("run", "by_hand")]));
        assert_eq!(read, draft.without_secrets());
    }

    #[test]
    fn a_templates_values_come_back_from_its_address() {
        assert_eq!(
            new_machine_from("native:blue/web", "blue"),
            "/machines/new?template=native%3Ablue/web&namespace=blue"
        );
        let values = parameter_values(&params(&[("p.DISK", "20 GiB"), ("template", "blue/web")]));
        assert_eq!(values, BTreeMap::from([("DISK".to_owned(), "20 GiB".to_owned())]));
        assert_eq!(parameter_field("DISK"), "p.DISK");
    }

    #[test]
    fn what_is_to_be_run_comes_back_from_its_address_without_its_environment() {
        let mut draft = RunDraft { name: "web".to_owned(), environment: "PW=horse".to_owned(), ..RunDraft::default() };
        let url = run(&draft, true);
        assert_eq!(url, "/containers/new?name=web&check=true");
        draft.environment.clear();
        assert_eq!(run_query(&params(&[("name", "web"), ("environment", "A=1"), ("check", "true")])), draft);
        assert_eq!(run_query(&params(&[])).replicas, "1");
    }

    #[test]
    fn sign_in_leads_back_to_the_page() {
        assert_eq!(sign_in("/"), "/sign-in");
        assert_eq!(sign_in("/machines?state=running"), "/sign-in?next=/machines%3Fstate%3Drunning");
    }
}

//! `pods/{name}/log`.
//!
//! The node agents write one file per container, `<pod uid>/<container>.log`: lines that begin with a time and a space. This
//! end cuts, strips and follows them.

use std::convert::Infallible;
use std::io::SeekFrom;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::response::Response;
use http::header::CONTENT_TYPE;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use tokio::fs::File;
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _};

use super::{Api, Call};
use crate::clock;
use crate::error::ApiError;
use crate::resource::GroupResource;
use crate::store::meta;

/// How often a followed file is looked at. Files have no portable way to say that they grew.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// Most that is read from a file at once.
const CHUNK: u64 = 256 * 1024;

/// `GET` of a container's log.
pub(super) async fn stream(call: &Call<'_>) -> Result<Response, ApiError> {
    let pod = call.api.store.find(&call.kind.resource, call.namespace(), &call.info.name)?;
    let container = container(&pod, call.query.get("container"))?;
    let name = &call.info.name;
    let current = call.api.logs.join(meta::uid(&pod)).join(format!("{container}.log"));
    let is_previous = call.query.flag("previous");
    let path = if is_previous { crate::containers::previous_log(&current) } else { current };
    if is_previous && !path.exists() {
        let message = format!("previous terminated container {container:?} in pod {name:?} not found");
        return Err(ApiError::bad_request(message));
    }
    let since = match (call.query.number::<i64>("sinceSeconds")?, call.query.get("sinceTime")) {
        (Some(seconds), _) => Some(clock::now() - SignedDuration::from_secs(seconds)),
        (None, Some(time)) => Some(clock::parse(time).ok_or_else(|| ApiError::bad_request("sinceTime is not a time"))?),
        (None, None) => None,
    };
    let mut file = match File::open(&path).await {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return not_started(&pod, &container),
        Err(error) => return Err(ApiError::internal(format!("the log cannot be read: {error}"))),
    };
    let start = match call.query.number::<usize>("tailLines")? {
        Some(lines) => tail_start(&mut file, lines).await.map_err(ApiError::internal)?,
        None => 0,
    };
    file.seek(SeekFrom::Start(start)).await.map_err(ApiError::internal)?;
    let reader = Reader {
        api: Arc::clone(call.api),
        pod: Arc::clone(&pod),
        container,
        file,
        rest: Vec::new(),
        cut: Cut {
            since,
            timestamps: call.query.flag("timestamps"),
            left: call.query.number("limitBytes")?.unwrap_or(usize::MAX),
        },
        follow: call.query.flag("follow") && !is_previous,
    };
    let chunks = futures_util::stream::unfold(reader, |mut reader| async {
        let chunk = reader.next().await?;
        Some((Ok::<_, Infallible>(chunk), reader))
    });
    Response::builder().header(CONTENT_TYPE, "text/plain").body(Body::from_stream(chunks)).map_err(ApiError::internal)
}

fn containers(pod: &Value, field: &str) -> Vec<String> {
    let all = pod["spec"][field].as_array().into_iter().flatten();
    all.filter_map(|container| container["name"].as_str()).map(str::to_owned).collect()
}

pub(super) fn container(pod: &Value, asked: Option<&str>) -> Result<String, ApiError> {
    let name = meta::name(pod);
    let (own, inits) = (containers(pod, "containers"), containers(pod, "initContainers"));
    match (asked, own.as_slice()) {
        (Some(asked), _) if own.iter().chain(&inits).any(|known| known == asked) => Ok(asked.to_owned()),
        (Some(asked), _) => Err(ApiError::bad_request(format!("container {asked} is not valid for pod {name}"))),
        (None, [only]) => Ok(only.clone()),
        (None, several) => {
            let mut message =
                format!("a container name must be specified for pod {name}, choose one of: [{}]", several.join(" "));
            if !inits.is_empty() {
                use std::fmt::Write as _;
                let _ = write!(message, " or one of the init containers: [{}]", inits.join(" "));
            }
            Err(ApiError::bad_request(message))
        }
    }
}

fn status_of<'a>(pod: &'a Value, container: &str) -> &'a Value {
    let statuses =
        ["containerStatuses", "initContainerStatuses"].into_iter().filter_map(|field| pod["status"][field].as_array());
    statuses.flatten().find(|status| status["name"] == container).unwrap_or(&Value::Null)
}

fn not_started(pod: &Value, container: &str) -> Result<Response, ApiError> {
    let state = &status_of(pod, container)["state"];
    if state["running"].is_object() || state["terminated"].is_object() {
        let empty = Response::builder().header(CONTENT_TYPE, "text/plain").body(Body::empty());
        return empty.map_err(ApiError::internal);
    }
    let pod = meta::name(pod);
    let why = state["waiting"]["reason"].as_str().unwrap_or("ContainerCreating");
    let message = match why {
        "ErrImagePull" | "ImagePullBackOff" => "trying and failing to pull image".to_owned(),
        other => other.to_owned(),
    };
    Err(ApiError::bad_request(format!("container {container:?} in pod {pod:?} is waiting to start: {message}")))
}

/// Where the last lines of a file begin.
async fn tail_start(file: &mut File, lines: usize) -> std::io::Result<u64> {
    let end = file.metadata().await?.len();
    let (mut position, mut found) = (end, 0);
    while position > 0 {
        let start = position.saturating_sub(CHUNK);
        file.seek(SeekFrom::Start(start)).await?;
        let mut block = Vec::new();
        (&mut *file).take(position - start).read_to_end(&mut block).await?;
        for (offset, _) in block.iter().enumerate().rev().filter(|(_, byte)| **byte == b'\n') {
            let after = start + u64::try_from(offset).unwrap_or(0) + 1;
            // The newline that ends the file does not begin a line.
            if after == end {
                continue;
            }
            found += 1;
            if found == lines {
                return Ok(after);
            }
        }
        position = start;
    }
    Ok(if lines == 0 { end } else { 0 })
}

/// Which part of each line goes out.
struct Cut {
    since: Option<Timestamp>,
    timestamps: bool,
    left: usize,
}

impl Cut {
    /// Appends what is wanted of one line.
    fn line(&mut self, line: &[u8], out: &mut Vec<u8>) {
        let stamp = line.iter().position(|byte| *byte == b' ').unwrap_or(0);
        let time = std::str::from_utf8(&line[..stamp]).ok().and_then(clock::parse);
        if self.since.is_some_and(|since| time.is_some_and(|time| time < since)) {
            return;
        }
        let shown = if self.timestamps || time.is_none() { line } else { &line[stamp + 1..] };
        let shown = &shown[..shown.len().min(self.left)];
        self.left -= shown.len();
        out.extend_from_slice(shown);
    }
}

struct Reader {
    api: Arc<Api>,
    pod: Arc<Value>,
    container: String,
    file: File,
    /// The beginning of a line whose end is not written yet.
    rest: Vec<u8>,
    cut: Cut,
    follow: bool,
}

impl Reader {
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if self.cut.left == 0 {
                return None;
            }
            // Asked before reading: what was written until then is in the file.
            let is_over = !self.follow || self.has_ended();
            let mut block = std::mem::take(&mut self.rest);
            let before = block.len();
            (&mut self.file).take(CHUNK).read_to_end(&mut block).await.ok()?;
            let is_end = block.len() == before;
            let mut out = Vec::new();
            let mut lines = block.split_inclusive(|byte| *byte == b'\n').peekable();
            while let Some(line) = lines.next() {
                if lines.peek().is_none() && !line.ends_with(b"\n") && !(is_end && is_over) {
                    self.rest = line.to_vec();
                } else {
                    self.cut.line(line, &mut out);
                }
            }
            if !out.is_empty() {
                return Some(out.into());
            }
            if is_end {
                if is_over {
                    return None;
                }
                tokio::select! {
                    () = tokio::time::sleep(LOOK_EVERY) => {}
                    () = self.api.stop.cancelled() => return None,
                }
            }
        }
    }

    /// Whether nobody writes to the log any more.
    fn has_ended(&self) -> bool {
        let pods = GroupResource::core("pods");
        let Some(pod) = self.api.store.get(&pods, Some(meta::namespace(&self.pod)), meta::name(&self.pod)) else {
            return true;
        };
        meta::uid(&pod) != meta::uid(&self.pod)
            || matches!(pod["status"]["phase"].as_str(), Some("Succeeded" | "Failed"))
            || status_of(&pod, &self.container)["state"]["terminated"].is_object()
            // It was started again, with a log of its own.
            || status_of(&pod, &self.container)["containerID"] != status_of(&self.pod, &self.container)["containerID"]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_last_lines_are_found_in_files_of_any_length() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let text: String =
            (0..50_000).flat_map(|number| ["line ".to_owned(), number.to_string(), "\n".to_owned()]).collect();
        tokio::fs::write(&path, &text).await.unwrap();
        let mut file = File::open(&path).await.unwrap();
        for (lines, expected) in [(0, ""), (1, "line 49999\n"), (2, "line 49998\nline 49999\n")] {
            let start = usize::try_from(tail_start(&mut file, lines).await.unwrap()).unwrap();
            assert_eq!(&text[start..], expected);
        }
        assert_eq!(tail_start(&mut file, 60_000).await.unwrap(), 0);
        let start = usize::try_from(tail_start(&mut file, 40_000).await.unwrap()).unwrap();
        assert!(text[start..].starts_with("line 10000\n"));
    }

    #[test]
    fn times_are_stripped_unless_asked_for() {
        let line = b"2026-11-23T08:00:42.123456789Z hello\n";
        let cut = |timestamps, since: Option<&str>, left| {
            let mut out = Vec::new();
            Cut { since: since.and_then(clock::parse), timestamps, left }.line(line, &mut out);
            String::from_utf8(out).unwrap()
        };
        assert_eq!(cut(false, None, 100), "hello\n");
        assert_eq!(cut(true, None, 100), String::from_utf8_lossy(line));
        assert_eq!(cut(false, Some("2026-11-23T08:00:43Z"), 100), "");
        assert_eq!(cut(false, None, 3), "hel");
    }
}

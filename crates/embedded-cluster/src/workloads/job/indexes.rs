//! Jobs whose pods have numbers: each number has to succeed once.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::store::meta;
use crate::virt::kinds::text;
use crate::workloads::numbers::number;
use crate::workloads::pods;

const INDEX: &str = "batch.kubernetes.io/job-completion-index";

fn index(pod: &Value) -> Option<i64> {
    pod["metadata"]["annotations"][INDEX].as_str()?.parse().ok()
}

/// Numbers that have succeeded.
pub(super) fn completed(job: &Value, own: &[Arc<Value>]) -> BTreeSet<i64> {
    let mut all = read(text(&job["status"]["completedIndexes"]));
    all.extend(own.iter().filter(|pod| pod["status"]["phase"] == "Succeeded").filter_map(|pod| index(pod)));
    all
}

/// Numbers that neither succeeded nor are tried at the moment.
pub(super) fn free(job: &Value, own: &[Arc<Value>]) -> Vec<i64> {
    let mut taken = completed(job, own);
    taken.extend(own.iter().filter(|pod| pods::is_active(pod)).filter_map(|pod| index(pod)));
    (0..number(&job["spec"]["completions"], 0)).filter(|index| !taken.contains(index)).collect()
}

/// Gives a pod its number.
pub(super) fn give(pod: &mut Value, job: &str, index: i64) {
    let metadata = meta::edit(pod);
    metadata.insert("generateName".into(), format!("{job}-{index}-").into());
    for field in ["annotations", "labels"] {
        metadata.entry(field).or_insert_with(|| json!({}))[INDEX] = index.to_string().into();
    }
    pod["spec"]["hostname"] = format!("{job}-{index}").into();
    let variable = json!({"name": "JOB_COMPLETION_INDEX", "value": index.to_string()});
    for field in ["initContainers", "containers"] {
        for container in pod["spec"][field].as_array_mut().into_iter().flatten() {
            match container["env"].as_array_mut() {
                Some(variables) => variables.push(variable.clone()),
                None => container["env"] = json!([variable]),
            }
        }
    }
}

/// `0-2,4`.
pub(super) fn write(indexes: &BTreeSet<i64>) -> String {
    let mut runs: Vec<(i64, i64)> = Vec::new();
    for index in indexes {
        match runs.last_mut() {
            Some((_, last)) if *last + 1 == *index => *last = *index,
            _ => runs.push((*index, *index)),
        }
    }
    let words = |(first, last): &(i64, i64)| match last - first {
        0 => first.to_string(),
        1 => format!("{first},{last}"),
        _ => format!("{first}-{last}"),
    };
    runs.iter().map(words).collect::<Vec<_>>().join(",")
}

fn read(text: &str) -> BTreeSet<i64> {
    let run = |part: &str| {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        Some(first.parse::<i64>().ok()?..=last.parse::<i64>().ok()?)
    };
    text.split(',').filter_map(run).flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_of_numbers_are_written_short_and_read_back() {
        let indexes: BTreeSet<i64> = [0, 1, 2, 4, 6, 7].into();
        assert_eq!(write(&indexes), "0-2,4,6,7");
        assert_eq!(read(&write(&indexes)), indexes);
    }
}

//! Protobuf bodies, as kubectl sends them for the kinds that it has types for.
//!
//! Answers are always JSON, which every such client accepts too. What comes in is turned into JSON by the tables below:
//! field numbers as in the `generated.proto` files of Kubernetes. A kind without a table is refused with 415.
//!
//! Go writes fields that are not set as empty strings; they are left out again here, except in lists and maps.

mod workloads;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use jiff::Timestamp;
use serde_json::{Map, Value};

/// What a body begins with.
const MAGIC: &[u8] = b"k8s\0";

/// The type of a field.
#[derive(Clone, Copy)]
enum Type {
    Text,
    Bytes,
    Number,
    Flag,
    Time,
    /// A message around its text.
    Quantity,
    /// A message around one of the two.
    IntOrString,
    Message(Message),
    List(&'static Type),
    /// From text to this.
    Map(&'static Type),
}

/// Number, name in JSON and type of each field.
type Message = &'static [(u64, &'static str, Type)];

use Type::{Bytes, Flag, Number, Quantity, Text, Time};

const TEXTS: Type = Type::List(&Text);
const LABELS: Type = Type::Map(&Text);

const OWNER: Message = &[
    (1, "kind", Text),
    (3, "name", Text),
    (4, "uid", Text),
    (5, "apiVersion", Text),
    (6, "controller", Flag),
    (7, "blockOwnerDeletion", Flag),
];
const METADATA: Message = &[
    (1, "name", Text),
    (2, "generateName", Text),
    (3, "namespace", Text),
    (5, "uid", Text),
    (6, "resourceVersion", Text),
    (8, "creationTimestamp", Time),
    (9, "deletionTimestamp", Time),
    (10, "deletionGracePeriodSeconds", Number),
    (11, "labels", LABELS),
    (12, "annotations", LABELS),
    (13, "ownerReferences", Type::List(&Type::Message(OWNER))),
    (14, "finalizers", TEXTS),
];
const METADATA_FIELD: (u64, &str, Type) = (1, "metadata", Type::Message(METADATA));

const NAMESPACE: Message = &[METADATA_FIELD, (2, "spec", Type::Message(&[(1, "finalizers", TEXTS)]))];
const SECRET: Message = &[
    METADATA_FIELD,
    (2, "data", Type::Map(&Bytes)),
    (3, "type", Text),
    (4, "stringData", LABELS),
    (5, "immutable", Flag),
];
const CONFIG_MAP: Message =
    &[METADATA_FIELD, (2, "data", LABELS), (3, "binaryData", Type::Map(&Bytes)), (4, "immutable", Flag)];
const REFERENCE: Message = &[
    (1, "kind", Text),
    (2, "namespace", Text),
    (3, "name", Text),
    (4, "uid", Text),
    (5, "apiVersion", Text),
    (6, "resourceVersion", Text),
    (7, "fieldPath", Text),
];
const QUOTA: Message =
    &[METADATA_FIELD, (2, "spec", Type::Message(&[(1, "hard", Type::Map(&Quantity)), (2, "scopes", TEXTS)]))];
const SERVICE_ACCOUNT: Message = &[
    METADATA_FIELD,
    (2, "secrets", Type::List(&Type::Message(REFERENCE))),
    (3, "imagePullSecrets", Type::List(&Type::Message(&[(1, "name", Text)]))),
    (4, "automountServiceAccountToken", Flag),
];

const RULE: Message = &[
    (1, "verbs", TEXTS),
    (2, "apiGroups", TEXTS),
    (3, "resources", TEXTS),
    (4, "resourceNames", TEXTS),
    (5, "nonResourceURLs", TEXTS),
];
const REQUIREMENT: Message = &[(1, "key", Text), (2, "operator", Text), (3, "values", TEXTS)];
const SELECTOR: Message =
    &[(1, "matchLabels", LABELS), (2, "matchExpressions", Type::List(&Type::Message(REQUIREMENT)))];
const RULES_FIELD: (u64, &str, Type) = (2, "rules", Type::List(&Type::Message(RULE)));
const ROLE: Message = &[METADATA_FIELD, RULES_FIELD];
const CLUSTER_ROLE: Message = &[
    METADATA_FIELD,
    RULES_FIELD,
    (3, "aggregationRule", Type::Message(&[(1, "clusterRoleSelectors", Type::List(&Type::Message(SELECTOR)))])),
];
const SUBJECT: Message = &[(1, "kind", Text), (2, "apiGroup", Text), (3, "name", Text), (4, "namespace", Text)];
const BINDING: Message = &[
    METADATA_FIELD,
    (2, "subjects", Type::List(&Type::Message(SUBJECT))),
    (3, "roleRef", Type::Message(&[(1, "apiGroup", Text), (2, "kind", Text), (3, "name", Text)])),
];

const RESOURCE_ATTRIBUTES: (u64, &str, Type) = (
    1,
    "resourceAttributes",
    Type::Message(&[
        (1, "namespace", Text),
        (2, "verb", Text),
        (3, "group", Text),
        (4, "version", Text),
        (5, "resource", Text),
        (6, "subresource", Text),
        (7, "name", Text),
    ]),
);
const PATH_ATTRIBUTES: (u64, &str, Type) =
    (2, "nonResourceAttributes", Type::Message(&[(1, "path", Text), (2, "verb", Text)]));
const OWN_ACCESS: Message = &[METADATA_FIELD, (2, "spec", Type::Message(&[RESOURCE_ATTRIBUTES, PATH_ATTRIBUTES]))];
const ACCESS: Message = &[
    METADATA_FIELD,
    (
        2,
        "spec",
        Type::Message(&[
            RESOURCE_ATTRIBUTES,
            PATH_ATTRIBUTES,
            (3, "user", Text),
            (4, "groups", TEXTS),
            (6, "uid", Text),
        ]),
    ),
];
const OWN_RULES: Message = &[METADATA_FIELD, (2, "spec", Type::Message(&[(1, "namespace", Text)]))];
const TOKEN_REVIEW: Message =
    &[METADATA_FIELD, (2, "spec", Type::Message(&[(1, "token", Text), (2, "audiences", TEXTS)]))];
const BOUND: Message = &[(1, "kind", Text), (2, "apiVersion", Text), (3, "name", Text), (4, "uid", Text)];
const TOKEN_REQUEST: Message = &[
    METADATA_FIELD,
    (
        2,
        "spec",
        Type::Message(&[
            (1, "audiences", TEXTS),
            (3, "boundObjectRef", Type::Message(BOUND)),
            (4, "expirationSeconds", Number),
        ]),
    ),
];
const DELETE_OPTIONS: Message = &[
    (1, "gracePeriodSeconds", Number),
    (2, "preconditions", Type::Message(&[(1, "uid", Text), (2, "resourceVersion", Text)])),
    (3, "orphanDependents", Flag),
    (4, "propagationPolicy", Text),
    (5, "dryRun", TEXTS),
];

fn message_of(kind: &str) -> Option<Message> {
    Some(match kind {
        "Namespace" => NAMESPACE,
        "Secret" => SECRET,
        "ConfigMap" => CONFIG_MAP,
        "ResourceQuota" => QUOTA,
        "ServiceAccount" => SERVICE_ACCOUNT,
        "Role" => ROLE,
        "ClusterRole" => CLUSTER_ROLE,
        "RoleBinding" | "ClusterRoleBinding" => BINDING,
        "SelfSubjectAccessReview" => OWN_ACCESS,
        "SubjectAccessReview" | "LocalSubjectAccessReview" => ACCESS,
        "SelfSubjectRulesReview" => OWN_RULES,
        "SelfSubjectReview" => &[METADATA_FIELD],
        "TokenReview" => TOKEN_REVIEW,
        "TokenRequest" => TOKEN_REQUEST,
        "DeleteOptions" => DELETE_OPTIONS,
        "Pod" => workloads::POD,
        "Deployment" => workloads::DEPLOYMENT,
        "Job" => workloads::JOB,
        "CronJob" => workloads::CRON_JOB,
        "Service" => workloads::SERVICE,
        "PodDisruptionBudget" => workloads::DISRUPTION_BUDGET,
        "Eviction" => workloads::EVICTION,
        _ => return None,
    })
}

/// Why a body cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProtobufError {
    /// There is no table for the kind.
    #[error("this kind is not read from protobuf")]
    UnknownKind,
    /// It is not what it says it is.
    #[error("the body is not a protobuf message of Kubernetes")]
    Malformed,
}

/// The object in a body.
pub fn decode(body: &[u8]) -> Result<Value, ProtobufError> {
    let envelope = body.strip_prefix(MAGIC).ok_or(ProtobufError::Malformed)?;
    let (mut api_version, mut kind, mut raw) = (String::new(), String::new(), [].as_slice());
    for field in fields(envelope) {
        match field? {
            (1, Wire::Bytes(types)) => {
                for field in fields(types) {
                    match field? {
                        (1, Wire::Bytes(bytes)) => api_version = text(bytes)?,
                        (2, Wire::Bytes(bytes)) => kind = text(bytes)?,
                        _ => {}
                    }
                }
            }
            (2, Wire::Bytes(bytes)) => raw = bytes,
            _ => {}
        }
    }
    let mut object = message(raw, message_of(&kind).ok_or(ProtobufError::UnknownKind)?)?;
    object.insert("apiVersion".into(), api_version.into());
    object.insert("kind".into(), kind.into());
    Ok(Value::Object(object))
}

fn message(bytes: &[u8], known: Message) -> Result<Map<String, Value>, ProtobufError> {
    let mut object = Map::new();
    for field in fields(bytes) {
        let (number, wire) = field?;
        let Some((_, name, kind)) = known.iter().find(|(known, ..)| *known == number) else { continue };
        match kind {
            Type::List(inner) => {
                let value = value(wire, **inner)?;
                match object.entry(*name).or_insert_with(|| Value::Array(Vec::new())) {
                    Value::Array(list) => list.push(value),
                    _ => return Err(ProtobufError::Malformed),
                }
            }
            Type::Map(inner) => {
                let (key, value) = entry(wire, **inner)?;
                match object.entry(*name).or_insert_with(|| Value::Object(Map::new())) {
                    Value::Object(map) => drop(map.insert(key, value)),
                    _ => return Err(ProtobufError::Malformed),
                }
            }
            single => {
                let value = value(wire, *single)?;
                if value != "" && !value.is_null() {
                    object.insert((*name).to_owned(), value);
                }
            }
        }
    }
    Ok(object)
}

fn entry(wire: Wire<'_>, inner: Type) -> Result<(String, Value), ProtobufError> {
    let Wire::Bytes(bytes) = wire else { return Err(ProtobufError::Malformed) };
    let (mut key, mut found) = (String::new(), Value::String(String::new()));
    for field in fields(bytes) {
        match field? {
            (1, Wire::Bytes(bytes)) => key = text(bytes)?,
            (2, wire) => found = value(wire, inner)?,
            _ => {}
        }
    }
    Ok((key, found))
}

fn value(wire: Wire<'_>, kind: Type) -> Result<Value, ProtobufError> {
    Ok(match (kind, wire) {
        (Text, Wire::Bytes(bytes)) => text(bytes)?.into(),
        (Bytes, Wire::Bytes(bytes)) => BASE64.encode(bytes).into(),
        (Number, Wire::Number(number)) => number.cast_signed().into(),
        (Flag, Wire::Number(number)) => (number != 0).into(),
        (Time, Wire::Bytes(bytes)) => time(bytes)?,
        (Quantity, Wire::Bytes(bytes)) => {
            message(bytes, &[(1, "text", Text)])?.remove("text").unwrap_or_else(|| "0".into())
        }
        (Type::IntOrString, Wire::Bytes(bytes)) => {
            let mut either = message(bytes, &[(1, "type", Number), (2, "number", Number), (3, "text", Text)])?;
            let is_text = either.get("type").is_some_and(|kind| *kind == 1);
            either.remove(if is_text { "text" } else { "number" }).unwrap_or_else(|| 0.into())
        }
        (Type::Message(known), Wire::Bytes(bytes)) => message(bytes, known)?.into(),
        _ => return Err(ProtobufError::Malformed),
    })
}

fn time(bytes: &[u8]) -> Result<Value, ProtobufError> {
    for field in fields(bytes) {
        if let (1, Wire::Number(seconds)) = field?
            && seconds != 0
        {
            let at = Timestamp::from_second(seconds.cast_signed()).map_err(|_| ProtobufError::Malformed)?;
            return Ok(crate::clock::seconds(at).into());
        }
    }
    Ok(Value::Null)
}

fn text(bytes: &[u8]) -> Result<String, ProtobufError> {
    String::from_utf8(bytes.to_vec()).map_err(|_| ProtobufError::Malformed)
}

/// A field as it lies in the bytes.
#[derive(Clone, Copy)]
enum Wire<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

fn fields(mut bytes: &[u8]) -> impl Iterator<Item = Result<(u64, Wire<'_>), ProtobufError>> {
    std::iter::from_fn(move || {
        if bytes.is_empty() {
            return None;
        }
        let field = next_field(&mut bytes).ok_or(ProtobufError::Malformed);
        if field.is_err() {
            bytes = &[];
        }
        Some(field)
    })
}

fn next_field<'a>(bytes: &mut &'a [u8]) -> Option<(u64, Wire<'a>)> {
    let tag = varint(bytes)?;
    let wire = match tag & 7 {
        0 => Wire::Number(varint(bytes)?),
        1 => Wire::Bytes(take(bytes, 8)?),
        2 => {
            let length = usize::try_from(varint(bytes)?).ok()?;
            Wire::Bytes(take(bytes, length)?)
        }
        5 => Wire::Bytes(take(bytes, 4)?),
        _ => return None,
    };
    Some((tag >> 3, wire))
}

fn take<'a>(bytes: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (taken, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    Some(taken)
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0_u64;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
        let length = u8::try_from(bytes.len()).unwrap();
        [&[number << 3 | 2, length], bytes].concat()
    }

    fn body(kind: &str, raw: &[u8]) -> Vec<u8> {
        let types = [field(1, b"v1"), field(2, kind.as_bytes())].concat();
        [MAGIC.to_vec(), field(1, &types), field(2, raw)].concat()
    }

    #[test]
    fn a_secret_comes_out_as_json() {
        let metadata = [field(1, b"s"), field(2, b""), field(8, b"")].concat();
        let entry = [field(1, b"k"), field(2, b"v")].concat();
        let raw = [field(1, &metadata), field(2, &entry), field(3, b"Opaque"), vec![5 << 3, 1]].concat();
        assert_eq!(
            decode(&body("Secret", &raw)).unwrap(),
            json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "data": {"k": "dg=="},
                "type": "Opaque", "immutable": true})
        );
    }

    #[test]
    fn empty_texts_stay_in_lists() {
        let rule = [field(1, b"get"), field(2, b"")].concat();
        let decoded = decode(&body("Role", &field(2, &rule))).unwrap();
        assert_eq!(decoded["rules"][0], json!({"verbs": ["get"], "apiGroups": [""]}));
    }

    #[test]
    fn nonsense_is_refused_and_never_read_beyond_its_end() {
        assert_eq!(decode(b"{}").unwrap_err(), ProtobufError::Malformed);
        assert_eq!(decode(&body("Lease", b"")).unwrap_err(), ProtobufError::UnknownKind);
        let good = body("Secret", &field(3, b"Opaque"));
        for cut in MAGIC.len() + 1..good.len() {
            assert_ne!(decode(&good[..cut]), decode(&good), "{cut}");
        }
    }
}

//! Tables of workloads, as far as kubectl fills them in: what it only changes goes as JSON.

use super::{
    DELETE_OPTIONS, LABELS, METADATA, METADATA_FIELD, Message, SELECTOR, TEXTS, Type,
    Type::{Flag, IntOrString, Number, Quantity, Text},
};

const PORT: Message = &[(1, "name", Text), (3, "containerPort", Number), (4, "protocol", Text)];
const RESOURCES: Message = &[(1, "limits", Type::Map(&Quantity)), (2, "requests", Type::Map(&Quantity))];
const VARIABLE: Message = &[(1, "name", Text), (2, "value", Text)];
const CONTAINER: Message = &[
    (1, "name", Text),
    (2, "image", Text),
    (3, "command", TEXTS),
    (4, "args", TEXTS),
    (5, "workingDir", Text),
    (6, "ports", Type::List(&Type::Message(PORT))),
    (7, "env", Type::List(&Type::Message(VARIABLE))),
    (8, "resources", Type::Message(RESOURCES)),
    (14, "imagePullPolicy", Text),
];
const CONTAINERS: Type = Type::List(&Type::Message(CONTAINER));
const POD_SPEC: Message = &[
    (2, "containers", CONTAINERS),
    (3, "restartPolicy", Text),
    (4, "terminationGracePeriodSeconds", Number),
    (7, "nodeSelector", LABELS),
    (8, "serviceAccountName", Text),
    (20, "initContainers", CONTAINERS),
];
const TEMPLATE: Message = &[(1, "metadata", Type::Message(METADATA)), (2, "spec", Type::Message(POD_SPEC))];
const ROLLING: Message = &[(1, "maxUnavailable", IntOrString), (2, "maxSurge", IntOrString)];
const STRATEGY: Message = &[(1, "type", Text), (2, "rollingUpdate", Type::Message(ROLLING))];

pub(super) const POD: Message = &[METADATA_FIELD, (2, "spec", Type::Message(POD_SPEC))];
pub(super) const DEPLOYMENT: Message = &[
    METADATA_FIELD,
    (
        2,
        "spec",
        Type::Message(&[
            (1, "replicas", Number),
            (2, "selector", Type::Message(SELECTOR)),
            (3, "template", Type::Message(TEMPLATE)),
            (4, "strategy", Type::Message(STRATEGY)),
            (6, "revisionHistoryLimit", Number),
            (9, "progressDeadlineSeconds", Number),
        ]),
    ),
];
const JOB_SPEC: Message = &[
    (1, "parallelism", Number),
    (2, "completions", Number),
    (3, "activeDeadlineSeconds", Number),
    (4, "selector", Type::Message(SELECTOR)),
    (5, "manualSelector", Flag),
    (6, "template", Type::Message(TEMPLATE)),
    (7, "backoffLimit", Number),
    (8, "ttlSecondsAfterFinished", Number),
    (9, "completionMode", Text),
    (10, "suspend", Flag),
];
pub(super) const JOB: Message = &[METADATA_FIELD, (2, "spec", Type::Message(JOB_SPEC))];
const JOB_TEMPLATE: Message = &[(1, "metadata", Type::Message(METADATA)), (2, "spec", Type::Message(JOB_SPEC))];
pub(super) const CRON_JOB: Message = &[
    METADATA_FIELD,
    (
        2,
        "spec",
        Type::Message(&[
            (1, "schedule", Text),
            (2, "startingDeadlineSeconds", Number),
            (3, "concurrencyPolicy", Text),
            (4, "suspend", Flag),
            (5, "jobTemplate", Type::Message(JOB_TEMPLATE)),
            (6, "successfulJobsHistoryLimit", Number),
            (7, "failedJobsHistoryLimit", Number),
            (8, "timeZone", Text),
        ]),
    ),
];
const SERVICE_PORT: Message =
    &[(1, "name", Text), (2, "protocol", Text), (3, "port", Number), (4, "targetPort", IntOrString)];
pub(super) const SERVICE: Message = &[
    METADATA_FIELD,
    (
        2,
        "spec",
        Type::Message(&[
            (1, "ports", Type::List(&Type::Message(SERVICE_PORT))),
            (2, "selector", LABELS),
            (3, "clusterIP", Text),
            (4, "type", Text),
            (5, "externalIPs", TEXTS),
            (7, "sessionAffinity", Text),
            (10, "externalName", Text),
        ]),
    ),
];
pub(super) const DISRUPTION_BUDGET: Message = &[
    METADATA_FIELD,
    (
        2,
        "spec",
        Type::Message(&[
            (1, "minAvailable", IntOrString),
            (2, "selector", Type::Message(SELECTOR)),
            (3, "maxUnavailable", IntOrString),
            (4, "unhealthyPodEvictionPolicy", Text),
        ]),
    ),
];
pub(super) const EVICTION: Message = &[METADATA_FIELD, (2, "deleteOptions", Type::Message(DELETE_OPTIONS))];

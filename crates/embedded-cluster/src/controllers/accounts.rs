//! What every namespace is given (an account, the authority's certificate), and tokens for secrets that ask for one.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};

use super::{Context, on_change, settle};
use crate::auth::tokens::Claim;
use crate::error::ApiError;
use crate::resource::GroupResource;
use crate::store::meta;

const ACCOUNT: &str = "kubernetes.io/service-account.name";
const ACCOUNT_UID: &str = "kubernetes.io/service-account.uid";
const TOKEN_TYPE: &str = "kubernetes.io/service-account-token";
const AUTHORITY_MAP: &str = "kube-root-ca.crt";

pub(super) async fn run(context: Context) {
    let kinds = ["namespaces", "serviceaccounts", "secrets"].map(GroupResource::core);
    on_change(&context.store, &kinds, || work(&context)).await;
}

fn work(context: &Context) -> Result<(), ApiError> {
    let (namespaces, _) = context.store.list(&GroupResource::core("namespaces"), None);
    for namespace in namespaces.iter().filter(|namespace| !meta::is_terminating(namespace)) {
        furnish(context, meta::name(namespace))?;
    }
    let secrets = GroupResource::core("secrets");
    for secret in context.store.list(&secrets, None).0.iter().filter(|secret| secret["type"] == TOKEN_TYPE) {
        fill(context, &secrets, secret)?;
    }
    Ok(())
}

fn furnish(context: &Context, namespace: &str) -> Result<(), ApiError> {
    let accounts = GroupResource::core("serviceaccounts");
    if context.store.get(&accounts, Some(namespace), "default").is_none() {
        let account = json!({"kind": "ServiceAccount", "apiVersion": "v1",
            "metadata": {"namespace": namespace, "name": "default"}});
        settle(context.store.create(&accounts, account))?;
    }
    let maps = GroupResource::core("configmaps");
    let data = json!({"ca.crt": &*context.authority});
    match context.store.get(&maps, Some(namespace), AUTHORITY_MAP) {
        None => {
            let map = json!({"kind": "ConfigMap", "apiVersion": "v1",
                "metadata": {"namespace": namespace, "name": AUTHORITY_MAP}, "data": data});
            settle(context.store.create(&maps, map))
        }
        Some(map) if map["data"] != data => {
            settle(context.store.modify(&maps, Some(namespace), AUTHORITY_MAP, |map| map["data"] = data))
        }
        Some(_) => Ok(()),
    }
}

fn fill(context: &Context, secrets: &GroupResource, secret: &Value) -> Result<(), ApiError> {
    let (namespace, name) = (meta::namespace(secret), meta::name(secret));
    let wanted = secret["metadata"]["annotations"][ACCOUNT].as_str().unwrap_or_default();
    let accounts = GroupResource::core("serviceaccounts");
    let Some(account) = context.store.get(&accounts, Some(namespace), wanted) else { return Ok(()) };
    if secret["data"]["token"].is_string() {
        return Ok(());
    }
    let claim = Claim { account: &account, audiences: &[], lifetime: None, secret: Some(name) };
    let (token, _) = context.tokens.sign(&context.store, claim);
    let encoded = |text: &str| Value::from(BASE64.encode(text));
    settle(context.store.modify(secrets, Some(namespace), name, |secret| {
        secret["data"]["token"] = encoded(&token);
        secret["data"]["namespace"] = encoded(namespace);
        secret["data"]["ca.crt"] = encoded(&context.authority);
        secret["metadata"]["annotations"][ACCOUNT_UID] = meta::uid(&account).into();
    }))
}

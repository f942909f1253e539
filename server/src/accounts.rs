//! `porthole account`: the people who may sign in, kept in the database of the data directory.
//!
//! Works beside a running porthole. A person maps to a user and groups of the cluster; what they may do there is
//! for the cluster's role bindings to say.

use std::io::{BufRead, IsTerminal};

use anyhow::{Context, bail};
use portal::access::Accounts;
use portal::clock::SystemClock;
use portal::{Account, NewAccount, Records};

use crate::cli::{AccountCommand, AddAccountArgs, DataDirArg};
use crate::data_dir;
use crate::start_error::StartError;
use crate::terminal::{complain, say};

/// Does what was asked and says so.
pub async fn run(command: AccountCommand) -> anyhow::Result<()> {
    match command {
        AccountCommand::Add(args) => add(args).await,
        AccountCommand::List(args) => list(args).await,
        AccountCommand::Remove(args) => {
            if !open(args.data_dir).await?.remove(&args.name).await? {
                bail!("There is no account {}. `porthole account list` shows all.", args.name);
            }
            say(&format!("Removed {}. Their sessions ended.", args.name));
            Ok(())
        }
    }
}

async fn add(args: AddAccountArgs) -> anyhow::Result<()> {
    let password = match args.password {
        Some(password) => password,
        None => read_password()?,
    };
    let account = Account {
        kubernetes_user: args.kubernetes_user.unwrap_or_else(|| args.name.clone()),
        username: args.name,
        kubernetes_groups: args.groups,
    };
    let told = line(&account);
    open(args.data_dir).await?.save(NewAccount { account, password }).await?;
    say(&format!("Saved {told}"));
    Ok(())
}

async fn list(args: DataDirArg) -> anyhow::Result<()> {
    for account in open(args).await?.list().await? {
        say(&line(&account));
    }
    Ok(())
}

fn line(account: &Account) -> String {
    let groups = account.kubernetes_groups.join(", ");
    let groups = if groups.is_empty() { "no groups".to_owned() } else { groups };
    format!("{}: user {}, {groups}", account.username, account.kubernetes_user)
}

async fn open(args: DataDirArg) -> anyhow::Result<Accounts> {
    let path = data_dir::or_default(args.data_dir)?;
    data_dir::create(&path)?;
    let records = Records::open(&path).await.map_err(|source| StartError::Records { path, source })?;
    Ok(Accounts::new(records, SystemClock::shared()))
}

fn read_password() -> anyhow::Result<String> {
    let stdin = std::io::stdin();
    if stdin.is_terminal() {
        complain("Password (it is shown as you type; pipe it in or set PORTHOLE_PASSWORD to avoid that):");
    }
    let mut line = String::new();
    stdin.lock().read_line(&mut line).context("the password could not be read from standard input")?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

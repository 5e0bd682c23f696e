//! What `privet serve` is told: a file, the environment, flags.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
};

use clap::{Args, ValueEnum};
use privet::{Identity, Mode, unhex};
use privet_server::{Connections, HttpPeer, Offer, Rate, Task, Tls, tasks_from_file};
use serde::{Deserialize, Serialize};

use crate::command::{
    Done, admin_token, because,
    folder::{DATA, Role},
    listener,
};

#[derive(Args, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Settings {
    /// Serve one role only.
    #[arg(long, env = "PRIVET_ROLE")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) role: Option<Role>,
    /// Where to listen; port 0 takes any free one. [default: 127.0.0.1:8787, a helper 127.0.0.1:8788]
    #[arg(long, env = "PRIVET_LISTEN")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) listen: Option<SocketAddr>,
    /// Where figures are printed and, with an admin token, a leader is administered: not a port for devices. [default: a
    /// thousand above the other, on 127.0.0.1]
    #[arg(long, env = "PRIVET_OPERATOR_LISTEN")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) operator_listen: Option<SocketAddr>,
    /// Connections at a time. [default: 16384, or as many as there may be open files, without 256 for the server's own]
    #[arg(long, env = "PRIVET_CONNECTIONS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    connections: Option<usize>,
    /// Connections of one address at a time; 0 for no limit. [default: 256; no limit where --client-header says that they
    /// all come from a proxy]
    #[arg(long, env = "PRIVET_CONNECTIONS_PER_ADDRESS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    connections_per_address: Option<usize>,
    /// The folder of stores and keys. [default: privet-data]
    #[arg(long, env = "PRIVET_DATA")]
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<PathBuf>,
    /// Who runs the leader, as rounds tell every device: a name that its users know.
    #[arg(long, env = "PRIVET_LEADER_NAME")]
    #[serde(skip_serializing_if = "Option::is_none")]
    leader_name: Option<String>,
    /// Who runs the helper, likewise. Without a role, one operator runs both: the leader's name is the helper's.
    #[arg(long, env = "PRIVET_HELPER_NAME")]
    #[serde(skip_serializing_if = "Option::is_none")]
    helper_name: Option<String>,
    /// The file of tasks. [default: a task for the demo]
    #[arg(long, env = "PRIVET_TASKS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    tasks: Option<PathBuf>,
    /// Who adds the noise in the demo's task. [default: split]
    #[arg(long, env = "PRIVET_MODE")]
    #[serde(skip_serializing_if = "Option::is_none")]
    mode: Option<Noise>,
    /// The least cohort of the demo's task. [default: 100]
    #[arg(long, env = "PRIVET_MIN_COHORT")]
    #[serde(skip_serializing_if = "Option::is_none")]
    min_cohort: Option<u32>,
    /// A leader's helper: its address.
    #[arg(long, env = "PRIVET_HELPER")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) helper: Option<String>,
    /// A file with the certificate of the authority that vouches for a helper's `https`, in PEM. [default: those that the
    /// system trusts]
    #[arg(long, env = "PRIVET_HELPER_CA")]
    #[serde(skip_serializing_if = "Option::is_none")]
    helper_ca: Option<PathBuf>,
    /// A leader's helper: the key that it printed.
    #[arg(long, env = "PRIVET_HELPER_KEY")]
    #[serde(skip_serializing_if = "Option::is_none")]
    helper_key: Option<String>,
    /// A helper's leader: the key that it printed.
    #[arg(long, env = "PRIVET_LEADER_KEY")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) leader_key: Option<String>,
    /// A folder of static pages to serve beside a leader's interface.
    #[arg(long, env = "PRIVET_PAGES_FOLDER")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pages: Option<PathBuf>,
    /// A file with the token of requests under `/v1/admin`. `PRIVET_ADMIN_TOKEN` in the environment may be it instead.
    #[arg(long, env = "PRIVET_ADMIN_TOKEN_FILE")]
    #[serde(skip_serializing_if = "Option::is_none")]
    admin_token_file: Option<PathBuf>,
    /// A file with this server's certificate and those up to its authority, in PEM: serve TLS.
    #[arg(long, env = "PRIVET_TLS_CERTIFICATE")]
    #[serde(skip_serializing_if = "Option::is_none")]
    tls_certificate: Option<PathBuf>,
    /// A file with the key of the certificate, in PEM.
    #[arg(long, env = "PRIVET_TLS_KEY")]
    #[serde(skip_serializing_if = "Option::is_none")]
    tls_key: Option<PathBuf>,
    /// How often a second one address may ask, ten times that at once; 0 for no limit. [default: 100]
    #[arg(long, env = "PRIVET_RATE")]
    #[serde(skip_serializing_if = "Option::is_none")]
    rate: Option<u32>,
    /// The header in which the proxy before this server names the client, such as x-forwarded-for. [default: none]
    #[arg(long, env = "PRIVET_CLIENT_HEADER")]
    #[serde(skip_serializing_if = "Option::is_none")]
    client_header: Option<String>,
    /// How many proxies stand before this server, each of which adds an address to that header: the client's is the one
    /// that the first of them added. [default: 1]
    #[arg(long, env = "PRIVET_TRUSTED_HOPS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    trusted_hops: Option<usize>,
}

/// Requests a second of one address: a device asks four times for a contribution, and many may share an address.
const RATE: u32 = 100;

#[derive(Clone, Copy, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Noise {
    Device,
    Split,
}

impl Settings {
    /// These, and the file's where these say nothing.
    pub(super) fn over(self, file: &Path) -> Done<Self> {
        let text = std::fs::read_to_string(file).map_err(because(file.display()))?;
        let below: Self = toml::from_str(&text).map_err(because(file.display()))?;
        let table = |settings: &Self| toml::Table::try_from(settings).map_err(because("the settings"));
        let mut table_below = table(&below)?;
        table_below.extend(table(&self)?);
        toml::Value::Table(table_below).try_into().map_err(because(file.display()))
    }

    pub(super) fn data(&self) -> &Path {
        self.data.as_deref().unwrap_or(Path::new(DATA))
    }

    /// Who runs the leader and who the helper: each is told both, and signs no other name. One that a leader started
    /// (`with_leader`) is the same operator's.
    pub(super) fn names(&self, with_leader: bool) -> Done<Names> {
        let named = |name: &Option<String>, role: &str| {
            let name = name.clone().unwrap_or_default();
            match name.len() {
                0 => Err(format!(
                    "say who runs the {role}, such as --{role}-name \"Example Ltd\": every device is told, and its user \
                     trusts that name or does not"
                )),
                65.. => Err(format!("--{role}-name has {} bytes and has to have 64 or fewer", name.len())),
                _ => Ok(name),
            }
        };
        let leader = named(&self.leader_name, "leader")?;
        let helper = match (self.role, &self.helper_name) {
            (None, None) => Some(leader.clone()),
            (None, Some(helper)) if *helper != leader => {
                return Err(format!(
                    "one operator runs both here, and devices would be told that two do: {leader} and {helper}. Leave \
                     --helper-name out, or serve one --role only"
                ));
            }
            // In `device` mode there is no helper to name.
            (Some(Role::Leader), None) if self.helper.is_none() => None,
            (_, helper) => Some(named(helper, "helper")?),
        };
        if self.role.is_some() && !with_leader && helper.as_ref() == Some(&leader) {
            return Err(format!("both operators are named {leader}: devices would be told that one runs both"));
        }
        Ok(Names { leader, helper })
    }

    pub(super) fn tasks(&self) -> Done<Vec<Offer>> {
        if let Some(file) = &self.tasks {
            return tasks_from_file(file);
        }
        let mode = match self.mode.unwrap_or(Noise::Split) {
            Noise::Device => Mode::Device,
            Noise::Split => Mode::Split,
        };
        let demo = Task::demo(mode, self.min_cohort.unwrap_or(100));
        let (task, head) = demo.map_err(because("the demo's task"))?;
        Ok(vec![Offer { task, head, validation: None }])
    }

    pub(super) fn admin_token(&self) -> Done<Option<String>> {
        admin_token(self.admin_token_file.as_deref())
    }

    pub(super) fn tls(&self) -> Done<Option<Tls>> {
        match (&self.tls_certificate, &self.tls_key) {
            (Some(certificate), Some(key)) => Tls::from_files(certificate, key).map(Some),
            (None, None) => Ok(None),
            _ => Err("--tls-certificate and --tls-key have to be given together".into()),
        }
    }

    pub(super) fn rate(&self) -> Done<Rate> {
        let name = |text: &String| text.parse().map_err(because(format!("--client-header {text}")));
        let client_header = self.client_header.as_ref().map(name).transpose()?;
        let hops = self.trusted_hops.unwrap_or(1);
        if hops == 0 || (client_header.is_none() && self.trusted_hops.is_some()) {
            return Err("--trusted-hops counts the proxies that write --client-header, from 1 on".into());
        }
        Ok(Rate { per_s: self.rate.unwrap_or(RATE), client_header, hops })
    }

    pub(super) fn connections(&self) -> Done<Connections> {
        let each = if self.client_header.is_some() { 0 } else { Connections::EACH };
        listener::connections(self.connections, self.connections_per_address.unwrap_or(each))
    }

    /// The helper that a leader of this identity is told of, with its key.
    pub(super) fn peer(&self, leader: Arc<Identity>) -> Done<Option<(HttpPeer, [u8; 32])>> {
        let Some(url) = &self.helper else { return Ok(None) };
        let helper = key(self.helper_key.as_deref(), "helper-key")?;
        Ok(Some((HttpPeer::new(url, self.helper_ca.as_deref(), helper, leader)?, helper)))
    }

    pub(super) fn pages(&self) -> Done<Option<&Path>> {
        match self.pages.as_deref() {
            Some(pages) if !pages.is_dir() => Err(format!("there is no folder {}", pages.display())),
            pages => Ok(pages),
        }
    }
}

/// Who runs which aggregator.
pub(super) struct Names {
    pub(super) leader: String,
    pub(super) helper: Option<String>,
}

pub(super) fn key(text: Option<&str>, flag: &str) -> Done<[u8; 32]> {
    text.and_then(unhex)
        .ok_or_else(|| format!("--{flag} has to be the 64 hexadecimal digits that `privet keys new` prints"))
}

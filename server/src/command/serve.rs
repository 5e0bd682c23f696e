//! `privet serve`: a leader, a helper, or both.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Stdio,
    sync::Arc,
};

use axum::Router;
use clap::{Args, ValueEnum};
use privet::{Mode, hex, unhex};
use privet_server::{
    Extras, Helper, HttpPeer, Keys, Leader, Store, Task, helper_app, keep_turning, leader_app, now_s,
    store::{Shelf, StoredTask},
    tasks_from_file,
};
use serde::{Deserialize, Serialize};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, BufReader},
    net::TcpListener,
    process::{Child, Command},
    signal,
};

use super::{
    Done, because,
    folder::{DATA, Role, open_keys, open_store},
};

const LEADER: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 8787);
const HELPER: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 8788);

/// Serve rounds: publish them, take uploads, open sums, make heads. Without a role, a leader and a helper of one
/// operator.
#[derive(Args)]
pub(crate) struct Serve {
    /// A TOML file with these settings; the environment and flags count before it.
    #[arg(long, env = "PRIVET_CONFIG")]
    config: Option<PathBuf>,
    /// Check the settings and tasks, print what would be served, and end.
    #[arg(long)]
    check: bool,
    /// End when the standard input does: for a helper that lives as long as its leader.
    #[arg(long, hide = true)]
    until_stdin_ends: bool,
    #[command(flatten)]
    settings: Settings,
}

#[derive(Args, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    /// Serve one role only.
    #[arg(long, env = "PRIVET_ROLE")]
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<Role>,
    /// Where to listen; port 0 takes any free one. [default: 127.0.0.1:8787, a helper 127.0.0.1:8788]
    #[arg(long, env = "PRIVET_LISTEN")]
    #[serde(skip_serializing_if = "Option::is_none")]
    listen: Option<SocketAddr>,
    /// The folder of stores and keys. [default: privet-data]
    #[arg(long, env = "PRIVET_DATA")]
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<PathBuf>,
    /// What rounds call this operator. [default: this server]
    #[arg(long, env = "PRIVET_NAME")]
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
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
    helper: Option<String>,
    /// A leader's helper: the key that it printed.
    #[arg(long, env = "PRIVET_HELPER_KEY")]
    #[serde(skip_serializing_if = "Option::is_none")]
    helper_key: Option<String>,
    /// A helper's leader: the key that it printed.
    #[arg(long, env = "PRIVET_LEADER_KEY")]
    #[serde(skip_serializing_if = "Option::is_none")]
    leader_key: Option<String>,
    /// A folder of static pages to serve beside a leader's interface.
    #[arg(long, env = "PRIVET_PAGES_FOLDER")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pages: Option<PathBuf>,
    /// A file with the token of requests under `/v1/admin`. `PRIVET_ADMIN_TOKEN` in the environment may be it instead.
    #[arg(long, env = "PRIVET_ADMIN_TOKEN_FILE")]
    #[serde(skip_serializing_if = "Option::is_none")]
    admin_token_file: Option<PathBuf>,
}

/// Nobody guesses one of this many characters.
const TOKEN_LENGTH: usize = 32;

#[derive(Clone, Copy, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Noise {
    Device,
    Split,
}

impl Settings {
    /// These, and the file's where these say nothing.
    fn over(self, file: &Path) -> Done<Self> {
        let text = std::fs::read_to_string(file).map_err(because(file.display()))?;
        let below: Self = toml::from_str(&text).map_err(because(file.display()))?;
        let table = |settings: &Self| toml::Table::try_from(settings).map_err(because("the settings"));
        let mut table_below = table(&below)?;
        table_below.extend(table(&self)?);
        toml::Value::Table(table_below).try_into().map_err(because(file.display()))
    }

    fn data(&self) -> &Path {
        self.data.as_deref().unwrap_or(Path::new(DATA))
    }

    fn name(&self) -> &str {
        self.name.as_deref().unwrap_or("this server")
    }

    fn tasks(&self) -> Done<Vec<(Task, Vec<u8>)>> {
        if let Some(file) = &self.tasks {
            return tasks_from_file(file);
        }
        let mode = match self.mode.unwrap_or(Noise::Split) {
            Noise::Device => Mode::Device,
            Noise::Split => Mode::Split,
        };
        Ok(vec![Task::demo(mode, self.min_cohort.unwrap_or(100)).map_err(because("the demo's task"))?])
    }

    fn admin_token(&self) -> Done<Option<String>> {
        let token = match &self.admin_token_file {
            Some(file) => Some(std::fs::read_to_string(file).map_err(because(file.display()))?.trim().to_owned()),
            None => std::env::var("PRIVET_ADMIN_TOKEN").ok(),
        };
        match token.as_ref().map(String::len) {
            Some(length) if length < TOKEN_LENGTH => {
                Err(format!("the admin token has {length} characters and has to have {TOKEN_LENGTH} or more"))
            }
            _ => Ok(token),
        }
    }

    fn pages(&self) -> Done<Option<&Path>> {
        match self.pages.as_deref() {
            Some(pages) if !pages.is_dir() => Err(format!("there is no folder {}", pages.display())),
            pages => Ok(pages),
        }
    }
}

fn key(text: Option<&str>, flag: &str) -> Done<[u8; 32]> {
    text.and_then(unhex)
        .ok_or_else(|| format!("--{flag} has to be the 64 hexadecimal digits that `privet keys new` prints"))
}

impl Serve {
    pub(crate) async fn run(self) -> Done {
        let settings = match &self.config {
            Some(file) => self.settings.over(file)?,
            None => self.settings,
        };
        if self.check {
            return check(&settings);
        }
        match settings.role {
            Some(Role::Helper) => helper(&settings, self.until_stdin_ends).await,
            Some(Role::Leader) => leader(&settings).await,
            None => both(&settings).await,
        }
    }
}

fn check(settings: &Settings) -> Done {
    settings.pages()?;
    settings.admin_token()?;
    if settings.role == Some(Role::Helper) {
        key(settings.leader_key.as_deref(), "leader-key")?;
        println!("a helper in {}", settings.data().display());
        return Ok(());
    }
    let tasks = settings.tasks()?;
    let split = tasks.iter().any(|(task, _)| task.mode == Mode::Split);
    if settings.role == Some(Role::Leader) && split {
        settings.helper.as_ref().ok_or("a split task needs --helper")?;
        key(settings.helper_key.as_deref(), "helper-key")?;
    }
    for (task, _) in tasks {
        println!("{} {}", task.hash(), task.name);
    }
    Ok(())
}

async fn helper(settings: &Settings, until_stdin_ends: bool) -> Done {
    let leader = key(settings.leader_key.as_deref(), "leader-key")?;
    let keys = open_keys(settings.data(), Role::Helper)?;
    println!("The helper's key is {}", hex(&keys.identity.public()));
    let store = open_store(settings.data(), Role::Helper).await?;
    let helper = Arc::new(Helper::new(store.clone(), keys, settings.name()));
    let (listener, address) = listen(settings.listen.unwrap_or(HELPER)).await?;
    println!("The helper listens on http://{address}");
    let stopped = async move {
        if until_stdin_ends {
            tokio::select! { () = asked_to_stop() => {}, () = stdin_ended() => {} }
        } else {
            asked_to_stop().await;
        }
    };
    serve(listener, helper_app(helper, leader), stopped).await?;
    store.shut().await;
    Ok(())
}

async fn leader(settings: &Settings) -> Done {
    let keys = open_keys(settings.data(), Role::Leader)?;
    println!("The leader's key is {}", hex(&keys.identity.public()));
    let tasks = settings.tasks()?;
    let peer = match &settings.helper {
        Some(url) => {
            let helper = key(settings.helper_key.as_deref(), "helper-key")?;
            Some((HttpPeer::new(url, helper, keys.identity.clone()), helper))
        }
        None => None,
    };
    for (task, _) in tasks.iter().filter(|(task, _)| task.mode == Mode::Split) {
        println!("The helper's operator admits the task {} by: privet tasks admit {}", task.name, task.hash());
    }
    lead(settings, keys, tasks, peer, asked_to_stop()).await
}

/// A leader, and a helper as a process of its own that ends with it.
async fn both(settings: &Settings) -> Done {
    let tasks = settings.tasks()?;
    if tasks.iter().all(|(task, _)| task.mode == Mode::Device) {
        let keys = open_keys(settings.data(), Role::Leader)?;
        return lead(settings, keys, tasks, None, asked_to_stop()).await;
    }
    println!(
        "One operator runs both aggregators here and could put the halves of an upload together: the trust in two is \
         nominal. See server/README.md for two operators."
    );
    let (keys, helper) = (open_keys(settings.data(), Role::Leader)?, open_keys(settings.data(), Role::Helper)?);
    let store = open_store(settings.data(), Role::Helper).await?;
    for (task, _) in &tasks {
        let task = StoredTask { hash: task.hash(), name: task.name.clone(), text: task.text(), admitted: true };
        store.put_task(&task).await.map_err(because("the helper's store"))?;
    }
    store.shut().await;
    let (mut child, url) = spawn_helper(settings, &keys).await?;
    let helper = helper.identity.public();
    let peer = HttpPeer::new(&url, helper, keys.identity.clone());
    let mut gone = Ok(());
    // Taken out, because waiting for a child would close it, and the helper ends when it is closed.
    let lifeline = child.stdin.take();
    let stopped = async {
        tokio::select! {
            () = asked_to_stop() => {}
            status = child.wait() => gone = Err(format!("the helper's process ended: {status:?}")),
        }
    };
    lead(settings, keys, tasks, Some((peer, helper)), stopped).await?;
    gone?;
    drop(lifeline);
    child.wait().await.map_err(because("the helper's process"))?;
    Ok(())
}

async fn spawn_helper(settings: &Settings, leader: &Keys) -> Done<(Child, String)> {
    let program = std::env::current_exe().map_err(because("this program is not found"))?;
    let mut command = Command::new(program);
    command.args(["serve", "--until-stdin-ends", "--role", "helper", "--listen", "127.0.0.1:0", "--data"]);
    command.arg(settings.data()).args(["--name", settings.name()]);
    command.args(["--leader-key", &hex(&leader.identity.public())]);
    // The leader's settings are not the helper's.
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.as_encoded_bytes().starts_with(b"PRIVET_")) {
        command.env_remove(name);
    }
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().map_err(because("the helper does not start"))?;
    let mut lines = BufReader::new(child.stdout.take().ok_or("the helper has no output")?).lines();
    while let Some(line) = lines.next_line().await.map_err(because("the helper's output"))? {
        if let Some((_, url)) = line.split_once("listens on ") {
            return Ok((child, url.to_owned()));
        }
    }
    Err("the helper did not start".into())
}

async fn lead(
    settings: &Settings,
    keys: Keys,
    tasks: Vec<(Task, Vec<u8>)>,
    peer: Option<(HttpPeer, [u8; 32])>,
    stopped: impl Future<Output = ()>,
) -> Done {
    let (pages, admin_token) = (settings.pages()?, settings.admin_token()?);
    let store = open_store(settings.data(), Role::Leader).await?;
    let leader = Arc::new(Leader::new(store.clone(), keys, settings.name(), peer));
    for (task, head) in tasks {
        let name = task.name.clone();
        leader.serve(task, &head).await.map_err(because(format!("task {name}")))?;
    }
    let (listener, address) = listen(settings.listen.unwrap_or(LEADER)).await?;
    leader.serve_again().await.map_err(because("the stored tasks"))?;
    for name in leader.names() {
        // Where nothing is in the way, there is a round to fetch from the first request on.
        if let Err(error) = leader.turn(&name, now_s()).await {
            println!("No round of {name} is open yet: {error}");
        }
    }
    let turning = tokio::spawn(keep_turning(leader.clone()));
    println!("Privet listens on http://{address}");
    tokio::pin!(stopped);
    let extras = Extras { pages, admin_token: admin_token.as_deref() };
    serve(listener, leader_app(leader, extras), &mut stopped).await?;
    // A step that is cut off is taken again at the next start.
    turning.abort();
    store.shut().await;
    Ok(())
}

async fn listen(at: SocketAddr) -> Done<(TcpListener, SocketAddr)> {
    let cannot = format!("cannot listen on {at} (choose another with --listen 127.0.0.1:0)");
    let listener = TcpListener::bind(at).await.map_err(because(cannot))?;
    let address = listener.local_addr().map_err(because("the address is not known"))?;
    Ok((listener, address))
}

/// Serves until it is asked to stop, and finishes what it accepted by then.
async fn serve(listener: TcpListener, app: Router, stopped: impl Future<Output = ()>) -> Done {
    let (stop, stopping) = tokio::sync::oneshot::channel::<()>();
    let graceful = async move { drop(stopping.await) };
    let server = async { axum::serve(listener, app).with_graceful_shutdown(graceful).await };
    let (served, ()) = tokio::join!(server, async {
        stopped.await;
        drop(stop);
    });
    served.map_err(because("the server stopped"))
}

async fn stdin_ended() {
    let mut rest = Vec::new();
    drop(tokio::io::stdin().read_to_end(&mut rest).await);
}

async fn asked_to_stop() {
    #[cfg(unix)]
    let terminated = async {
        let kind = signal::unix::SignalKind::terminate();
        signal::unix::signal(kind).expect("a handler can be installed at the start").recv().await;
    };
    #[cfg(not(unix))]
    let terminated = std::future::pending::<()>();
    tokio::select! { _ = signal::ctrl_c() => {}, () = terminated => {} }
}

//! `privet serve`: a leader, a helper, or both.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Stdio,
    sync::Arc,
};

use clap::{Args, ValueEnum};
use privet::{Identity, Mode, hex, unhex};
use privet_server::{
    Extras, Helper, HttpPeer, Keys, Leader, Offer, Rate, Store, Task, Tls, helper_app, keep_turning, leader_app, now_s,
    serve,
    store::{Shelf, StoredTask},
    tasks_from_file,
};
use serde::{Deserialize, Serialize};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, BufReader},
    net::TcpListener,
    process::{Child, Command},
    signal,
    sync::oneshot,
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
    leader_key: Option<String>,
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
}

/// Requests a second of one address: a device asks four times for a contribution, and many may share an address.
const RATE: u32 = 100;
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

    fn tasks(&self) -> Done<Vec<Offer>> {
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

    fn tls(&self) -> Done<Option<Tls>> {
        match (&self.tls_certificate, &self.tls_key) {
            (Some(certificate), Some(key)) => Tls::from_files(certificate, key).map(Some),
            (None, None) => Ok(None),
            _ => Err("--tls-certificate and --tls-key have to be given together".into()),
        }
    }

    fn rate(&self) -> Done<Option<Rate>> {
        let name = |text: &String| text.parse().map_err(because(format!("--client-header {text}")));
        let client_header = self.client_header.as_ref().map(name).transpose()?;
        let per_s = self.rate.unwrap_or(RATE);
        Ok((per_s > 0).then_some(Rate { per_s, client_header }))
    }

    /// The helper that a leader of this identity is told of, with its key.
    fn peer(&self, leader: Arc<Identity>) -> Done<Option<(HttpPeer, [u8; 32])>> {
        let Some(url) = &self.helper else { return Ok(None) };
        let helper = key(self.helper_key.as_deref(), "helper-key")?;
        Ok(Some((HttpPeer::new(url, self.helper_ca.as_deref(), helper, leader)?, helper)))
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
    settings.tls()?;
    settings.rate()?;
    if settings.role == Some(Role::Helper) {
        key(settings.leader_key.as_deref(), "leader-key")?;
        println!("a helper in {}", settings.data().display());
        return Ok(());
    }
    let tasks = settings.tasks()?;
    let split = tasks.iter().any(|Offer { task, .. }| task.mode == Mode::Split);
    if settings.role == Some(Role::Leader) && split {
        settings.helper.as_ref().ok_or("a split task needs --helper")?;
    }
    // Nobody is asked anything: any identity will do.
    settings.peer(Arc::new(Identity::from_seed(&[0; 32])))?;
    for Offer { task, .. } in tasks {
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
    let tls = settings.tls()?;
    let (listener, url) = listen(settings.listen.unwrap_or(HELPER), tls.as_ref()).await?;
    println!("The helper listens on {url}");
    let stopped = async move {
        if until_stdin_ends {
            tokio::select! { () = asked_to_stop() => {}, () = stdin_ended() => {} }
        } else {
            asked_to_stop().await;
        }
    };
    serve(listener, tls, helper_app(helper, leader), stopped).await.map_err(because("the server stopped"))?;
    store.shut().await;
    Ok(())
}

async fn leader(settings: &Settings) -> Done {
    let keys = open_keys(settings.data(), Role::Leader)?;
    println!("The leader's key is {}", hex(&keys.identity.public()));
    let tasks = settings.tasks()?;
    let peer = settings.peer(keys.identity.clone())?;
    for Offer { task, .. } in tasks.iter().filter(|offer| offer.task.mode == Mode::Split) {
        println!("The helper's operator admits the task {} by: privet tasks admit {}", task.name, task.hash());
    }
    lead(settings, keys, tasks, peer, asked_to_stop()).await
}

/// A leader, and a helper as a process of its own that ends with it.
async fn both(settings: &Settings) -> Done {
    let tasks = settings.tasks()?;
    if tasks.iter().all(|Offer { task, .. }| task.mode == Mode::Device) {
        let keys = open_keys(settings.data(), Role::Leader)?;
        return lead(settings, keys, tasks, None, asked_to_stop()).await;
    }
    println!(
        "One operator runs both aggregators here and could put the halves of an upload together: the trust in two is \
         nominal. See server/README.md for two operators."
    );
    let (keys, helper) = (open_keys(settings.data(), Role::Leader)?, open_keys(settings.data(), Role::Helper)?);
    let store = open_store(settings.data(), Role::Helper).await?;
    for Offer { task, .. } in &tasks {
        let task = StoredTask { hash: task.hash(), name: task.name.clone(), text: task.text(), admitted: true };
        store.put_task(&task).await.map_err(because("the helper's store"))?;
    }
    store.shut().await;
    let (mut child, url) = spawn_helper(settings, &keys).await?;
    let helper = helper.identity.public();
    let peer = HttpPeer::new(&url, None, helper, keys.identity.clone())?;
    // Taken out, because waiting for a child would close it, and the helper ends when it is closed.
    let lifeline = child.stdin.take();
    let (tell, gone) = oneshot::channel();
    let stopped = async move {
        tokio::select! {
            () = asked_to_stop() => drop(tell.send(Ok(child))),
            status = child.wait() => drop(tell.send(Err(format!("the helper's process ended: {status:?}")))),
        }
    };
    lead(settings, keys, tasks, Some((peer, helper)), stopped).await?;
    let mut child = gone.await.map_err(because("the server stopped by itself"))??;
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
    offers: Vec<Offer>,
    peer: Option<(HttpPeer, [u8; 32])>,
    stopped: impl Future<Output = ()> + Send + 'static,
) -> Done {
    let (pages, admin_token) = (settings.pages()?, settings.admin_token()?);
    let (tls, rate) = (settings.tls()?, settings.rate()?);
    let store = open_store(settings.data(), Role::Leader).await?;
    let leader = Arc::new(Leader::new(store.clone(), keys, settings.name(), peer));
    for Offer { task, head, validation } in offers {
        let name = task.name.clone();
        leader.try_heads_on(&name, validation);
        leader.serve(task, &head).await.map_err(because(format!("task {name}")))?;
    }
    let (listener, url) = listen(settings.listen.unwrap_or(LEADER), tls.as_ref()).await?;
    leader.serve_again().await.map_err(because("the stored tasks"))?;
    for name in leader.names() {
        // Where nothing is in the way, there is a round to fetch from the first request on.
        if let Err(error) = leader.turn(&name, now_s()).await {
            println!("No round of {name} is open yet: {error}");
        }
    }
    let turning = tokio::spawn(keep_turning(leader.clone()));
    println!("Privet listens on {url}");
    let extras = Extras { pages, admin_token: admin_token.as_deref(), rate: rate.as_ref() };
    serve(listener, tls, leader_app(leader, extras), stopped).await.map_err(because("the server stopped"))?;
    // A step that is cut off is taken again at the next start.
    turning.abort();
    store.shut().await;
    Ok(())
}

async fn listen(at: SocketAddr, tls: Option<&Tls>) -> Done<(TcpListener, String)> {
    let cannot = format!("cannot listen on {at} (choose another with --listen 127.0.0.1:0)");
    let listener = TcpListener::bind(at).await.map_err(because(cannot))?;
    let address = listener.local_addr().map_err(because("the address is not known"))?;
    Ok((listener, format!("{}://{address}", if tls.is_some() { "https" } else { "http" })))
}

async fn stdin_ended() {
    let mut rest = Vec::new();
    drop(tokio::io::stdin().read_to_end(&mut rest).await);
}

pub(crate) async fn asked_to_stop() {
    #[cfg(unix)]
    let terminated = async {
        let kind = signal::unix::SignalKind::terminate();
        signal::unix::signal(kind).expect("a handler can be installed at the start").recv().await;
    };
    #[cfg(not(unix))]
    let terminated = std::future::pending::<()>();
    tokio::select! { _ = signal::ctrl_c() => {}, () = terminated => {} }
}

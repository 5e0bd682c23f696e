//! `privet serve`: a leader, a helper, or both.

use std::{fmt::Display, net::SocketAddr, path::PathBuf, process::Stdio, sync::Arc};

use clap::Args;
use privet::{Identity, Mode, hex};
use privet_server::{
    Extras, Helper, HttpPeer, Keys, Leader, Offer, Store, helper_app, helper_operator_app, keep_advancing, leader_app,
    leader_operator_app, now_s, serve,
    store::{HeadStore, StoredTask},
};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, BufReader},
    process::{Child, Command},
    signal,
    sync::oneshot,
};

use self::settings::{Names, Settings, key};
use super::{
    Done, because,
    folder::{Opened, Role, end_unfinished, is_lost},
    listener::{Operator, listen},
    say,
};

mod settings;

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
    /// The key file of this store is lost: make another. Every application then has to pin the new key.
    #[arg(long)]
    new_identity: bool,
    #[command(flatten)]
    settings: Settings,
}

impl Serve {
    pub(crate) async fn run(self) -> Done {
        let settings = match &self.config {
            Some(file) => self.settings.over(file)?,
            None => self.settings,
        };
        if self.check {
            return check(&settings, self.until_stdin_ends);
        }
        let names = settings.names(self.until_stdin_ends)?;
        let new = self.new_identity;
        match settings.role {
            Some(Role::Helper) => serve_helper(&settings, names, new, self.until_stdin_ends).await,
            Some(Role::Leader) => leader(&settings, names, new).await,
            None => both(&settings, names, new).await,
        }
    }
}

fn check(settings: &Settings, until_stdin_ends: bool) -> Done {
    settings.names(until_stdin_ends)?;
    settings.pages()?;
    settings.admin_token()?;
    settings.tls()?;
    settings.rate()?;
    settings.connections()?;
    if settings.role == Some(Role::Helper) {
        key(settings.leader_key.as_deref(), "leader-key")?;
        return say(format!("a helper in {}", settings.data().display()));
    }
    let tasks = settings.tasks()?;
    let split = tasks.iter().any(|Offer { task, .. }| task.mode == Mode::Split);
    if settings.role == Some(Role::Leader) && split {
        settings.helper.as_ref().ok_or("a split task needs --helper")?;
    }
    // Nobody is asked anything: any identity will do.
    settings.peer(Arc::new(Identity::from_seed(&[0; 32])))?;
    for Offer { task, .. } in tasks {
        say(format!("{} {}", task.hash(), task.name))?;
    }
    Ok(())
}

/// What this process does with a folder, as it stands in a lock.
const SERVE: &str = "serve";

async fn serve_helper(settings: &Settings, names: Names, new_identity: bool, until_stdin_ends: bool) -> Done {
    let leader = key(settings.leader_key.as_deref(), "leader-key")?;
    if new_identity {
        is_lost(settings.data(), &[Role::Helper])?;
    }
    let opened = Opened::new(settings.data(), Role::Helper, SERVE, new_identity).await?;
    let Opened { keys, store, lock: _lock, .. } = opened;
    tell(format!("The helper's key is {}", hex(&keys.identity.public())));
    let name = names.helper.unwrap_or_default();
    let helper = Arc::new(Helper::new(store.clone(), keys, &name).of_leader(&names.leader));
    let (tls, connections) = (settings.tls()?, settings.connections()?);
    let (listener, url) = listen(settings.listen.unwrap_or(HELPER), tls.as_ref()).await?;
    let operator = Operator::listen(settings.operator_listen, &listener, tls.as_ref()).await?;
    tell(format!("The helper's figures are at {}/metrics", operator.url));
    tell(format!("The helper listens on {url}"));
    helper.watch(&connections);
    let watched = helper_operator_app(helper.clone());
    let watching = serve(operator.listener, operator.tls, operator.connections, watched, std::future::pending());
    let watching = tokio::spawn(watching);
    let stopped = async move {
        if until_stdin_ends {
            tokio::select! { () = asked_to_stop() => {}, () = stdin_ended() => {} }
        } else {
            asked_to_stop().await;
        }
    };
    let served = serve(listener, tls, connections, helper_app(helper, leader), stopped).await;
    served.map_err(because("the server stopped"))?;
    watching.abort();
    store.shut().await;
    Ok(())
}

async fn leader(settings: &Settings, names: Names, new_identity: bool) -> Done {
    if new_identity {
        is_lost(settings.data(), &[Role::Leader])?;
    }
    let opened = Opened::new(settings.data(), Role::Leader, SERVE, new_identity).await?;
    tell(format!("The leader's key is {}", hex(&opened.keys.identity.public())));
    let tasks = settings.tasks()?;
    let peer = settings.peer(opened.keys.identity.clone())?;
    for Offer { task, .. } in tasks.iter().filter(|offer| offer.task.mode == Mode::Split) {
        tell(format!("The helper's operator admits the task {} by: privet tasks admit {}", task.name, task.hash()));
    }
    lead(settings, names, opened, tasks, peer, asked_to_stop()).await
}

/// A leader, and a helper as a process of its own that ends with it.
async fn both(settings: &Settings, names: Names, new_identity: bool) -> Done {
    let tasks = settings.tasks()?;
    let apart = tasks.iter().any(|Offer { task, .. }| task.mode == Mode::Split);
    if new_identity {
        is_lost(settings.data(), if apart { &[Role::Leader, Role::Helper] } else { &[Role::Leader] })?;
    }
    if apart {
        tell(
            "One operator runs both aggregators here and could put the halves of an upload together: the trust in two \
             is nominal. See server/README.md for two operators.",
        );
    }
    let leader = Opened::new(settings.data(), Role::Leader, SERVE, new_identity).await?;
    if !apart {
        return lead(settings, names, leader, tasks, None, asked_to_stop()).await;
    }
    // Its process takes the lock next.
    let helper = Opened::new(settings.data(), Role::Helper, SERVE, new_identity).await?;
    let Opened { keys, store, lock, renewed } = helper;
    if renewed {
        // They name the key that is lost.
        end_unfinished(&leader.store).await?;
    }
    for Offer { task, .. } in &tasks {
        let task = StoredTask { hash: task.hash(), name: task.name.clone(), text: task.text(), admitted: true };
        store.put_task(&task).await.map_err(because("the helper's store"))?;
    }
    store.shut().await;
    drop(lock);
    let (mut child, url) = spawn_helper(settings, &names, &leader.keys).await?;
    let helper = keys.identity.public();
    let peer = HttpPeer::new(&url, None, helper, leader.keys.identity.clone())?;
    // Taken out, because waiting for a child would close it, and the helper ends when it is closed.
    let lifeline = child.stdin.take();
    let (ended, gone) = oneshot::channel();
    let stopped = async move {
        tokio::select! {
            () = asked_to_stop() => drop(ended.send(Ok(child))),
            status = child.wait() => drop(ended.send(Err(format!("the helper's process ended: {status:?}")))),
        }
    };
    lead(settings, names, leader, tasks, Some((peer, helper)), stopped).await?;
    let mut child = gone.await.map_err(because("the server stopped by itself"))??;
    drop(lifeline);
    child.wait().await.map_err(because("the helper's process"))?;
    Ok(())
}

async fn spawn_helper(settings: &Settings, names: &Names, leader: &Keys) -> Done<(Child, String)> {
    let program = std::env::current_exe().map_err(because("this program is not found"))?;
    let mut command = Command::new(program);
    command.args(["serve", "--until-stdin-ends", "--role", "helper", "--listen", "127.0.0.1:0", "--data"]);
    command.arg(settings.data()).args(["--leader-name", &names.leader, "--helper-name", &names.leader]);
    command.args(["--leader-key", &hex(&leader.identity.public())]);
    // The leader's settings are not the helper's.
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.as_encoded_bytes().starts_with(b"PRIVET_")) {
        command.env_remove(name);
    }
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().map_err(because("the helper does not start"))?;
    let mut lines = BufReader::new(child.stdout.take().ok_or("the helper has no output")?).lines();
    while let Some(line) = lines.next_line().await.map_err(because("the helper's output"))? {
        if line.contains("figures") {
            tell(&line);
        }
        if let Some((_, url)) = line.split_once("listens on ") {
            return Ok((child, url.to_owned()));
        }
    }
    Err("the helper did not start".into())
}

async fn lead(
    settings: &Settings,
    names: Names,
    Opened { keys, store, lock: _lock, .. }: Opened,
    offers: Vec<Offer>,
    peer: Option<(HttpPeer, [u8; 32])>,
    stopped: impl Future<Output = ()> + Send + 'static,
) -> Done {
    let (pages, admin_token) = (settings.pages()?, settings.admin_token()?);
    let (tls, rate, connections) = (settings.tls()?, settings.rate()?, settings.connections()?);
    let leader = Leader::new(store.clone(), keys, &names.leader, peer);
    let leader = Arc::new(leader.with_helper_named(names.helper.as_deref()));
    for Offer { task, head, validation } in offers {
        let name = task.name.clone();
        leader.try_heads_on(&name, validation);
        leader.serve(task, &head).await.map_err(because(format!("task {name}")))?;
    }
    let (listener, url) = listen(settings.listen.unwrap_or(LEADER), tls.as_ref()).await?;
    let operator = Operator::listen(settings.operator_listen, &listener, tls.as_ref()).await?;
    leader.serve_again().await.map_err(because("the stored tasks"))?;
    for name in leader.names() {
        // Where nothing is in the way, there is a round to fetch from the first request on.
        if let Err(error) = leader.advance_round(&name, now_s()).await {
            tell(format!("No round of {name} is open yet: {error}"));
        }
    }
    let advancing = tokio::spawn(keep_advancing(leader.clone()));
    tell(format!("Its figures are at {}/metrics", operator.url));
    tell(format!("Privet listens on {url}"));
    leader.metrics().watch(&connections);
    let watched = leader_operator_app(leader.clone(), admin_token.as_deref());
    let watching = serve(operator.listener, operator.tls, operator.connections, watched, std::future::pending());
    let watching = tokio::spawn(watching);
    let app = leader_app(leader, Extras { pages, rate: Some(&rate) });
    serve(listener, tls, connections, app, stopped).await.map_err(because("the server stopped"))?;
    watching.abort();
    // A step that is cut off is taken again at the next start.
    advancing.abort();
    store.shut().await;
    Ok(())
}

/// Says something to whoever started the server. It serves on, whether or not anybody reads that.
fn tell(line: impl Display) {
    drop(say(line));
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

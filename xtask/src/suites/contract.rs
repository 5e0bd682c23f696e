//! A real server against its own `OpenAPI` document: what it answers to requests that keep to it, and to those that do not.

use anyhow::{Context as _, Result};
use std::{
    fs,
    io::{BufRead, BufReader},
};

use super::Context;
use crate::{build, run::Program, setup};

/// Of every operation.
const EXAMPLES: &str = "300";
const TOKEN: &str = "a token that only this test knows";

pub(super) fn check(context: &Context) -> Result<()> {
    let place = context.place;
    let schemathesis = setup::schemathesis(place)?;
    build::server_beside_tests(place)?;
    let data = place.target.join("contract");
    if data.exists() {
        fs::remove_dir_all(&data).with_context(|| format!("cannot remove {}", data.display()))?;
    }
    let mut server = Program::new(place.server())
        .args(["serve", "--leader-name", "Example Ltd", "--listen", "127.0.0.1:0", "--rate", "0", "--data"])
        .arg(&data)
        .env("PRIVET_ADMIN_TOKEN", TOKEN)
        .start()?;
    let mut lines = BufReader::new(server.stdout.take().context("its output is piped")?).lines();
    let checked = ports(&mut lines).and_then(|ports| {
        ports.iter().try_for_each(|url| {
            Program::new(&schemathesis)
                .args(["--no-color", "run", &format!("{url}/v1/openapi.json"), "--checks", "all"])
                // Nothing that is made at random is a task whose head has the hash that it names; and whoever guesses tokens is
                // slowed soon, with the right one, too: a test of the server's own says so.
                .args(["--exclude-checks", "positive_data_acceptance,ignored_auth"])
                .args(["--max-examples", EXAMPLES, "--workers", "1"])
                .args(["--header", &format!("Authorization: Bearer {TOKEN}")])
                .env("SCHEMATHESIS_HOOKS", "hooks")
                .env("PYTHONPATH", place.root.join("tests/schemathesis"))
                .env("PYTHONDONTWRITEBYTECODE", "1")
                .dir(&place.target)
                .run()
        })
    });
    // Its helper ends with it.
    server.kill().context("the server ended by itself")?;
    server.wait()?;
    checked
}

/// The operator's port, and that of devices, as the server prints them: each has a document of its own.
fn ports(lines: &mut impl Iterator<Item = std::io::Result<String>>) -> Result<[String; 2]> {
    let mut operators = None;
    for line in lines.map_while(Result::ok) {
        if let Some((_, url)) = line.split_once("Its figures are at ") {
            operators = Some(url.trim_end_matches("/metrics").to_owned());
        }
        if let Some((_, url)) = line.split_once("Privet listens on ") {
            return Ok([operators.context("the operator's port is not printed")?, url.to_owned()]);
        }
    }
    anyhow::bail!("the server did not start")
}

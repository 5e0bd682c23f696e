//! Whether what left a device is what its log says: a capture of the traffic (a HAR, a browser's or mitmproxy's) against
//! what `audit.export()` wrote.
//!
//! An aggregator is whoever the log says that something was sent to. What goes anywhere else is not Privet's, so that each
//! body of it is listed: whoever reads the list knows what the application itself sends.

use std::{collections::BTreeSet, fs, io::Write, path::Path};

use serde_json::{Value, json};

use super::hexadecimal::bytes_of;

/// Headers that browsers and proxies set by themselves; all that begin with `sec-`, or with a colon, are so, too. A page
/// that wanted to say something in a header would have to take another, or the value of `accept-language`.
const KNOWN_HEADERS: [&str; 18] = [
    "accept",
    "accept-encoding",
    "accept-language",
    "access-control-request-headers",
    "access-control-request-method",
    "cache-control",
    "connection",
    "content-length",
    "content-type",
    "dnt",
    "host",
    "origin",
    "pragma",
    "priority",
    "referer",
    "te",
    "upgrade-insecure-requests",
    "user-agent",
];

/// A browser's cache sets these. A server could recognise a device by their values, so a device asks an aggregator without a
/// cache. Files of a page that the same host serves may come with them.
const OF_CACHES: [&str; 2] = ["if-modified-since", "if-none-match"];

/// One upload, as the device's own log has it.
struct Logged {
    url: String,
    bytes: Vec<u8>,
    token: bool,
}

/// How much of a body a capture has kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kept {
    /// Every byte.
    Whole,
    /// Its size, and what is text in it: a browser's own export writes a replacement for each byte that is none.
    Text,
}

/// What was found of the requests of a capture.
#[derive(Debug, Default)]
struct Found {
    requests: usize,
    whole: usize,
    text: usize,
    /// Bodies that are in the log, by their place in it.
    seen: BTreeSet<usize>,
    /// Addresses that an aggregator was asked for without a body, each once.
    asked: BTreeSet<String>,
    unexplained: Vec<String>,
}

/// Compares the capture with the log, and writes what it found. Whether nothing is left unexplained is the answer.
pub fn traffic(capture: &Path, export: &Path, json: Option<&Path>, out: &mut dyn Write) -> Result<bool, String> {
    let log = logged(&read(export)?).map_err(|what| format!("{} is no export: {what}", export.display()))?;
    let har = read(capture)?;
    let entries = har["log"]["entries"].as_array();
    let entries = entries.ok_or_else(|| format!("{} is no HAR: it has no log.entries", capture.display()))?;
    let folder = capture.parent().unwrap_or(Path::new("."));
    let mut found = Found { requests: entries.len(), ..Found::default() };
    for entry in entries {
        explain(entry, &log, folder, &mut found);
    }
    let origins: BTreeSet<&str> = log.iter().map(|sent| origin(&sent.url)).collect();
    let mut say =
        |line: String| writeln!(out, "{line}").map_err(|error| format!("the table cannot be written: {error}"));
    say(format!("Aggregators, by the log: {}", origins.into_iter().collect::<Vec<_>>().join(", ")))?;
    say(format!("{} requests in the capture, {} sendings in the log.", found.requests, log.len()))?;
    say(format!("{:>6} bodies to an aggregator are the log's, byte for byte", found.whole))?;
    say(format!(
        "{:>6} more are so as far as the capture has kept them: their size, and what is text in them",
        found.text
    ))?;
    let missing = log.len() - found.seen.len();
    say(format!("{missing:>6} sendings of the log are not in the capture: it began later, or ended earlier"))?;
    say(format!("{:>6} addresses of an aggregator were asked for without a body:", found.asked.len()))?;
    for url in &found.asked {
        say(format!("         {url}"))?;
    }
    say(format!("{:>6} things are unexplained:", found.unexplained.len()))?;
    for what in &found.unexplained {
        say(format!("         {what}"))?;
    }
    let explained = found.unexplained.is_empty();
    say(if explained {
        "\nConsistent with the log.".into()
    } else {
        "\nFAILS: something left that the log does not explain.".into()
    })?;
    if let Some(file) = json {
        let line = json!({
            "what": "traffic", "requests": found.requests, "whole": found.whole, "text": found.text, "missing": missing,
            "asked": found.asked, "unexplained": found.unexplained, "consistent": explained,
        });
        fs::write(file, format!("{line}\n"))
            .map_err(|error| format!("{} cannot be written: {error}", file.display()))?;
    }
    Ok(explained)
}

fn read(file: &Path) -> Result<Value, String> {
    let text = fs::read(file).map_err(|error| format!("{} cannot be read: {error}", file.display()))?;
    serde_json::from_slice(&text).map_err(|error| format!("{} is no JSON: {error}", file.display()))
}

fn logged(export: &Value) -> Result<Vec<Logged>, String> {
    let sendings = export["log"].as_array().ok_or("it has no log")?;
    let one = |sent: &Value| {
        let url = sent["url"].as_str()?.to_owned();
        Some(Logged { url, bytes: bytes_of(sent["bytes"].as_str()?)?, token: sent["token"].as_bool()? })
    };
    let all: Option<Vec<Logged>> = sendings.iter().map(one).collect();
    let all = all.ok_or("a sending of its log has no url, bytes in hexadecimal, or word on its token")?;
    if all.is_empty() {
        return Err("its log is empty, and says of no address that it is an aggregator's".to_owned());
    }
    Ok(all)
}

fn explain(entry: &Value, log: &[Logged], folder: &Path, found: &mut Found) {
    let request = &entry["request"];
    let (method, url) = (request["method"].as_str().unwrap_or("?"), request["url"].as_str().unwrap_or("?"));
    let is_aggregators = log.iter().any(|sent| origin(&sent.url) == origin(url));
    let posted = &request["postData"];
    let size = request["bodySize"].as_i64().unwrap_or(0);
    let has_body = !posted.is_null() || size > 0;
    if entry["_webSocketMessages"].as_array().is_some_and(|sent| sent.iter().any(|message| message["type"] == "send")) {
        found.unexplained.push(format!("{url} was sent messages over a socket"));
    }
    let mut sent = log.iter().enumerate().filter(|(_, sent)| sent.url == url && method == "PUT");
    let same = sent.find_map(|(place, sent)| Some((place, sent, kept(posted, size, &sent.bytes, folder)?)));
    match &same {
        Some((place, _, kept)) => {
            found.seen.insert(*place);
            match kept {
                Kept::Whole => found.whole += 1,
                Kept::Text => found.text += 1,
            }
        }
        None if has_body => {
            let is_kept = posted["_file"].is_string() || posted["text"].as_str().is_some_and(|text| !text.is_empty());
            let why = if is_kept { "that is not in the log" } else { "that the capture has not kept" };
            found.unexplained.push(format!("{method} {url} has a body {why}"));
        }
        None if is_aggregators && (url.contains('?') || !matches!(method, "GET" | "HEAD" | "OPTIONS")) => {
            found.unexplained.push(format!("{method} {url} is nothing that a device asks an aggregator"));
        }
        None if is_aggregators => drop(found.asked.insert(format!("{method} {url}"))),
        None => {}
    }
    if is_aggregators {
        let token = same.is_some_and(|(_, sent, _)| sent.token);
        for header in request["headers"].as_array().into_iter().flatten() {
            let name = header["name"].as_str().unwrap_or("?").to_ascii_lowercase();
            let value = header["value"].as_str().unwrap_or_default();
            let is_known = KNOWN_HEADERS.contains(&&*name)
                || name.starts_with("sec-")
                || name.starts_with(':')
                || (OF_CACHES.contains(&&*name) && !log.iter().any(|sent| url.starts_with(service(&sent.url))));
            // The log says of each sending whether a token went with it, and a token is as long as any other.
            let is_token = name == "privet-token" && token && bytes_of(value).is_some_and(|token| token.len() == 354);
            if !(is_known || is_token) || (name == "referer" && value.contains('?')) {
                found.unexplained.push(format!("{method} {url} has a header `{name}`"));
            }
        }
    }
}

/// Whether a body is these bytes, and how much of it the capture has kept to tell that by.
fn kept(posted: &Value, size: i64, bytes: &[u8], folder: &Path) -> Option<Kept> {
    if let Some(file) = posted["_file"].as_str() {
        // Playwright keeps bodies beside the HAR; a name that leads elsewhere is none of its.
        let is_beside = Path::new(file).components().count() == 1;
        return (is_beside && fs::read(folder.join(file)).is_ok_and(|body| body == bytes)).then_some(Kept::Whole);
    }
    let text = posted["text"].as_str()?;
    // mitmproxy writes each byte as the character of its number.
    if text.chars().map(u32::from).eq(bytes.iter().map(|&byte| u32::from(byte))) {
        return Some(Kept::Whole);
    }
    let is_size = usize::try_from(size).is_ok_and(|size| size == bytes.len());
    (is_size && text == String::from_utf8_lossy(bytes)).then_some(Kept::Text)
}

/// What all addresses begin with that an aggregator answers to: those of its pages do not.
fn service(url: &str) -> &str {
    const VERSION: &str = "/v1/";
    url.find(VERSION).map_or(url, |place| &url[..place + VERSION.len()])
}

/// Scheme, host and port of an address.
fn origin(url: &str) -> &str {
    let path = url.find("://").and_then(|scheme| url[scheme + 3..].find(['/', '?', '#']).map(|path| scheme + 3 + path));
    &url[..path.unwrap_or(url.len())]
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEADER: &str = "https://leader.example";
    const UPLOAD: [u8; 6] = [0x84, 0x03, 0xff, 0xc3, 0x28, 0x41];

    fn upload_url() -> String {
        format!("{LEADER}/v1/tasks/demo/rounds/1/uploads/00ff")
    }

    fn get(url: &str) -> Value {
        json!({ "request": { "method": "GET", "url": url, "bodySize": 0, "headers": [{ "name": "Accept", "value": "*/*" }] } })
    }

    fn put(posted: Value, headers: Value) -> Value {
        json!({ "request": { "method": "PUT", "url": upload_url(), "bodySize": 6, "headers": headers, "postData": posted } })
    }

    /// As mitmproxy writes it.
    fn posted() -> Value {
        json!({ "mimeType": "application/cbor", "text": UPLOAD.map(char::from).iter().collect::<String>() })
    }

    /// What is printed of these requests, and whether all are explained.
    fn printed(requests: &[Value]) -> (bool, String) {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let [capture, export, body] = ["capture.har", "export.json", "body.bin"].map(|name| folder.path().join(name));
        let log = json!([{ "url": upload_url(), "bytes": "8403ffc32841", "token": false, "method": "PUT" }]);
        fs::write(&capture, json!({ "log": { "entries": requests } }).to_string()).expect("it is written");
        fs::write(&export, json!({ "log": log }).to_string()).expect("it is written");
        fs::write(body, UPLOAD).expect("it is written");
        let mut out = Vec::new();
        let explained = traffic(&capture, &export, None, &mut out).expect("both can be read");
        (explained, String::from_utf8(out).expect("a table is text"))
    }

    #[test]
    fn what_the_log_has_is_explained_as_far_as_each_capture_keeps_it() {
        let chromium = json!({ "mimeType": "application/cbor", "text": String::from_utf8_lossy(&UPLOAD) });
        for (posted, whole, text) in [(posted(), 1, 0), (json!({ "_file": "body.bin" }), 1, 0), (chromium, 0, 1)] {
            let head = get(&format!("{LEADER}/v1/heads/abc"));
            let preflight = json!({ "request": { "method": "OPTIONS", "url": upload_url(), "headers": [] } });
            let (explained, table) =
                printed(&[head, preflight, put(posted, json!([])), get("https://other.example/?q=1")]);
            assert!(explained && table.ends_with("Consistent with the log.\n"), "{table}");
            assert!(table.contains(&format!("{whole:>6} bodies to an")) && table.contains(&format!("{text:>6} more")));
            assert!(
                table.contains("     0 sendings of the log are not")
                    && table.contains("GET https://leader.example/v1/heads/abc")
            );
        }
    }

    #[test]
    fn what_it_has_not_is_listed() {
        let cached = |url: &str| json!({ "request": { "method": "GET", "url": url, "headers": [{ "name": "If-None-Match", "value": "7" }] } });
        let (explained, table) = printed(&[cached(&format!("{LEADER}/rank_bg.wasm"))]);
        assert!(explained, "a file of the page, which the same host serves: {table}");
        let post = |url: &str| {
            json!({ "request": { "method": "POST", "url": url, "bodySize": 3, "headers": [],
            "postData": { "text": "who" } } })
        };
        let header = |name: &str| put(posted(), json!([{ "name": name, "value": "x" }]));
        let socket = json!({ "request": { "method": "GET", "url": "wss://a.example/", "headers": [] },
            "_webSocketMessages": [{ "type": "send", "data": "x" }] });
        for (request, says) in [
            (put(json!({ "text": "other!" }), json!([])), "has a body that is not in the log"),
            (put(json!({ "_file": "../body.bin" }), json!([])), "has a body that is not in the log"),
            (put(json!({ "text": "" }), json!([])), "has a body that the capture has not kept"),
            (post(LEADER), "POST https://leader.example has a body"),
            (post("https://other.example/collect"), "POST https://other.example/collect has a body"),
            (get(&format!("{LEADER}/v1/heads/abc?user=7")), "?user=7 is nothing that a device asks"),
            (cached(&format!("{LEADER}/v1/tasks/demo/round")), "has a header `if-none-match`"),
            (header("Cookie"), "has a header `cookie`"),
            (header("x-clicked"), "has a header `x-clicked`"),
            (header("privet-token"), "has a header `privet-token`"),
            (socket, "was sent messages over a socket"),
        ] {
            let (explained, table) = printed(&[request]);
            assert!(!explained && table.contains(says) && table.contains("FAILS"), "{says}\n{table}");
            assert!(table.contains("     1 things are unexplained"), "{table}");
        }
    }

    #[test]
    fn what_is_no_capture_or_no_export_is_one_sentence() {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let file = folder.path().join("file");
        for (text, says) in [("", "is no JSON"), ("{}", "it has no log"), (r#"{"log":[]}"#, "its log is empty")] {
            fs::write(&file, text).expect("it is written");
            let refused = traffic(&file, &file, None, &mut Vec::new()).expect_err("it is refused");
            assert!(refused.contains(says) && !refused.contains('\n'), "{refused}");
        }
    }
}

//! What a folder of pages only points to.

use std::{fs, os::unix::fs::symlink};

use crate::process::{HONEST, Served, get, text};

#[tokio::test(flavor = "multi_thread")]
async fn what_is_hidden_or_elsewhere_is_not_served() {
    let folder = tempfile::tempdir().expect("a folder");
    let (pages, elsewhere) = (folder.path().join("pages"), folder.path().join("elsewhere"));
    for made in ["pages/.well-known", "pages/.git", "pages/inside", "pages/behind", "elsewhere"] {
        fs::create_dir_all(folder.path().join(made)).expect("writable");
    }
    fs::write(elsewhere.join("secret"), "a secret").expect("writable");
    fs::write(elsewhere.join("index.html"), "a secret").expect("writable");
    for page in ["index.html", "inside/index.html", "inside/a b.txt", ".well-known/security.txt"] {
        fs::write(pages.join(page), "a page").expect("writable");
    }
    for hidden in [".env", ".git/config", ".well-known/.env"] {
        fs::write(pages.join(hidden), "a secret").expect("writable");
    }
    for (link, to) in [
        ("out", elsewhere.join("secret")),
        ("folder", elsewhere.clone()),
        ("behind/index.html", elsewhere.join("index.html")),
        ("to-hidden", pages.join(".env")),
        ("to-inside", pages.join("inside/a b.txt")),
    ] {
        symlink(to, pages.join(link)).expect("writable");
    }
    // The folder itself may be a link: that one is the operator's.
    let linked = folder.path().join("linked");
    symlink(&pages, &linked).expect("writable");
    let server = Served::start(&["--pages", text(&linked)]);
    for page in ["/", "/index.html", "/inside/", "/inside/a%20b.txt", "/.well-known/security.txt", "/to-inside"] {
        let answer = get(HONEST, server.at, page).await;
        assert_eq!((answer.status, answer.body.as_str()), (200, "a page"), "{page}");
    }
    for path in [
        "/.env",
        "/%2eenv",
        "/.git/config",
        "/.well-known/.env",
        "/out",
        "/folder/secret",
        "/folder/",
        "/behind/",
        "/behind/index.html",
        "/to-hidden",
        "/inside/%2e%2e/.env",
        "/inside/../.env",
        "//etc/passwd",
        "/nothing",
    ] {
        let answer = get(HONEST, server.at, path).await;
        assert_eq!(answer.problem(), (404, "route-unknown".into()), "{path}: {}", answer.body);
    }
}

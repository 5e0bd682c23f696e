// What the documents cite is there: every file and folder of the repository, and every test and symbol by its name.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { test } from "node:test";

/** Made by a build or by a package manager: nothing of the repository. */
const MADE = new Set(["node_modules", "target", "dist", "pkg", "corpus", "artifacts", "coverage"]);
/** Names of figures are put together where they are measured, and stand nowhere whole. */
const OF_FIGURES = ["docs/scaling.md", "docs/benchmarks.md"];
/** Names of others: of systems, of standards and of libraries. */
const FOREIGN = new Set([
  ...["WebViewAssetLoader", "WKWebView", "WKURLSchemeHandler", "WKWebsiteDataStore.nonPersistent()"],
  ...["ETag", "File::try_lock", "StdRng", "SmallRng"],
]);

function filesUnder(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return MADE.has(entry.name) || entry.name.startsWith(".") ? [] : filesUnder(path);
    return entry.isFile() ? [path] : [];
  });
}

const FILES = filesUnder(".");
const FOLDERS = new Set(
  FILES.map((file) => file.split("/").slice(0, -1)).flatMap((parts) =>
    parts.map((_, n) => parts.slice(0, n + 1).join("/")),
  ),
);
const TOP = new Set([...FOLDERS].filter((folder) => !folder.includes("/")));
/** Where names come from; not from here, where some are made up. */
const SOURCES = FILES.filter(
  (file) => /\.(rs|ts|wgsl|toml|json|sql|py)$/.test(file) && !/-lock\.json$|citations/.test(file),
);
const NAMES = new Set(SOURCES.flatMap((file) => readFileSync(file, "utf8").match(/[A-Za-z_]\w*/g) ?? []));
/** The package's README is a copy of the other one, which the build makes. */
const PAGES = FILES.filter((file) => file.endsWith(".md") && !["docs/api.md", "web/ts/README.md"].includes(file));

/** Whether a path is there; `<name>` and `*` in it stand for any part of one name. */
function exists(path: string): boolean {
  const plain = path.replace(/\/$/, "");
  if (!/[<*]/.test(plain)) return FOLDERS.has(plain) || FILES.includes(plain);
  const parts = plain.split(/<\w+>|\*/).map((part) => part.replace(/[.$^+?()[\]{}|\\]/g, "\\$&"));
  const pattern = new RegExp(`^${parts.join("[^/]*")}$`);
  return FILES.some((file) => pattern.test(file));
}

/** Why what stands in code is not there; nothing where it is, or where it is no name of ours. */
function missing(page: string, cited: string): string | undefined {
  if (/^[\w.@<>*-]+(\/[\w.@<>*-]+)+\/?$/.test(cited)) {
    const ours = TOP.has(cited.split("/")[0] ?? "") && !cited.split("/").some((part) => MADE.has(part));
    return !ours || exists(cited) || exists(join(dirname(page), cited)) ? undefined : "no such path";
  }
  if (/^[\w-]+\.(rs|ts|wgsl|toml|css|sql)$/.test(cited)) {
    return FILES.some((file) => `/${file}`.endsWith(`/${cited}`)) ? undefined : "no file of this name";
  }
  // A test by its path or its name, which may be cut short; a constant; a function of several words; a type.
  const name = /^(\w+::)*(\w+::\w+|[a-z0-9]+(_[a-z0-9]+)+|[A-Z][A-Z0-9_]{3,}|[A-Z]\w*[a-z]\w*(\.\w+)?)…?(\(\))?$/;
  if (!name.test(cited)) return undefined;
  if (OF_FIGURES.includes(page) || FOREIGN.has(cited)) return undefined;
  const parts = cited.replace(/\(\)$/, "").split(/::|\./);
  const known = (part: string) =>
    part.endsWith("…") ? [...NAMES].some((name) => name.startsWith(part.slice(0, -1))) : NAMES.has(part);
  return parts.every(known) ? undefined : "nothing of this name";
}

/** What a page cites and is not there, with its line. */
function complaints(page: string, text: string): string[] {
  // Blocks of code have tests of their own.
  const prose = text.replace(/^```[\s\S]*?^```$/gm, (block) => block.replace(/[^\n]/g, ""));
  return prose.split("\n").flatMap((line, n) => {
    const code = [...line.matchAll(/`([^`]+)`/g)].map(([, cited = ""]) => [cited, missing(page, cited)]);
    const links = [...line.matchAll(/\]\(([^)#\s]+)[^)]*\)/g)]
      .map(([, to = ""]) => to)
      .filter((to) => !/^\w+:/.test(to))
      .map((to) => [to, exists(normalize(join(dirname(page), to))) ? undefined : "no such path"]);
    return [...code, ...links].filter(([, why]) => why).map(([cited, why]) => `${page}:${n + 1}: ${cited}: ${why}`);
  });
}

test("whatever file, test or symbol the documents cite is there", () => {
  assert.ok(
    PAGES.includes("README.md") && PAGES.includes("CONTRIBUTING.md") && PAGES.length > 10,
    `${PAGES.length} pages`,
  );
  assert.deepEqual(
    PAGES.flatMap((page) => complaints(page, readFileSync(page, "utf8"))),
    [],
  );
});

test("what is not there is told by its page and line", () => {
  const text = [
    "`crate/src/nowhere.rs` and [a page](nowhere.md), `gone.wgsl`, and",
    "`tests::a_test_that_never_was`, `a_test_that_never…`, `CONSTANT_OF_NOBODY`, `TypeOfNobody.call()`.",
    "There are `tests/typescript/<name>.test.ts`, `docs/*.md`, [this](privacy.md) and `the_default_budget_is…` to be found,",
    "and `application/json` is no path.",
  ].join("\n");
  assert.deepEqual(complaints("docs/made-up.md", text), [
    "docs/made-up.md:1: crate/src/nowhere.rs: no such path",
    "docs/made-up.md:1: gone.wgsl: no file of this name",
    "docs/made-up.md:1: nowhere.md: no such path",
    "docs/made-up.md:2: tests::a_test_that_never_was: nothing of this name",
    "docs/made-up.md:2: a_test_that_never…: nothing of this name",
    "docs/made-up.md:2: CONSTANT_OF_NOBODY: nothing of this name",
    "docs/made-up.md:2: TypeOfNobody.call(): nothing of this name",
  ]);
});

// Which way imports run (docs/architecture.md, "Layers"), by `.dependency-cruiser.json`: in what is here, and in a tree of planted
// faults, each of which is told.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { test } from "node:test";

/** The sources of every layer; what is built lies among them. */
const SOURCES = ["demo/**/*.ts", "web/audit/*.ts", "web/ts/*.ts", "web/ts/node/*.ts", "worker/*.ts"];

interface Cruised {
  modules: unknown[];
  violations: string[];
}

/** Reads the sources in a folder: how many files there are, and each fault as `rule: from → to`. */
function cruised(folder: string): Cruised {
  const config = resolve(".dependency-cruiser.json");
  const args = [resolve("node_modules/dependency-cruiser/bin/dependency-cruise.mjs"), ...SOURCES];
  const options = ["--config", config, "--output-type", "json"];
  const { stdout, stderr } = spawnSync(process.execPath, [...args, ...options], {
    ...{ cwd: folder, encoding: "utf8", maxBuffer: 2 ** 26 },
  });
  assert.equal(stderr, "");
  const { modules, summary } = JSON.parse(stdout) as {
    modules: unknown[];
    summary: { violations: { rule: { name: string }; from: string; to: string }[] };
  };
  return { modules, violations: summary.violations.map(({ rule, from, to }) => `${rule.name}: ${from} → ${to}`) };
}

test("imports run down the layers, and in no circle", () => {
  const { modules, violations } = cruised(".");
  assert.ok(modules.length > 90, `${modules.length} files`);
  assert.deepEqual(violations, []);
});

/** What each of these files imports, and what is told of it: nothing, where that runs down. A circle is told once. */
const PLANTED: Readonly<Record<string, readonly [string, ...string[]]>> = {
  "demo/by-name.ts": ['import { open } from "privet";\nimport { PrivetAudit } from "privet-audit";\nimport "lit";'],
  "demo/to-package.ts": ['import { X } from "../web/ts/index.ts";', "demo: demo/to-package.ts → web/ts/index.ts"],
  "demo/to-worker.ts": ['import "../worker/worker.ts";', "demo: demo/to-worker.ts → worker/worker.ts"],
  "demo/to-audit.ts": ['import "../web/audit/index.ts";', "demo: demo/to-audit.ts → web/audit/index.ts"],
  "web/audit/by-name.ts": ['import type { X } from "privet";\nimport "lit";\nimport "uplot";'],
  "web/audit/past.ts": ['import type { X } from "../ts/index.ts";', "audit: web/audit/past.ts → web/ts/index.ts"],
  "web/audit/other.ts": ['import "privet/worker";', "audit: web/audit/other.ts → web/ts/dist/types/worker/worker.d.ts"],
  "web/ts/down.ts": ['import type { X } from "../../worker/worker.ts";\nimport "./index.ts";'],
  "web/ts/up.ts": ['import { X } from "../../demo/main.ts";', "package: web/ts/up.ts → demo/main.ts"],
  "web/ts/far.ts": ['import rank from "../pkg/rank/rank.js";', "package: web/ts/far.ts → web/pkg/rank/rank.js"],
  "web/ts/for-node.ts": ['import "./node/index.ts";', "package: web/ts/for-node.ts → web/ts/node/index.ts"],
  "web/ts/core.ts": ['import "node:fs";', "package: web/ts/core.ts → fs"],
  "web/ts/lit.ts": ['import "lit";', "package: web/ts/lit.ts → node_modules/lit/index.d.ts"],
  "web/ts/node/down.ts": ['import "node:fs/promises";\nimport "../index.ts";'],
  "web/ts/node/out.ts": ['import "../../../server/x.ts";', "package-for-node: web/ts/node/out.ts → server/x.ts"],
  "worker/down.ts": ['import rank from "../web/pkg/rank/rank.js";\n// import "../demo/main.ts"'],
  "worker/type.ts": ["import type { X } from '../web/ts/index.ts';", "worker: worker/type.ts → web/ts/index.ts"],
  "worker/all.ts": ['export * from "../demo/main.ts";', "worker: worker/all.ts → demo/main.ts"],
  "worker/release_loader.ts": [
    'const x = await import("../server/x.ts");',
    "worker: worker/release_loader.ts → server/x.ts",
  ],
  "worker/gone.ts": [
    'import "./nothing.ts";',
    ...["nowhere", "worker"].map((rule) => `${rule}: worker/gone.ts → ./nothing.ts`),
  ],
  "worker/into-circle.ts": ['import type { X } from "./circle.ts";'],
  "worker/circle.ts": ['import type { X } from "./closes.ts";', "circle: worker/circle.ts → worker/closes.ts"],
  "worker/closes.ts": ['import type { X } from "./circle.ts";'],
};

/** What the planted files lead to. */
const THERE = [
  ...[
    "demo/main.ts",
    "web/audit/index.ts",
    "web/ts/index.ts",
    "web/ts/node/index.ts",
    "worker/worker.ts",
    "server/x.ts",
  ],
  ...["web/pkg/rank/rank.js", "web/ts/dist/types/web/ts/index.d.ts", "web/ts/dist/types/worker/worker.d.ts"],
  ...["web/audit/dist/types/index.d.ts", "node_modules/lit/index.d.ts", "node_modules/uplot/index.d.ts"],
];

test("an import that runs up, past a package's exports, nowhere or in a circle is told, and one that runs down is not", () => {
  const folder = mkdtempSync(join(tmpdir(), "privet-walls-"));
  try {
    const put = (name: string, text: string) => {
      mkdirSync(join(folder, dirname(name)), { recursive: true });
      writeFileSync(join(folder, name), text);
    };
    for (const name of THERE) put(name, "export {};\n");
    for (const [name, [text]] of Object.entries(PLANTED)) put(name, `// a line\n${text}\n`);
    for (const name of ["web/ts", "web/audit"])
      put(`${name}/package.json`, readFileSync(`${name}/package.json`, "utf8"));
    for (const name of ["lit", "uplot"])
      put(`node_modules/${name}/package.json`, JSON.stringify({ name, types: "index.d.ts", main: "index.d.ts" }));
    symlinkSync(join(folder, "web/ts"), join(folder, "node_modules/privet"));
    symlinkSync(join(folder, "web/audit"), join(folder, "node_modules/privet-audit"));
    const expected = Object.values(PLANTED).flatMap(([, ...told]) => told);
    assert.deepEqual(cruised(folder).violations.sort(), expected.sort());
  } finally {
    rmSync(folder, { recursive: true });
  }
});

/** The TypeScript in a folder and those in it, but what is built there. */
function sources(folder: string): string[] {
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".ts"));
  return files.filter((name) => !/^(dist|node_modules)\b/.test(name)).map((name) => join(folder, name));
}

test("whatever lies at an address lies beside who names it", () => {
  const addresses = ["demo", "web/audit", "web/ts", "worker"].flatMap(sources).flatMap((file) => {
    const text = readFileSync(file, "utf8");
    return [...text.matchAll(/\bURL\(\s*["'`]([^"'`]+)["'`],\s*import\.meta\.url/g)].map(([, to = ""]) => [file, to]);
  });
  assert.ok(addresses.length > 5, `${addresses.length} addresses`);
  assert.deepEqual(
    addresses.filter(([, to]) => !/^\.\/[^/]+$/.test(to ?? "")),
    [],
  );
});

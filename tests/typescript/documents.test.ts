// Every block of TypeScript in the documents compiles against the package's declarations, and so do these by themselves:
// under the strictest flags, by the compiler that is installed and by the least one that the package promises.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { test } from "node:test";
import { type Block, blocksOf, pages } from "../documents.ts";

/** What a block may take for granted, since every application has its own. All else it declares or imports. */
const GIVEN: Readonly<Record<string, string>> = {
  aggregators: 'declare const aggregators: NonNullable<import("privet").Options["aggregators"]>;',
  candidates: 'declare const candidates: import("privet").Candidate[];',
  render: 'declare function render(item: import("privet").Item, clicked: () => void): void;',
  text: "declare const text: string;",
};

/** All that makes a type-checker stricter, but for what finds names that a snippet declares and does not go on to use. */
const FLAGS = {
  strict: true,
  exactOptionalPropertyTypes: true,
  noFallthroughCasesInSwitch: true,
  noImplicitOverride: true,
  noImplicitReturns: true,
  noPropertyAccessFromIndexSignature: true,
  noUncheckedIndexedAccess: true,
  // Of the package's declarations no one is left out.
  skipLibCheck: false,
  target: "ES2022",
  module: "ESNext",
  moduleResolution: "bundler",
  lib: ["ES2022", "DOM", "DOM.Iterable"],
  types: [],
  noEmit: true,
};

/** The one that is installed, and the least that `docs/package.md` names, in a workspace of its own. */
const COMPILERS = { installed: "node_modules/typescript", least: "tests/least/node_modules/typescript" } as const;
type Compiler = keyof typeof COMPILERS;

/** Under the folder with the packages, so that `privet` is found, and nothing that git sees. */
const FOLDER = resolve("target/documents");

/** A module of its own, with what is given of the names that it has from nowhere. */
function moduleOf(code: string): string {
  const given = Object.entries(GIVEN).filter(([name]) => {
    return new RegExp(`\\b${name}\\b`).test(code) && !new RegExp(`\\b(const|let|function) ${name}\\b`).test(code);
  });
  return `${code}export {};\n${given.map(([, declaration]) => `${declaration}\n`).join("")}`;
}

/** Compiles modules; what the compiler complains of, by where it stands in a document. */
function complaints(compiler: Compiler, modules: readonly Pick<Block, "at" | "code">[]): string[] {
  const folder = join(FOLDER, compiler);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const files = modules.map((_, n) => `${n}.ts`);
  modules.forEach(({ code }, n) => writeFileSync(join(folder, `${n}.ts`), code));
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions: FLAGS, files }));
  const tsc = join(COMPILERS[compiler], "bin/tsc");
  const said = spawnSync(process.execPath, [tsc, "--project", folder, "--pretty", "false"], { encoding: "utf8" });
  const lines = `${said.stdout}${said.stderr}`.split("\n").filter((line) => line.trim() !== "");
  assert.ok(said.status === 0 || lines.length > 0, `${tsc} ended with ${said.status} and said nothing`);
  return lines.map((line) => {
    const [, file = "", row, what] = /^(.*?)\((\d+),\d+\): (.*)$/.exec(line) ?? [];
    const { at } = (dirname(file).endsWith(compiler) && modules[Number.parseInt(basename(file), 10)]) || {};
    return at ? `${at}, line ${row} of the block: ${what}` : line;
  });
}

/** All that can be imported. */
function entries(): string[] {
  const { exports } = JSON.parse(readFileSync("web/ts/package.json", "utf8")) as { exports: Record<string, unknown> };
  const typed = Object.entries(exports).filter(([, to]) => typeof to === "object");
  return typed.map(([entry]) => entry.replace(/^\./, "privet"));
}

for (const compiler of Object.keys(COMPILERS) as Compiler[]) {
  test(`the documents' blocks and all of the package's declarations are for the ${compiler} compiler`, () => {
    const blocks = pages()
      .flatMap(blocksOf)
      .filter(({ language }) => ["ts", "tsx", "typescript"].includes(language));
    // A pattern that finds nothing would prove nothing.
    for (const page of ["README.md", "docs/apps.md", "docs/package.md", "web/audit/README.md"]) {
      assert.ok(
        blocks.some(({ at }) => at.startsWith(`${page}:`)),
        page,
      );
    }
    const imports = entries().map((entry, n) => `export * as entry${n} from "${entry}";\n`);
    assert.ok(imports.length >= 5);
    const modules = blocks.map(({ at, code }) => ({ at, code: moduleOf(code) }));
    assert.deepEqual(complaints(compiler, [...modules, { at: "every entry", code: imports.join("") }]), []);
  });
}

test("what does not compile is told by its page and line", () => {
  const wrong =
    'import type { Slate } from "privet";\n' +
    "export const first = (slate: Slate<string>): string => slate.items[0];\n";
  const [said = "", ...rest] = complaints("installed", [{ at: "a page:7", code: moduleOf(wrong) }]);
  assert.match(said, /^a page:7, line 2 of the block: error TS2322: Type 'string \| undefined'/);
  assert.deepEqual(rest, ["  Type 'undefined' is not assignable to type 'string'."]);
});

test("the least TypeScript is the one that the package's page names", () => {
  const { version } = JSON.parse(readFileSync(`${COMPILERS.least}/package.json`, "utf8")) as { version: string };
  const [, named] = /TypeScript (\d+\.\d+) or later/.exec(readFileSync("docs/package.md", "utf8")) ?? [];
  assert.equal(version.split(".").slice(0, 2).join("."), named);
});

/** Words that mean something here, and the pages that somebody reads before any other. */
const WORDS = ["head", "slate", "round", "leader", "rho", "device", "kappa", "eta", "pull", "strength"];
const READ_FIRST = ["README.md", "docs/package.md", "docs/ranking.md", "docs/privacy.md"];

test("a word of the glossary leads there from each page that is read first", () => {
  const named = new Set(
    Array.from(readFileSync("docs/glossary.md", "utf8").matchAll(/^### (.*)$/gm), ([, name]) => name),
  );
  assert.deepEqual(
    WORDS.filter((word) => !named.has(word) && !named.has(word.charAt(0).toUpperCase() + word.slice(1))),
    [],
  );
  const missing = READ_FIRST.flatMap((page) => {
    const text = readFileSync(page, "utf8");
    const prose = text.replace(/^```[\s\S]*?^```$/gm, "").replace(/`[^`]*`/g, "");
    // What is turned round is none.
    const used = WORDS.filter((word) => new RegExp(`(?<!turned |way |turns it\\n?)\\b${word}\\b`, "i").test(prose));
    return used.filter((word) => !text.includes(`glossary.md#${word})`)).map((word) => `${page}: ${word}`);
  });
  assert.deepEqual(missing, []);
});

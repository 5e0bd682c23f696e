// Every command that the documents show is there, with each of its options: asked of the programs themselves.

import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { blocksOf, pages } from "../documents.ts";
import { required } from "../harness.ts";

/** What a reader types begins with one of these; a prompt says whose machine it is. */
const COMMAND = /^(?:(?:leader|helper)\$ )?((?:[A-Z_]+=\S+ )*(?:cargo|privet|npm|npx|openssl)(?: .*)?)$/;
/** Words of messages that begin as a command does: `privet upload share v1`. */
const NO_COMMANDS = "docs/wire-format.md";

interface Shown {
  at: string;
  command: string;
}

/** The commands of a text, those that are joined by `&&` one by one. */
function commandsOf(at: string, line: string): Shown[] {
  const [, typed = ""] = COMMAND.exec(line.replace(/\s+#.*$/, "").trim()) ?? [];
  return typed === "" ? [] : typed.split(" && ").map((command) => ({ at, command: command.trim() }));
}

/** The commands in the blocks of a page, and in its sentences. */
function shownIn(page: string): Shown[] {
  const blocks = blocksOf(page).filter(({ language }) => language === "" || language === "sh");
  const inBlocks = blocks.flatMap(({ at, code }) =>
    code
      .replace(/\\\n\s*/g, "")
      .split("\n")
      .flatMap((line) => commandsOf(at, line)),
  );
  const prose = readFileSync(page, "utf8").replace(/^```[\s\S]*?^```$/gm, "");
  return [...inBlocks, ...[...prose.matchAll(/`([^`]+)`/g)].flatMap(([, code = ""]) => commandsOf(page, code))];
}

const said = (program: string, ...args: string[]): string => execFileSync(program, args, { encoding: "utf8" });
const optionsIn = (words: readonly string[]) => words.flatMap((word) => /^--[a-z][a-z-]*/.exec(word) ?? []);
/** The first of these that a text does not have, as a word of its own. */
const lacking = (text: string, words: readonly string[]) =>
  words.find((word) => !new RegExp(`(?<![\\w-])${word}(?![\\w-])`).test(text));

let listed: string | undefined;

/** `cargo xtask …`, by its own list. */
function xtask([name, ...rest]: string[]): string | undefined {
  listed ??= said("cargo", "xtask");
  if (name === undefined) return undefined;
  const line = listed.split("\n").find((line) => line.startsWith(`  ${name} `));
  if (!line) return `there is no \`cargo xtask ${name}\``;
  const words = rest.filter((word) => !/^\d/.test(word));
  const suites = /^suites: .*$/m.exec(listed)?.[0] ?? "";
  return lacking(
    name === "test" ? line + suites : line,
    name === "test" || name === "bench" ? words : optionsIn(words),
  );
}

/** `privet …`, by what each of its commands says of itself. */
function privet(words: string[]): string | undefined {
  const chain: string[] = [];
  let help = said(required("PRIVET_SERVER"), "--help");
  for (const word of words) {
    const commands = /^Commands:\n([\s\S]*?)\n\n/m.exec(help)?.[1];
    if (!commands || word.startsWith("-")) break;
    if (!new RegExp(`^  ${word} `, "m").test(commands)) return `there is no \`privet ${[...chain, word].join(" ")}\``;
    chain.push(word);
    help = said(required("PRIVET_SERVER"), ...chain, "--help");
  }
  return lacking(help, optionsIn(words));
}

/** `cargo run` and `cargo test`, by the workspace's packages. */
function cargo(words: string[]): string | undefined {
  if (words[0] === "xtask") return xtask(words.slice(1));
  if (words[0] !== "run" && words[0] !== "test") return `nobody says what \`cargo ${words[0]}\` does`;
  const name = words[words.findIndex((word) => word === "-p" || word === "--package") + 1] ?? "";
  if (!packages().includes(name)) return `there is no package \`${name}\``;
  return words[0] === "run" ? privet(words.slice(words.indexOf("--") + 1)) : undefined;
}

function packages(): string[] {
  const { packages } = JSON.parse(said("cargo", "metadata", "--no-deps", "--format-version", "1")) as {
    packages: { name: string }[];
  };
  return packages.map(({ name }) => name);
}

/** `npm pack ./web/ts` and the installing of what it makes. */
function npm(words: string[]): string | undefined {
  const [what, path] = words;
  if (what === "pack") return existsSync(join(path ?? "", "package.json")) ? undefined : `${path} is no package`;
  if (what !== "install") return `nobody says what \`npm ${what}\` does`;
  const made = ["web/ts", "web/audit"].map((folder) => {
    const { name, version } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as Record<string, string>;
    return `${name}-${version}.tgz`;
  });
  return path === undefined || made.includes(path.split("/").at(-1) ?? "") ? undefined : `nothing makes ${path}`;
}

const PROGRAMS: Readonly<Record<string, (words: string[]) => string | undefined>> = {
  cargo,
  privet,
  npm,
  npx: ([name = ""]) => (existsSync(join("node_modules/.bin", name)) ? undefined : `${name} is not installed`),
  openssl: ([name = ""]) => (spawnSync("openssl", [name, "-help"]).status === 0 ? undefined : `no openssl ${name}`),
};

/** What of a command is not there. */
function missing(command: string): string | undefined {
  const words = command.replace(/^(?:[A-Z_]+=\S+ )+/, "").match(/"[^"]*"|\S+/g) ?? [];
  const [program = "", ...rest] = words.filter((word) => word !== "…");
  return PROGRAMS[program]?.(rest);
}

test("every command that a page shows is there, with its options", () => {
  const shown = pages()
    .filter((page) => page !== NO_COMMANDS)
    .flatMap(shownIn);
  // A pattern that finds nothing would prove nothing.
  for (const page of ["README.md", "CONTRIBUTING.md", "server/README.md", "docs/quickstart/README.md"])
    assert.ok(
      shown.some(({ at }) => at.startsWith(page)),
      page,
    );
  assert.ok(shown.length > 50, `${shown.length} commands`);
  const faults = shown.flatMap(({ at, command }) => {
    const what = missing(command);
    return what ? [`${at}: ${command}: ${what}`] : [];
  });
  assert.deepEqual(faults, []);
});

test("a command, a part of one, an option and a package that are not there are told", () => {
  for (const command of [
    "cargo xtask dance",
    "cargo xtask test dance",
    "cargo xtask bench dance",
    "cargo xtask demo --dance",
    "cargo test -p privet-dance",
    "TRYBUILD=overwrite cargo test --package privet-dance",
    "cargo run -p privet-server -- dance",
    "privet dance",
    "privet head dance",
    "privet serve --dance",
    'privet serve --leader-name "you" --dance x',
    "npm pack ./web/dance",
    "npm install ./privet-0.0.0.tgz",
    "npx dance",
  ])
    assert.notEqual(missing(command), undefined, command);
  for (const command of ["cargo xtask", "cargo xtask test typescript --long", "privet serve --role leader …"])
    assert.equal(missing(command), undefined, command);
});

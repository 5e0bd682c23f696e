// The pages of the project, and the blocks of code in them, for the tests that hold these.

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** Made by a build or by a package manager. */
const MADE = new Set(["node_modules", "target", "dist", "pkg"]);
/** A copy of another page, which the build makes, and a page that a test makes out of what is compiled whole. */
const COPIES = new Set([join("web", "ts", "README.md"), join("docs", "api.md")]);

export interface Block {
  /** Where it stands: `docs/package.md:6`. */
  at: string;
  /** What it says that it is written in; nothing, where it does not. */
  language: string;
  code: string;
}

/** Every page that people write. */
export function pages(folder = "."): string[] {
  const found = readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return MADE.has(entry.name) || entry.name.startsWith(".") ? [] : pages(path);
    return entry.name.endsWith(".md") && !COPIES.has(path) ? [path] : [];
  });
  return found.sort();
}

/** The blocks of a page, each with the line that it begins after. */
export function blocksOf(page: string): Block[] {
  const text = readFileSync(page, "utf8");
  return [...text.matchAll(/^```(\w*)[^\n]*\n([\s\S]*?)^```$/gm)].map(({ 1: language = "", 2: code = "", index }) => ({
    at: `${page}:${text.slice(0, index).split("\n").length}`,
    language,
    code,
  }));
}

// `cargo xtask test typescript` lints by `.oxlintrc.json`; this holds that what it is there for is found.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { test } from "node:test";

const FAULTY = `export async function late(): Promise<void> {}
late();
[1].forEach(async () => late());
await 1;
export type There = import("./there.ts").There;
export const fine = () => void late();
`;

test("a promise that nobody waits for is told, one where nobody can wait, and an import that is a type's", () => {
  const folder = mkdtempSync(join(tmpdir(), "privet-lint-"));
  try {
    const compilerOptions = { strict: true, target: "ES2022", module: "ESNext", moduleResolution: "bundler" };
    writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, files: ["faulty.ts"] }));
    writeFileSync(join(folder, "faulty.ts"), FAULTY);
    writeFileSync(join(folder, "there.ts"), "export type There = string;\n");
    const bin = (name: string) => resolve("node_modules/.bin", name);
    const env = { ...process.env, OXLINT_TSGOLINT_PATH: bin("tsgolint") };
    const args = ["--type-aware", "--config", resolve(".oxlintrc.json"), "--format", "unix", "."];
    const { stdout, status } = spawnSync(bin("oxlint"), args, { cwd: folder, env, encoding: "utf8" });
    const told = [...stdout.matchAll(/^faulty\.ts:(\d+):.*\[Error\/(.*)\]$/gm)].map(
      ([, line, rule]) => `${line} ${rule}`,
    );
    assert.deepEqual(told.sort(), [
      "2 typescript(no-floating-promises)",
      "3 typescript(no-misused-promises)",
      "4 typescript(await-thenable)",
      "4 unicorn(no-unnecessary-await)",
      "5 typescript(consistent-type-imports)",
    ]);
    assert.notEqual(status, 0);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

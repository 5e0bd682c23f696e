// `docs/api.md` is what the package's declarations say, and these say something of every name.

import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { exportsOf, reference } from "../api.ts";

test("the reference is the one that the declarations make", () => {
  const page = reference();
  if (process.env["PRIVET_API"] === "overwrite") writeFileSync("docs/api.md", page);
  assert.equal(readFileSync("docs/api.md", "utf8"), page, "PRIVET_API=overwrite cargo xtask test typescript");
});

for (const file of ["web/ts/index", "web/ts/node/index", "web/ts/auditor", "web/ts/create_head", "worker/worker"]) {
  test(`every name that ${file} exports has a sentence, and each of its methods`, () => {
    const exported = exportsOf(`${file}.d.ts`);
    assert.ok(exported.length > 1);
    for (const { name, says, code } of exported) {
      assert.match(says, /^[A-Z`].*\.$/ms, name);
      // A method's overloads share what stands above the first.
      // A class says of a method what the interface says that it implements.
      const members = / implements /.test(code) ? [] : code.split("\n").slice(1);
      const bare = members.filter((line, n) => {
        const method = /^ {4}(\w+)(<.*>)?\(/.exec(line)?.[1];
        return (
          method &&
          !members[n - 1]?.endsWith("*/") &&
          !members.slice(0, n).some((before) => before.startsWith(`    ${method}(`))
        );
      });
      assert.deepEqual(bare, [], name);
    }
  });
}

// The reference of the package's interface, out of the declarations that TypeScript emits: names, sentences and signatures.

import { readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";

const TYPES = resolve("web/ts/dist/types");
/** What can be imported, and the declarations of each. */
const ENTRIES = [
  ["privet", "web/ts/index.d.ts"],
  ["privet/node", "web/ts/node/index.d.ts"],
  ["privet/audit", "web/ts/auditor.d.ts"],
  ["privet/worker", "worker/worker.d.ts"],
] as const;

export interface Exported {
  name: string;
  /** Where it is declared. */
  from: string;
  /** What is said of it, and what it is. */
  says: string;
  code: string;
}

const read = (file: string) => readFileSync(join(TYPES, file), "utf8");

/** Everything that an entry exports, what it passes on included. */
export function exportsOf(file: string): Exported[] {
  const text = read(file);
  const own = [...text.matchAll(/^export (?:declare )?(?:abstract )?(?:class|function|const|interface|type) (\w+)/gm)];
  const passed = [...text.matchAll(/^export (?:type )?\{([^}]*)\} from "([^"]+)"/gm)];
  const all = [...text.matchAll(/^export \* from "([^"]+)"/gm)];
  const at = (to: string) => join(dirname(file), to.replace(/\.ts$/, ".d.ts"));
  const names = new Set(own.map(([, name = ""]) => name));
  const elsewhere = passed.flatMap(([, list = "", to = ""]) =>
    list
      .split(",")
      .map((name) => name.replace(/^\s*type\s/, "").trim())
      .filter((name) => name !== "" && !names.has(name))
      .map((name) => declared(at(to), name)),
  );
  const rest = all.flatMap(([, to = ""]) => exportsOf(at(to)).filter(({ name }) => !names.has(name)));
  return [...[...names].map((name) => declared(file, name)), ...elsewhere, ...rest];
}

/** A declaration as it stands in a file, or in one that the file passes on. */
function declared(file: string, name: string): Exported {
  const text = read(file);
  const start = new RegExp(`^export (?:declare )?(?:class|function|const|interface|type) ${name}\\b`, "m");
  const found = text.match(start);
  if (found?.index === undefined) {
    const passed = exportsOf(file).find((exported) => exported.name === name);
    if (!passed) throw new Error(`${name} is declared nowhere in ${file}`);
    return passed;
  }
  const before = text.slice(0, found.index).match(/\/\*\*(?:(?!\*\/)[\s\S])*\*\/\s*$/)?.[0] ?? "";
  const code = plain(text.slice(found.index, found.index + lengthOf(text.slice(found.index))));
  return { name, from: file, says: sentenceOf(before), code };
}

/** Up to the end of the declaration: the bracket that closes it, or a `;` outside of all. */
function lengthOf(text: string): number {
  let depth = 0;
  const braced = /^export (declare )?(class|interface)/.test(text);
  // What stands in a comment closes nothing.
  const blank = text.replace(/\/\*[\s\S]*?\*\//g, (comment) => " ".repeat(comment.length));
  for (let place = 0; place < blank.length; place++) {
    const sign = blank.charAt(place);
    if ("{([".includes(sign)) depth += 1;
    if ("})]".includes(sign)) depth -= 1;
    if (depth === 0 && sign === (braced ? "}" : ";")) return place + 1;
  }
  return text.length;
}

/** Without what is the package's own business. */
function plain(code: string): string {
  return code
    .replace(/^ *\/\*\* @internal \*\/\n.*\n/gm, "")
    .replace(/^ *(#private;|private constructor\(\);)\n/gm, "")
    .replace(/^export (declare )?/, "")
    .trim();
}

function sentenceOf(comment: string): string {
  const lines = comment.replace(/^\/\*\*|\*\/\s*$/g, "").split("\n");
  const said = lines.map((line) => line.replace(/^\s*\* ?/, "").trim()).join("\n");
  return said.replace(/\{@link (\w+(?:\.\w+)?)\}/g, "`$1`").trim();
}

/** The page. What several entries export is described once. */
export function reference(): string {
  const seen = new Map<string, string>();
  const sections = ENTRIES.map(([entry, file]) => {
    const exported = exportsOf(file).sort((a, b) => (a.name < b.name ? -1 : 1));
    const fresh = exported.filter(({ name, from }) => !seen.has(`${name} ${from}`));
    const known = exported.filter(({ name, from }) => seen.has(`${name} ${from}`));
    fresh.forEach(({ name, from }) => seen.set(`${name} ${from}`, entry));
    const again = known.length ? `\nAlso ${known.map(({ name }) => `\`${name}\``).join(", ")}, as above.\n` : "";
    const parts = fresh.map(({ name, says, code }) => `### ${name}\n\n${says}\n\n\`\`\`ts\n${code}\n\`\`\`\n`);
    return `## \`${entry}\`\n${again}\n${parts.join("\n")}`;
  });
  return `# Reference\n\nOut of the declarations that the package ships, by \`PRIVET_API=overwrite cargo xtask test typescript\`.\n\n${sections.join("\n")}`;
}

// Subresource integrity: modules and scripts are compared with hashes that were written into the package at build time.

import { refusal } from "./refusal.ts";

/** Hashes as in `integrity` attributes, separated by spaces: of both modules, in two builds each, and of `release.js`. */
export interface Hashes {
  rank: string;
  release: string;
  script: string;
}

/** An application's own hashes, by name; `false` turns the comparison off. */
export type Integrity = Partial<Record<keyof Hashes, string | false>>;

/** Written into the bundles by the build; unbundled sources have none. */
declare const INTEGRITY: Hashes | undefined;

/** The hashes to compare with; undefined where nothing is compared. */
export function hashesOf(name: keyof Hashes, own: Integrity = {}): string | false {
  return own[name] ?? (typeof INTEGRITY === "undefined" ? false : INTEGRITY[name]);
}

/** Compiles a module and compares its bytes at the same time. */
export async function compiled(
  source: string | URL | WebAssembly.Module,
  hashes: string | false,
): Promise<WebAssembly.Module> {
  if (source instanceof WebAssembly.Module) return source;
  const reply = await fetch(source);
  const copy = reply.clone();
  // Streaming compilation wants `application/wasm`; servers that send another type are tolerated.
  const streams = reply.headers.get("content-type")?.startsWith("application/wasm");
  const [module] = await Promise.all([
    streams ? WebAssembly.compileStreaming(reply) : WebAssembly.compile(await reply.arrayBuffer()),
    compared(source, copy, hashes),
  ]);
  return module;
}

/** Compares a script before it is imported: what it does then cannot be undone. */
export async function comparedScript(address: URL, own: Integrity | undefined): Promise<void> {
  // A bundler that renames the script may minify it, and a development server writes into it: such a one is not compared.
  const isOurs = address.pathname.endsWith("/release.js") && !LOOPBACK.test(address.hostname);
  const hashes = own?.script ?? (isOurs && hashesOf("script"));
  if (hashes) await compared(address, await fetch(address), hashes);
}

const LOOPBACK = /^(localhost|.*\.localhost|127\..*|\[::1\]|)$/;

async function compared(source: string | URL, reply: Response, hashes: string | false): Promise<void> {
  // Without https there are no hashes, nothing is ever contributed, and the page itself is anybody's.
  if (!hashes || !crypto.subtle || !reply.ok) return;
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", await reply.arrayBuffer()));
  const hash = `sha256-${btoa(String.fromCharCode(...digest))}`;
  if (hashes.split(" ").includes(hash)) return;
  throw refusal(
    "module-altered",
    `${String(source)} is not the file that this package was built with (${hash}): serve all files of one version, or name ` +
      "the hash of your own in integrity",
  );
}

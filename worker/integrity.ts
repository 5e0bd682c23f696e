// What is loaded is what the package was built with: compared by hashes that stand in the package.

import { refusal } from "./refusal.ts";

/** Hashes as `integrity` attributes have them, several apart by spaces: of both modules, each in two builds, and of `release.js`. */
export interface Hashes {
  rank: string;
  release: string;
  script: string;
}

/** An application's own hashes, by name; `false` compares nothing. */
export type Integrity = Partial<Record<keyof Hashes, string | false>>;

/** Written into the bundles by the build: sources as they are have none. */
declare const INTEGRITY: Hashes | undefined;

/** What bytes are compared with; nothing where they are not. */
export function hashesOf(name: keyof Hashes, own: Integrity = {}): string | false {
  return own[name] ?? (typeof INTEGRITY === "undefined" ? false : INTEGRITY[name]);
}

/** A module, compiled while its bytes are compared. */
export async function compiled(
  source: string | URL | WebAssembly.Module,
  hashes: string | false,
): Promise<WebAssembly.Module> {
  if (source instanceof WebAssembly.Module) return source;
  const reply = await fetch(source);
  const copy = reply.clone();
  // A server that does not know the type gets away with it.
  const streams = reply.headers.get("content-type")?.startsWith("application/wasm");
  const [module] = await Promise.all([
    streams ? WebAssembly.compileStreaming(reply) : WebAssembly.compile(await reply.arrayBuffer()),
    compared(source, copy, hashes),
  ]);
  return module;
}

/** A script is compared before it is imported: what it does then cannot be undone. */
export async function comparedScript(address: URL, own: Integrity | undefined): Promise<void> {
  // One that a bundler has given another name may have been made smaller by it, and a development server writes into it.
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

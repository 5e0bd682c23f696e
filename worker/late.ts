// The full module, which can contribute and audit: loaded when it is first wanted, and beside the one that ranks.

import type * as full from "./full.ts";
import { compiled, comparedScript, hashesOf, type Integrity } from "./integrity.ts";
import { fullAddress, fullScript } from "./lanes.ts";
import type { Source } from "./protocol.ts";
import { codeOf, refusal } from "./refusal.ts";

/** The late half of a device, with all that only it needs. */
export type Full = typeof full;

let glue: Full | undefined;
let loading: Promise<Full> | undefined;

/** For a Service Worker, which may not import anything later: the late half as it was bundled. */
export function provide(bundled: Full): void {
  glue = bundled;
}

/** One that could not be loaded is tried again the next time. */
export function loadFull(source?: Source, integrity?: Integrity): Promise<Full> {
  loading ??= load(source, integrity).catch((error: unknown) => {
    loading = undefined;
    if (codeOf(error) === "module-altered") throw error;
    throw refusal("server-unreachable", "the full module could not be loaded: nothing was debited");
  });
  return loading;
}

async function load(source?: Source, integrity?: Integrity): Promise<Full> {
  // An address and not a name: a bundler copies the file as it is, and leaves the import for the time of need. Each of them is
  // told so by a comment, which has to outlive every tool that makes the script smaller: the build looks whether it did.
  const address = fullScript();
  const { href } = address;
  if (!glue) await comparedScript(address, integrity);
  const module =
    glue ?? ((await import(/* webpackIgnore: true */ /* turbopackIgnore: true */ /* @vite-ignore */ href)) as Full);
  await module.default({ module_or_path: await compiled(source ?? fullAddress(), hashesOf("full", integrity)) });
  return module;
}

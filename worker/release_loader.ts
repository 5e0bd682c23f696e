// Lazy loading of the module that contributes and audits: it is loaded beside the ranking module when it is first needed.

import type * as release from "./release.ts";
import { compiled, comparedScript, hashesOf, type Integrity } from "./integrity.ts";
import { releaseAddress, releaseScript } from "./module_urls.ts";
import type { Source } from "./protocol.ts";
import { codeOf, refusal } from "./refusal.ts";

/** The script of the module that releases. */
export type Release = typeof release;

let glue: Release | undefined;
let loading: Promise<Release> | undefined;

/** For a Service Worker, which may not import dynamically: the script as it was bundled. */
export function provide(bundled: Release): void {
  glue = bundled;
}

/** Loads it once. A failed load is retried by the next call. */
export function loadRelease(source?: Source, integrity?: Integrity): Promise<Release> {
  loading ??= load(source, integrity).catch((error: unknown) => {
    loading = undefined;
    if (codeOf(error) === "module-altered") throw error;
    throw refusal("server-unreachable", "the module that releases could not be loaded: nothing was debited");
  });
  return loading;
}

async function load(source?: Source, integrity?: Integrity): Promise<Release> {
  // By address, so that bundlers copy the file and leave the import alone. Each bundler is told so by a magic comment, which
  // minifiers have to keep: the build checks that they did.
  const address = releaseScript();
  const { href } = address;
  if (!glue) await comparedScript(address, integrity);
  const module =
    glue ?? ((await import(/* webpackIgnore: true */ /* turbopackIgnore: true */ /* @vite-ignore */ href)) as Release);
  await module.default({ module_or_path: await compiled(source ?? releaseAddress(), hashesOf("release", integrity)) });
  return module;
}

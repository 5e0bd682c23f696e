// Loads the module that releases, which can contribute and audit: when it is first wanted, and beside the one that ranks.

import type * as release from "./release.ts";
import { compiled, comparedScript, hashesOf, type Integrity } from "./integrity.ts";
import { releaseAddress, releaseScript } from "./module_urls.ts";
import type { Source } from "./protocol.ts";
import { codeOf, refusal } from "./refusal.ts";

/** The half of a device that releases, with all that only it needs. */
export type Release = typeof release;

let glue: Release | undefined;
let loading: Promise<Release> | undefined;

/** For a Service Worker, which may not import anything later: the same half as it was bundled. */
export function provide(bundled: Release): void {
  glue = bundled;
}

/** One that could not be loaded is tried again the next time. */
export function loadRelease(source?: Source, integrity?: Integrity): Promise<Release> {
  loading ??= load(source, integrity).catch((error: unknown) => {
    loading = undefined;
    if (codeOf(error) === "module-altered") throw error;
    throw refusal("server-unreachable", "the module that releases could not be loaded: nothing was debited");
  });
  return loading;
}

async function load(source?: Source, integrity?: Integrity): Promise<Release> {
  // An address and not a name: a bundler copies the file as it is, and leaves the import for the time of need. Each of them is
  // told so by a comment, which has to outlive every tool that makes the script smaller: the build looks whether it did.
  const address = releaseScript();
  const { href } = address;
  if (!glue) await comparedScript(address, integrity);
  const module =
    glue ?? ((await import(/* webpackIgnore: true */ /* turbopackIgnore: true */ /* @vite-ignore */ href)) as Release);
  await module.default({ module_or_path: await compiled(source ?? releaseAddress(), hashesOf("release", integrity)) });
  return module;
}

// The page's entry: it loads the elements, routes between sections by the address's fragment, and starts the model.

import type { PrivetAudit } from "privet-audit";
import { model } from "./model.ts";
import type { RoundView } from "./round.ts";

/** The elements, those of the first section first. Each begins in a task of its own, so that no click waits for all. */
const ELEMENTS = [
  () => import("./consent.ts"),
  () => import("./stories.ts"),
  () => import("./readout.ts"),
  () => import("./knows.ts"),
  () => import("./round.ts"),
  () => import("privet-audit"),
];

const NAMES = ["feed", "knows", "left", "round"] as const;
type Name = (typeof NAMES)[number];

const named = () => (NAMES as readonly string[]).find((name) => name === location.hash.slice(1)) as Name | undefined;

/** Shows the section that the address names, and says which it is. */
function showSection(moves: boolean): void {
  const current = named() ?? "feed";
  for (const name of NAMES) {
    const section = document.getElementById(name);
    if (section) section.hidden = name !== current;
    const link = document.querySelector(`nav a[href="#${name}"]`);
    if (name === current) link?.setAttribute("aria-current", "page");
    else link?.removeAttribute("aria-current");
  }
  const title = document.querySelector<HTMLElement>(`#${current} h1`);
  document.title = `${title?.textContent ?? ""} · Privet`;
  // A message belongs to the section in which it was said.
  if (moves) {
    model.said = "";
    model.changed();
    scrollTo(0, 0);
    title?.focus({ preventScroll: true });
  }
  // Undefined until its module has loaded; called again when all have.
  if (current === "round") void document.querySelector<RoundView>("demo-round")?.refreshCount?.();
}

const main = document.querySelector<HTMLElement>("main");
document.querySelector(".skip")?.addEventListener("click", (event) => {
  // The address names the section, and goes on doing so.
  event.preventDefault();
  main?.focus();
});
const audit = document.querySelector<PrivetAudit>("privet-audit");
model.addEventListener("change", () => {
  const { files, others, personalizer } = model;
  if (audit) Object.assign(audit, { files, others, personalizer });
});
// It reports methods, headers and bodies to the audit, and changes nothing. Where there is none the audit says so.
navigator.serviceWorker?.register("witness.js").catch(() => undefined);
showSection(false);
addEventListener("hashchange", () => showSection(true));
const started = model.start().catch((error) => model.fail(error));
for (const load of ELEMENTS) {
  await load();
  await new Promise((resolve) => setTimeout(resolve));
}
await started;
showSection(false);

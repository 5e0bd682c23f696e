// The page: its elements, which section is looked at, and the start of it all.

import "./audit/index.ts";
import "./consent.ts";
import "./knows.ts";
import "./readout.ts";
import type { RoundView } from "./round.ts";
import "./round.ts";
import "./stories.ts";
import { model } from "./model.ts";

const NAMES = ["feed", "knows", "left", "round"] as const;
type Name = (typeof NAMES)[number];

const named = () => (NAMES as readonly string[]).find((name) => name === location.hash.slice(1)) as Name | undefined;

/** Shows the section that the address names, and says which it is. */
function turn(moves: boolean): void {
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
  // What was said was said of another section.
  if (moves) {
    model.said = "";
    model.changed();
    scrollTo(0, 0);
    title?.focus({ preventScroll: true });
  }
  if (current === "round") void document.querySelector<RoundView>("demo-round")?.look();
}

const main = document.querySelector<HTMLElement>("main");
document.querySelector(".skip")?.addEventListener("click", (event) => {
  // The address names the section, and goes on doing so.
  event.preventDefault();
  main?.focus();
});
const audit = document.querySelector("privet-audit");
model.addEventListener("change", () => {
  const { files, others, personalizer } = model;
  if (audit) Object.assign(audit, { files, others, personalizer });
});
// It lists what only such a worker sees, and changes none of it. Where there is none the section says so.
navigator.serviceWorker?.register("witness.js").catch(() => undefined);
turn(false);
addEventListener("hashchange", () => turn(true));
model.start().then(
  () => turn(false),
  (error) => model.fail(error),
);

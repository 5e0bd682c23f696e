// The page's elements and what is written into them: no decisions, no calls.

import type { Receipt, Status } from "privet";
import type { Story } from "./stories.ts";

/** What a visitor can do about it, where that is not plain. */
const HINTS: Record<string, string> = {
  "server-unreachable": "Contribute again: the same bytes are sent, and nothing more is debited.",
  "budget-exhausted": "This device contributes nothing more, and that is meant for good.",
  "ledger-rolled-back":
    "Something has put an older ledger in its place, or cleared it: this tab contributes nothing more.",
  "storage-unavailable": "Without a ledger that lasts nothing is contributed; reading and re-ranking go on.",
};

export function element<T extends HTMLElement>(id: string): T {
  const found = document.getElementById(id);
  if (!found) throw new Error(`the page has no #${id}`);
  return found as T;
}

/** Puts the stories in this order; they glide to their places where the browser and the reader like that. */
export function showFeed(
  stories: Story[],
  reasons: Map<string, string | undefined>,
  read: Set<string>,
  onRead: (story: Story) => void,
): void {
  const entries = () => stories.map((story) => entry(story, reasons.get(story.id), read, onRead));
  const reorder = () => element("feed").replaceChildren(...entries());
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  if (still || !document.startViewTransition) reorder();
  else document.startViewTransition(reorder);
}

function entry(
  story: Story,
  reason: string | undefined,
  read: Set<string>,
  onRead: (story: Story) => void,
): HTMLLIElement {
  const item = document.createElement("li");
  const title = document.createElement("h3");
  const about = document.createElement("p");
  const button = document.createElement("button");
  title.textContent = story.title;
  about.textContent = story.aspects.join(", ") + (reason ? `; like “${reason}”` : "");
  button.type = "button";
  button.textContent = read.has(story.id) ? "Read again" : "Read";
  button.setAttribute("aria-label", `${button.textContent}: ${story.title}`);
  button.addEventListener("click", () => onRead(story));
  item.id = story.id;
  item.classList.toggle("read", read.has(story.id));
  item.style.viewTransitionName = story.id;
  item.append(title, about, button);
  return item;
}

export function showEvents({ events }: Status): void {
  stage("event", events ? `${count(events, "event")} in the profile` : "nothing was recorded yet");
}

export function showReceipt(receipt: Receipt): void {
  const { examples, backend, gradientMs, releaseMs, rho, bytes, round, count: counted, minCohort, sendMs } = receipt;
  const over = examples ? `over ${count(examples, "example")}` : "nothing new, so the zero vector";
  stage("gradient", `${over}, by ${backend === "webgpu" ? "WebGPU" : "the CPU"} in ${ms(gradientMs)}`);
  stage("noise", `rho ${rho} debited first, then noised in ${ms(releaseMs)}`);
  stage("upload", `${bytes.length} bytes, sent in ${ms(sendMs)}`);
  stage("aggregate", `${count(counted, "upload")} in round ${round}; opened from ${minCohort}`);
  element("stage-aggregate").dataset["count"] = String(counted);
  const details = element("stage-upload").querySelector("details");
  const dump = details?.querySelector("pre");
  if (!details || !dump) return;
  details.hidden = false;
  dump.textContent = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(" ");
}

export function showBudget({ rhoSpent, rhoLeft }: Status): void {
  const lifetime = rhoSpent + rhoLeft;
  const meter = element<HTMLMeterElement>("budget");
  meter.max = lifetime;
  meter.value = rhoSpent;
  element("budget-text").textContent = `rho ${short(rhoSpent)} of ${short(lifetime)} is spent, for good`;
}

export function showTrouble(error: unknown): void {
  const { code, message } = Object(error) as { code?: string; message?: string };
  const trouble = element("trouble");
  trouble.hidden = false;
  trouble.dataset["code"] = code ?? "";
  const said = [sentence(message ?? String(error)), HINTS[code ?? ""], code && `(${code})`];
  trouble.textContent = said.filter(Boolean).join(" ");
}

export function clearTrouble(): void {
  element("trouble").hidden = true;
}

function stage(name: string, text: string): void {
  const item = element(`stage-${name}`);
  item.classList.add("done");
  const paragraph = item.querySelector("p");
  if (paragraph) paragraph.textContent = text;
}

const sentence = (text: string) => `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
const count = (n: number, noun: string) => `${n} ${noun}${n === 1 ? "" : "s"}`;
const ms = (time: number) => `${time.toFixed(1)} ms`;
const short = (rho: number) => Number(rho.toFixed(5)).toString();

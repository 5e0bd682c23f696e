// What it knows about the visitor, as the visitor reads it, and the ways to take it back.

import { html, nothing } from "lit";
import { repeat } from "lit/directives/repeat.js";
import type { ProfileSummary } from "privet";
import { TOPICS, type Topic } from "./feed/feed.ts";
import { type Deed, model } from "./model.ts";
import { Motion } from "./motion.ts";
import { ago, count } from "./words.ts";
import { View } from "./view.ts";

type Counted = ProfileSummary["counted"][number];
type Done = ProfileSummary["recent"][number];

/** How many rows a list begins with. */
const ROWS = 6;
const FADES = "How often you chose what you were shown. It fades by half in three weeks.";
const VERBS: Record<Deed, string> = { click: "Opened", like: "Liked", hide: "Hid" };

export class Knows extends View {
  readonly #motion = new Motion();
  readonly #whole = new Set<string>();
  #asks = false;

  override willUpdate(): void {
    this.#motion.note(this);
  }

  override updated(): void {
    this.#motion.play(this);
  }

  override render() {
    if (!model.status) return nothing;
    return html`<p class="said" role="status">${model.said}</p>
      ${
        model.profile.events === 0
          ? html`<p class="nothing-yet">
              It knows nothing about you. <a href="#feed">Open a story</a> and come back: all that was learnt from it stands
              here then.
            </p>`
          : html`<div class="columns">
              <div>${this.#counted("topic", "Interests", FADES)}${this.#counted("source", "Sources")}</div>
              <div>${this.#recent()}${top()}</div>
            </div>`
      }
      ${this.#all()}`;
  }

  #counted(attribute: string, title: string, about?: string) {
    const rows = model.profile.counted.filter((row) => row.attribute === attribute && row.value && row.shown > 0.05);
    rows.sort((a, b) => b.chosen - a.chosen || b.shown - a.shown);
    const most = rows[0]?.chosen ?? 0;
    const list = this.#list(
      attribute,
      rows,
      (row) => row.value,
      (row) => counted(row, most),
    );
    return part(attribute, title, about, list);
  }

  #recent() {
    const met = new Set<unknown>();
    // Whoever forgets a story forgets all that was done with it: one line each.
    const isFirst = ({ item, time }: Done) => met.size < met.add(item ?? time).size;
    const deeds = model.profile.recent.filter((deed) => deed.kind in VERBS && isFirst(deed));
    return part(
      "recent",
      "Lately",
      undefined,
      this.#list("recent", deeds, ({ time, item }) => `${time}${item}`, done),
    );
  }

  #list<T>(name: string, rows: T[], key: (row: T) => unknown, line: (row: T) => unknown) {
    if (!rows.length) return nothing;
    const whole = this.#whole.has(name);
    const all = () => {
      this.#whole.add(name);
      this.requestUpdate();
    };
    return html`<ul class=${name === "recent" ? "recent" : "counted"}>
        ${repeat(whole ? rows : rows.slice(0, ROWS), key, line)}
      </ul>
      ${whole || rows.length <= ROWS ? nothing : html`<button class="link" @click=${all}>Show all ${rows.length}</button>`}`;
  }

  #all() {
    const { status, profile } = model;
    if (!status) return nothing;
    const { personalise, contribute } = status.consent;
    const lasts = status.storage !== "memory";
    return html`<section class="whole" aria-labelledby="whole">
      <h2 id="whole">All of it</h2>
      <p>
        ${count(profile.events, "event")}, ${profile.evidence} of them something you chose, kept
        ${lasts ? "in this browser, sealed" : "in this window’s memory"}. None of it was ever sent.
      </p>
      <div class="switches">
        ${agree("Learn from what I open, like and hide", personalise, (on) => model.consent({ personalise: on }))}
        ${lasts ? agree("Contribute, covered with noise", contribute, (on) => model.consent({ contribute: on })) : nothing}
        ${personalise ? agree("Pause for now", status.paused, (on) => model.pause(on)) : nothing}
      </div>
      <div class="choices">
        ${profile.events ? html`<button @click=${save}>Export</button>` : nothing}
        ${this.#asks ? this.#sure() : html`<button class="grave" @click=${() => this.#ask(true)}>Forget everything</button>`}
      </div>
    </section>`;
  }

  #sure() {
    const erase = async () => {
      this.#asks = false;
      await model.erase();
    };
    return html`<div class="sure" role="group" aria-labelledby="sure">
      <p id="sure">Erase profile, log, key and consent? The ledger of what was sent stays.</p>
      <button class="grave" @click=${erase}>Erase</button>
      <button @click=${() => this.#ask(false)}>Keep</button>
    </div>`;
  }

  #ask(asks: boolean): void {
    this.#asks = asks;
    this.requestUpdate();
    void this.updateComplete.then(() => this.querySelector<HTMLElement>(asks ? ".sure button" : ".grave")?.focus());
  }
}

function part(id: string, title: string, about: string | undefined, list: unknown) {
  if (list === nothing) return nothing;
  return html`<section aria-labelledby="part-${id}">
    <h2 id="part-${id}">${title}</h2>
    ${about ? html`<p class="note">${about}</p>` : nothing}${list}
  </section>`;
}

function counted({ attribute, value = "", chosen, shown }: Counted, most: number) {
  const topic = attribute === "topic";
  const name = topic ? (TOPICS[value as Topic] ?? value) : value;
  const forget = () => model.forget({ attribute, value }, `all about ${name}`);
  const share = shown > 0 ? Math.round((100 * chosen) / shown) : 0;
  return html`<li data-key=${`${attribute}/${value}`} data-topic=${topic ? value : nothing}>
    <span class="name">${name}</span><meter max=${most || 1} .value=${chosen} aria-hidden="true"></meter>
    <span class="share">${share}% of ${shown.toFixed(0)} shown</span>
    <button class="small" aria-label="Forget: ${name}" @click=${forget}>Forget</button>
  </li>`;
}

function done({ item, kind, time }: Done) {
  const story = model.story(item);
  const name = story ? story.title : "a story that is not in the feed any more";
  const forget = () => item && model.forget({ item }, `“${name}”`);
  return html`<li data-key=${`${time}/${item}`} data-topic=${story?.topic ?? nothing}>
    <span class="dot" aria-hidden="true"></span>
    <span>${name} <span class="when">${VERBS[kind as Deed]} ${ago(time)}</span></span>
    ${item ? html`<button class="small" aria-label="Forget: ${name}" @click=${forget}>Forget</button>` : nothing}
  </li>`;
}

/** What the feed begins with now: it changes with what is forgotten. */
function top() {
  const line = ({ story }: (typeof model.order)[number]) =>
    html`<li data-key="top/${story.id}" data-topic=${story.topic}>
      <span class="dot" aria-hidden="true"></span>${story.title}
    </li>`;
  return html`<section class="begins" aria-labelledby="begins">
    <h2 id="begins">So your feed begins with</h2>
    <ol>${repeat(model.order.slice(0, 5), ({ story }) => story.id, line)}</ol>
  </section>`;
}

function agree(label: string, on: boolean, set: (on: boolean) => unknown) {
  const change = (event: Event) => set((event.target as HTMLInputElement).checked);
  return html`<label><input type="checkbox" role="switch" .checked=${on} @change=${change} />${label}</label>`;
}

/** Downloads a file that is made in the page. */
function save(): Promise<void> {
  return model.run(async (personalizer) => {
    const bytes = await personalizer.export();
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([bytes as BlobPart], { type: "application/cbor" }));
    link.download = "privet-profile.cbor";
    link.click();
    URL.revokeObjectURL(link.href);
    model.said = `Exported ${count(bytes.length, "byte")} to a file of yours.`;
  });
}

customElements.define("demo-knows", Knows);

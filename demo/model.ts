// The page's state and actions: the personalizer, the stories and their order. Elements render it.

import {
  type Consent,
  createPersonalizer,
  type Forgettable,
  type Options,
  type Personalizer,
  type ProfileSummary,
  type Report,
  type Score,
  type Status,
} from "privet";
import { type Columns, embeddingsFrom, itemsFrom, type ServedItem } from "./feed/feed.ts";

/** An item of the feed as the package takes it. */
export interface Story extends ServedItem {
  embedding: Float32Array;
  attributes: { topic: string; source: string };
}

/** A story at its place, and why it is there. */
export interface Place {
  story: Story;
  score: Score | undefined;
  /** Where the server has it, from 0. */
  server: number;
}

export type Deed = "click" | "like" | "hide";

/** What was measured last, on this machine, now. */
export interface Measured {
  stories: number;
  rerankMs: number;
  /** From what the visitor did to the new order. */
  answerMs?: number;
}

/** What is said when something does not work. */
export interface Trouble {
  code: string;
  message: string;
}

export const TASK = "feed";
/** Looser than the default: nobody's data are at stake, and a visitor should not have to wait a day. */
export const POLICY = { waitMs: 0, sessions: 1, intervalMs: 0, interleaveEvery: 0, minCohort: 32 };
/** How often both orders are interleaved once it is known which is better, where the visitor asks for a comparison. */
const COMPARED_EVERY = 2;
/** How many stories stand on the page, and how many more each time. */
const PAGE = 12;
/** Which part of the stories on the page may be of one topic. */
const MOST_OF_A_TOPIC = 0.4;
/** How long a new order waits for learning to finish. */
const PATIENCE_MS = 60;

export class Model extends EventTarget {
  stories: Story[] = [];
  aggregators: NonNullable<Options["aggregators"]> | undefined;
  personalizer: Personalizer | undefined;
  status: Status | undefined;
  report: Report | undefined;
  profile: ProfileSummary = { events: 0, evidence: 0, recent: [], counted: [] };
  /** The stories in the order of the page. */
  order: Place[] = [];
  /** The same many stories in the server's order. */
  server: Story[] = [];
  /** Which of the two orders the page has. */
  kind: "server" | "personal" | "interleaved" = "server";
  /** The story that is open: it stays where it is. */
  open: string | undefined;
  /** What was done with each story, as the profile has it. */
  done = new Map<string, Set<Deed>>();
  measured: Measured | undefined;
  /** The running evaluation since the page was opened. */
  history: Report[] = [];
  trouble: Trouble | undefined;
  /** What this page asks for beside its markup, and why. */
  files: Record<string, string> = {
    "v1/identity": "the aggregators' keys, which a site would have built in",
    "feed.json": "the stories, the same for everybody",
    "feed.bin": "their embeddings, the same for everybody",
  };
  /** The simulated devices' uploads, by their addresses. */
  others: Record<string, { sha256: string; what: string }> = {};
  /** What the last action came to, in words. */
  said = "";
  /** What was hidden last, while that can be undone. */
  hidden: { story: Story; time: number; wasOpen: boolean } | undefined;
  gpu = true;
  /** Whether the visitor wants WebGPU, needed or not. */
  readonly wantsGpu = new URLSearchParams(location.search).has("webgpu");
  /** Whether both orders are to be compared, which takes showing both at once. */
  readonly compares = new URLSearchParams(location.search).has("compare");
  /** Whether the visitor has said that nothing is to be learnt, here and now. */
  declined = false;
  #limit = PAGE;
  #slate: number | undefined;
  #showing = new AbortController();
  #last: Promise<unknown> = Promise.resolve();
  readonly #byId = new Map<string, Story>();

  /** Fetches the stories, asks whose keys to pin, and opens the device. */
  async start(): Promise<void> {
    const [feed, bin, keys] = await Promise.all([
      json<{ scale: number; dimensions: number; columns: Columns }>("feed.json"),
      fetch("feed.bin").then((reply) => reply.arrayBuffer()),
      // An application has its aggregators' keys built in. This page trusts whoever serves it, and so asks.
      json<{ leader: string; helper: string }>("v1/identity"),
    ]);
    const items = itemsFrom(feed.columns);
    const rows = embeddingsFrom(new Uint8Array(bin), { ...feed, items: items.length });
    this.stories = items.map((item, n) => {
      const { topic, source } = item;
      return { ...item, embedding: rows[n] ?? new Float32Array(), attributes: { topic, source } };
    });
    for (const story of this.stories) this.#byId.set(story.id, story);
    this.aggregators = { leader: { url: ".", key: keys.leader }, helper: { key: keys.helper }, oneOwner: true };
    this.gpu = (await navigator.gpu?.requestAdapter().catch(() => null)) != null;
    this.personalizer = await createPersonalizer({
      task: TASK,
      aggregators: this.aggregators,
      policy: { ...POLICY, interleaveEvery: this.compares ? COMPARED_EVERY : 0 },
      schedule: "manual",
      // A local address in a profile that is thrown away: no browser promises to keep what is stored there, and nobody's
      // budget is at stake. The section on what left says so.
      allowEvictable: true,
      backend: this.wantsGpu ? "webgpu" : "auto",
    });
    await this.run(async (personalizer) => {
      // All stories once: the device names what it remembers by the ids that it was given.
      await personalizer.rerank(this.stories);
      await this.#readState(personalizer);
      await this.#rerank(personalizer);
    });
  }

  story(id: string | undefined): Story | undefined {
    return id === undefined ? undefined : this.#byId.get(id);
  }

  /** Whether what the visitor does counts. */
  get learns(): boolean {
    return this.status?.consent.personalise === true;
  }

  /** Whether all stories there are stand on the page. */
  get whole(): boolean {
    return this.order.length < this.#limit;
  }

  did(id: string, deed: Deed): boolean {
    return this.done.get(id)?.has(deed) ?? false;
  }

  /** Runs one action at a time, then shows what it changed, or says what went wrong. */
  run(work: (personalizer: Personalizer) => Promise<void>): Promise<void> {
    const tried = async (personalizer: Personalizer) => {
      this.trouble = undefined;
      try {
        await work(personalizer);
      } catch (error) {
        this.fail(error);
      }
    };
    return this.#next(tried);
  }

  /** Queues the work behind what is under way, and reads the state after it. */
  #next(work: (personalizer: Personalizer) => Promise<void>): Promise<void> {
    const done = this.#last.then(async () => {
      const { personalizer } = this;
      if (!personalizer) return;
      await work(personalizer);
      await this.#readState(personalizer).catch((error) => this.fail(error));
      this.changed();
    });
    this.#last = done;
    return done;
  }

  fail(error: unknown): void {
    const { code = "", message = String(error) } = Object(error) as Partial<Trouble>;
    this.trouble = { code, message };
    this.changed();
  }

  changed(): void {
    this.dispatchEvent(new Event("change"));
  }

  consent(parts: Partial<Consent>): Promise<void> {
    return this.run(async (personalizer) => {
      this.declined = !parts.personalise && !parts.contribute;
      await personalizer.consent(parts);
      await this.#rerank(personalizer);
    });
  }

  decline(): void {
    this.declined = true;
    this.changed();
  }

  /** Opens a story, or closes it. */
  read(story: Story): Promise<void> {
    if (this.open === story.id) {
      this.open = undefined;
      this.changed();
      return Promise.resolve();
    }
    this.open = story.id;
    return this.#do("click", story, `Opened “${story.title}”.`);
  }

  like(story: Story): Promise<void> {
    return this.#do("like", story, `Liked “${story.title}”.`);
  }

  hide(story: Story): Promise<void> {
    const [time, wasOpen] = [Date.now(), this.open === story.id];
    this.hidden = { story, time, wasOpen };
    if (wasOpen) this.open = undefined;
    return this.#do("hide", story, `Hid “${story.title}”.`, time);
  }

  /** Takes the last hiding back, and nothing else that was done with the story. */
  show(): Promise<void> {
    if (!this.hidden) return Promise.resolve();
    const { story, time, wasOpen } = this.hidden;
    if (wasOpen) this.open = story.id;
    return this.forget({ from: time, to: time + 1 }, `that you hid “${story.title}”`);
  }

  more(): Promise<void> {
    this.#limit += PAGE;
    return this.run(async (personalizer) => void (await this.#rerank(personalizer)));
  }

  forget(what: Forgettable, name: string): Promise<void> {
    this.hidden = undefined;
    return this.run(async (personalizer) => {
      const dropped = await personalizer.forget(what);
      await this.#settle(personalizer);
      const moved = await this.#rerank(personalizer);
      const events = dropped === 1 ? "1 event" : `${dropped} events`;
      this.said = `Forgot ${name}: ${events} gone, ${moved} of ${this.order.length} stories moved in your feed.`;
    });
  }

  erase(): Promise<void> {
    return this.run(async (personalizer) => {
      // Whatever the ledger's half says, the rest is gone then.
      const refused = await personalizer.erase().then(
        () => undefined,
        (error: Trouble) => error,
      );
      this.open = this.hidden = undefined;
      this.history = [];
      this.declined = false;
      await personalizer.rerank(this.stories);
      await this.#rerank(personalizer);
      const what = refused ? "All but the ledger" : "Everything";
      this.said = `${what} was erased. The feed is the server’s again, and nothing is learnt until you agree to it.`;
      if (refused) throw refused;
    });
  }

  pause(paused: boolean): Promise<void> {
    return this.run((personalizer) => (paused ? personalizer.pause() : personalizer.resume()));
  }

  /** A new head has taken the old one's place: the device learns anew from it. */
  refresh(): Promise<boolean> {
    let isNew = false;
    return this.run(async (personalizer) => {
      isNew = await personalizer.refresh();
      await this.#settle(personalizer);
      if (isNew) this.moved = await this.#rerank(personalizer);
    }).then(() => isNew);
  }

  /** How many stories stood elsewhere after the last new head. */
  moved = 0;

  #do(kind: Deed, story: Story, said: string, time = Date.now()): Promise<void> {
    const start = performance.now();
    if (kind !== "hide") this.hidden = undefined;
    return this.run(async (personalizer) => {
      const slate = this.#slate;
      const recorded = await personalizer.record({ kind, item: story, time, ...(slate !== undefined && { slate }) });
      if (!recorded) {
        const { paused } = await personalizer.status();
        this.said = `${said} It is not remembered: ${paused ? "learning is paused" : "you have not agreed to that"}.`;
        return;
      }
      this.#note(story.id, kind);
      await personalizer.train({ maxMs: PATIENCE_MS });
      const moved = await this.#rerank(personalizer);
      if (this.measured) this.measured.answerMs = performance.now() - start;
      this.said = `${said} ${moved} of ${this.order.length} stories moved.`;
    });
  }

  #note(id: string, deed: Deed): void {
    const deeds = this.done.get(id) ?? new Set();
    this.done.set(id, deeds.add(deed));
  }

  /** Waits until the profile is computed anew without what was forgotten. */
  async #settle(personalizer: Personalizer): Promise<void> {
    while (await personalizer.train({ maxMs: 250 }));
  }

  /** Asks for the order; how many stories stand elsewhere than before. */
  async #rerank(personalizer: Personalizer): Promise<number> {
    const before = this.order.map(({ story }) => story.id);
    const there = this.open === undefined ? -1 : before.indexOf(this.open);
    const gone = (id: string) => id !== this.open && (this.did(id, "hide") || this.did(id, "click"));
    const candidates = this.stories.filter(({ id }) => !gone(id));
    const rules = {
      // A page of one topic is no feed, whatever is liked.
      caps: { topic: Math.ceil(this.#limit * MOST_OF_A_TOPIC) },
      // The open story keeps its place.
      ...(this.open !== undefined && there >= 0 && { pins: { [this.open]: there } }),
    };
    const start = performance.now();
    const slate = await personalizer.rerank(candidates, { limit: this.#limit, explain: true, rules });
    this.measured = { stories: candidates.length, rerankMs: performance.now() - start };
    const byScore = candidates.toSorted((a, b) => b.score - a.score);
    const places = new Map(byScore.map(({ id }, place) => [id, place]));
    this.order = slate.items.map((story, n) => ({
      story,
      score: slate.scores[n],
      server: places.get(story.id) ?? n,
    }));
    this.server = byScore.slice(0, this.#limit);
    [this.kind, this.#slate] = [slate.kind, slate.id];
    this.#watch(slate);
    return this.order.filter(({ story }, place) => before[place] !== story.id).length;
  }

  /** The slate counts as seen once it was on the screen for a second. */
  #watch(slate: { shown(element?: Element | null, options?: { signal?: AbortSignal }): Promise<unknown> }): void {
    this.#showing.abort();
    this.#showing = new AbortController();
    const list = document.querySelector("#stories");
    if (!list) return;
    const seen = slate.shown(list, { signal: this.#showing.signal });
    seen.then(
      () => this.#next(async () => undefined),
      () => undefined,
    );
  }

  /** Reads status, profile and running evaluation. */
  async #readState(personalizer: Personalizer): Promise<void> {
    [this.status, this.profile, this.report] = await Promise.all([
      personalizer.status(),
      personalizer.profile(),
      personalizer.report(),
    ]);
    this.done = new Map();
    for (const { item, kind } of this.profile.recent) if (item !== undefined) this.#note(item, kind as Deed);
    const { slates, personal } = this.report;
    if (personal && slates !== this.history.at(-1)?.slates) this.history = [...this.history, this.report];
  }
}

async function json<T>(address: string): Promise<T> {
  const reply = await fetch(address);
  if (!reply.ok) throw new Error(`${address} is not there (status ${reply.status})`);
  return (await reply.json()) as T;
}

export const model = new Model();

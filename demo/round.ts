// The section on a round: simulated devices fill it, the server closes it and publishes a new head, and this device verifies
// that head and goes on from it.

import { html, nothing } from "lit";
import type { Fields, Receipt } from "privet";
import { hex } from "./bytes.ts";
import { model, POLICY, TASK } from "./model.ts";
import type { Order, Sent } from "./round/protocol.ts";
import { count, ms, short } from "./words.ts";
import { check, View } from "./view.ts";

type Accepted = Exclude<Sent, { refused: object }>;
/** What came of a round that closed. */
interface Closed {
  round: number;
  before: number;
  sent: number;
  /** What the server states of it, when all was sent. */
  held: number;
  from: string;
  to: string;
  moved: number;
  events: number;
  tookMs: number;
}

/** How often a new head is asked for, and how long at most. */
const EVERY_MS = 300;
const AT_MOST_MS = 60_000;

export class RoundView extends View {
  /** The open round's configuration. */
  #round: Fields | undefined;
  /** How many uploads the server holds for it. */
  #held: number | undefined;
  #before = 0;
  #sent: Accepted[] = [];
  #own: Receipt | undefined;
  #closed: Closed | undefined;
  #state: "idle" | "sending" | "waiting" = "idle";
  #said = "";
  #asking = false;

  /** Reads the open round and how many uploads it has, when the section is opened. */
  async refreshCount(): Promise<void> {
    if (this.#asking || this.#state !== "idle" || !model.personalizer) return;
    this.#asking = true;
    try {
      this.#round = await model.personalizer.audit.inspect("round");
      this.#held = await held(this.#number);
      if (model.trouble?.code === "server-unreachable") model.trouble = undefined;
      model.changed();
    } catch (error) {
      model.fail(error);
    }
    this.#asking = false;
    this.requestUpdate();
  }

  get #number(): number {
    return Number(this.#round?.["number"] ?? 0);
  }

  get #goal(): number {
    return Number(this.#round?.["min-cohort"] ?? POLICY.minCohort);
  }

  override render() {
    if (!this.#round || this.#held === undefined) return html`<p class="quiet">The open round is asked for.</p>`;
    return html`<div class="columns">
      <div>${this.#open(this.#held)}</div>
      <div>${this.#came()}${this.#noise()}</div>
    </div>`;
  }

  #open(held: number) {
    const busy = this.#state !== "idle";
    const left = Math.max(0, this.#goal - held) || this.#goal;
    return html`<h2>Round ${this.#number} is open</h2>
      <p>
        It closes when ${this.#goal} devices have sent something. Until then the sum stays shut. As long as one of the two
        aggregators is honest, nobody sees more than a noised sum, even if the other one lies and every other device is fake.
      </p>
      <div class="cohort">
        <progress aria-label="Uploads in this round" max=${this.#goal} value=${held}></progress>
        <p><strong>${held}</strong> of ${this.#goal} uploads, as the server counts them</p>
      </div>
      ${this.#squares()}
      <p class="choices">
        <button class="primary" aria-disabled=${busy} @click=${() => busy || this.#fill()}>
          ${busy ? "Under way …" : `Send in ${count(left, "simulated device")}`}
        </button>
        ${this.#mine(busy)}
      </p>
      <p class="said" role="status">${this.#said}</p>`;
  }

  /** A square for each device, in the colour of what its person likes. */
  #squares() {
    if (!this.#sent.length) return nothing;
    const tastes = new Set(this.#sent.map(({ taste }) => taste));
    const square = ({ taste }: Accepted) => html`<span data-topic=${taste}></span>`;
    return html`<div class="squares" aria-hidden="true">${this.#sent.map(square)}</div>
      <p class="note">
        A square is a device, its colour what its person likes: ${count(tastes.size, "topic")}. The server sees no colours.
      </p>`;
  }

  #mine(busy: boolean) {
    const { status } = model;
    if (!status || status.storage === "memory") return nothing;
    const { contribute } = status.consent;
    const work = () => (contribute ? this.#contribute() : model.consent({ contribute: true }));
    return html`<button aria-disabled=${busy} @click=${() => busy || work()}>
      ${contribute ? "Contribute from this device" : "Let this device take part"}
    </button>`;
  }

  #came() {
    const { own, closed } = { own: this.#own, closed: this.#closed };
    if (!own && !closed) return nothing;
    return html`<h2>What came of it</h2>
      <ol class="steps">${own ? ofOwn(own) : nothing}${closed ? ofClosed(closed) : nothing}</ol>`;
  }

  /** What a mean over so few can teach, by the round's own numbers. */
  #noise() {
    const number = (name: string) => Number(this.#round?.[name]);
    const [clip, multiplier, goal] = [number("clip-norm"), number("noise-multiplier"), this.#goal];
    const part = number("part-multiplier");
    const noise = (clip * Math.sqrt(2 * multiplier ** 2 + goal * part ** 2)) / goal;
    return html`<h2>What so few can teach</h2>
      <p>
        One device can move the mean of ${goal} by ${(clip / goal).toFixed(4)} at most. Each aggregator adds noise before
        its sum leaves it, and each device a little of its own: ${noise.toFixed(3)} in each of the mean’s
        ${number("dimension")} numbers. Over so few devices that outweighs what they say. It shrinks as more take part,
        which is why a device’s default policy wants 100 at least.
      </p>
      <p class="note">
        Each simulated device is a real client with a ledger, noise and a sealed upload of its own, by the same package as
        yours. Only the person before it is made up.
      </p>`;
  }

  async #contribute(): Promise<void> {
    this.#said = "";
    await model.run(async (personalizer) => {
      const receipt = await personalizer.contribute();
      [this.#own, this.#held] = [receipt, receipt.count];
      this.#said = `This device’s upload is number ${receipt.count} of the round.`;
    });
    if (this.#held !== undefined && this.#held >= this.#goal) await this.#until(() => this.#wait(0));
  }

  async #fill(): Promise<void> {
    this.#closed = undefined;
    this.#sent = [];
    this.#state = "sending";
    this.requestUpdate();
    await this.#until(async () => {
      this.#before = await held(this.#number);
      const devices = Math.max(1, this.#goal - this.#before);
      this.#said = `${count(devices, "simulated device")} under way.`;
      await this.#send(devices);
      await this.#wait(this.#sent.length);
    });
  }

  /** Works until that is done or refused, and says which. */
  async #until(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      model.fail(error);
      this.#said =
        this.#state === "waiting"
          ? "All were acknowledged. What came of the round is not in use here: your feed goes on with the head it had."
          : `It stopped after ${count(this.#sent.length, "device")}. What was acknowledged counts.`;
    }
    this.#state = "idle";
    this.requestUpdate();
  }

  /** One worker in which a few devices live at a time. */
  #send(devices: number): Promise<void> {
    const { aggregators, stories } = model;
    if (!aggregators) return Promise.resolve();
    model.files = {
      ...model.files,
      "devices.worker.js": "the simulated devices",
      // Each asks for it. This device may have it from an earlier visit.
      [`v1/heads/${head(this.#round)}`]: "the head that the round names; the same question for everybody",
    };
    const worker = new Worker(new URL("./devices.worker.js", import.meta.url), { type: "module" });
    return new Promise<void>((resolve, reject) => {
      worker.addEventListener("error", () => reject(new Error("the simulated devices did not start")));
      worker.addEventListener("message", ({ data }: MessageEvent<Sent>) => {
        if (data.refused) return reject(data.refused);
        this.#sent = [...this.#sent, data];
        vouch(data);
        this.#held = Math.max(this.#held ?? 0, data.count);
        const sent = this.#sent.length;
        if (sent % 8 === 0) this.#said = `${sent} of ${count(devices, "device")} acknowledged.`;
        if (sent === devices) resolve();
        this.requestUpdate();
      });
      worker.postMessage({ devices, task: TASK, aggregators, policy: POLICY, stories } satisfies Order);
    }).finally(() => worker.terminate());
  }

  /** Until the next round is open, and its head is this device's. */
  async #wait(sent: number): Promise<void> {
    const [round, from] = [this.#number, head(this.#round)];
    this.#state = "waiting";
    this.#said = "All were acknowledged. The aggregators close the round.";
    this.#held = await held(round);
    this.requestUpdate();
    const asked = performance.now();
    let start = asked;
    while (!(await this.#refreshed())) {
      if (performance.now() - asked > AT_MOST_MS) throw new Error("the round did not close within a minute");
      await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
      start = performance.now();
    }
    const tookMs = performance.now() - start;
    const last = await held(round);
    this.#round = await model.personalizer?.audit.inspect("round");
    const { moved, profile } = model;
    const before = sent ? this.#before : last;
    const to = head(this.#round);
    this.#closed = { round, before, sent, held: last, from, to, moved, events: profile.events, tookMs };
    this.#held = await held(this.#number);
    this.#said = `Round ${round} closed over ${last} uploads. Its head is verified, and your feed uses it.`;
  }

  async #refreshed(): Promise<boolean> {
    const isNew = await model.refresh();
    if (!isNew && model.trouble && model.trouble.code !== "round-pending") throw model.trouble;
    return isNew;
  }
}

const step = (title: string, text: unknown) => html`<li>${check()}<div><h3>${title}</h3><p>${text}</p></div></li>`;

function ofOwn({ bytes, examples, rho }: Receipt) {
  const [size, from] = [count(bytes.length, "byte"), count(examples, "example")];
  return step(
    "This device sent",
    html`${size}, from ${from}, for ρ\u00a0${Number(rho.toFixed(5))} of its budget. <a href="#left">See every byte</a>`,
  );
}

function ofClosed({ round, before, sent, held, from, to, moved, events, tookMs }: Closed) {
  const agree = before + sent === held;
  const heads = html`<code>${short(from)}</code> became <code>${short(to)}</code>`;
  const learnt = `${count(events, "event")} learnt anew from there in ${ms(tookMs)}`;
  return [
    step(
      agree ? "The counts agree" : "The counts do not agree",
      `${before} before and ${sent} sent; the server says ${held}.`,
    ),
    step(`Round ${round} closed`, "Both aggregators opened one sum over one list of uploads."),
    step("A new head was verified", html`${heads}: signed by both, with the hash that the round names.`),
    step("Your feed uses it", `${learnt}; ${moved} of ${model.order.length} stories moved.`),
  ];
}

/** What left for a simulated device is not this one's: the section on that says so, by the bytes. */
function vouch({ round, id, sha256 }: Accepted): void {
  const { href } = new URL(`v1/tasks/${TASK}/rounds/${round}/uploads/${id}`, document.baseURI);
  model.others = { ...model.others, [href]: { sha256, what: "an upload of a simulated device, byte for byte" } };
}

/** How many uploads the server says that it holds for a round. */
async function held(round: number): Promise<number> {
  const address = `v1/tasks/${TASK}/rounds/${round}/aggregate`;
  model.files = { ...model.files, [address]: "how many uploads a round has; the same question for everybody" };
  const reply = await fetch(address).catch(() => undefined);
  if (!reply?.ok) throw { code: "server-unreachable", message: "the leader did not say how many uploads it holds" };
  return ((await reply.json()) as { count: number }).count;
}

const head = (round: Fields | undefined) => hex((round?.["head"] ?? new Uint8Array()) as Uint8Array);

customElements.define("demo-round", RoundView);

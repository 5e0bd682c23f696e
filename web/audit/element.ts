// The element: it polls the device while it is on the screen, shows what it read, and keeps nothing once it is removed.

import type { Personalizer, Requests } from "privet";
import { html, LitElement, nothing, type PropertyValues } from "lit";
import { budget, type Year } from "./budget.ts";
import { LEDGER, REQUESTS } from "./columns.ts";
import { count, rho } from "./format.ts";
import { layout } from "./layout.ts";
import { type Explained, explain, markupOf, Network, type Others, plain } from "./network.ts";
import { projectionOf } from "./projection.ts";
import { type Account, type Paid, versionOf, type Reading, readingOf } from "./reading.ts";
import { record } from "./record.ts";
import { loss, sending } from "./sendings.ts";
import { paragraph, sum, troubleOf, troubles } from "./sentences.ts";
import { style } from "./style.ts";
import { jsonOf, table } from "./table.ts";

/** How often it asks whether something has changed, while it is on the screen. */
const POLL_MS = 1000;
/** How many requests are listed at first, which is what opening and a contribution make; and how many more a frame later on. */
const FIRST = 24;
const JUST_NOW = "just now: not compared with the log yet";

/** `<privet-audit>`: shows what left the device of a personalizer, what it cost, and what would leave next. */
export class PrivetAudit extends LitElement {
  static override properties = {
    personalizer: { attribute: false },
    files: { attribute: false },
    others: { attribute: false },
    reading: { state: true },
    year: { state: true },
    asked: { state: true },
    open: { state: true },
    listed: { state: true },
    said: { state: true },
    trouble: { state: true },
    offline: { state: true },
  };
  static override styles = [style, layout];

  /** The personalizer whose log is shown. */
  declare personalizer: Personalizer | undefined;
  /** Addresses of the site's own that its markup does not name, relative to the page, and what each is. */
  declare files: Readonly<Record<string, string>>;
  /** Uploads that this page sends for other devices, by their address. */
  declare others: Others;
  declare private reading: Reading | undefined;
  declare private year: Year | undefined;
  declare private asked: Requests;
  declare private open: ReadonlySet<string>;
  declare private listed: number;
  declare private said: string;
  declare private trouble: string;
  declare private offline: boolean;

  #network: Network | undefined;
  #timer: ReturnType<typeof setInterval> | undefined;
  #version = "";
  #isPolling = false;
  #latest = "";
  readonly #observer = new IntersectionObserver(([entry]) => this.#setVisible(entry?.isIntersecting === true), {
    rootMargin: "50%",
  });

  constructor() {
    super();
    this.files = {};
    this.others = {};
    this.listed = FIRST;
    this.#clear();
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.#network = new Network(() => {
      this.requestUpdate();
      void this.#poll();
    });
    this.#observer.observe(this);
    addEventListener("online", this.#line);
    addEventListener("offline", this.#line);
    this.#line();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#observer.disconnect();
    this.#setVisible(false);
    this.#network?.stop();
    this.#network = undefined;
    removeEventListener("online", this.#line);
    removeEventListener("offline", this.#line);
    this.personalizer = undefined;
    this.#clear();
  }

  override willUpdate(changed: PropertyValues): void {
    if (!changed.has("personalizer")) return;
    this.#clear();
    if (this.#timer !== undefined) void this.read();
  }

  /** Reads everything anew, at once. */
  async read(): Promise<void> {
    const { personalizer } = this;
    if (!personalizer) return;
    try {
      const [version, asked, reading] = await Promise.all([
        versionOf(personalizer),
        personalizer.audit.requests(),
        readingOf(personalizer),
      ]);
      const year = await yearOf(personalizer, reading);
      // Removed from the page, or given another personalizer, meanwhile.
      if (this.personalizer !== personalizer || !this.isConnected) return;
      this.#version = version;
      Object.assign(this, { asked, reading, year, trouble: "" });
      this.#unfold(reading);
    } catch (error) {
      if (this.personalizer === personalizer) this.trouble = troubleOf(error);
    }
  }

  override render() {
    const { reading, trouble, offline } = this;
    const requests = this.#requests();
    return html`
      <div class="section">
        <div class="opening">
          <p class="sum">${sum(reading, requests, this.personalizer !== undefined)}</p>
          ${(trouble ? [trouble] : troubles(reading, offline)).map(
            (sentence) => html`
              <p class="trouble">${sentence}</p>
            `,
          )}
          ${
            reading
              ? html`
                  <p class="actions">
                    <button type="button" @click=${() => print()}>Print the record</button>
                    <button type="button" @click=${() => this.#copy("Everything", this.#whole(reading, requests))}>
                      Copy all as JSON
                    </button>
                  </p>
                `
              : nothing
          }
        </div>
        ${reading && !trouble ? this.#parts(reading, requests) : nothing}
      </div>
      <p class="unseen" role="status">${this.said}</p>
      ${
        reading
          ? record(reading, this.year, requests)
          : html`
              <p class="record">Nothing was read yet: this section reads when it is looked at.</p>
            `
      }
    `;
  }

  #parts(reading: Reading, requests: readonly Explained[]) {
    const { personalizer } = this;
    const said = ({ detail }: CustomEvent<string>) => (this.said = detail);
    return html`
      <div class="beside">
        <section class="part" aria-labelledby="uploads">
          <h3 id="uploads">Every upload, in order</h3>
          ${this.#uploads(reading)}
        </section>
        <privet-dry-run .personalizer=${personalizer} @said=${said}></privet-dry-run>
      </div>
      ${reading.account ? this.#account(reading, reading.account) : nothing}
      ${
        reading.statement
          ? html`
              <section class="part" aria-labelledby="words">
                <h3 id="words">In words</h3>
                <div class="statement">${reading.statement.split("\n\n").map(paragraph)}</div>
              </section>
            `
          : nothing
      }
      <section class="part" aria-labelledby="network">
        <h3 id="network">Every request of this page</h3>
        ${this.#network ? this.#list(requests) : nothing}
      </section>
    `;
  }

  #account(reading: Reading, account: Account) {
    return html`
      <section class="part" aria-labelledby="spent">
        <h3 id="spent">The budget</h3>
        ${budget(reading, account, this.year, this.#copy)}
      </section>
      ${
        reading.ledger.length
          ? html`
              <section class="part" aria-labelledby="ledger">
                <h3 id="ledger">The ledger</h3>
                ${this.#ledger(reading, account)}
              </section>
            `
          : nothing
      }
    `;
  }

  #uploads({ left, status }: Reading) {
    if (left.length === 0) {
      const why = status.consent.contribute
        ? "The first contribution will stand here, byte for byte."
        : "You have not agreed to contribute, so nothing will.";
      return html`
        <p class="note">Nothing yet. ${why}</p>
      `;
    }
    const folds = { open: this.open, setOpen: this.#setOpen };
    return html`
      <ol class="sendings">
        ${left.map((part, place) => sending(part, place + 1, folds, this.#copy))}
      </ol>
    `;
  }

  #ledger({ ledger, delta }: Reading, { charged, spent }: Account) {
    return table<Paid>(
      {
        name: "ledger",
        caption: `Every debit there ever was${delta === undefined ? "" : `, ε at δ = ${delta}`}`,
        columns: LEDGER,
        rows: ledger,
        foot: html`
          <tfoot role="rowgroup">
            <tr role="row">
              <th scope="row" role="rowheader">In all</th>
              <td role="cell"></td>
              <td role="cell"></td>
              <td role="cell" class="number" data-key="rho_trusted" data-head="ρ trusted">ρ ${rho(charged)}</td>
              <td role="cell"></td>
              <td role="cell" class="number" data-key="rho_alone" data-head="ρ alone">${loss(spent.alone)}</td>
              <td role="cell"></td>
            </tr>
          </tfoot>
        `,
      },
      this.#copy,
    );
  }

  #list(requests: readonly Explained[]) {
    const witness = this.#network?.witnessed
      ? "and by a Service Worker, which sees methods, headers and bodies, too"
      : "and, once this page is loaded again, by a Service Worker, where the site has registered this section's";
    const lists =
      `Listed by the browser for this page, by the browser for the device's worker, ${witness}. No list that a page can ` +
      "read has WebSocket (a Content Security Policy can forbid it), WebRTC, or what the browser fetches for itself.";
    return html`
      <p class="note">${lists}</p>
      ${
        requests.some(({ what }) => what === undefined)
          ? html`
              <p class="trouble" role="alert">Something here asked an address that nobody vouches for.</p>
            `
          : nothing
      }
      ${table<Explained>(
        {
          name: "requests",
          caption: `${count(requests.length, "request")}, in the order of their beginning`,
          columns: REQUESTS,
          rows: requests,
          shown: requests.filter(({ what }, place) => place < this.listed || what === undefined),
          loud: ({ what }) => what === undefined,
        },
        this.#copy,
      )}
      ${
        this.listed > FIRST || requests.length <= FIRST
          ? nothing
          : html`
              <button type="button" class="every" @click=${() => void this.#all()}>
                Show all ${requests.length} requests
              </button>
            `
      }
    `;
  }

  /** Lists all requests from here on: a few more in each frame, so that no click waits for a long table. */
  async #all(): Promise<void> {
    this.listed += FIRST;
    await this.updateComplete;
    // The button is gone: the keyboard's focus goes to the first row that came in its place.
    const first = this.renderRoot.querySelector<HTMLElement>(`[data-name="requests"] tr:nth-child(${FIRST + 1}) th`);
    first?.setAttribute("tabindex", "-1");
    first?.focus({ preventScroll: true });
    while (this.listed < this.#requests().length) {
      await new Promise((resolve) => requestAnimationFrame(resolve));
      this.listed += FIRST;
    }
    this.listed = Infinity;
  }

  #requests(): Explained[] {
    const { reading, asked } = this;
    const uploads = new Map<string, Set<string>>();
    for (const { sending, sha256 } of reading?.left ?? []) {
      uploads.set(sending.url, (uploads.get(sending.url) ?? new Set()).add(sha256));
    }
    const absolute = ([name, what]: [string, string]) => [plain(new URL(name, document.baseURI).href), what] as const;
    const grounds = {
      ...{ page: plain(location.href), markup: markupOf(document), asks: asked.asks, uploads, others: this.others },
      files: Object.fromEntries(Object.entries(this.files).map(absolute)),
    };
    // That a request has no explanation is known only once log and addresses were read after it.
    const judged = ({ time }: { time: number }) => reading !== undefined && time < reading.time;
    return (this.#network?.requests(asked.seen) ?? []).map((request) => {
      return { ...request, what: explain(request, grounds) ?? (judged(request) ? undefined : JUST_NOW) };
    });
  }

  #whole(reading: Reading, requests: readonly Explained[]): string {
    const { status, ledger, account, left, round, delta, statement } = reading;
    const log = left.map(({ sending: { noised: _, ...sending }, sha256, fields }) => ({ ...sending, sha256, fields }));
    return jsonOf({ status, round, delta, ...account, year: this.year, ledger, log, statement, requests });
  }

  readonly #copy = (caption: string, json: string): void => {
    // A screen reader announces a text again only if it changes.
    const say = (text: string) => (this.said = this.said === text ? `${text} ` : text);
    navigator.clipboard.writeText(json).then(
      () => say(`Copied as JSON: ${caption}.`),
      () => say("The browser does not let this page copy."),
    );
  };

  readonly #setOpen = (key: string, open: boolean): void => {
    if (this.open.has(key) === open) return;
    const next = new Set(this.open);
    if (open) next.add(key);
    else next.delete(key);
    this.open = next;
  };

  readonly #line = (): void => void (this.offline = !navigator.onLine);

  /** The latest upload is unfolded when it appears; after that the reader folds it. */
  #unfold({ left }: Reading): void {
    const last = left.at(-1);
    const key = last ? `${last.sending.time} ${last.sending.id}` : "";
    if (!last || key === this.#latest) return;
    this.#setOpen(this.#latest, false);
    this.#latest = key;
    this.#setOpen(key, true);
  }

  #setVisible(seen: boolean): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    if (!seen) return;
    this.#timer = setInterval(() => void this.#poll(), POLL_MS);
    void this.#poll();
  }

  async #poll(): Promise<void> {
    const { personalizer } = this;
    if (!personalizer || this.#isPolling || this.#timer === undefined || document.hidden) return;
    this.#isPolling = true;
    try {
      const version = await versionOf(personalizer);
      const late = this.#requests().some(({ what }) => what === JUST_NOW);
      if (version !== this.#version || !this.reading || this.trouble || late) await this.read();
    } catch (error) {
      if (this.personalizer === personalizer) this.trouble = troubleOf(error);
    } finally {
      this.#isPolling = false;
    }
  }

  #clear(): void {
    this.reading = this.year = undefined;
    this.asked = { asks: {}, seen: [] };
    this.open = new Set();
    this.said = this.trouble = this.#version = this.#latest = "";
    this.offline = false;
  }
}

async function yearOf({ audit }: Personalizer, reading: Reading): Promise<Year | undefined> {
  const projection = projectionOf(reading);
  if (!projection) return undefined;
  const { delta } = reading;
  const at = async (rho: number) => ({
    rho,
    epsilon: delta ? await audit.epsilon(rho, delta).catch(() => undefined) : undefined,
  });
  const { nothing, anyOther, alone } = projection;
  return { projection, nothing: await at(nothing), anyOther: await at(anyOther), alone: await at(alone) };
}

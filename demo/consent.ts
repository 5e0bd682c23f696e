// What the visitor is asked first, and what this page cannot do here.

import { html, nothing } from "lit";
import { model } from "./model.ts";
import { sentence } from "./words.ts";
import { View } from "./view.ts";

export class ConsentCard extends View {
  override render() {
    const { status, declined } = model;
    if (!status || status.consent.personalise || status.consent.contribute) return nothing;
    const learn = () => model.consent({ personalise: true });
    if (declined) {
      return html`<p class="asked-before">
        Nothing is learnt from you. <button class="link" @click=${learn}>Let this feed learn</button>
      </p>`;
    }
    const both = () => model.consent({ personalise: true, contribute: true });
    const keeps = status.storage !== "memory";
    return html`<section class="consent" aria-labelledby="consent-title">
      <h2 id="consent-title">Two questions before it learns</h2>
      <dl>
        <div>
          <dt>May this feed learn from what you open, like and hide?</dt>
          <dd>It is remembered in this browser, sealed, and orders your feed. It is never sent.</dd>
        </div>
        <div>
          <dt>May this device contribute to everybody’s ranking?</dt>
          <dd>
            A contribution is one short list of numbers, cut to a fixed length, covered with noise and split between two
            servers. A ledger here limits all that this device ever gives away.
          </dd>
        </div>
      </dl>
      <p class="choices">
        ${keeps ? html`<button class="primary" @click=${both}>Yes to both</button>` : nothing}
        <button @click=${learn}>Learn, but send nothing</button>
        <button @click=${() => model.decline()}>Neither</button>
      </p>
      <p class="quiet">You can change your mind, and erase everything, under <a href="#knows">What it knows</a>.</p>
    </section>`;
  }
}

/** Sentences about what does not work here, and what still does. */
export class Notices extends View {
  readonly #look = () => this.requestUpdate();

  override connectedCallback(): void {
    super.connectedCallback();
    addEventListener("online", this.#look);
    addEventListener("offline", this.#look);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    removeEventListener("online", this.#look);
    removeEventListener("offline", this.#look);
  }

  override render() {
    const line = ({ code, text }: Notice) => html`<p class="notice" data-code=${code}>${text}</p>`;
    return html`<div role="status">${notices().map(line)}</div>`;
  }
}

interface Notice {
  code: string;
  text: string;
}

/** What to say about a refusal, where its message does not say what still works. */
const ADVICE: Record<string, string> = {
  "server-unreachable":
    "The leader does not answer. Reading, ordering and forgetting go on; what was to be sent waits here, paid for once.",
  "helper-unreachable":
    "The leader answers, but the helper does not. An upload counts only when both hold their half: it waits here, paid " +
    "for once. Reading, ordering and forgetting go on.",
  "round-pending": "No round is open at this moment. Reading, ordering and forgetting go on.",
  "budget-exhausted":
    "This device has spent its lifetime budget. It contributes nothing more, and that is meant for good.",
  "storage-evictable":
    "The browser may delete the ledger, and with it the count of what was spent: so nothing is contributed.",
  "storage-unavailable": "Without a ledger that lasts nothing is contributed. Reading and ordering go on.",
  "ledger-damaged":
    "The ledger on this device cannot be read, so nothing more is ever contributed from it. Reading, ordering and " +
    "forgetting go on.",
  "ledger-rolled-back":
    "An older ledger was put in the place of this one, or it was cleared: this tab contributes nothing more.",
};

function notices(): Notice[] {
  const { status, trouble } = model;
  const found: Notice[] = [];
  if (!navigator.onLine) {
    found.push({
      code: "offline",
      text: "You are offline. The feed learns, orders and forgets as before; contributions wait.",
    });
  }
  if (status?.storage === "memory") {
    found.push({
      code: "memory",
      text: "This window keeps nothing: what is learnt here ends with it, and nothing is ever contributed from it.",
    });
  }
  if (status && !["new", "restored"].includes(status.profile)) {
    found.push({
      code: status.profile,
      text: "The stored profile cannot be read, and the feed begins anew. Forget everything, and it is stored again.",
    });
  }
  if (status?.refused === "ledger-damaged" && trouble?.code !== status.refused) {
    found.push({ code: status.refused, text: ADVICE[status.refused] ?? "" });
  }
  if (trouble) {
    const { code, message } = trouble;
    found.push({ code: code || "error", text: ADVICE[code] ?? sentence(message) });
  }
  return found;
}

customElements.define("demo-consent", ConsentCard);
customElements.define("demo-notices", Notices);

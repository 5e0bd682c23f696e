// A preview of the next contribution, computed while it is open: gradient, clipped gradient, noise. It is kept in this element's
// fields and nowhere else.

import type { Fields, Personalizer, Preview } from "privet";
import { css, html, LitElement, nothing } from "lit";
import { bytesOf, count, epsilon, moment, rho, short, whole } from "./format.ts";
import type { Line } from "./plot.ts";
import { style } from "./style.ts";

/** The stages in units of the head. */
interface Stages {
  time: number;
  preview: Preview;
  round: Fields;
  epsilon: number;
  gradient: Float32Array;
  clipped: Float64Array;
  noised: Float64Array;
}

type Stage = "gradient" | "clipped" | "noised";

const DRAWN: Record<Stage, Omit<Line, "values">> = {
  noised: { name: "noised", colour: "server", width: 0 },
  gradient: { name: "gradient", colour: "quiet", width: 3 },
  clipped: { name: "clipped", colour: "ours", width: 1.25 },
};

export class DryRun extends LitElement {
  static override properties = {
    personalizer: { attribute: false },
    stages: { state: true },
    absent: { state: true },
    stretched: { state: true },
    busy: { state: true },
    trouble: { state: true },
  };
  static override styles = [
    style,
    css`
      :host {
        display: grid;
        gap: var(--_3);
        align-content: start;
      }
      .finding {
        text-wrap: balance;
      }
    `,
  ];

  declare personalizer: Personalizer | undefined;
  declare private stages: Stages | undefined;
  declare private absent: ReadonlySet<Stage>;
  declare private stretched: boolean;
  declare private busy: boolean;
  declare private trouble: string;

  constructor() {
    super();
    this.absent = new Set();
    this.stretched = false;
    this.busy = false;
    this.trouble = "";
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#drop();
    this.personalizer = undefined;
  }

  override render() {
    const { stages, busy, trouble } = this;
    return html`
      <h3>A dry run</h3>
      <p class="note">
        What the next contribution is before it is noised: computed here at this moment, for your eyes. It debits
        nothing, sends nothing and is stored nowhere; when you close it, it is gone.
      </p>
      <p class="actions">
        <button type="button" class="primary" ?disabled=${!this.personalizer} aria-disabled=${busy} @click=${() => busy || void this.#run()}>
          ${stages ? "Run again" : "Run it now"}
        </button>
        ${
          stages
            ? html`
                <button type="button" @click=${this.#close}>Close</button>
              `
            : nothing
        }
      </p>
      ${
        trouble
          ? html`
              <p class="trouble">${trouble}</p>
            `
          : nothing
      }
      ${stages ? this.#shown(stages) : nothing}
    `;
  }

  #shown({ time, preview, round, epsilon: at, gradient, clipped, noised }: Stages) {
    const values = { gradient, clipped, noised };
    const lines = (Object.keys(DRAWN) as Stage[])
      .filter((stage) => !this.absent.has(stage))
      .map((stage) => ({ ...DRAWN[stage], values: values[stage] }));
    const scale = Number(round["grid-scale"]);
    const [before, after] = [norm(gradient), norm(clipped)];
    const deviation = preview.deviation / scale;
    // The noise's expected norm, by the deviation that would be paid for, and not by this draw.
    const times = after > 0 ? (deviation * Math.sqrt(gradient.length)) / after : undefined;
    const said =
      `Gradient, clipped and noised vector of ${whole(gradient.length)} parameters on one axis. ` +
      `Lengths: ${short(before)}, ${short(after)}, ${short(norm(noised))}.`;
    return html`
      <fieldset class="switches">
        <legend class="unseen">What is drawn</legend>
        ${(["gradient", "clipped", "noised"] as const).map(
          (stage) => html`
            <label>
              <input
                type="checkbox"
                .checked=${!this.absent.has(stage)}
                @change=${() => (this.absent = turned(this.absent, stage))} />
              <span class="swatch ${stage}"></span>
              ${stage}
            </label>
          `,
        )}
        <label>
          <input type="checkbox" .checked=${this.stretched} @change=${() => (this.stretched = !this.stretched)} />
          stretched near zero
        </label>
      </fieldset>
      <privet-plot
        .lines=${lines}
        .label=${said}
        .unit=${"units of the head"}
        .stretched=${this.stretched ? Math.max(before, deviation) / Math.sqrt(gradient.length) / 8 : undefined}></privet-plot>
      <p class="finding">
        ${
          times === undefined
            ? html`
                There is nothing new to contribute: the vector is zero, and the noise is all that would leave.
              `
            : html`
                The noise is
                <strong>${short(times)} times</strong>
                as long as what it covers.
              `
        }
      </p>
      <dl class="stages">
        <div>
          <dt>Gradient</dt>
          <dd>${count(preview.examples, "example")}, length ${short(before)}</dd>
        </div>
        <div>
          <dt>Clipped</dt>
          <dd>length ${short(after)}, at most ${short(Number(round["clip-norm"]))}</dd>
        </div>
        <div>
          <dt>Noise</dt>
          <dd>deviation ${short(deviation)}, ${whole(preview.deviation)} grid units</dd>
        </div>
        <div>
          <dt>Would leave</dt>
          <dd>${bytesOf(preview.uploadBytes)}, sealed</dd>
        </div>
        <div>
          <dt>Would cost</dt>
          <dd>
            ρ ${rho(preview.rho)}
            <span class="epsilon">ε ${epsilon(at)}</span>
            ${Number.isFinite(preview.rhoLeft) ? `of ${rho(preview.rhoLeft)} left` : nothing}
          </dd>
        </div>
      </dl>
      <p class="note">Computed ${moment(time)}. The noise shown is a draw of its own; no contribution ever uses it.</p>
    `;
  }

  async #run(): Promise<void> {
    const { personalizer } = this;
    if (!personalizer) return;
    this.busy = true;
    this.trouble = "";
    try {
      const { audit } = personalizer;
      const preview = await audit.preview();
      const round = await audit.inspect("round");
      const at = await audit.epsilon(preview.rho, Number(round["delta"]));
      // Closed or taken away meanwhile.
      if (this.personalizer !== personalizer || !this.isConnected) return forget(preview);
      this.#drop();
      this.stages = stagesOf(preview, round, at);
      this.#say(`The dry run is here: computed from ${count(preview.examples, "example")}, stored nowhere.`);
    } catch (error) {
      this.trouble = `There is no dry run at this moment: ${(error as Error).message}.`;
      this.#say(this.trouble);
    } finally {
      this.busy = false;
    }
  }

  readonly #close = (): void => {
    this.#drop();
    this.renderRoot.querySelector("button")?.focus();
    this.#say("The dry run is closed, and nothing of it is left.");
  };

  #drop(): void {
    if (!this.stages) return;
    const { preview, gradient, clipped, noised } = this.stages;
    forget(preview);
    for (const stage of [gradient, clipped, noised]) stage.fill(0);
    this.stages = undefined;
  }

  #say(text: string): void {
    this.dispatchEvent(new CustomEvent("said", { detail: text }));
  }
}

function stagesOf(preview: Preview, round: Fields, epsilon: number): Stages {
  const { gradient, clipped, noise } = preview;
  const scale = Number(round["grid-scale"]);
  return {
    ...{ time: Date.now(), preview, round, epsilon },
    gradient: gradient.slice(),
    clipped: Float64Array.from(clipped, (entry) => entry / scale),
    noised: Float64Array.from(clipped, (entry, n) => (entry + (noise[n] ?? 0)) / scale),
  };
}

function forget({ gradient, clipped, noise }: Preview): void {
  for (const stage of [gradient, clipped, noise]) stage.fill(0);
}

const norm = (values: Float32Array | Float64Array): number => {
  let square = 0;
  for (const value of values) square += value * value;
  return Math.sqrt(square);
};

function turned<T>(set: ReadonlySet<T>, part: T): ReadonlySet<T> {
  const next = new Set(set);
  if (!next.delete(part)) next.add(part);
  return next;
}

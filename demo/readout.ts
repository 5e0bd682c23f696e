// What was measured on this device, just now.

import { html, nothing } from "lit";
import type { Interval } from "privet";
import type uPlot from "uplot";
import { model } from "./model.ts";
import { plot } from "./plot.ts";
import { count, ms } from "./words.ts";
import { View } from "./view.ts";

export class Readout extends View {
  #plot: uPlot | undefined;
  /** What the plot shows: a history, at a width. */
  #drawn: { history: unknown; width: number } | undefined;
  readonly #dark = matchMedia("(prefers-color-scheme: dark)");
  readonly #themed = () => {
    this.#drawn = undefined;
    this.#draw();
  };
  readonly #sized = new ResizeObserver(() => this.#draw());

  override connectedCallback(): void {
    super.connectedCallback();
    this.#dark.addEventListener("change", this.#themed);
    this.#sized.observe(this);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#dark.removeEventListener("change", this.#themed);
    this.#sized.disconnect();
  }

  override updated(): void {
    this.#draw();
  }

  #draw(): void {
    const into = this.querySelector<HTMLElement>(".plot");
    const [width, { history }] = [into?.clientWidth ?? 0, model];
    if (!into || width === 0 || (this.#drawn?.history === history && this.#drawn.width === width)) return;
    this.#plot?.destroy();
    this.#plot = plot(into, history);
    this.#drawn = { history, width };
  }

  override render() {
    const { status, measured, report, history } = model;
    if (!status || !measured) return nothing;
    const { server, personal } = report ?? {};
    const { steps, trainingMs, backend } = status;
    const stories = count(measured.stories, "story", "stories");
    return html`<h2>Measured here</h2>
      <dl class="figures">
        ${figure("Ordering", ms(measured.rerankMs), `for ${stories}, in a worker`)}
        ${steps ? figure("Learning", ms(trainingMs / steps), `a step, over ${count(steps, "step")}`) : nothing}
        ${measured.answerMs ? figure("From a click to a new order", ms(measured.answerMs), "with learning") : nothing}
        ${figure("Gradients", backend === "webgpu" ? "WebGPU" : "CPU", computes())}
      </dl>
      <h3>Which order does better</h3>
      ${
        history.length
          ? html`<div class="plot" role="img" aria-label=${inWords(server, personal)}></div>
              <p class="legend">
                <span class="server">the server’s ${short(server)}</span>
                <span class="ours">yours ${short(personal)}</span>
              </p>
              <p class="note">
                Of the orders that had both in turn, the part from which you chose more of the one or the other: one half
                each by chance. The bands hold the truth nineteen times in twenty.
              </p>`
          : html`<p class="note">${waiting()}</p>`
      }`;
  }
}

function waiting() {
  if (!model.status?.consent.personalise) return "Nothing is compared before you agree to learning.";
  if (!model.compares) {
    const address = location.search ? `${location.search}&compare` : "?compare";
    return html`Your order is shown as it is. <a href=${address}>Have both in turn</a>, and see from which you choose.`;
  }
  return "The first point is drawn when some six orders were on your screen, and something was chosen from the first.";
}

function computes() {
  const { gpu, wantsGpu, status } = model;
  if (!gpu) return "no WebGPU here: the CPU computes, with the same results";
  if (status?.backend === "webgpu") return "tried, and right";
  if (status?.shaders) return `WebGPU was tried, and left: ${status.shaders.replaceAll("-", " ")}`;
  if (wantsGpu) return "until WebGPU is needed";
  return html`quick enough for what there is; <a href="?webgpu">by WebGPU</a>`;
}

const figure = (name: string, value: string, more: unknown) =>
  html`<div><dt>${name}</dt><dd>${value} <span>${more}</span></dd></div>`;

const short = (interval?: Interval) => (interval ? interval.estimate.toFixed(2) : "–");

function inWords(server?: Interval, personal?: Interval): string {
  const words = (name: string, part?: Interval) =>
    part ? `${name} ${short(part)}, between ${part.low.toFixed(2)} and ${part.high.toFixed(2)}` : `${name} unknown`;
  return `Won in turn: ${words("the server’s order", server)}; ${words("yours", personal)}.`;
}

customElements.define("demo-readout", Readout);

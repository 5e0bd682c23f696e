// What all elements of the page have in common: they show the model, in the page's own style.

import { html, LitElement } from "lit";
import { model } from "./model.ts";

export abstract class View extends LitElement {
  readonly #update = () => this.requestUpdate();

  /** Not in a shadow: labels, styles and links are the page's. */
  protected override createRenderRoot(): this {
    return this;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    model.addEventListener("change", this.#update);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    model.removeEventListener("change", this.#update);
  }
}

const icon = (path: string, kind: "drawn" | "filled" = "drawn") =>
  html`<svg class="icon" viewBox="0 0 24 24" aria-hidden="true"><path class=${kind} d=${path} /></svg>`;

const HEART = "M12 20s-7-4.6-7-10a4 4 0 0 1 7-2.6A4 4 0 0 1 19 10c0 5.4-7 10-7 10Z";
export const heart = (filled = false) => icon(HEART, filled ? "filled" : "drawn");
export const cross = () => icon("M6 6l12 12M18 6 6 18");
export const play = () => icon("M8 5v14l11-7Z", "filled");
export const check = () => icon("M5 12.5l4.5 4.5L19 7.5");

/** A share from 0 to 1 as a bar. */
export const bar = (share: number) =>
  html`<svg class="bar" viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true">
    <rect class="track" width="100" height="6" /><rect class="part" width=${100 * share} height="6" />
  </svg>`;

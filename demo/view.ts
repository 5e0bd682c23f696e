// The base of all elements: it renders when the model changes, without a shadow root, and keeps the keyboard's focus.

import { html, LitElement, type PropertyValues } from "lit";
import { model } from "./model.ts";

const FOLLOWS = Node.DOCUMENT_POSITION_FOLLOWING;

export abstract class View extends LitElement {
  /** A change may remove or move what has the focus: then the nearest row gets it, and not the page's beginning. */
  protected override update(changed: PropertyValues): void {
    const at = document.activeElement as HTMLElement;
    const place = at !== this && this.contains(at) ? this.#placeOf(at) : undefined;
    super.update(changed);
    if (place !== undefined && document.activeElement !== at) this.#near(at, place)?.focus({ preventScroll: true });
  }

  #rows(): HTMLElement[] {
    return [...this.querySelectorAll<HTMLElement>("[data-key]")];
  }

  /** The index of the row that it stands in, or before. */
  #placeOf(at: HTMLElement): number {
    const isBefore = (row: HTMLElement) => row.compareDocumentPosition(at) & FOLLOWS && !row.contains(at);
    return this.#rows().filter(isBefore).length;
  }

  /** The same element if it is still there; else a button of the nearest row; else the section's title. */
  #near(at: HTMLElement, place: number): HTMLElement | null | undefined {
    if (at.isConnected) return at;
    const rows = this.#rows();
    const nearest = [...rows.slice(place), ...rows.slice(0, place).reverse()];
    const button = nearest.map((row) => row.querySelector("button")).find((button) => button);
    return button ?? this.closest("section")?.querySelector("h1");
  }

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

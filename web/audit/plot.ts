// A plot of a vector, entry by entry, in the colours of the page. It keeps no number once it is removed.

import { css, html, LitElement, type PropertyValues } from "lit";
import uPlot from "uplot";

/** The part that a colour plays; the section's style says which it is. */
export type Colour = "ours" | "server" | "quiet" | "faint";

/** How a line is drawn. */
export interface Line {
  name: string;
  colour: Colour;
  values: ArrayLike<number>;
  /** Dots, or a line of this width. */
  width: number;
}

const HEIGHT = 300;
const FONT = "12px system-ui, sans-serif";

export class Plot extends LitElement {
  static override properties = {
    lines: { attribute: false },
    label: {},
    unit: {},
    /** Under this a scale is linear, and logarithmic over it; nothing for a linear one. */
    stretched: { attribute: false },
  };
  // What uPlot lays out by; its own sheet has more than this plot uses.
  static override styles = css`
    :host {
      display: block;
      min-width: 0;
    }
    i {
      display: none;
    }
    .ours {
      color: var(--plot-ours);
    }
    .server {
      color: var(--plot-server);
    }
    .quiet {
      color: var(--plot-quiet);
    }
    .faint {
      color: var(--plot-line);
    }
    .uplot,
    .u-wrap {
      position: relative;
      width: 100%;
    }
    .u-over,
    .u-under {
      position: absolute;
    }
    canvas {
      display: block;
      width: 100%;
      height: 100%;
    }
    .u-legend,
    .u-title,
    .u-select,
    .u-cursor-x,
    .u-cursor-y,
    .u-cursor-pt {
      display: none;
    }
  `;

  declare lines: Line[];
  declare label: string;
  declare unit: string;
  declare stretched: number | undefined;
  #plot: uPlot | undefined;
  readonly #size = new ResizeObserver(() => this.#plot?.setSize({ width: this.clientWidth, height: HEIGHT }));
  readonly #dark = matchMedia("(prefers-color-scheme: dark)");

  constructor() {
    super();
    this.lines = [];
    this.label = this.unit = "";
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.#size.observe(this);
    this.#dark.addEventListener("change", this.#draw);
    if (this.hasUpdated) this.#draw();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#size.disconnect();
    this.#dark.removeEventListener("change", this.#draw);
    this.#plot?.destroy();
    this.#plot = undefined;
    this.lines = [];
  }

  override updated(changed: PropertyValues): void {
    if (["lines", "unit", "stretched"].some((name) => changed.has(name))) this.#draw();
  }

  override render() {
    return html`
      <i class="ours"></i>
      <i class="server"></i>
      <i class="quiet"></i>
      <i class="faint"></i>
      <div role="img" aria-label=${this.label}></div>
    `;
  }

  readonly #draw = (): void => {
    this.#plot?.destroy();
    this.#plot = undefined;
    const place = this.renderRoot.querySelector("div");
    const length = this.lines[0]?.values.length ?? 0;
    if (!place || length === 0) return;
    // A canvas reads no custom properties: each is resolved by an element that has it as its colour.
    const colour = (name: Colour) => getComputedStyle(this.renderRoot.querySelector(`.${name}`) ?? this).color;
    const least = this.stretched;
    const axis = {
      stroke: colour("quiet"),
      grid: { stroke: colour("faint"), width: 1 },
      ticks: { stroke: colour("faint"), width: 1, size: 4 },
      font: FONT,
      labelFont: FONT,
      labelSize: 20,
    };
    const options: uPlot.Options = {
      width: this.clientWidth,
      height: HEIGHT,
      legend: { show: false },
      cursor: { show: false },
      scales: {
        x: { time: false },
        y: { range: around, ...(least ? { distr: 4, asinh: least } : {}) },
      },
      axes: [
        { ...axis, label: "parameter of the head" },
        {
          ...axis,
          label: this.unit,
          size: 58,
          ...(least
            ? {
                splits: (_: uPlot, __: number, low: number, high: number) => decades(least, low, high),
                filter: (_: uPlot, splits: number[]) => splits,
              }
            : {}),
          values: (_, splits) => splits.map((value) => (value === null ? "" : tick(value))),
        },
      ],
      series: [
        {},
        ...this.lines.map(({ name, colour: property, width }) => ({
          label: name,
          stroke: colour(property),
          width,
          ...(width === 0
            ? { paths: () => null, points: { show: true, size: 4, width: 0, fill: colour(property) } }
            : { points: { show: false } }),
        })),
      ],
    };
    const places = Float64Array.from({ length }, (_, n) => n);
    const data = [places, ...this.lines.map(({ values }) => values)] as unknown as uPlot.AlignedData;
    this.#plot = new uPlot(options, data, place);
  };
}

/** A range as far below zero as above it. */
function around(_: uPlot, low: number | null, high: number | null): [number, number] {
  const most = 1.08 * Math.max(Math.abs(low ?? 0), Math.abs(high ?? 0)) || 1;
  return [-most, most];
}

/** Ticks of a symmetric logarithmic scale: steps of a thousand, both ways, from where it is no longer linear. */
function decades(least: number, low: number, high: number): number[] {
  const powers = [-3, -2, -1, 0, 1, 2, 3].map((power) => 10 ** power).filter((value) => value >= least);
  const all = [...powers.map((value) => -value).reverse(), 0, ...powers];
  return all.filter((value) => value >= low && value <= high);
}

const tick = (value: number): string => {
  const size = Math.abs(value);
  return size !== 0 && (size < 1e-3 || size >= 1e5) ? value.toExponential(0) : Number(value.toPrecision(3)).toString();
};

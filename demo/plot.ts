// A plot of how both orders did, slate by slate: two lines with their 95 % confidence bands.

import type { Interval, Report } from "privet";
import uPlot from "uplot";

const HEIGHT = 168;

/** A number for each slate, or nothing. */
type Column = (number | null)[];

export function columnsOf(history: readonly Report[]): [number[], ...Column[]] {
  const part = (order: "server" | "personal", end: keyof Interval): Column =>
    history.map((report) => report[order]?.[end] ?? null);
  const both = (["server", "personal"] as const).flatMap((order) => [
    part(order, "estimate"),
    part(order, "high"),
    part(order, "low"),
  ]);
  return [history.map(({ slates }) => slates), ...both];
}

/** Draws into an element, in the colours that the page has now. */
export function plot(into: HTMLElement, history: readonly Report[]): uPlot {
  const [server, ours, quiet, line] = [
    colour(into, "--server"),
    colour(into, "--ours"),
    colour(into, "--quiet"),
    colour(into, "--line"),
  ];
  const points = { show: history.length < 2 };
  const edge = { stroke: "transparent", width: 0, points: { show: false } };
  const axis = {
    stroke: quiet,
    font: "12px system-ui, sans-serif",
    grid: { stroke: line, width: 1 },
    ticks: { show: false },
  };
  const faint = (stroke: string) => stroke.replace("rgb(", "rgba(").replace(")", ", 0.18)");
  const options: uPlot.Options = {
    width: Math.max(into.clientWidth, 200),
    height: HEIGHT,
    legend: { show: false },
    cursor: { show: false },
    padding: [null, 8, null, null],
    scales: { x: { time: false }, y: { range: [0, 1] } },
    axes: [
      { ...axis, size: 28, space: 48, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500] },
      { ...axis, size: 34, incrs: [0.25, 0.5] },
    ],
    series: [{}, { stroke: server, width: 2, points }, edge, edge, { stroke: ours, width: 2, points }, edge, edge],
    bands: [
      { series: [2, 3], fill: faint(server) },
      { series: [5, 6], fill: faint(ours) },
    ],
  };
  return new uPlot(options, columnsOf(history) as uPlot.AlignedData, into);
}

/** A custom property's value: a canvas resolves none. */
function colour(into: HTMLElement, name: string): string {
  const probe = into.appendChild(document.createElement("span"));
  probe.style.color = `var(${name})`;
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}

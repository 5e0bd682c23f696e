// The layout of the element, wide, narrow and printed.

import { css } from "lit";

/** Of the section as a whole. */
export const layout = css`
  :host {
    container-type: inline-size;
  }
  .section {
    display: grid;
    gap: var(--_6);
  }
  .part {
    display: grid;
    gap: var(--_3);
    align-content: start;
    min-width: 0;
  }
  .opening {
    display: grid;
    gap: var(--_3);
  }
  .opening .sum {
    max-width: 48ch;
    font-size: var(--_large);
    line-height: 1.45;
    text-wrap: pretty;
  }
  @container (min-width: 62rem) {
    .beside {
      display: grid;
      grid-template-columns: minmax(0, 7fr) minmax(0, 5fr);
      gap: var(--_6);
      align-items: start;
    }
    .beside > privet-dry-run {
      position: sticky;
      top: var(--_4);
    }
  }
  .beside {
    display: grid;
    gap: var(--_6);
  }
  privet-dry-run {
    padding: var(--_4);
    border: 1px solid var(--_line);
    border-radius: 0.75rem;
    background: var(--_raised);
  }

  /* Uploads */
  .sendings > li {
    border-top: 1px solid var(--_line);
  }
  .sendings > li:last-child {
    border-bottom: 1px solid var(--_line);
  }
  summary {
    display: flex;
    flex-wrap: wrap;
    gap: 0.125rem var(--_2);
    padding-block: 0.375rem;
    list-style: none;
    cursor: pointer;
    font-size: var(--_small);
  }
  summary:hover {
    color: var(--_accent);
  }
  .sending > summary {
    column-gap: var(--_4);
    padding-block: var(--_3);
  }
  summary::-webkit-details-marker {
    display: none;
  }
  summary::before {
    content: "";
    flex: none;
    align-self: center;
    width: 0.4375rem;
    height: 0.4375rem;
    margin-inline: 0.125rem;
    border: solid var(--_quiet);
    border-width: 0 1.5px 1.5px 0;
    rotate: -45deg;
  }
  .sending > summary::before {
    margin-right: -0.375rem;
  }
  [open] > summary::before {
    rotate: 45deg;
  }
  .sending > summary .what {
    font-weight: 600;
  }
  .sending > summary > :not(.what, .answer) {
    color: var(--_quiet);
  }
  .sending > summary .answer {
    margin-inline-start: auto;
    color: var(--_server);
  }
  .sending > summary .answer.open {
    color: var(--_trouble);
  }
  .unfolded {
    display: grid;
    gap: var(--_3);
    min-width: 0;
    padding: var(--_1) 0 var(--_4);
  }
  .sending > .unfolded {
    gap: var(--_4);
    padding-left: var(--_4);
    border-left: 2px solid var(--_server);
    margin-bottom: var(--_5);
  }
  .sending details {
    border-top: 1px solid var(--_line);
    margin-block: calc(-1 * var(--_2));
  }
  .sending details + .tabled {
    margin-top: var(--_3);
  }
  .brief {
    font-size: var(--_tiny);
  }
  .legend {
    display: flex;
    flex-wrap: wrap;
    gap: var(--_1) var(--_4);
    font-size: var(--_tiny);
  }
  .legend .swatch {
    margin-right: 0.375rem;
    vertical-align: -0.0625rem;
  }
  .dump,
  .long {
    display: block;
    max-height: 17rem;
    overflow: auto;
    font: var(--_tiny) / 1.65 var(--_mono);
    white-space: normal;
    overflow-wrap: anywhere;
  }
  .long {
    max-height: 7.5rem;
  }
  .dump span {
    padding-block: 0.125rem;
    border-radius: 0.125rem;
    box-decoration-break: clone;
  }
  .dump {
    padding: var(--_3);
    border-radius: 0.375rem;
    background: color-mix(in oklab, var(--_ink) 4%, transparent);
  }
  .dump .frame {
    color: var(--_quiet);
  }
  .swatch.frame {
    background: none;
    box-shadow: inset 0 0 0 1px var(--_line);
  }
  .swatch.part-0,
  .dump .part-0 {
    background: color-mix(in oklab, var(--_ink) 14%, transparent);
  }
  .swatch.part-1,
  .dump .part-1 {
    background: color-mix(in oklab, var(--_accent) 26%, transparent);
  }
  .swatch.part-2,
  .dump .part-2 {
    background: color-mix(in oklab, var(--_server) 20%, transparent);
  }
  .swatch.part-3,
  .dump .part-3 {
    background: color-mix(in oklab, var(--_server) 46%, transparent);
  }

  /* Budget */
  meter {
    width: 100%;
    height: 0.625rem;
    border: 0;
    background: none;
    appearance: none;
  }
  meter::-webkit-meter-inner-element {
    display: block;
    height: 100%;
  }
  meter::-webkit-meter-bar {
    height: 100%;
    border: 0;
    border-radius: 0.3125rem;
    background: color-mix(in oklab, var(--_ink) 12%, transparent);
  }
  meter::-webkit-meter-optimum-value {
    border-radius: 0.3125rem;
    background: var(--_server);
  }
  meter::-moz-meter-bar {
    border-radius: 0.3125rem;
    background: var(--_server);
  }
  .statement {
    display: grid;
    gap: var(--_3);
    max-width: 72ch;
  }
  .statement p {
    text-wrap: pretty;
  }
  .statement b {
    font-weight: 650;
  }
  @container (min-width: 62rem) {
    .statement {
      max-width: none;
      columns: 2;
      column-gap: var(--_6);
      display: block;
    }
    .statement p {
      break-inside: avoid;
      margin-bottom: var(--_3);
    }
  }
  tfoot td,
  tfoot th {
    font-weight: 600;
  }
  [data-name="shares"] :is([data-key="share"], [data-key="part"]) {
    white-space: nowrap;
  }
  [data-name="requests"] :is([data-key="method"], [data-key="seen-by"]) {
    white-space: nowrap;
  }
  [data-name="requests"] [data-key="address"] {
    overflow-wrap: anywhere;
  }

  /* Narrow: a row becomes a few lines, each with its column's name. */
  @container (max-width: 44rem) {
    table:not(.facts) thead {
      position: absolute;
      width: 1px;
      height: 1px;
      overflow: hidden;
      clip-path: inset(50%);
    }
    table:not(.facts),
    table:not(.facts) :is(tbody, tfoot, tr, caption) {
      display: block;
    }
    table:not(.facts) :is(tr > *) {
      display: block;
      padding: 0.125rem 0;
      border: 0;
      text-align: start;
      white-space: normal;
      overflow-wrap: anywhere;
    }
    table:not(.facts) tr {
      padding-block: var(--_2);
      border-top: 1px solid var(--_line);
    }
    table:not(.facts) td[data-head] {
      position: relative;
      padding-left: 6.5rem;
    }
    table:not(.facts) td[data-head]::before {
      content: attr(data-head);
      position: absolute;
      left: 0;
      color: var(--_quiet);
      font-size: var(--_tiny);
    }
    table[data-name="requests"]:not(.facts) td {
      padding-left: 0;
    }
    table[data-name="requests"]:not(.facts) td:not([data-key="what"]) {
      display: inline-block;
      margin-right: var(--_3);
    }
    table[data-name="requests"]:not(.facts) td::before {
      content: attr(data-head) " ";
      position: static;
    }
    table[data-name="requests"]:not(.facts) td[data-key="what"]::before {
      content: none;
    }
    tr.loud {
      background: color-mix(in oklab, var(--_trouble) 12%, transparent);
    }
    tr.loud > * {
      background: none;
    }
    .facts th {
      width: 6.5rem;
      overflow-wrap: anywhere;
    }
    .sending > .unfolded {
      padding-left: var(--_3);
    }
  }

  /* The record */
  .record {
    display: none;
  }
  @media print {
    :host {
      container-type: normal;
      --_ink: #000;
      --_quiet: #333;
      --_paper: #fff;
      --_line: #bbb;
      --_trouble: #000;
    }
    .section {
      display: none;
    }
    .record {
      display: grid;
      gap: 0.5rem;
      color: #000;
      font:
        8.5pt / 1.35 system-ui,
        sans-serif;
      font-variant-numeric: tabular-nums;
    }
    .record h2 {
      font-size: 15pt;
      line-height: 1.2;
    }
    .record dl {
      display: grid;
      grid-template-columns: max-content 1fr;
      gap: 0.0625rem 0.75rem;
    }
    .record dt {
      color: #333;
    }
    .record table {
      font-size: inherit;
    }
    .record caption {
      padding: 0 0 0.125rem;
    }
    .record thead th {
      font-size: inherit;
    }
    .record :is(th, td) {
      padding: 0.125rem 0.5rem 0.125rem 0;
      border-top: 0.5pt solid #bbb;
      text-align: start;
    }
    .record code {
      color: #000;
      font-size: 6.5pt;
    }
    .record .statement {
      columns: 2;
      column-gap: 1rem;
      display: block;
      max-width: none;
      font-size: 7.5pt;
    }
    .record .statement p {
      margin-bottom: 0.25rem;
    }
  }
`;

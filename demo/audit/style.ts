// The look: the page's custom properties where it has them, quiet values of our own where it has none.

import { css } from "lit";

export const style = css`
  :host {
    --_ink: var(--ink, light-dark(#1b2420, #e6ece8));
    --_quiet: var(--quiet, color-mix(in oklab, var(--_ink) 68%, var(--_paper)));
    --_paper: var(--paper, light-dark(#fbfbf9, #121715));
    --_raised: var(--raised, light-dark(#fff, #1a211e));
    --_line: var(--line, color-mix(in oklab, var(--_ink) 16%, var(--_paper)));
    --_accent: var(--accent, light-dark(#2f6b4f, #7fc8a2));
    --_ours: var(--ours, light-dark(#2f6b4f, #7fc8a2));
    --_server: var(--server, light-dark(#9a5b13, #e0a963));
    --_trouble: var(--trouble, light-dark(#a3261f, #f2958f));
    --_1: var(--space-1, 0.25rem);
    --_2: var(--space-2, 0.5rem);
    --_3: var(--space-3, 0.75rem);
    --_4: var(--space-4, 1rem);
    --_5: var(--space-5, 1.5rem);
    --_6: var(--space-6, 2.5rem);
    --_small: var(--text-small, 0.875rem);
    --_tiny: var(--text-tiny, 0.8125rem);
    --_large: var(--text-large, 1.1875rem);
    --_mono: var(--mono, ui-monospace, "SFMono-Regular", "DejaVu Sans Mono", Consolas, monospace);
    /* For the canvas, which reads colours and not styles. */
    --plot-quiet: var(--_quiet);
    --plot-line: var(--_line);
    --plot-ours: var(--_ours);
    --plot-server: var(--_server);
    display: block;
    min-width: 0;
    color: var(--_ink);
    font-variant-numeric: tabular-nums;
  }
  * {
    box-sizing: border-box;
  }
  h2,
  h3,
  p,
  ol,
  ul,
  dl,
  dd,
  pre,
  fieldset {
    margin: 0;
    padding: 0;
  }
  ol,
  ul {
    list-style: none;
  }
  fieldset {
    border: 0;
  }
  h3 {
    font-size: var(--_large);
    line-height: 1.3;
    letter-spacing: -0.01em;
    text-wrap: balance;
  }
  code,
  pre {
    font-family: var(--_mono);
    font-size: 0.9em;
    overflow-wrap: anywhere;
  }
  code {
    color: var(--_quiet);
  }
  .note,
  .about,
  .quiet,
  .none {
    color: var(--_quiet);
  }
  .note {
    max-width: 64ch;
    font-size: var(--_small);
    text-wrap: pretty;
  }
  .about {
    display: block;
    margin-top: 0.125rem;
    font-size: var(--_tiny);
    font-weight: 400;
  }
  .unseen {
    position: absolute;
    width: 1px;
    height: 1px;
    overflow: hidden;
    clip-path: inset(50%);
    white-space: nowrap;
  }
  .actions {
    display: flex;
    flex-wrap: wrap;
    gap: var(--_2);
  }
  button {
    min-height: 2.25rem;
    padding: 0.25rem 0.875rem;
    border: 1px solid var(--_line);
    border-radius: 0.5rem;
    background: var(--_raised);
    color: inherit;
    font: inherit;
    font-size: var(--_small);
    cursor: pointer;
  }
  button:hover:enabled {
    border-color: var(--_accent);
  }
  button:disabled {
    opacity: 0.55;
    cursor: default;
  }
  button.primary {
    border-color: var(--_accent);
    background: var(--_accent);
    color: var(--_paper);
  }
  :focus-visible {
    outline: 2px solid var(--_accent);
    outline-offset: 2px;
  }
  .trouble {
    max-width: 64ch;
    padding-left: var(--_3);
    border-left: 3px solid var(--_trouble);
  }
  .epsilon {
    color: var(--_quiet);
    white-space: nowrap;
  }
  .swatch {
    display: inline-block;
    width: 0.75rem;
    height: 0.75rem;
    border-radius: 0.1875rem;
    background: var(--_line);
  }
  .swatch.gradient {
    background: var(--_quiet);
  }
  .swatch.clipped {
    background: var(--_ours);
  }
  .swatch.noised {
    background: var(--_server);
  }
  strong {
    font-weight: 650;
  }

  /* Tables */
  .tabled {
    position: relative;
    display: grid;
    gap: var(--_1);
    justify-items: start;
    min-width: 0;
  }
  table {
    width: 100%;
    border-collapse: collapse;
    font-size: var(--_small);
  }
  caption {
    padding: 0 7.5rem var(--_2) 0;
    text-align: start;
    font-weight: 600;
  }
  th,
  td {
    padding: var(--_2) var(--_4) var(--_2) 0;
    border-top: 1px solid var(--_line);
    text-align: start;
    vertical-align: top;
    font-weight: 400;
  }
  td:last-child,
  th:last-child {
    padding-right: 0;
  }
  thead th {
    padding-block: 0 var(--_1);
    border: 0;
    color: var(--_quiet);
    font-size: var(--_tiny);
  }
  .number {
    text-align: end;
    white-space: nowrap;
  }
  .number + :not(.number) {
    padding-left: var(--_3);
  }
  .facts th {
    width: 11rem;
    color: var(--_quiet);
  }
  .facts td {
    overflow-wrap: anywhere;
  }
  .copy {
    position: absolute;
    top: -0.25rem;
    right: 0;
    min-height: 1.75rem;
    padding: 0 0.5rem;
    border-color: transparent;
    background: none;
    color: var(--_quiet);
    font-size: var(--_tiny);
  }
  .copy:hover:enabled {
    color: var(--_ink);
  }
  tr.loud > * {
    border-top-color: var(--_trouble);
    background: color-mix(in oklab, var(--_trouble) 12%, transparent);
  }
  tr.loud .unexplained {
    color: var(--_trouble);
    font-weight: 700;
  }

  /* Plots and the dry run */
  .switches {
    display: flex;
    flex-wrap: wrap;
    gap: var(--_1) var(--_4);
    font-size: var(--_small);
  }
  .switches label {
    display: inline-flex;
    gap: 0.375rem;
    align-items: center;
    min-height: 1.75rem;
  }
  .switches input {
    margin: 0;
    accent-color: var(--_accent);
  }
  .stages {
    display: grid;
    font-size: var(--_small);
  }
  .stages div {
    display: grid;
    grid-template-columns: 6.5rem 1fr;
    gap: var(--_3);
    padding-block: 0.375rem;
    border-top: 1px solid var(--_line);
  }
  .stages dt {
    color: var(--_quiet);
  }

  @media (prefers-reduced-motion: no-preference) {
    button,
    summary {
      transition:
        border-color 0.15s,
        color 0.15s;
    }
  }
`;

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
    padding-block: 0.375rem;
    cursor: pointer;
    font-size: var(--_small);
  }
  summary:hover {
    color: var(--_accent);
  }
  .sending > summary {
    display: flex;
    flex-wrap: wrap;
    gap: 0.125rem var(--_4);
    padding-block: var(--_3);
    list-style: none;
  }
  .sending > summary::-webkit-details-marker {
    display: none;
  }
  .sending > summary::before {
    content: "";
    flex: none;
    align-self: center;
    width: 0.4375rem;
    height: 0.4375rem;
    margin-inline: 0.125rem -0.375rem;
    border: solid var(--_quiet);
    border-width: 0 1.5px 1.5px 0;
    rotate: -45deg;
  }
  .sending[open] > summary::before {
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
  [data-name="requests"] [data-key="seen-by"] {
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
    table[data-name="requests"]:not(.facts) td:not([data-key="what"], [data-key="seen-by"]) {
      display: inline-block;
      margin-right: var(--_4);
      padding-left: 0;
    }
    table[data-name="requests"]:not(.facts) td:not([data-key="what"], [data-key="seen-by"])::before {
      position: static;
      margin-right: var(--_1);
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

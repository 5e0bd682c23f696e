// Colours, spaces and type: the page's custom properties where it has them, else defaults of our own.

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
    --_small: var(--text-2, 0.875rem);
    --_tiny: var(--text-1, 0.8125rem);
    --_large: var(--text-4, 1.1875rem);
    --_mono: var(--font-code, ui-monospace, "SFMono-Regular", "DejaVu Sans Mono", Consolas, monospace);
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
  :is(button:disabled, button[aria-disabled="true"]) {
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
  .facts :is(th, td) {
    padding-block: var(--_1);
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
    right: -0.5rem;
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
  .every {
    margin-top: var(--_3);
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

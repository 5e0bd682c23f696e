// A hex dump with the decoded fields marked in it.

import type { Fields } from "privet";
import { html, type TemplateResult } from "lit";
import { bytesOf, grouped } from "./format.ts";

export interface Part {
  /** The field that stands here; nothing where it is the encoding's own. */
  name: string | undefined;
  bytes: Uint8Array;
  offset: number;
}

/** Cuts bytes where the fields begin and end; fields come in the order of their places. */
export function partsOf(bytes: Uint8Array, fields: Fields): Part[] {
  const parts: Part[] = [];
  let end = 0;
  const add = (name: string | undefined, from: number, to: number) => {
    if (to > from) parts.push({ name, bytes: bytes.subarray(from, to), offset: from });
    end = to;
  };
  for (const [name, field] of Object.entries(fields)) {
    if (!(field instanceof Uint8Array) || field.length === 0) continue;
    const place = placeOf(bytes, field, end);
    if (place === undefined) continue;
    add(undefined, end, place);
    add(name, place, place + field.length);
  }
  add(undefined, end, bytes.length);
  return parts;
}

function placeOf(bytes: Uint8Array, field: Uint8Array, from: number): number | undefined {
  for (let place = from; place + field.length <= bytes.length; place++) {
    if (field.every((byte, n) => bytes[place + n] === byte)) return place;
  }
  return undefined;
}

/** All of them, the fields told apart by colour and by the list above. */
export function dump(bytes: Uint8Array, fields: Fields | undefined): TemplateResult {
  const parts = partsOf(bytes, fields ?? {});
  const named = parts.filter(({ name }) => name);
  const kind = (part: Part) => (part.name ? `part-${named.indexOf(part)}` : "frame");
  return html`
    <ul class="legend" aria-label="Where each field stands in the bytes">
      ${named.map(
        (part) => html`
          <li>
            <span class="swatch ${kind(part)}"></span>
            ${part.name}
            <span class="quiet">bytes ${part.offset} to ${part.offset + part.bytes.length - 1}</span>
          </li>
        `,
      )}
      <li>
        <span class="swatch frame"></span>
        CBOR
        <span class="quiet">the frame around them</span>
      </li>
    </ul>
    <div class="dump" tabindex="0" role="region" aria-label=${`The body, ${bytesOf(bytes.length)} in hexadecimal`}>
      ${parts.map(
        (part) => html`
          <span class=${kind(part)} title=${part.name ?? "CBOR"}>${grouped(part.bytes)}</span>
        `,
      )}
    </div>
  `;
}

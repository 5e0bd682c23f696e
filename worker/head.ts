// A head that an application brings, as it is found.

import { refusal } from "./refusal.ts";
import { answerOf, bytesAt } from "./server.ts";

/** What is at an address, where that is no page and no refusal. */
export async function headAt(url: string): Promise<Uint8Array> {
  const bytes = await bytesAt(url).catch((error: unknown) => {
    const { status } = answerOf(error);
    const said = status === undefined ? "nobody answers" : `status ${status}`;
    throw refusal(status === undefined ? "server-unreachable" : "head-refused", `there is no head at ${url}: ${said}`);
  });
  return headIn(bytes, url);
}

/** An address that an application does not know is often answered with its page. */
export function headIn(bytes: Uint8Array, from: string): Uint8Array {
  const isText = /^\s*[<{]/.test(String.fromCharCode(...bytes.subarray(0, 16)));
  if (isText) throw refusal("head-refused", `${from} hold a page or a text and no head`);
  return bytes;
}

// Validation of arguments before they cross to the device. A refusal names the field and its value, and says what would do.

import type { Names } from "../../worker/protocol.ts";
import { PrivetError } from "./error.ts";
import type { Candidate, Interaction, Item, Request } from "./types.ts";

const DAY_MS = 24 * 60 * 60 * 1000;
/** Before this nobody recorded anything: it is a time in seconds, or none. */
const FIRST_MS = Date.UTC(2000, 0, 1);

/** Refuses a field: what it is, and what it has to be. */
export function refuse(field: string, value: unknown, must: string): never {
  throw new PrivetError("argument-refused", `${field} is ${told(value)}: ${must}`);
}

/** A store of the application's own is an object of its thread, and no worker could reach it. */
export function checkServe(serve: unknown, storage: unknown): void {
  if (serve !== undefined && typeof serve !== "function")
    refuse("worker", serve, "give `serve` of `privet/worker`, or leave it out");
  if (!serve && isObject(storage))
    refuse("storage", storage, "a store of your own wants `worker`, too: give `serve` of `privet/worker`");
}

export function checkCandidates(candidates: readonly Candidate[], names: Names | undefined): void {
  if (!Array.isArray(candidates)) refuse("candidates", candidates, "give an array of items");
  for (const [place, candidate] of candidates.entries()) {
    const at = `candidates[${place}]`;
    checkItem(candidate, at, names);
    if (!isNumber(candidate.score))
      refuse(`${at}.score`, candidate.score, "give the server's score as a finite number");
  }
}

/** The act, with its item and its time as they cross. */
export function checked(act: Interaction, names: Names): { item: Item; value: number; ms: number } {
  if (!isObject(act)) refuse("interaction", act, "give an object with a kind and an item");
  const { kind, item, value = 0, time, slate } = act;
  if (!names.kinds.includes(kind)) refuse("kind", kind, `the head's schema has ${list(names.kinds)}`);
  if (slate !== undefined && !isWhole(slate, 0)) refuse("slate", slate, "give the id of a slate, or leave it out");
  checkItem(item, "item", names, slate !== undefined);
  if (!isNumber(value) || value < 0) refuse("value", value, "give a finite number from 0, or leave it out");
  return { item: { embedding: [], ...item }, value, ms: timeOf(time) };
}

/** A clock may be wrong by much; a time counts at most a day beyond the device's. */
function timeOf(time: number | Date | undefined): number {
  const now = Date.now();
  const ms = time === undefined ? now : Number(time);
  if (!Number.isFinite(ms) || ms < FIRST_MS)
    refuse("time", time, "give a Date or milliseconds since 1970, or leave it out");
  return Math.min(ms, now + DAY_MS);
}

function checkItem(item: Partial<Item>, at: string, names: Names | undefined, bare = false): void {
  if (!isObject(item)) refuse(at, item, "give an item, an object with an id");
  const { id, embedding, attributes } = item;
  if (typeof id !== "string" || id === "") refuse(`${at}.id`, id, "give a text that is not empty");
  const isLeftOut = embedding === undefined && bare;
  if (!isLeftOut && !isNumbers(embedding))
    refuse(`${at}.embedding`, embedding, "give its numbers; the id is enough for an item of the slate that is named");
  if (!isLeftOut) checkDense(item, at, names);
  for (const [name, value] of Object.entries(attributes ?? {})) {
    checkAttribute(name, `${at}.attributes`, names);
    const values = [value].flat() as unknown[];
    if (value !== undefined && !values.every((value) => typeof value === "string"))
      refuse(`${at}.attributes.${name}`, value, "give a text, or several");
  }
}

function checkDense(item: object, at: string, names: Names | undefined): void {
  const dense = ((item as { dense?: unknown }).dense ?? {}) as Record<string, unknown>;
  for (const name of names?.dense ?? []) {
    if (!isNumber(dense[name])) refuse(`${at}.dense.${name}`, dense[name], "the head's schema wants a finite number");
  }
}

function checkAttribute(name: string, at: string, names: Names | undefined): void {
  if (names && !names.attributes.includes(name))
    throw new PrivetError(
      "attribute-unknown",
      `${at} names “${name}”: the head's schema has ${list(names.attributes)}`,
    );
}

export function checkRequest(request: Request, candidates: readonly Candidate[], names: Names | undefined): void {
  if (!isObject(request)) refuse("request", request, "give an object, or leave it out");
  const { limit, diversity = 0, rules = {} } = request;
  if (limit !== undefined && !isWhole(limit, 1))
    refuse("limit", limit, "give a whole number from 1, or leave it out for all");
  if (!isNumber(diversity) || diversity < 0 || diversity > 1)
    refuse("diversity", diversity, "give a number from 0 to 1");
  for (const [id, place] of Object.entries(rules.pins ?? {})) {
    if (!isWhole(place, 0)) refuse(`rules.pins[${told(id)}]`, place, "give the place, a whole number from 0");
    if (!candidates.some((candidate) => candidate.id === id))
      refuse("rules.pins", id, "no candidate has this id: leave the pin out");
  }
  for (const [name, most] of Object.entries(rules.caps ?? {})) {
    checkAttribute(name, "rules.caps", names);
    if (!isWhole(most, 0)) refuse(`rules.caps.${name}`, most, "give a whole number from 0");
  }
  if (!rules.freshness) return;
  const { age, under, bonus = 0, least = 0, within = 0 } = rules.freshness;
  if (names && !names.dense.includes(age))
    refuse("rules.freshness.age", age, `the numbers of the head's schema are ${list(names.dense)}`);
  for (const [name, value] of Object.entries({ under, bonus }))
    if (!isNumber(value)) refuse(`rules.freshness.${name}`, value, "give a finite number");
  for (const [name, value] of Object.entries({ least, within }))
    if (!isWhole(value, 0)) refuse(`rules.freshness.${name}`, value, "give a whole number from 0");
}

export function checkConsent(parts: unknown): void {
  if (!isObject(parts)) refuse("consent", parts, "give { personalise, contribute }, either or both of them");
  for (const [name, part] of Object.entries(parts as object)) {
    if (!["personalise", "contribute", "widen"].includes(name))
      refuse("consent", name, "there are personalise, contribute and widen");
    if (part !== undefined && typeof part !== "boolean") refuse(`consent.${name}`, part, "give true or false");
  }
}

const isObject = (it: unknown): boolean => typeof it === "object" && it !== null && !Array.isArray(it);
const isNumber = (it: unknown): it is number => typeof it === "number" && Number.isFinite(it);
const isNumbers = (it: unknown): boolean => Array.isArray(it) || (ArrayBuffer.isView(it) && "length" in it);
const isWhole = (it: unknown, from: number): boolean =>
  Number.isInteger(it) && (it as number) >= from && (it as number) < 2 ** 32;
const list = (names: readonly string[]): string => names.map((name) => `“${name}”`).join(", ") || "none";

/** A value as a message can name it, never long. */
function told(value: unknown): string {
  if (typeof value === "string") return `“${value.slice(0, 64)}”`;
  if (value === undefined) return "missing";
  if (value === null || ["number", "boolean", "bigint"].includes(typeof value)) return `${value}`;
  if (Array.isArray(value)) return "an array";
  if (value instanceof Date) return "a Date without a time";
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}

// What the application fixes, as the module takes it.

import type { Module } from "./module.ts";
import type { OpenOptions } from "./protocol.ts";

export const NO_BYTES = new Uint8Array();

/** A limit that is left out, or undefined, is the default's. */
export function termsOf(
  { Terms }: Pick<Module, "Terms">,
  { task, leader, policy }: OpenOptions,
): InstanceType<Module["Terms"]> {
  const terms = new Terms(task, leader?.keys.leader ?? NO_BYTES, leader?.keys.helper);
  const { lifetimeRho, rhoPerRound, rhoAlone, minCohort, maxCohort, maxDimension, maxDelta } = policy;
  const { minNoiseMultiplier, modes, waitMs, sessions, intervalMs, interleaveEvery } = policy;
  if (lifetimeRho !== undefined) terms.lifetimeRho = lifetimeRho;
  if (rhoPerRound !== undefined) terms.rhoPerRound = rhoPerRound;
  if (rhoAlone !== undefined && rhoAlone !== "none") terms.rhoAlone = rhoAlone;
  if (minCohort !== undefined) terms.minCohort = minCohort;
  if (maxCohort !== undefined) terms.maxCohort = maxCohort;
  if (maxDimension !== undefined) terms.maxDimension = maxDimension;
  if (maxDelta !== undefined) terms.maxDelta = maxDelta;
  if (minNoiseMultiplier !== undefined) terms.minNoiseMultiplier = minNoiseMultiplier;
  if (modes !== undefined) terms.allowModes(modes.includes("device"), modes.includes("split"));
  if (waitMs !== undefined) terms.waitMs = waitMs;
  if (sessions !== undefined) terms.sessions = sessions;
  if (intervalMs !== undefined) terms.intervalMs = intervalMs;
  if (interleaveEvery !== undefined) terms.interleaveEvery = interleaveEvery;
  return terms;
}

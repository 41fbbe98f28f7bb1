import type { RetentionRule } from './stored.ts';

// The reading of VCDA's words "numberOfInstances: the number of instances to store; distance: time (in min) between
// each two consequent stored instances":
//
// - The newest instance always stays, and a pinned one always stays. Neither is ever named here.
// - Going from the oldest forward, an instance is a *rest* of a rule when it is at least `distanceMinutes` younger than
//   the rest before it. A rule keeps the newest instance and the newest rests, `numberOfInstances` in all.
// - What no rule keeps is deleted. Without rules only the newest and the pinned ones stay.
//
// Why rests are found from the oldest forward: measured back from the newest, with a sync every 5 minutes and a
// distance of 60, each sync would delete the one before it (it is 5 minutes old) and nothing would ever get to be an
// hour old. Found from the oldest, a rest stays a rest at the next sync, and history builds up. The choice costs this
// much: between the newest and the rest before it may lie less than the distance.

/** What retention needs to know of an instance. */
export interface RetainedInstance {
  id: string;
  createdAt: Date;
  isPinned: boolean;
}

/** Which instances the rules no longer keep, oldest first. */
export function instancesToDelete<Instance extends RetainedInstance>(
  instances: readonly Instance[],
  rules: readonly RetentionRule[],
): Instance[] {
  const oldestFirst = instances.toSorted(
    (a, b) => a.createdAt.getTime() - b.createdAt.getTime() || (a.id < b.id ? -1 : 1),
  );
  const newest = oldestFirst.at(-1);
  const kept = new Set<Instance>(oldestFirst.filter((instance) => instance.isPinned || instance === newest));
  for (const rule of rules) {
    const rests = restsOf(oldestFirst, rule.distanceMinutes * 60_000).filter((instance) => instance !== newest);
    const wanted = Math.max(0, rule.numberOfInstances - 1);
    for (const instance of rests.slice(Math.max(0, rests.length - wanted))) kept.add(instance);
  }
  return oldestFirst.filter((instance) => !kept.has(instance));
}

function restsOf<Instance extends RetainedInstance>(oldestFirst: readonly Instance[], distanceMs: number): Instance[] {
  const rests: Instance[] = [];
  for (const instance of oldestFirst) {
    const last = rests.at(-1);
    if (!last || instance.createdAt.getTime() - last.createdAt.getTime() >= distanceMs) rests.push(instance);
  }
  return rests;
}

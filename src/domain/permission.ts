import { ForbiddenError } from './error.ts';
import type { Role, Viewer } from './viewer.ts';

/** Refuses viewers who may not act on machines and replications. `doing` completes the sentence "You may not …". */
export function requireOperator(viewer: Viewer, doing: string): void {
  requireRole(viewer, ['ADMINISTRATOR', 'OPERATOR'], doing);
}

/** Refuses viewers who may not change sites and providers. */
export function requireAdministrator(viewer: Viewer, doing: string): void {
  requireRole(viewer, ['ADMINISTRATOR'], doing);
}

// Asked before any object is looked up, so that the answer says nothing about what exists.
function requireRole(viewer: Viewer, allowed: readonly Role[], doing: string): void {
  if (viewer.roles.some((role) => allowed.includes(role))) return;
  throw new ForbiddenError(
    `You may not ${doing}: it needs the role ${allowed.join(' or ')}, and ${viewer.username} has ${viewer.roles.join(', ') || 'none'}.`,
  );
}

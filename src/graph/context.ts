import type { Domain } from '../domain/context.ts';
import type { Viewer } from '../domain/viewer.ts';
import type { EventReader } from '../events/event.ts';
import { unauthenticated } from './refusal.ts';

/** How one part of the service fares. */
export const healthStatuses = ['OK', 'DEGRADED', 'FAILED'] as const;
export type HealthStatus = (typeof healthStatuses)[number];

/** One part of the service, looked at just now. `message` says what is wrong and what to do; null when all is well. */
export interface HealthCheck {
  name: string;
  status: HealthStatus;
  message: string | null;
}

/** What every resolver is given: made by the server for each operation. */
export interface GraphContext {
  domain: Domain;
  events: EventReader;
  /** Who asks; null without a valid session. */
  viewer: Viewer | null;
  requestId: string;
  /** The caller's own id of the operation, from the request's headers; kept on tasks. */
  operationId: string | null;
  address: string;
  userAgent: string | null;
  /** Aborted when the client has gone before it got its answer. */
  signal: AbortSignal;
  about: { version: string; startedAt: Date };
  /** Sets the session cookie of the response; null removes it. */
  setSessionCookie(token: string | null, expiresAt?: Date): void;
  health(): Promise<HealthCheck[]>;
}

/** The viewer of a request that passed the session check; the check itself is the schema's (see builder.ts). */
export function viewerOf(context: GraphContext): Viewer {
  if (!context.viewer) throw unauthenticated();
  return context.viewer;
}

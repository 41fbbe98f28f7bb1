import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Viewer } from '../domain/viewer.ts';

/** How an operation came in. */
export type Transport = 'http' | 'websocket';

/** What the server knows of a request before GraphQL looks at it; the graph's context is made of it. */
export interface RequestFacts {
  requestId: string;
  /** The caller's own id of the operation; null when none was sent. */
  operationId: string | null;
  address: string;
  userAgent: string | null;
  viewer: Viewer | null;
  transport: Transport;
  /** Aborted when the connection is closed before the answer. */
  signal: AbortSignal;
  /** Sets the session cookie of the response, null removes it. Nothing happens on a WebSocket, which has no response. */
  setSessionCookie(token: string | null, expiresAt?: Date): void;
}

/** The name of the cookie that carries the session's token. */
export const sessionCookie = 'drgraph_session';

// What may stand in a header and a log line: no spaces, no control characters, nothing to inject with.
const callersId = /^[\w.:@/+=-]{1,128}$/;

/** The request's id (the caller's `x-request-id` or a new one) and the caller's id of the operation, where one was sent. */
export function requestIds({ headers }: IncomingMessage): { requestId: string; operationId: string | null } {
  const requestId = validId(headers['x-request-id']);
  return { requestId: requestId ?? randomUUID(), operationId: validId(headers.operationid) ?? requestId };
}

function validId(header: string | string[] | undefined): string | null {
  return typeof header === 'string' && callersId.test(header) ? header : null;
}

/**
 * The address that a request came from, as limits and sessions name it. Behind a proxy on this machine, which is the case
 * when there is a public URL, that is the one that the proxy added last to `X-Forwarded-For`.
 */
export function clientAddress(request: IncomingMessage, publicUrl: string | undefined): string {
  const peer = (request.socket.remoteAddress ?? 'unknown').replace(/^::ffff:/, '');
  if (publicUrl === undefined || !(peer === '127.0.0.1' || peer === '::1')) return peer;
  const forwarded = request.headers['x-forwarded-for'];
  const last = (Array.isArray(forwarded) ? forwarded.join(',') : forwarded)?.split(',').at(-1)?.trim();
  return last && /^[0-9a-f.:]{2,45}$/i.test(last) ? last : peer;
}

/** The token of an `Authorization: Bearer …` value. */
export function bearerToken(authorization: unknown): string | null {
  return typeof authorization === 'string'
    ? (/^Bearer ([\w-]{1,200})$/i.exec(authorization.trim())?.[1] ?? null)
    : null;
}

/** The token of the session cookie. */
export function cookieToken({ headers }: IncomingMessage): string | null {
  for (const pair of headers.cookie?.split(';') ?? []) {
    const [name, value] = pair.trim().split('=', 2);
    if (name === sessionCookie && value !== undefined && /^[\w-]{1,200}$/.test(value)) return value;
  }
  return null;
}

/**
 * Whether a browser's page may use the session's cookie: the page is the service's own (by the host that was asked, or the public
 * URL). Requests without an Origin do not come from a page.
 */
export function isOwnOrigin({ headers }: IncomingMessage, publicUrl: string | undefined): boolean {
  const { origin, host } = headers;
  if (origin === undefined) return true;
  if (publicUrl !== undefined && origin === new URL(publicUrl).origin) return true;
  return URL.canParse(origin) && host !== undefined && new URL(origin).host === host.toLowerCase();
}

/** The `Set-Cookie` value that gives a browser the session's token, or takes it away. */
export function sessionCookieHeader(token: string | null, expiresAt: Date | undefined, isSecure: boolean): string {
  const parts = [`${sessionCookie}=${token ?? ''}`, 'Path=/', 'HttpOnly', 'SameSite=Strict'];
  if (isSecure) parts.push('Secure');
  if (token === null) parts.push('Expires=Thu, 01 Jan 1970 00:00:00 GMT');
  else if (expiresAt !== undefined) parts.push(`Expires=${expiresAt.toUTCString()}`);
  return parts.join('; ');
}

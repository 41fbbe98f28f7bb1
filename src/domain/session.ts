import { createHash, randomBytes } from 'node:crypto';
import type { Session, User } from '../../prisma/client/client.ts';
import type { Domain } from './context.ts';
import { ForbiddenError, InvalidInputError } from './error.ts';
import { verifyPassword } from './password.ts';
import { forgiveSignInTry, takeSignInTry } from './sign-in-limit.ts';
import { isUsername, normalUsername } from './user.ts';
import { type Role, roles, type Viewer } from './viewer.ts';

type Store = Pick<Domain, 'prisma'>;

/**
 * A session ends this long after the sign-in, however much it is used: a token that leaked dies at a known time, and
 * `Session.expiresAt` never changes under a client.
 */
export const sessionHours = 12;

/** Every token starts with this, so that secret scanners find a leaked one. */
const tokenPrefix = 'drg_';

/** What a client gives to sign in, and from where. */
export interface SignInInput {
  username: string;
  password: string;
  address: string;
  userAgent: string | null;
}

function tokenHash(token: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(createHash('sha256').update(token).digest());
}

/**
 * Starts a session. The token is in this answer and nowhere else: the database keeps its sha256.
 * @throws InvalidInputError for a wrong user name or password, which cannot be told apart, nor from a disabled user.
 * @throws ForbiddenError when this account or address had too many failed tries; the message says until when.
 */
export async function signIn(
  store: Store,
  input: SignInInput,
): Promise<{ token: string; session: Session; user: User }> {
  const username = normalUsername(input.username);
  const attempt = { username, address: input.address };
  const blockedUntil = await takeSignInTry(store, attempt);
  if (blockedUntil !== null) {
    throw new ForbiddenError(
      `There were too many failed sign-ins from this address. Try again after ${blockedUntil.toISOString()}.`,
    );
  }
  const found = isUsername(username) ? await store.prisma.user.findUnique({ where: { username } }) : null;
  const matches = await verifyPassword(found?.passwordHash ?? null, input.password);
  const token = tokenPrefix + randomBytes(32).toString('base64url');
  const started = found !== null && matches ? await startSession(store, found, token, input) : null;
  if (started === null) {
    const message = 'The user name or the password is wrong.';
    throw new InvalidInputError([{ path: ['local'], message }], message);
  }
  await forgiveSignInTry(store, attempt);
  return { token, ...started };
}

function startSession(
  { prisma }: Store,
  { id, passwordHash }: User,
  token: string,
  { address, userAgent }: SignInInput,
): Promise<{ session: Session; user: User } | null> {
  return prisma.$transaction(async (tx) => {
    // Locks the user and looks again: a password changed meanwhile, which revokes all sessions, must not miss this one.
    const [user] = await tx.user.updateManyAndReturn({
      where: { id, passwordHash, disabledAt: null },
      data: { lastSignInAt: new Date() },
    });
    if (user === undefined) return null;
    const expiresAt = new Date(Date.now() + sessionHours * 3_600_000);
    const session = await tx.session.create({
      data: {
        userId: id,
        tokenHash: tokenHash(token),
        expiresAt,
        address,
        userAgent: userAgent?.slice(0, 300) ?? null,
      },
    });
    return { session, user };
  });
}

/** Ends the viewer's session: its token opens nothing from now on, and its open subscriptions end within a second. */
export async function signOut({ prisma }: Store, viewer: Viewer): Promise<void> {
  await prisma.$executeRaw`UPDATE "Session" SET "revokedAt" = now() WHERE id = ${viewer.sessionId}::uuid AND "revokedAt" IS NULL`;
}

interface LiveSession {
  sessionId: string;
  userId: string;
  username: string;
  roles: string[];
  isUseToBeNoted: boolean;
}

/**
 * Who a token belongs to; null when it is unknown, expired, revoked or its user disabled. Nothing is cached: a
 * revocation holds for the next request of every process. One indexed read; `lastUsedAt` is written once a minute.
 */
export async function authenticate({ prisma }: Store, token: string): Promise<Viewer | null> {
  if (!token.startsWith(tokenPrefix)) return null;
  const [live] = await prisma.$queryRaw<LiveSession[]>`
    SELECT session.id AS "sessionId", person.id AS "userId", person.username, person.roles,
      session."lastUsedAt" < now() - interval '1 minute' AS "isUseToBeNoted"
    FROM "Session" session JOIN "User" person ON person.id = session."userId"
    WHERE session."tokenHash" = ${tokenHash(token)} AND session."revokedAt" IS NULL AND session."expiresAt" > now()
      AND person."disabledAt" IS NULL`;
  if (live === undefined) return null;
  if (live.isUseToBeNoted) {
    await prisma.$executeRaw`
      UPDATE "Session" SET "lastUsedAt" = now()
      WHERE id = ${live.sessionId}::uuid AND "lastUsedAt" < now() - interval '1 minute'`;
  }
  const { sessionId, userId, username } = live;
  return { sessionId, userId, username, roles: knownRoles(live.roles) };
}

/** Of the given sessions, those that still hold: neither expired nor revoked, their users not disabled. */
export async function liveSessions({ prisma }: Store, sessionIds: readonly string[]): Promise<Set<string>> {
  const rows = await prisma.$queryRaw<{ id: string }[]>`
    SELECT session.id FROM "Session" session JOIN "User" person ON person.id = session."userId"
    WHERE session.id = ANY(${[...sessionIds]}::uuid[]) AND session."revokedAt" IS NULL AND session."expiresAt" > now()
      AND person."disabledAt" IS NULL`;
  return new Set(rows.map(({ id }) => id));
}

// A role from a newer program gives no right here.
function knownRoles(words: readonly string[]): Role[] {
  return roles.filter((role) => words.includes(role));
}

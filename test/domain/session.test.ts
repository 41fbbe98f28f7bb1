import { verify } from '@node-rs/argon2';
import pino from 'pino';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { type Database, openDatabase } from '../../src/database/database.ts';
import { ForbiddenError, InvalidInputError } from '../../src/domain/error.ts';
import { authenticate, liveSessions, signIn, signOut } from '../../src/domain/session.ts';
import { createUser, setPassword } from '../../src/domain/user.ts';
import { testDatabase } from '../support/database.ts';

vi.mock('@node-rs/argon2', async (original) => {
  const real = await original<typeof import('@node-rs/argon2')>();
  return { ...real, verify: vi.fn(real.verify) };
});

const password = 'the-analytical-engine';
const from = { address: '192.0.2.1', userAgent: 'a test' };
let database: Database;
let drop: () => Promise<void>;

beforeAll(async () => {
  const copy = await testDatabase();
  drop = copy.drop;
  database = await openDatabase({ url: copy.url, log: pino({ level: 'silent' }) });
  await createUser(database, { username: 'ada', password, roles: ['OPERATOR', 'VIEWER'] });
});
beforeEach(async () => {
  await database.prisma.signInLimit.deleteMany();
});
afterAll(async () => {
  await database.close();
  await drop();
});

function signInAda(): ReturnType<typeof signIn> {
  return signIn(database, { username: 'ada', password, ...from });
}

async function refusalOf(attempt: { username: string; password: string; address?: string }): Promise<unknown> {
  return signIn(database, { ...from, ...attempt }).then(
    () => 'signed in',
    (error: unknown) => error,
  );
}

describe('signing in', () => {
  test('gives a token that names its user, and keeps only the hash of it', async () => {
    const { token, session, user } = await signInAda();
    expect(token).toMatch(/^drg_[\w-]{43}$/);
    expect(user.username).toBe('ada');
    expect(session.expiresAt.getTime() - session.createdAt.getTime()).toBeCloseTo(12 * 3_600_000, -5);
    expect(await authenticate(database, token)).toEqual({
      userId: user.id,
      username: 'ada',
      sessionId: session.id,
      roles: ['OPERATOR', 'VIEWER'],
    });
    const [row] = await database.pool
      .query('SELECT * FROM "Session" WHERE id = $1', [session.id])
      .then(({ rows }) => rows);
    expect(JSON.stringify(row)).not.toContain(token.slice(4));
  });

  test('takes the user name in any case and with spaces around it', async () => {
    const { user } = await signIn(database, { username: ' ADA ', password, ...from });
    expect(user.username).toBe('ada');
  });

  test('answers a wrong password, an unknown user, a disabled one and an impossible name with the same words and the same work', async () => {
    await createUser(database, { username: 'gone', password, roles: ['VIEWER'] });
    await database.prisma.user.update({ where: { username: 'gone' }, data: { disabledAt: new Date() } });
    await refusalOf({ username: 'ada', password: 'warms the dummy hash up' });
    const answers: unknown[] = [];
    for (const attempt of [
      { username: 'ada', password: 'wrong-wrong-wrong' },
      { username: 'nobody', password },
      { username: 'gone', password },
      { username: 'a\0da', password },
      { username: '\ud800', password: '\ud800\0' },
      { username: 'x'.repeat(1_000_000), password },
    ]) {
      vi.mocked(verify).mockClear();
      answers.push(await refusalOf(attempt));
      expect(verify).toHaveBeenCalledTimes(1);
      expect(vi.mocked(verify).mock.calls[0]?.[0]).toMatch(/^\$argon2id\$v=19\$m=65536,t=3,p=1\$/);
    }
    expect(answers[0]).toBeInstanceOf(InvalidInputError);
    expect(answers[0]).toMatchObject({ message: 'The user name or the password is wrong.' });
    for (const answer of answers) expect(answer).toEqual(answers[0]);
  });
});

describe('the limit of tries', () => {
  test('refuses the right password too after ten failures of an account at an address, and says until when', async () => {
    for (let failure = 1; failure <= 10; failure += 1) {
      expect(await refusalOf({ username: 'ada', password: `wrong number ${failure}` })).toBeInstanceOf(
        InvalidInputError,
      );
    }
    vi.mocked(verify).mockClear();
    const refusal = await refusalOf({ username: 'ada', password });
    expect(refusal).toBeInstanceOf(ForbiddenError);
    expect(verify).not.toHaveBeenCalled();
    const until = /Try again after (\S+)\.$/.exec(refusal instanceof Error ? refusal.message : '')?.[1] ?? '';
    expect(new Date(until).getTime()).toBeGreaterThan(Date.now());
    expect(await refusalOf({ username: 'ada', password, address: '192.0.2.2' })).toBe('signed in');
  });

  test('counts guesses that are made at once', async () => {
    const guesses = Array.from({ length: 25 }, (_, index) =>
      refusalOf({ username: 'ada', password: `guess number ${index}` }),
    );
    const answers = await Promise.all(guesses);
    expect(answers.filter((answer) => answer instanceof InvalidInputError)).toHaveLength(10);
    expect(answers.filter((answer) => answer instanceof ForbiddenError)).toHaveLength(15);
  });

  test('stops an address that tries one account after the other', async () => {
    await database.prisma.signInLimit.create({
      data: { key: 'address:192.0.2.1', failures: 50, windowStartedAt: new Date() },
    });
    expect(await refusalOf({ username: 'someone-new', password })).toBeInstanceOf(ForbiddenError);
  });

  test('is over after its quarter of an hour', async () => {
    const windowStartedAt = new Date(Date.now() - 16 * 60_000);
    await database.prisma.signInLimit.create({
      data: { key: 'address:192.0.2.1', failures: 60, windowStartedAt, blockedUntil: new Date() },
    });
    expect(await refusalOf({ username: 'ada', password })).toBe('signed in');
  });

  test('starts afresh after a success, and keeps no user name as it was typed', async () => {
    for (let failure = 1; failure <= 9; failure += 1)
      await refusalOf({ username: 'ada', password: 'wrong-wrong-wrong' });
    const kept = await database.prisma.signInLimit.findMany();
    expect(JSON.stringify(kept)).not.toContain('ada');
    await signInAda();
    expect(await database.prisma.signInLimit.findMany({ where: { key: { startsWith: 'account:' } } })).toEqual([]);
  });
});

describe('a session', () => {
  test('ends by signing out, at once and for good', async () => {
    const { token, session } = await signInAda();
    const viewer = await authenticate(database, token);
    if (viewer === null) throw new Error('The session should hold.');
    expect(await liveSessions(database, [session.id])).toEqual(new Set([session.id]));
    await signOut(database, viewer);
    expect(await authenticate(database, token)).toBeNull();
    expect(await liveSessions(database, [session.id])).toEqual(new Set());
  });

  test('ends when it expires', async () => {
    const { token, session } = await signInAda();
    await database.prisma.session.update({ where: { id: session.id }, data: { expiresAt: new Date(Date.now() - 1) } });
    expect(await authenticate(database, token)).toBeNull();
    expect(await liveSessions(database, [session.id])).toEqual(new Set());
  });

  test('ends when its user gets another password, and the old one opens no new one', async () => {
    await createUser(database, { username: 'grace', password, roles: ['VIEWER'] });
    const { token } = await signIn(database, { username: 'grace', password, ...from });
    await setPassword(database, { username: 'grace', password: 'nanoseconds-of-wire' });
    expect(await authenticate(database, token)).toBeNull();
    expect(await refusalOf({ username: 'grace', password })).toBeInstanceOf(InvalidInputError);
    expect(await refusalOf({ username: 'grace', password: 'nanoseconds-of-wire' })).toBe('signed in');
  });

  test('is not opened by something that only looks like a token', async () => {
    for (const token of ['', 'drg_', `drg_${'A'.repeat(43)}`, 'Bearer drg_x']) {
      expect(await authenticate(database, token)).toBeNull();
    }
  });

  test('notes its use, but not more than once a minute', async () => {
    const { token, session } = await signInAda();
    const lastUse = async () =>
      (await database.prisma.session.findUniqueOrThrow({ where: { id: session.id } })).lastUsedAt;
    const atSignIn = await lastUse();
    await authenticate(database, token);
    expect(await lastUse()).toEqual(atSignIn);
    const longAgo = new Date(Date.now() - 120_000);
    await database.prisma.session.update({ where: { id: session.id }, data: { lastUsedAt: longAgo } });
    await authenticate(database, token);
    expect((await lastUse()).getTime()).toBeGreaterThan(longAgo.getTime() + 60_000);
  });
});

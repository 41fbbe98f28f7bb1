import pino from 'pino';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Database, openDatabase } from '../../src/database/database.ts';
import { signIn } from '../../src/domain/session.ts';
import { createUser, ensureAdministrator, listUsers, setPassword } from '../../src/domain/user.ts';
import { testDatabase } from '../support/database.ts';

const from = { address: '192.0.2.1', userAgent: null };
let database: Database;
let drop: () => Promise<void>;

beforeAll(async () => {
  const copy = await testDatabase();
  drop = copy.drop;
  database = await openDatabase({ url: copy.url, log: pino({ level: 'silent' }) });
});
afterAll(async () => {
  await database.close();
  await drop();
});

describe('the first start', () => {
  test('makes one administrator, however many processes start at once, whose generated password opens a session', async () => {
    const made = await Promise.all([1, 2, 3].map(() => ensureAdministrator(database, undefined)));
    const [only, ...others] = made.filter((administrator) => administrator !== null);
    expect(others).toEqual([]);
    expect(only).toMatchObject({ username: 'admin', generatedPassword: expect.stringMatching(/^(\w{6}-){3}\w{6}$/) });
    const { user } = await signIn(database, { username: 'admin', password: only?.generatedPassword ?? '', ...from });
    expect(user.roles).toContain('ADMINISTRATOR');
  });

  test('is only the first: later starts make nobody and change no password', async () => {
    expect(await ensureAdministrator(database, 'another-password-now')).toBeNull();
    expect((await listUsers(database)).map(({ username }) => username)).toEqual(['admin']);
  });
});

describe('users', () => {
  test('are refused with every problem named when they could not be used', async () => {
    const attempt = createUser(database, { username: 'no spaces', password: 'short', roles: [] });
    await expect(attempt).rejects.toMatchObject({
      code: 'INVALID_INPUT',
      fields: [
        { path: ['username'] },
        { path: ['password'], message: expect.stringContaining('12 characters') },
        { path: ['roles'] },
      ],
    });
  });

  test.each(['aaaaaaaaaaaaaaaa', 'abababababababab', 'charles.babbage', 'Charles.Babbage'])(
    'do not get the password %s',
    async (password) => {
      const attempt = createUser(database, { username: 'charles.babbage', password, roles: ['VIEWER'] });
      await expect(attempt).rejects.toMatchObject({ code: 'INVALID_INPUT' });
    },
  );

  test('have names that are unique without regard to case', async () => {
    await createUser(database, { username: 'Ada', password: 'the-analytical-engine', roles: ['OPERATOR', 'OPERATOR'] });
    const again = createUser(database, { username: 'ADA', password: 'the-analytical-engine', roles: ['VIEWER'] });
    await expect(again).rejects.toMatchObject({ code: 'CONFLICT', message: expect.stringContaining('"ada"') });
    const users = await listUsers(database);
    expect(users.map(({ username, roles }) => [username, roles])).toEqual([
      ['ada', ['OPERATOR']],
      ['admin', ['ADMINISTRATOR', 'OPERATOR']],
    ]);
  });

  test('who do not exist get no password', async () => {
    const attempt = setPassword(database, { username: 'nobody', password: 'the-analytical-engine' });
    await expect(attempt).rejects.toMatchObject({ code: 'NOT_FOUND', message: 'There is no user "nobody".' });
  });
});

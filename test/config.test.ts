import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ConfigError, readConfig } from '../src/config.ts';

function problemsOf(environment: Record<string, string>) {
  try {
    readConfig(environment);
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
  throw new Error('The configuration was accepted.');
}

test('an empty environment gives the defaults', () => {
  expect(readConfig({})).toEqual({
    host: '127.0.0.1',
    port: 4000,
    databaseUrl: undefined,
    dataDir: join(process.cwd(), 'data'),
    adminPassword: undefined,
    secretKey: undefined,
    sample: 'auto',
    publicUrl: undefined,
    logLevel: 'info',
  });
});

test('a variable without a value counts as left out', () => {
  expect(readConfig({ PORT: '', DATABASE_URL: '', DRGRAPH_SECRET_KEY: '' })).toEqual(readConfig({}));
});

test('every setting is taken over', () => {
  const key = Buffer.alloc(32, 7);
  const config = readConfig({
    HOST: '::1',
    PORT: '0',
    DATABASE_URL: 'postgresql://me:secret@db.example.com:6543/dr?sslmode=disable',
    DRGRAPH_DATA_DIR: '/srv/dr graph',
    DRGRAPH_ADMIN_PASSWORD: 'correct horse battery',
    DRGRAPH_SECRET_KEY: key.toString('base64'),
    DRGRAPH_SAMPLE: 'off',
    DRGRAPH_PUBLIC_URL: 'https://dr.example.com/',
    LOG_LEVEL: 'WARN',
  });
  expect(config).toEqual({
    host: '::1',
    port: 0,
    databaseUrl: 'postgresql://me:secret@db.example.com:6543/dr?sslmode=disable',
    dataDir: '/srv/dr graph',
    adminPassword: 'correct horse battery',
    secretKey: key,
    sample: 'off',
    publicUrl: 'https://dr.example.com',
    logLevel: 'warn',
  });
  expect(readConfig({ DRGRAPH_SECRET_KEY: key.toString('hex') }).secretKey).toEqual(key);
  expect(readConfig({ DRGRAPH_SECRET_KEY: key.toString('base64url') }).secretKey).toEqual(key);
});

test('all mistakes are reported together, each with what it was and what it may be', () => {
  const error = problemsOf({ PORT: '70000', LOG_LEVEL: 'loud', DRGRAPH_SAMPLE: 'yes', HOST: 'http://here' });
  expect(error.problems.map(({ variable, was }) => [variable, was])).toEqual([
    ['HOST', '"http://here"'],
    ['PORT', '"70000"'],
    ['DRGRAPH_SAMPLE', '"yes"'],
    ['LOG_LEVEL', '"loud"'],
  ]);
  for (const { variable, was, mayBe } of error.problems) {
    expect(error.message).toContain(variable);
    expect(error.message).toContain(was);
    expect(error.message).toContain(mayBe);
  }
  expect(error.message).toContain('4 settings are wrong');
});

test.each([
  ['PORT', '4000x'],
  ['PORT', '-1'],
  ['PORT', '0x10'],
  ['DATABASE_URL', 'mysql://here/db'],
  ['DATABASE_URL', 'postgresql://localhost'],
  ['DATABASE_URL', 'localhost/db'],
  ['DRGRAPH_ADMIN_PASSWORD', 'short'],
  ['DRGRAPH_SECRET_KEY', 'not 32 bytes'],
  ['DRGRAPH_SECRET_KEY', Buffer.alloc(31).toString('base64')],
  ['DRGRAPH_PUBLIC_URL', 'dr.example.com'],
  ['DRGRAPH_PUBLIC_URL', 'https://me:word@dr.example.com'],
])('%s=%s is refused', (variable, value) => {
  expect(problemsOf({ [variable]: value }).problems.map((problem) => problem.variable)).toEqual([variable]);
});

test('no secret is shown', () => {
  const error = problemsOf({
    DATABASE_URL: 'postgresql://me:hunter2@db.example.com?password=hunter2',
    DRGRAPH_ADMIN_PASSWORD: 'hunter2',
    DRGRAPH_SECRET_KEY: 'hunter2',
  });
  expect(error.problems).toHaveLength(3);
  expect(error.message).toContain('db.example.com');
  expect(error.message).not.toContain('hunter2');
  expect(problemsOf({ DATABASE_URL: 'me:hunter2@db' }).message).not.toContain('hunter2');
  expect(problemsOf({ DATABASE_URL: 'postgresql://me:hunter2@db:port/x' }).message).not.toContain('hunter2');
});

test('a data folder that is a file is refused', () => {
  const folder = mkdtempSync(join(tmpdir(), 'drgraph-config-'));
  try {
    writeFileSync(join(folder, 'data'), '');
    const [problem] = problemsOf({ DRGRAPH_DATA_DIR: join(folder, 'data') }).problems;
    expect(problem?.variable).toBe('DRGRAPH_DATA_DIR');
    expect(readConfig({ DRGRAPH_DATA_DIR: join(folder, 'other') }).dataDir).toBe(join(folder, 'other'));
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('a misspelt setting is named with the settings that there are', () => {
  const [problem] = problemsOf({ DRGRAPH_DATADIR: '/srv' }).problems;
  expect(problem?.variable).toBe('DRGRAPH_DATADIR');
  expect(problem?.mayBe).toContain('DRGRAPH_DATA_DIR');
});

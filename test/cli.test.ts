import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { Client } from 'pg';
import pino from 'pino';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readPassword } from '../src/cli/password.ts';
import { startEmbeddedPostgres } from '../src/database/embedded.ts';
import { verifyPassword } from '../src/domain/password.ts';
import { testDatabase } from './support/database.ts';

const project = join(import.meta.dirname, '..');
const password = 'correct horse battery';
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'drgraph-cli-'));
  await chmod(folder, 0o755);
});
afterAll(async () => {
  await rm(folder, { recursive: true });
});

interface Outcome {
  code: number | null;
  stdout: string;
  stderr: string;
}

interface Invocation {
  env?: Record<string, string>;
  input?: string;
  from?: string;
}

function launch(args: readonly string[], { env = {}, input = '', from = project }: Invocation = {}) {
  const { PATH, HOME } = process.env;
  const child = spawn(process.execPath, [join(from, 'bin', 'drgraph.js'), ...args], {
    cwd: folder,
    env: { PATH, HOME, NO_COLOR: '1', ...env },
  });
  const outcome: Outcome = { code: null, stdout: '', stderr: '' };
  child.stdout.on('data', (chunk) => {
    outcome.stdout += chunk;
  });
  child.stderr.on('data', (chunk) => {
    outcome.stderr += chunk;
  });
  child.stdin.end(input);
  const ended = once(child, 'close').then(([code]): Outcome => ({ ...outcome, code }));
  return { child, outcome, ended };
}

const drgraph = (args: readonly string[], invocation?: Invocation) => launch(args, invocation).ended;

describe('usage', () => {
  test('the help names every command and says that none needs the service stopped', async () => {
    const { code, stdout, stderr } = await drgraph(['--help']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    for (const command of ['start', 'migrate', 'doctor', 'user', 'task'])
      expect(stdout).toMatch(new RegExp(`^ {2}${command} `, 'm'));
    expect(stdout).toContain('No command needs the service stopped');
  });

  test('the version is the one of the package', async () => {
    const { version } = JSON.parse(await readFile(join(project, 'package.json'), 'utf8'));
    expect(await drgraph(['--version'])).toEqual({ code: 0, stdout: `${version}\n`, stderr: '' });
  });

  test.each([
    [['restart'], "unknown command 'restart'"],
    [['user', 'create'], "missing required argument 'username'"],
    [['user', 'create', 'alice', '--role', 'KING'], 'Allowed choices are ADMINISTRATOR'],
    [['doctor', '--fast'], "unknown option '--fast'"],
    [['user', 'create', 'alice', password], 'too many arguments'],
  ])('%j ends with code 2 and says why', async (args, message) => {
    const { code, stdout, stderr } = await drgraph(args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(message);
  });

  test.each(['migrate', 'start'])(
    '%s with a wrong configuration ends with code 2 and names every mistake',
    async (command) => {
      const { code, stderr } = await drgraph([command], { env: { PORT: 'many', LOG_LEVEL: 'loud' } });
      expect(code).toBe(2);
      expect(stderr).toMatch(/PORT[\s\S]*"many"[\s\S]*LOG_LEVEL[\s\S]*"loud"/);
    },
  );

  test('the variables of .env in the current folder count', async () => {
    await writeFile(join(folder, '.env'), 'PORT=from-the-file\n');
    const { stderr } = await drgraph(['migrate']);
    await rm(join(folder, '.env'));
    expect(stderr).toContain('"from-the-file"');
  });
});

describe('users', () => {
  let url: string;
  let drop: () => Promise<void>;
  let client: Client;
  const user = (args: string[], input?: string) => drgraph(['user', ...args], { env: { DATABASE_URL: url }, input });
  const hash = async (username: string): Promise<string> => {
    const { rows } = await client.query('SELECT "passwordHash" FROM "User" WHERE username = $1', [username]);
    return rows[0]?.passwordHash;
  };

  beforeAll(async () => {
    ({ url, drop } = await testDatabase());
    client = new Client({ connectionString: url });
    await client.connect();
  });
  afterAll(async () => {
    await client.end();
    await drop();
  });

  test('are created with a password from the standard input, given another, and listed', async () => {
    const created = await user(['create', 'Alice', '-n', 'Alice A', '-r', 'OPERATOR', 'VIEWER'], `${password}\n`);
    expect(created).toEqual({ code: 0, stdout: 'Created the user alice (OPERATOR, VIEWER).\n', stderr: '' });
    expect(await verifyPassword(await hash('alice'), password)).toBe(true);
    const changed = await user(['set-password', 'ALICE'], 'another good password\r\n');
    expect(changed).toMatchObject({ code: 0, stderr: '' });
    expect(await verifyPassword(await hash('alice'), 'another good password')).toBe(true);
    const { stdout } = await user(['list']);
    expect(stdout).toMatch(/^alice {2}Alice A {2}OPERATOR, VIEWER {2}active +never$/m);
  });

  test.each([
    [['create', 'bob'], 'short\n', 'at least 12 characters'],
    [['create', 'bob'], '', 'standard input is empty'],
    [['create', 'no spaces'], `${password}\n`, 'A user name has'],
    [['set-password', 'nobody'], `${password}\n`, 'There is no user "nobody"'],
  ])('%j with the password %j is refused with code 1', async (args, input, message) => {
    const { code, stderr } = await user(args, input);
    expect(code).toBe(1);
    expect(stderr).toContain(message);
    expect(await hash('bob')).toBeUndefined();
  });

  test('a taken name is refused', async () => {
    await user(['create', 'carol'], `${password}\n`);
    const { code, stderr } = await user(['create', 'carol'], `${password}\n`);
    expect({ code, stderr: stderr.includes('already a user "carol"') }).toEqual({ code: 1, stderr: true });
  });
});

describe('a password at a terminal', () => {
  function terminal(typed: string) {
    const input = Object.assign(new PassThrough(), { isTTY: true });
    const output = new PassThrough();
    input.write(typed);
    return { answer: readPassword({ input, output }), shown: () => String(output.read()) };
  }

  test('is asked for twice and not shown', async () => {
    const { answer, shown } = terminal(`${password}x\b\r${password}\r`);
    expect(await answer).toBe(password);
    expect(shown()).toBe('Password: \nThe same again: \n');
  });

  test('is refused when the answers differ, and on Ctrl-C', async () => {
    await expect(terminal(`${password}\rsomething else\r`).answer).rejects.toThrow('differ');
    await expect(terminal('half\x03').answer).rejects.toThrow('Cancelled');
  });
});

describe('doctor', () => {
  let url: string;
  let drop: () => Promise<void>;
  let client: Client;
  const doctor = (env: Record<string, string> = {}) => drgraph(['doctor'], { env: { DATABASE_URL: url, ...env } });

  beforeAll(async () => {
    ({ url, drop } = await testDatabase());
    client = new Client({ connectionString: url });
    await client.connect();
    const provider = await client.query(
      `INSERT INTO "Provider" (kind, name, status) VALUES ('LOCAL', 'local', 'CONNECTED') RETURNING id`,
    );
    const add = `INSERT INTO "Site" ("providerId", name, type, path) VALUES ($1, $2, 'ON_PREMISES', $3)`;
    await mkdir(join(folder, 'near'));
    await client.query(add, [provider.rows[0].id, 'near', join(folder, 'near')]);
    await client.query(add, [provider.rows[0].id, 'far', join(folder, 'far')]);
  });
  afterAll(async () => {
    await client.end();
    await drop();
  });

  test('says what is wrong and what to do, with code 1; and that all is well, with code 0', async () => {
    const wrong = await doctor();
    expect(wrong).toMatchObject({ code: 1, stderr: '' });
    expect(wrong.stdout).toMatch(/^ok +database +PostgreSQL \d+.* answers/m);
    expect(wrong.stdout).toMatch(/^ok +migrations +the schema is that of this version$/m);
    expect(wrong.stdout).toMatch(/^ok +site near +.* GiB free/m);
    expect(wrong.stdout).toMatch(/^WRONG +site far +.* does not exist on this machine\n +Bring the folder back/m);
    expect(wrong.stdout).toContain('One thing is wrong.');
    await mkdir(join(folder, 'far'));
    const well = await doctor();
    expect(well).toMatchObject({ code: 0, stderr: '' });
    expect(well.stdout).toContain('All is well.');
  });

  test('names each wrong setting', async () => {
    const { code, stdout } = await doctor({ PORT: 'x', DRGRAPH_SAMPLE: 'y' });
    expect(code).toBe(1);
    expect(stdout).toMatch(/^WRONG +configuration +PORT is "x"[\s\S]*DRGRAPH_SAMPLE is "y"/m);
  });

  test('a database that does not answer is wrong; its password is not shown', async () => {
    const { code, stdout, stderr } = await doctor({ DATABASE_URL: 'postgresql://me:hunter2@127.0.0.1:1/drgraph' });
    expect(code).toBe(1);
    expect(stdout).toMatch(/^WRONG +database +.*ECONNREFUSED/m);
    expect(stdout + stderr).not.toContain('hunter2');
  });

  test('a database of a newer program is wrong', async () => {
    const add = `INSERT INTO "_prisma_migrations" (id, checksum, migration_name, finished_at) VALUES ('1', '', '2999_future', now())`;
    await client.query(add);
    const { code, stdout } = await doctor();
    await client.query(`DELETE FROM "_prisma_migrations" WHERE id = '1'`);
    expect(code).toBe(1);
    expect(stdout).toMatch(/^WRONG +migrations +.*2999_future/m);
  });
});

describe('the embedded database', () => {
  test('is made for a command, stopped after it, and shared with whoever uses it', async () => {
    const dataDir = join(folder, 'data');
    const env = { DRGRAPH_DATA_DIR: dataDir };
    expect(await drgraph(['doctor'], { env })).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('there is no embedded database yet'),
    });
    expect(await readdir(folder)).not.toContain('data');
    const first = await drgraph(['migrate'], { env });
    expect(first).toMatchObject({ code: 0, stdout: expect.stringMatching(/^applied \d+_/), stderr: '' });
    const files = join(dataDir, 'postgres', 'data');
    expect(await readdir(files)).not.toContain('postmaster.pid');
    const server = await startEmbeddedPostgres({ dataDir, log: pino({ level: 'silent' }) });
    try {
      expect(await drgraph(['user', 'create', 'alice'], { env, input: password })).toMatchObject({
        code: 0,
        stderr: '',
      });
      expect((await drgraph(['user', 'list'], { env })).stdout).toContain('alice');
      expect(await readdir(files)).toContain('postmaster.pid');
    } finally {
      await server.close();
    }
  });

  test('a project without its generated client makes it first', async () => {
    const copy = join(folder, 'project');
    for (const part of ['bin', 'src', 'package.json', join('prisma', 'schema.prisma'), join('prisma', 'generate.js')]) {
      await cp(join(project, part), join(copy, part), { recursive: true });
    }
    await symlink(join(project, 'node_modules'), join(copy, 'node_modules'));
    expect(await drgraph(['--version'], { from: copy })).toMatchObject({ code: 0, stderr: '' });
    expect(await readdir(join(copy, 'prisma', 'client'))).toContain('client.ts');
  });
});

describe('start', () => {
  test('runs the service until a signal to the command ends it in order', async () => {
    const { url, drop } = await testDatabase();
    const env = { DATABASE_URL: url, PORT: '0', DRGRAPH_DATA_DIR: join(folder, 'service') };
    const { child, outcome, ended } = launch(['start'], { env });
    await expect.poll(() => outcome.stdout, { timeout: 20_000 }).toContain('is ready');
    child.kill('SIGTERM');
    expect((await ended).code).toBe(0);
    await drop();
  });

  test('a port that is taken ends it with code 1 and advice', async () => {
    const { url, drop } = await testDatabase();
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const address = taken.address();
    const port = typeof address === 'object' && address !== null ? String(address.port) : '';
    const env = { DATABASE_URL: url, PORT: port, DRGRAPH_DATA_DIR: join(folder, 'service') };
    const { code, stderr } = await drgraph(['start'], { env });
    expect({ code, says: stderr.includes('set PORT to another number') }).toEqual({ code: 1, says: true });
    taken.close();
    await drop();
  });
});

describe('drgraph task', () => {
  let url: string;
  let drop: () => Promise<void>;
  let client: Client;
  const insert = async (state: string, name: string) => {
    const { rows } = await client.query<{ id: string }>(
      `INSERT INTO "Task" ("kind", "state", "resourceName", "progress", "finishedAt")
       VALUES ('SYNC_REPLICATION', $1, $2, 50, CASE WHEN $1 = 'FAILED' THEN now() END) RETURNING "id"`,
      [state, name],
    );
    return rows[0]?.id ?? '';
  };
  const end = (id: string, state: string, error: object | null) =>
    client.query(
      `WITH ended AS (
         UPDATE "Task" SET "state" = $2, "progress" = 100, "finishedAt" = now(), "error" = $3 WHERE "id" = $1 RETURNING *
       )
       INSERT INTO "Event" ("stream", "type", "subjectId", "payload")
       SELECT 'task', 'STATE_CHANGED', "id", jsonb_build_object('state', "state") FROM ended`,
      [id, state, error],
    );

  beforeAll(async () => {
    ({ url, drop } = await testDatabase());
    client = new Client({ connectionString: url });
    await client.connect();
  });
  afterAll(async () => {
    await client.end();
    await drop();
  });

  test('list shows the newest first, or only what goes on', async () => {
    const running = await insert('RUNNING', 'mail');
    const failed = await insert('FAILED', 'files');
    const env = { DATABASE_URL: url };
    const all = await drgraph(['task', 'list'], { env });
    expect(all).toMatchObject({ code: 0, stderr: '' });
    expect(all.stdout.split('\n').map((line) => line.split(/ +/)[0])).toEqual(['TASK', failed, running, '']);
    expect(all.stdout).toContain('mail   RUNNING  [##########----------]  50 %');
    const active = await drgraph(['task', 'list', '--active', '-n', '5'], { env });
    expect(active.stdout).toContain(running);
    expect(active.stdout).not.toContain(failed);
    expect(await drgraph(['task', 'list', '-n', '0'], { env })).toMatchObject({ code: 2 });
  });

  test.each([
    ['SUCCEEDED', null, 0],
    ['FAILED', { code: 'DISK_FULL', message: 'The disk is full.' }, 1],
  ])('watch follows a task until it is %s', async (state, error, code) => {
    const id = await insert('RUNNING', 'mail');
    const graphId = Buffer.from(`Task:${id}`).toString('base64url');
    const { child, ended } = launch(['task', 'watch', graphId], { env: { DATABASE_URL: url } });
    await once(child.stdout, 'data');
    await end(id, state, error);
    const outcome = await ended;
    expect(outcome.stdout).toBe(
      `SYNC_REPLICATION of mail  [##########----------]  50 %  RUNNING\n` +
        `SYNC_REPLICATION of mail  [####################] 100 %  ${state}\n`,
    );
    expect(outcome).toMatchObject({ code, stderr: error === null ? '' : `drgraph: ${error.message}\n` });
  });

  test('watch says when there is no such task', async () => {
    const { code, stderr } = await drgraph(['task', 'watch', 'nothing'], { env: { DATABASE_URL: url } });
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: 'drgraph: There is no task nothing. "drgraph task list" names the newest.\n',
    });
  });
});

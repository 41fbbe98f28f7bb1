import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { client, openSocket } from '../support/client.ts';
import { testDatabase } from '../support/database.ts';
import { adminPassword, runService, type Service, startService } from '../support/service.ts';

let database: Awaited<ReturnType<typeof testDatabase>>;
let folder: string;

beforeAll(async () => {
  database = await testDatabase();
  folder = await mkdtemp(join(tmpdir(), 'drgraph-start-'));
});
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
  await database.drop();
});

function start(env: Record<string, string> = {}): Promise<Service> {
  return startService({ env: { DATABASE_URL: database.url, ...env }, dataDir: join(folder, 'data') });
}

describe('a running service', () => {
  let service: Service;
  beforeAll(async () => {
    service = await start({ DRGRAPH_ADMIN_PASSWORD: '' });
  });

  test('tells a person where GraphiQL is and who to sign in as, and shows the generated password there alone', async () => {
    await expect.poll(() => service.stdout()).toContain('Stop       Ctrl-C');
    expect(service.stdout()).toContain(`GraphiQL   ${service.url}/graphql`);
    const password = /user admin, password (\S+)/.exec(service.stdout())?.[1] ?? '';
    expect(service.output().split(password)).toHaveLength(2);
    const api = client(service.url);
    await api.signIn('admin', password);
    expect(await api.query('{ viewer { __typename } }')).not.toHaveProperty('errors');
    expect(service.output()).not.toContain(api.token);
  });

  test('answers only signIn, about and its probes without a session, on every path into the graph', async () => {
    const anonymous = client(service.url);
    expect(await anonymous.query('{ about { version } }')).toMatchObject({ data: { about: { version: '0.1.0' } } });
    const refused = { errors: [{ extensions: { code: 'UNAUTHENTICATED' } }] };
    for (const document of [
      '{ sites { nodes { id } } }',
      '{ viewer { __typename } }',
      'mutation { signOut { __typename } }',
    ]) {
      expect(await anonymous.query(document)).toMatchObject(refused);
    }
    expect((await fetch(`${service.url}/readyz`)).status).toBe(200);
  });

  test('keeps its key in a file that nobody else reads', async () => {
    const path = join(service.dataDir, 'secret.key');
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(Buffer.from(await readFile(path, 'utf8'), 'base64')).toHaveLength(32);
  });

  test('says to another start that its port is taken, and that one ends with 1', async () => {
    const port = new URL(service.url).port;
    const env = { DATABASE_URL: database.url, PORT: port };
    const second = await runService({ env, dataDir: join(folder, 'data') });
    expect(second.code).toBe(1);
    expect(second.output).toContain(
      `Another program listens at 127.0.0.1:${port}. Stop it, or set PORT to another number`,
    );
  });

  test('finishes in order on SIGTERM: sockets are closed with 1001, streams cut, and it ends with 0 in time', async () => {
    const socket = await openSocket(service.url);
    await socket.init();
    const api = client(service.url);
    await api.signIn('admin', /user admin, password (\S+)/.exec(service.stdout())?.[1] ?? '');
    const response = await fetch(`${service.url}/graphql`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: 'text/event-stream',
        authorization: `Bearer ${api.token}`,
      },
      body: JSON.stringify({ query: 'subscription { taskEvents { cursor } }' }),
    });
    const stream = response.text().catch(() => 'cut');
    const asked = performance.now();
    service.kill('SIGTERM');
    expect(await socket.closed).toMatchObject({ code: 1001 });
    expect(await stream).toBe('cut');
    expect(await service.ended).toEqual({ code: 0, signal: null });
    expect(performance.now() - asked).toBeLessThan(10_000);
    expect(service.output()).toContain('"msg":"stopped"');
  });

  test('makes no second administrator at its next start', async () => {
    const again = await start();
    await expect.poll(() => again.stdout()).toContain('Sign in    as before');
    await expect(client(again.url).signIn('admin', adminPassword)).rejects.toThrow('wrong');
    await again.stop();
  });
});

describe('the database', () => {
  test('makes the service unready while it is away, fails requests clearly, and is found again', async () => {
    const own = await testDatabase();
    const service = await startService({ env: { DATABASE_URL: own.url } });
    const api = client(service.url);
    await api.signIn('admin', adminPassword);
    const name = new URL(own.url).pathname.slice(1);
    const serverUrl = new URL(own.url);
    serverUrl.pathname = '/postgres';
    const admin = new Client({ connectionString: serverUrl.href });
    await admin.connect();
    try {
      await admin.query(`ALTER DATABASE ${name} ALLOW_CONNECTIONS false`);
      await admin.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1', [name]);
      await expect.poll(async () => (await fetch(`${service.url}/readyz`)).status).toBe(503);
      expect((await fetch(`${service.url}/healthz`)).status).toBe(200);
      const failed = await api.query('{ viewer { __typename } }');
      expect(failed).toMatchObject({ status: 503, errors: [{ extensions: { code: 'UNAVAILABLE' } }] });
      const signIn = 'mutation { signIn(input: { local: { username: "admin", password: "x" } }) { __typename } }';
      expect(await client(service.url).query(signIn)).toMatchObject({
        errors: [{ extensions: { code: 'UNAVAILABLE' } }],
      });
      await admin.query(`ALTER DATABASE ${name} ALLOW_CONNECTIONS true`);
      await expect.poll(async () => (await fetch(`${service.url}/readyz`)).status).toBe(200);
      expect(await api.query('{ viewer { __typename } }')).not.toHaveProperty('errors');
    } finally {
      await admin.end();
      await service.stop();
      await own.drop();
    }
  });
});

describe('a start that cannot succeed', () => {
  test('names every wrong setting at once and ends with 2', async () => {
    const { code, output } = await runService({ env: { PORT: 'eighty', LOG_LEVEL: 'loud' }, dataDir: folder });
    expect(code).toBe(2);
    expect(output).toContain('PORT');
    expect(output).toContain('LOG_LEVEL');
  });

  test('ends with 1 and says so when the database does not answer', async () => {
    const closed = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => closed.once('listening', resolve));
    const address = closed.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    await new Promise((resolve) => closed.close(resolve));
    const env = { DATABASE_URL: `postgresql://someone:hush@127.0.0.1:${port}/nothing` };
    const { code, output } = await runService({ env, dataDir: join(folder, 'other') });
    expect(code).toBe(1);
    expect(output).toMatch(/drgraph could not start: .*127\.0\.0\.1/);
    expect(output).not.toContain('hush');
  });
});

import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { client } from './support/client.ts';
import { testDatabase } from './support/database.ts';
import { adminPassword, type Service, startService } from './support/service.ts';

// Subscribers whose service is killed and started again, over real processes and both transports.

interface SeenEvent {
  cursor: string;
  type: string;
  task: { id: string; state: string; attempts: number; startedAt: string | null; finishedAt: string | null };
}

let database: Awaited<ReturnType<typeof testDatabase>>;
let folder: string;
let service: Service;

beforeAll(async () => {
  database = await testDatabase();
  folder = await mkdtemp(join(tmpdir(), 'drgraph-resume-'));
});
afterAll(async () => {
  await service?.stop();
  await database?.drop();
  await rm(folder, { recursive: true, force: true });
});

const start = () => startService({ env: { DATABASE_URL: database.url }, dataDir: join(folder, 'data') });

const document = `subscription ($after: String) {
  taskEvents(after: $after, filter: { typeIn: [CREATED, STATE_CHANGED] }) {
    cursor type task { id state attempts startedAt finishedAt } } }`;

type Transport = 'websocket' | 'sse';

async function* listen(transport: Transport, token: string, after: string | undefined): AsyncGenerator<SeenEvent> {
  const api = client(service.url, token);
  if (transport === 'websocket') {
    for await (const { data, errors } of api.subscribe<{ taskEvents: SeenEvent }>(document, { after })) {
      if (!data) throw new Error(JSON.stringify(errors));
      yield data.taskEvents;
    }
  } else {
    for await (const { event, data } of api.events(document, { after })) {
      if (event !== 'next') return;
      const answer: { data?: { taskEvents: SeenEvent } } = JSON.parse(data);
      if (!answer.data) throw new Error(data);
      yield answer.data.taskEvents;
    }
  }
}

/** Everything up to the event that `isLast` says is enough; then the client is gone. */
async function seen(stream: AsyncGenerator<SeenEvent>, isLast: (event: SeenEvent) => boolean): Promise<SeenEvent[]> {
  const events: SeenEvent[] = [];
  for await (const event of stream) {
    events.push(event);
    if (isLast(event)) return events;
  }
  throw new Error(`The stream ended by itself after ${JSON.stringify(events)}`);
}

/** Registers a folder as a site; answers with the task that reads it. */
async function register(token: string, name: string): Promise<string> {
  const path = join(folder, name);
  await mkdir(path);
  const { registerSite } = await client(service.url, token).data<{ registerSite: { task: { id: string } } }>(
    `mutation ($name: String!, $path: String!) { registerSite(input: { name: $name, path: $path }) {
      ... on RegisterSitePayload { task { id } } } }`,
    { name, path },
  );
  return registerSite.task.id;
}

/** The log itself: what every subscriber must have seen, in order, with the tasks as they were. */
async function recorded(upTo: string): Promise<SeenEvent[]> {
  const connection = new pg.Client({ connectionString: database.url });
  await connection.connect();
  const { rows } = await connection.query(`SELECT position, type, "subjectId", payload FROM "Event" ORDER BY position`);
  await connection.end();
  const encoded = (text: string) => Buffer.from(text).toString('base64url');
  const moment = (text: string | null) => (text === null ? null : new Date(text).toISOString());
  const all = rows.map(({ position, type, subjectId, payload }) => ({
    cursor: encoded(`event:${position}`),
    type,
    task: {
      id: encoded(`Task:${subjectId}`),
      state: payload.state,
      attempts: payload.attempts,
      startedAt: moment(payload.startedAt),
      finishedAt: moment(payload.finishedAt),
    },
  }));
  return all.slice(0, all.findIndex(({ cursor }) => cursor === upTo) + 1);
}

test('a subscriber that goes on behind its last cursor sees every change once, in order and as it was, after kill -9', async () => {
  service = await start();
  const token = await client(service.url).signIn('admin', adminPassword);
  const transports: Transport[] = ['websocket', 'sse'];
  const ended = (id: string) => (event: SeenEvent) => event.task.id === id && event.task.state === 'SUCCEEDED';

  // Each client leaves in the middle of a task's life: at another place than the other.
  const zero = Buffer.from('event:0').toString('base64url');
  const first = await register(token, 'first');
  const before = await Promise.all([
    seen(listen('websocket', token, zero), (event) => event.task.id === first),
    seen(listen('sse', token, zero), (event) => event.task.id === first && event.task.state === 'RUNNING'),
  ]);
  // Seen by nobody: one task whole, and one that the service dies over.
  const second = await register(token, 'second');
  await seen(listen('sse', token, before[1].at(-1)?.cursor), ended(second));
  await register(token, 'third');
  service.kill('SIGKILL');
  await service.ended;

  service = await start();
  const last = await register(token, 'fourth');
  const after = await Promise.all(
    transports.map((transport, index) => seen(listen(transport, token, before[index]?.at(-1)?.cursor), ended(last))),
  );
  for (const index of transports.keys()) {
    const whole = [...(before[index] ?? []), ...(after[index] ?? [])];
    expect(whole).toEqual(await recorded(whole.at(-1)?.cursor ?? ''));
    expect(whole.length).toBeGreaterThanOrEqual(10);
  }
});

// How many tasks that do nothing the engine runs a second, and how soon a task starts: `node bench/engine.ts`.
//
// PostgreSQL is an embedded one of its own, durable as in production (fsync and synchronous commits). Submitter and workers are
// processes of their own on the same machine, so everything here shares its cores.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, cpus, getPriority, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import pino from 'pino';
import { z } from 'zod';
import { startEmbeddedPostgres } from '../src/database/embedded.ts';
import { migrate } from '../src/database/migrate.ts';
import { defineJob, type Transactions } from '../src/engine/job.ts';
import { createTaskQueue, type TaskQueue } from '../src/engine/queue.ts';
import { startWorker } from '../src/engine/worker.ts';
import { startEventBus } from '../src/events/bus.ts';
import { writeSection } from './section.ts';

const log = pino({ level: 'warn' }, pino.destination(2));
const concurrency = 50;
const backlog = 10_000;
const pacedSeconds = 10;
/** Submissions under way at the same time while measuring the full rate. */
const submitters = 16;

/** The result is when the job really started: this machine's clock is the database's. */
const noop = defineJob<Record<string, never>, null, number, pg.PoolClient>({
  kind: 'NOOP',
  input: z.object({}),
  checkpoint: z.null(),
  maxAttempts: 3,
  isCancellable: true,
  run: async () => ({ outcome: 'done', result: Date.now() }),
});

function openPool(url: string, max: number): pg.Pool {
  const pool = new pg.Pool({ connectionString: url, max });
  // Idle connections break when the server is stopped at the end.
  pool.on('error', (error) => log.debug(error.message));
  return pool;
}

const names = new Map<string, string>();
/** Pool sessions keep their statements planned, as those of the service do. */
function nameOf(text: string): string {
  const name = names.get(text) ?? `bench-${names.size}`;
  names.set(text, name);
  return name;
}

async function openEngine(url: string) {
  const pool = openPool(url, submitters);
  const heartbeatPool = openPool(url, 2);
  const transactions: Transactions<pg.PoolClient> = {
    async run(work) {
      const client = await pool.connect();
      try {
        await client.query('BEGIN');
        const result = await work(client);
        await client.query('COMMIT');
        return result;
      } finally {
        client.release();
      }
    },
    sql: (client) => ({
      query: async <Row>(text: string, values: readonly unknown[]) => {
        const { rows } = await client.query<Row & pg.QueryResultRow>({ name: nameOf(text), text, values: [...values] });
        return rows;
      },
    }),
  };
  const events = await startEventBus({ pool, listenUrl: url, log });
  const options = { pool, heartbeatPool, transactions, events, jobs: [noop], log };
  const queue = createTaskQueue(options);
  return {
    pool,
    transactions,
    queue,
    startWorker: () => startWorker({ ...options, concurrency }),
    async close() {
      await queue.close();
      await events.close();
      await Promise.all([pool.end(), heartbeatPool.end()]);
    },
  };
}
type Engine = Awaited<ReturnType<typeof openEngine>>;

async function submit({
  transactions,
  queue,
}: {
  transactions: Transactions<pg.PoolClient>;
  queue: TaskQueue<pg.PoolClient>;
}) {
  await transactions.run((tx) => queue.enqueue(tx, { kind: 'NOOP', input: {} }));
}

/** Submits so many, as fast as `submitters` transactions at a time can. */
async function submitAll(engine: Engine, count: number): Promise<void> {
  let left = count;
  const one = async () => {
    while (left-- > 0) await submit(engine);
  };
  await Promise.all(Array.from({ length: submitters }, one));
}

/** Submits at a steady rate, each at its time whether or not those before it are through. */
async function submitPaced(engine: Engine, perSecond: number, seconds: number): Promise<void> {
  const start = performance.now();
  const all: Promise<void>[] = [];
  while (all.length < perSecond * seconds) {
    const due = Math.min(perSecond * seconds, ((performance.now() - start) / 1_000) * perSecond);
    while (all.length < due) all.push(submit(engine));
    await delay(2);
  }
  await Promise.all(all);
}

async function allEnded(engine: Engine): Promise<void> {
  const sql = `SELECT 1 FROM "Task" WHERE "state" <> 'SUCCEEDED' LIMIT 1`;
  while ((await engine.pool.query(sql)).rows.length > 0) await delay(100);
}

async function empty(engine: Engine): Promise<void> {
  await engine.pool.query('TRUNCATE "Task", "Event"');
  await engine.pool.query('VACUUM ANALYZE "Task"');
}

async function startWorkerProcesses(url: string, count: number) {
  const members = Array.from({ length: count }, () => fork(fileURLToPath(import.meta.url), ['worker', url]));
  await Promise.all(members.map((member) => once(member, 'message')));
  return {
    /** Seconds of processor time that the workers have used. */
    async cpuSeconds() {
      const answers = members.map(async (member) => {
        const answer = once(member, 'message');
        member.send('cpu');
        const [seconds] = await answer;
        return z.number().parse(seconds);
      });
      return (await Promise.all(answers)).reduce((sum, seconds) => sum + seconds, 0);
    },
    async stop() {
      const exits = members.map((member) => once(member, 'exit'));
      for (const member of members) member.send('stop');
      await Promise.all(exits);
    },
  };
}

async function runWorker(url: string): Promise<void> {
  const engine = await openEngine(url);
  const worker = await engine.startWorker();
  process.on('message', async (message) => {
    if (message === 'cpu') {
      const { user, system } = process.cpuUsage();
      process.send?.((user + system) / 1_000_000);
    } else {
      await worker.stop();
      await engine.close();
      process.disconnect();
    }
  });
  process.send?.('ready');
}

interface Figures {
  workers: number;
  drainPerSecond: number;
  throughPerSecond: number;
  cpuMsPerTask: number;
  pacedPerSecond: number;
  p50: number;
  p99: number;
  idleP50: number;
}

async function measure(url: string, workers: number): Promise<Figures> {
  const engine = await openEngine(url);
  const seconds = async () => {
    const { rows } = await engine.pool.query<{ seconds: number }>(
      `SELECT extract(epoch FROM max("finishedAt") - min("startedAt"))::float8 AS seconds FROM "Task"`,
    );
    return rows[0]?.seconds ?? Number.NaN;
  };

  // A backlog that is there before the workers are.
  await empty(engine);
  await submitAll(engine, backlog);
  await engine.pool.query('ANALYZE "Task"');
  const crew = await startWorkerProcesses(url, workers);
  await allEnded(engine);
  const drainPerSecond = backlog / (await seconds());

  // Submitted and run at the same time.
  await empty(engine);
  const cpuBefore = await crew.cpuSeconds();
  await submitAll(engine, backlog);
  await allEnded(engine);
  const throughPerSecond = backlog / (await seconds());
  const cpuMsPerTask = ((await crew.cpuSeconds()) - cpuBefore) * (1_000 / backlog);

  // From the beginning of the submitting transaction to the first instruction of the job.
  const latencies = async () => {
    await allEnded(engine);
    const { rows } = await engine.pool.query<{ p50: number; p99: number }>(
      `SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY ms) AS p50, percentile_cont(0.99) WITHIN GROUP (ORDER BY ms) AS p99
       FROM (SELECT "result"::float8 - extract(epoch FROM "createdAt")::float8 * 1000 AS ms FROM "Task") AS started`,
    );
    const [row] = rows;
    if (!row) throw new Error('There was nothing to measure.');
    return row;
  };
  await empty(engine);
  const pacedPerSecond = Math.round(throughPerSecond / 2);
  await submitPaced(engine, pacedPerSecond, pacedSeconds);
  const { p50, p99 } = await latencies();

  await empty(engine);
  await submitPaced(engine, 2, pacedSeconds);
  const idle = await latencies();
  await crew.stop();
  await engine.close();
  return { workers, drainPerSecond, throughPerSecond, cpuMsPerTask, pacedPerSecond, p50, p99, idleP50: idle.p50 };
}

async function main(): Promise<void> {
  const dataDir = await mkdtemp(join(tmpdir(), 'drgraph-bench-'));
  await chmod(dataDir, 0o755);
  const server = await startEmbeddedPostgres({ dataDir, log });
  try {
    await migrate({ url: server.url, log });
    const load = loadavg()[0]?.toFixed(1);
    const rows: Figures[] = [];
    for (const workers of [1, 2]) rows.push(await measure(server.url, workers));
    const table = [
      '| worker processes | backlog, tasks/s | submitted and run, tasks/s | worker CPU a task | start at half of that: rate | p50 | p99 | start when idle p50 |',
      '|---|---|---|---|---|---|---|---|',
      ...rows.map(
        (row) =>
          `| ${row.workers} | ${row.drainPerSecond.toFixed(0)} | ${row.throughPerSecond.toFixed(0)} | ${row.cpuMsPerTask.toFixed(2)} ms ` +
          `| ${row.pacedPerSecond}/s | ${row.p50.toFixed(0)} ms | ${row.p99.toFixed(0)} ms | ${row.idleP50.toFixed(0)} ms |`,
      ),
    ].join('\n');
    console.log(table);
    await writeSection(
      'engine',
      `Tasks that do nothing, ${concurrency} slots a worker, PostgreSQL with fsync; submitter, workers and database share ` +
        `${availableParallelism()} cores (${cpus()[0]?.model ?? 'unknown'}), ${new Date().toISOString().slice(0, 10)}, load before the run ${load} (of other work), nice ${getPriority()}. ` +
        `A start is measured from the beginning of the submitting transaction to the first instruction of the job.\n\n${table}`,
    );
  } finally {
    await server.close();
    await rm(dataDir, { recursive: true, force: true });
  }
}

const [, , role, url] = process.argv;
if (role === 'worker' && url) await runWorker(url);
else await main();

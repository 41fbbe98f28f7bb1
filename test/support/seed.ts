import { randomBytes, randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pino from 'pino';
import type { Prisma } from '../../prisma/client/client.ts';
import type { Connector } from '../../src/connectors/connector.ts';
import { createLocalConnector, type LocalOptions } from '../../src/connectors/local/connector.ts';
import { createRegistry } from '../../src/connectors/registry.ts';
import { type Database, openDatabase } from '../../src/database/database.ts';
import type { Domain, Tx } from '../../src/domain/context.ts';
import { ensureLocalProvider } from '../../src/domain/local-provider.ts';
import type { Role, Viewer } from '../../src/domain/viewer.ts';
import type { Job } from '../../src/engine/job.ts';
import type { Tuning } from '../../src/engine/options.ts';
import { createTaskQueue } from '../../src/engine/queue.ts';
import { isTerminal } from '../../src/engine/task.ts';
import { startWorker, type Worker } from '../../src/engine/worker.ts';
import { type EventBus, startEventBus } from '../../src/events/bus.ts';
import { createJobs } from '../../src/jobs/jobs.ts';
import { testDatabase } from './database.ts';

/** Small blocks and packs: much happens in little data. */
export const smallStore = { geometry: { blockBytes: 4096, leafBlocks: 16, packBytes: 256 * 1024 } };

/** Everything that actions need, over a database and folders of the test's own. */
export interface Bench {
  /** A folder of the test's own; sites lie in it. */
  folder: string;
  database: Database;
  domain: Domain;
  events: EventBus;
  jobs: Job<Tx>[];
  provider: { id: string };
  administrator: Viewer;
  /** Starts a worker; it stops with the bench. */
  work(tuning?: Partial<Tuning>): Promise<Worker>;
  viewer(...roles: Role[]): Promise<Viewer>;
  /** Resolves when the task has ended. */
  ended(taskId: string | null): Promise<Prisma.TaskGetPayload<object>>;
  close(): Promise<void>;
}

/** What a test may put in the place of the real thing. */
export interface BenchOptions {
  connector?: (local: Connector) => Connector;
  store?: LocalOptions['store'];
  /** A start and a stop of services keep their key. */
  serviceKey?: Buffer;
}

/** Opens a bench; `close` it. Without `work` its tasks stay queued. */
export async function openBench(options: BenchOptions = {}): Promise<Bench> {
  const { url, drop } = await testDatabase();
  const folder = await mkdtemp(join(tmpdir(), 'drgraph-bench-'));
  const log = pino({ level: 'silent' });
  const database = await openDatabase({ url, log });
  const { pool, heartbeatPool, prisma, transactions } = database;
  const events = await startEventBus({ pool, listenUrl: url, log });
  const local = createLocalConnector({
    serviceKey: options.serviceKey ?? randomBytes(32),
    store: options.store ?? smallStore,
  });
  const registry = createRegistry([options.connector?.(local) ?? local]);
  const jobs = createJobs({ prisma, connector: registry });
  const tasks = createTaskQueue<Tx>({ pool, transactions, events, jobs, log });
  const domain: Domain = { prisma, tasks, sql: (tx) => transactions.sql(tx), connector: registry };
  const provider = await ensureLocalProvider(domain);
  const workers: Worker[] = [];
  const viewer = (...roles: Role[]) => makeViewer(domain, roles);
  return {
    folder,
    database,
    domain,
    events,
    jobs,
    provider,
    administrator: await viewer('ADMINISTRATOR'),
    viewer,
    async work(tuning = {}) {
      const worker = await startWorker<Tx>({ pool, heartbeatPool, transactions, events, jobs, log, ...tuning });
      workers.push(worker);
      return worker;
    },
    ended: (taskId) => taskEnded(domain, events, taskId),
    async close() {
      await Promise.all(workers.map((worker) => worker.stop()));
      await tasks.close();
      await events.close();
      await database.close();
      await drop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function makeViewer(domain: Domain, roles: Role[]): Promise<Viewer> {
  const username = `${roles.join('-').toLowerCase()}-${randomUUID().slice(0, 8)}`;
  const user = await domain.prisma.user.create({ data: { username, passwordHash: 'none', roles } });
  return { userId: user.id, username, sessionId: randomUUID(), roles };
}

async function taskEnded(domain: Domain, events: EventBus, id: string | null) {
  if (id === null) throw new Error('There is no task to wait for.');
  const deadline = AbortSignal.timeout(30_000);
  const items = events.subscribe({ stream: 'task', subjectId: id, from: 'latest', progress: false, signal: deadline });
  for await (const _ of items) {
    const task = await domain.prisma.task.findUniqueOrThrow({ where: { id } });
    if (isTerminal(task.state)) return task;
  }
  const task = await domain.prisma.task.findUnique({ where: { id } });
  throw new Error(
    `The task did not end within 30 s: ${JSON.stringify(task, (_, v) => (typeof v === 'bigint' ? `${v}` : v))}`,
  );
}

/** A site with its folder, registered without a task. */
export async function makeSite(bench: Bench, name: string): Promise<{ id: string; path: string }> {
  const path = join(bench.folder, name);
  await mkdir(join(path, 'vms'), { recursive: true });
  const site = await bench.domain.prisma.site.create({
    data: { providerId: bench.provider.id, name, type: 'ON_PREMISES', path },
  });
  return { id: site.id, path };
}

/** A machine's folder with one disk of the given content, and a hole behind it. */
export async function writeMachine(
  site: { path: string },
  name: string,
  o: { content?: Buffer; sizeBytes?: number; organization?: string } = {},
): Promise<{ disk: string }> {
  const folder = join(site.path, 'vms', name);
  const content = o.content ?? randomBytes(40_000);
  await mkdir(folder, { recursive: true });
  const disk = join(folder, 'disk.raw');
  await using file = await open(disk, 'w');
  await file.write(content, 0, content.length, 0);
  await file.truncate(o.sizeBytes ?? 200_000);
  const machine = {
    id: `id-${name}`,
    name,
    ...(o.organization ? { organization: o.organization } : {}),
    cpus: 2,
    memoryMb: 512,
    powerState: 'POWERED_ON',
    disks: [{ key: 2000, file: 'disk.raw' }],
  };
  await writeFile(join(folder, 'vm.json'), JSON.stringify(machine));
  return { disk };
}

/** Writes into a disk as a guest would. */
export async function scribble(disk: string, offset = 4096): Promise<void> {
  await using file = await open(disk, 'r+');
  await file.write(randomBytes(5_000), 0, 5_000, offset);
}

/** The bytes of the disk of a machine that lies at a site. */
export function readDisk(site: { path: string }, name: string): Promise<Buffer> {
  return readFile(join(site.path, 'vms', name, 'disk.raw'));
}

/** A machine's row with one disk, without files: for what is decided before any work is done. */
export async function addMachine(bench: Bench, site: { id: string }, name: string): Promise<string> {
  const machine = await bench.domain.prisma.virtualMachine.create({
    data: {
      providerId: bench.provider.id,
      siteId: site.id,
      nativeId: `id-${name}`,
      name,
      powerState: 'POWERED_ON',
      disks: { create: { key: 2000, file: 'disk.raw', sizeBytes: 200_000n } },
    },
  });
  return machine.id;
}

/** A machine with files and its row, as an inventory would have found it. */
export async function placeMachine(bench: Bench, site: { id: string; path: string }, name: string): Promise<string> {
  await writeMachine(site, name);
  return addMachine(bench, site, name);
}

// Initial sync, delta and restore of one disk image by the LOCAL engine's store beside cp, restic and borg:
// `node bench/replicate.ts [--size 4] [--sparse 40] [--runs 3] [--folder DIR]` (sizes in GiB; five times the size is needed).
// Of several runs the best time of each work counts, and the highest memory.
//
// Half of the image is holes; of the rest one half is random, the other compresses. Each program runs as a process of its own and
// is timed from its start until all it wrote is on the disk (`sync -f` is part of the time). All read the image from a
// warm page cache, and what they restore they have just written, so that caches are equally warm for all.
import { execFile, execFileSync, spawn } from 'node:child_process';
import { randomBytes, randomFillSync } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, open, rm, stat } from 'node:fs/promises';
import { cpus, loadavg, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { z } from 'zod';
import type { ConnectionType } from '../src/replicator/codec.ts';
import { openSite } from '../src/replicator/site.ts';
import { openStore } from '../src/replicator/store.ts';
import { writeSection } from './section.ts';

const mebi = 2 ** 20;
const gibi = 2 ** 30;
const extentBytes = 64 * mebi;
const deltaWriteBytes = 64 * 1024;
const deltaShare = 0.05;

const orderSchema = z.object({
  folder: z.string(),
  type: z.enum(['PLAIN', 'ENCRYPTED', 'ENCRYPTED_COMPRESSED']),
  action: z.enum(['sync', 'restore']),
  id: z.string(),
});
type Order = z.infer<typeof orderSchema>;

/** The work of one child process: one action on one store. Prints its peak of memory in KiB. */
async function runOrder({ folder, type, action, id }: Order): Promise<void> {
  const site = await openSite(join(folder, 'source'));
  const root = join(folder, 'target');
  const store = await openStore({
    root,
    replicationId: type,
    serviceKey: Buffer.alloc(32, 1),
    connectionType: type,
    create: true,
  });
  const machine = await site.readMachine('bench');
  if (action === 'sync') await store.sync({ syncId: id, machine, disks: machine.disks });
  else {
    await store.restore({
      key: id,
      restoreId: `restore-${type}`,
      targetFolder: join(root, 'vms', type),
      machine: { id: type, name: type, powerState: 'POWERED_OFF' },
    });
  }
  await store.close();
  process.stdout.write(String(process.resourceUsage().maxRSS));
}

/** Extents of data and holes in turn; the data random and compressible in turn. */
async function makeImage(path: string, bytes: number): Promise<void> {
  const extent = Buffer.alloc(Math.min(extentBytes, bytes / 4));
  await using file = await open(path, 'w');
  await file.truncate(bytes);
  for (let number = 0; number * extent.byteLength < bytes; number += 1) {
    if (number % 2 === 1) continue;
    if (number % 4 === 0) randomFillSync(extent);
    else fillWithText(extent, number);
    await file.write(extent, 0, extent.byteLength, number * extent.byteLength);
  }
  await file.sync();
}

/** Lines like those of a log: zstd-1 makes them about a quarter. */
function fillWithText(target: Buffer, seed: number): void {
  const words = ['GET', 'POST', 'index', 'image', 'session', 'replication', 'task', 'error', 'warning', 'info'];
  let line = 0;
  for (let at = 0; at < target.byteLength; line += 1) {
    const pick = (factor: number) => words[(line * factor + (line >> 3)) % words.length];
    at += target.write(
      `${line * 17 + seed} ${pick(7)} /${pick(3)}/${((line * 2654435761) >>> 0).toString(36)} ${pick(11)}\n`,
      at,
    );
  }
}

/** Writes at random aligned places of the data, 5 % of the image in all. */
async function changeImage(path: string, bytes: number): Promise<void> {
  await using file = await open(path, 'r+');
  const extent = Math.min(extentBytes, bytes / 4);
  const extents = bytes / extent / 2;
  for (let written = 0; written < bytes * deltaShare; written += deltaWriteBytes) {
    const place = randomBytes(6).readUIntBE(0, 6) % (extents * (extent / deltaWriteBytes));
    const inExtent = (place * deltaWriteBytes) % extent;
    const at = Math.floor((place * deltaWriteBytes) / extent) * 2 * extent + inExtent;
    await file.write(randomBytes(deltaWriteBytes), 0, deltaWriteBytes, at);
  }
  await file.sync();
}

interface Run {
  seconds: number;
  /** Peak resident memory of the process in MiB; null where it was not asked for. */
  memoryMb: number | null;
}

/** Times a command and the flush of what it wrote. */
async function time(folder: string, command: string[], cwd = folder, env: Record<string, string> = {}): Promise<Run> {
  execFileSync('sync');
  const began = performance.now();
  const { stdout } = await promisify(execFile)(command[0] ?? '', command.slice(1), {
    cwd,
    env: { ...process.env, ...env },
    maxBuffer: 64 * mebi,
  });
  execFileSync('sync', ['-f', folder]);
  const memory = Number(stdout);
  return {
    seconds: (performance.now() - began) / 1000,
    memoryMb: Number.isInteger(memory) && memory > 0 ? memory / 1024 : null,
  };
}

const self = fileURLToPath(import.meta.url);

function order(folder: string, type: ConnectionType, action: Order['action'], id: string): string[] {
  return [process.execPath, self, '--order', JSON.stringify({ folder, type, action, id } satisfies Order)];
}

/** A program's commands; `made` is the file that its restore makes. */
interface Contestant {
  name: string;
  prepare: string[][];
  initial: string[];
  delta: string[] | null;
  restore: string[] | null;
  restoreFolder: string;
  made: string;
  env: Record<string, string>;
}

function contestants(folder: string): Contestant[] {
  const image = join(folder, 'source/vms/bench/disk.raw');
  const ours = (['PLAIN', 'ENCRYPTED', 'ENCRYPTED_COMPRESSED'] as const).map((type) => ({
    name: `drgraph ${type}`,
    prepare: [],
    initial: order(folder, type, 'sync', 'initial'),
    delta: order(folder, type, 'sync', 'delta'),
    restore: order(folder, type, 'restore', 'delta'),
    restoreFolder: folder,
    made: join(folder, 'target/vms', type, 'disk.raw'),
    env: {},
  }));
  const copy = join(folder, 'copy.raw');
  const list: Contestant[] = [
    {
      name: 'cp --sparse=auto',
      prepare: [],
      initial: ['cp', '--sparse=auto', image, copy],
      delta: null,
      restore: null,
      restoreFolder: folder,
      made: copy,
      env: {},
    },
    ...ours,
  ];
  if (isInstalled('restic')) {
    const restic = ['restic', '-q', '-r', join(folder, 'restic')];
    list.push({
      name: `restic ${versionOf('restic', 'version')}`,
      prepare: [[...restic, 'init']],
      initial: [...restic, 'backup', image],
      delta: [...restic, 'backup', image],
      restore: [...restic, 'restore', 'latest', '--target', join(folder, 'restic-out')],
      restoreFolder: folder,
      made: join(folder, 'restic-out', image),
      env: { RESTIC_PASSWORD: 'bench', RESTIC_CACHE_DIR: join(folder, 'restic-cache') },
    });
  }
  if (isInstalled('borg')) {
    const repository = join(folder, 'borg');
    list.push({
      name: `borg ${versionOf('borg', '--version')}`,
      prepare: [['borg', 'init', '-e', 'repokey', repository]],
      initial: ['borg', 'create', `${repository}::initial`, image],
      delta: ['borg', 'create', `${repository}::delta`, image],
      restore: ['borg', 'extract', '--sparse', `${repository}::delta`],
      restoreFolder: join(folder, 'borg-out'),
      made: join(folder, 'borg-out', image),
      env: { BORG_PASSPHRASE: 'bench', BORG_BASE_DIR: join(folder, 'borg-base') },
    });
  }
  return list;
}

function isInstalled(program: string): boolean {
  const found = (process.env.PATH ?? '').split(':').some((folder) => existsSync(join(folder, program)));
  if (!found) console.log(`${program} is not installed (Debian: apt-get install restic borgbackup); it is left out.`);
  return found;
}

function versionOf(program: string, argument: string): string {
  return /\d+\.\d+\.\d+/.exec(execFileSync(program, [argument], { encoding: 'utf8' }))?.[0] ?? '';
}

/** Reads a file to its end: it is in the page cache then. */
async function warm(path: string): Promise<void> {
  const reader = spawn('cat', [path], { stdio: ['ignore', 'ignore', 'inherit'] });
  await new Promise((resolve) => reader.on('close', resolve));
}

type Row = { name: string; initial: Run; delta: Run | null; restore: Run | null };

async function compare(folder: string, bytes: number): Promise<Row[]> {
  const image = join(folder, 'source/vms/bench/disk.raw');
  const list = contestants(folder);
  const rows: Row[] = [];
  await warm(image);
  for (const one of list) {
    await mkdir(one.restoreFolder, { recursive: true });
    for (const command of one.prepare) await time(folder, command, folder, one.env);
    rows.push({
      name: one.name,
      initial: await time(folder, one.initial, folder, one.env),
      delta: null,
      restore: null,
    });
    console.log(`${one.name}: initial ${rows.at(-1)?.initial.seconds.toFixed(1)} s`);
  }
  await rm(join(folder, 'copy.raw'));
  await changeImage(image, bytes);
  for (const [index, one] of list.entries()) {
    const row = rows[index];
    if (!row || !one.delta || !one.restore) continue;
    row.delta = await time(folder, one.delta, folder, one.env);
    row.restore = await time(folder, one.restore, one.restoreFolder, one.env);
    // Outside of the time: what was restored is the image.
    execFileSync('cmp', [image, one.made]);
    await rm(one.made);
    console.log(`${one.name}: delta ${row.delta.seconds.toFixed(1)} s, restore ${row.restore.seconds.toFixed(1)} s`);
  }
  return rows;
}

async function sparse(folder: string, bytes: number): Promise<{ sync: Run; restore: Run; blocks: number }> {
  const image = join(folder, 'source/vms/bench/disk.raw');
  await rm(join(folder, 'target'), { recursive: true, force: true });
  await mkdir(join(folder, 'target'));
  await using file = await open(image, 'w');
  await file.truncate(bytes);
  for (let number = 0; number < 64; number += 1) {
    await file.write(randomBytes(4 * mebi), 0, 4 * mebi, number * (bytes / 64));
  }
  await file.close();
  const sync = await time(folder, order(folder, 'ENCRYPTED_COMPRESSED', 'sync', 'sparse'));
  const restore = await time(folder, order(folder, 'ENCRYPTED_COMPRESSED', 'restore', 'sparse'));
  const made = join(folder, 'target/vms/ENCRYPTED_COMPRESSED/disk.raw');
  return { sync, restore, blocks: (await stat(made)).blocks };
}

const seconds = (run: Run | null) => (run ? `${run.seconds.toFixed(1)} s` : '');
const memory = (row: Row) => {
  const peaks = [row.initial, row.delta, row.restore].flatMap((run) => run?.memoryMb ?? []);
  return peaks.length > 0 ? `${Math.max(...peaks).toFixed(0)} MiB` : '';
};

/** Empties the folder and makes the source's machine with its image. */
async function makeSource(folder: string, bytes: number): Promise<void> {
  await rm(folder, { recursive: true, force: true });
  const machine = join(folder, 'source/vms/bench');
  await mkdir(machine, { recursive: true });
  await mkdir(join(folder, 'target'));
  await makeImage(join(machine, 'disk.raw'), bytes);
  const site = await openSite(join(folder, 'source'));
  const disks = [{ key: 2000, file: 'disk.raw' }];
  await site.writeMachine('bench', { id: 'bench', nics: [], powerState: 'POWERED_OFF', disks });
}

function bestOf(before: Row[], rows: Row[]): Row[] {
  const better = (a: Run | null | undefined, b: Run) => ({
    seconds: Math.min(a?.seconds ?? b.seconds, b.seconds),
    memoryMb: b.memoryMb === null ? null : Math.max(a?.memoryMb ?? 0, b.memoryMb),
  });
  return rows.map((row, index) => {
    const old = before[index];
    return {
      name: row.name,
      initial: better(old?.initial, row.initial),
      delta: row.delta && better(old?.delta, row.delta),
      restore: row.restore && better(old?.restore, row.restore),
    };
  });
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      order: { type: 'string' },
      size: { type: 'string', default: '4' },
      sparse: { type: 'string', default: '40' },
      runs: { type: 'string', default: '3' },
      folder: { type: 'string', default: tmpdir() },
    },
  });
  if (values.order !== undefined) return await runOrder(orderSchema.parse(JSON.parse(values.order)));
  const bytes = Number(values.size) * gibi;
  const folder = await mkdtemp(join(values.folder, 'drgraph-bench-'));
  try {
    let rows: Row[] = [];
    for (let run = 1; run <= Number(values.runs); run += 1) {
      await makeSource(folder, bytes);
      rows = bestOf(rows, await compare(folder, bytes));
    }
    const copy = rows[0]?.initial.seconds ?? 0;
    const large = await sparse(folder, Number(values.sparse) * gibi);
    const load = loadavg()[0]?.toFixed(1);
    const lines = [
      `A raw image of ${values.size} GiB, half of it holes, a quarter random, a quarter text that compresses to about a fourth; delta: random writes of 64 KiB, ${deltaShare * 100} % of the image in all. Warm page cache for all; the best of ${values.runs} runs; every time includes the start of the process and \`sync -f\`. ${new Date().toISOString().slice(0, 10)}, ${cpus().length} × ${cpus()[0]?.model.trim()}, ${(totalmem() / gibi).toFixed(0)} GiB of memory, load ${load} at the end.`,
      '',
      '| program | initial | of cp | 5 % delta | restore | peak memory |',
      '|---|---|---|---|---|---|',
      ...rows.map((row) => {
        const share = (copy / row.initial.seconds).toFixed(2);
        return `| ${row.name} | ${seconds(row.initial)} | ${share} | ${seconds(row.delta)} | ${seconds(row.restore)} | ${memory(row)} |`;
      }),
      '',
      `A sparse image of ${values.sparse} GiB with 256 MiB of data (ENCRYPTED_COMPRESSED): sync ${seconds(large.sync)}, ${large.sync.memoryMb?.toFixed(0)} MiB; restore ${seconds(large.restore)}, ${large.restore.memoryMb?.toFixed(0)} MiB, ${(large.blocks / 2048).toFixed(0)} MiB on the disk.`,
    ];
    console.log(`\n${lines.join('\n')}`);
    await writeSection('replicate', lines.join('\n'));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

await main();

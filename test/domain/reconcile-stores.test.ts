import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { reconcileStores } from '../../src/domain/reconcile-stores.ts';
import { startReplication, syncReplication } from '../../src/domain/replication.ts';
import { connectorOf, replicationAddress, replicationParts } from '../../src/domain/replication-address.ts';
import { type Bench, makeSite, openBench, placeMachine, scribble } from '../support/seed.ts';

describe('at the start of a service, rows and stores are made to agree', () => {
  let bench: Bench;
  let recovery: { id: string; path: string };
  let replicationId = '';
  let disk = '';

  beforeEach(async () => {
    bench = await openBench();
    const primary = await makeSite(bench, 'primary');
    recovery = await makeSite(bench, 'recovery');
    const machineId = await placeMachine(bench, primary, 'web-01');
    disk = join(primary.path, 'vms', 'web-01', 'disk.raw');
    const worker = await bench.work();
    const started = await startReplication(bench.domain, bench.administrator, {
      source: { virtualMachine: { id: machineId } },
      destination: { site: { id: recovery.id } },
    });
    replicationId = started.replicationId ?? '';
    await bench.ended(started.taskId);
    await scribble(disk);
    await bench.ended((await syncReplication(bench.domain, bench.administrator, { replicationId })).taskId);
    await worker.stop();
  });
  afterEach(() => bench.close());

  const row = () => bench.domain.prisma.replication.findUniqueOrThrow({ where: { id: replicationId } });
  const instances = () =>
    bench.domain.prisma.instance.findMany({ where: { replicationId }, orderBy: { sequenceNumber: 'asc' } });
  const manifests = () => readdir(join(recovery.path, '.drgraph', 'stores', replicationId, 'instances'));

  test('what agrees stays as it is', async () => {
    const before = { row: await row(), instances: await instances() };
    expect(await reconcileStores(bench.domain)).toEqual({ checked: 1, adopted: 0, removed: 0, missing: 0, notes: [] });
    expect({ row: { ...(await row()), updatedAt: null }, instances: await instances() }).toEqual({
      row: { ...before.row, updatedAt: null },
      instances: before.instances,
    });
  });

  test('a newer recovery point without a row is adopted', async () => {
    const [, second] = await instances();
    await bench.domain.prisma.instance.delete({ where: { id: second?.id ?? '' } });
    expect(await reconcileStores(bench.domain)).toMatchObject({ adopted: 1, removed: 0 });
    expect((await instances())[1]).toMatchObject({ key: second?.key, sequenceNumber: 3, createdAt: second?.createdAt });
  });

  test('an older one without a row, left behind by retention, is removed', async () => {
    const [first] = await instances();
    await bench.domain.prisma.instance.delete({ where: { id: first?.id ?? '' } });
    expect(await reconcileStores(bench.domain)).toMatchObject({ adopted: 0, removed: 1 });
    expect(await manifests()).toHaveLength(1);
    expect(await instances()).toHaveLength(1);
  });

  test('a row whose files are missing or damaged says so, and is healed when they are whole again', async () => {
    const [first, second] = await instances();
    const manifest = (key: string | undefined) =>
      join(recovery.path, '.drgraph', 'stores', replicationId, 'instances', `${key}.json`);
    const content = await readFile(manifest(second?.key));
    await writeFile(manifest(second?.key), '{}');
    expect(await reconcileStores(bench.domain)).toMatchObject({ missing: 1 });
    expect((await instances()).map(({ problem }) => problem)).toEqual([
      null,
      expect.stringContaining(`${second?.key}`),
    ]);
    expect(await row()).toMatchObject({ overallHealth: 'YELLOW', problems: [{ code: 'INSTANCE_DAMAGED' }] });
    await rm(manifest(first?.key));
    await reconcileStores(bench.domain);
    expect((await instances())[0]?.problem).toContain('missing');
    expect(await row()).toMatchObject({ overallHealth: 'RED', destinationState: 'NEW' });
    await writeFile(manifest(second?.key), content);
    await reconcileStores(bench.domain);
    expect((await instances()).map(({ problem }) => problem)).toEqual([expect.any(String), null]);
    expect(await row()).toMatchObject({ overallHealth: 'YELLOW', destinationState: 'READY' });
  });

  test('what a missing manifest may need is kept by checks and retention, so that putting it back heals', async () => {
    const [first, second] = await instances();
    const file = join(recovery.path, '.drgraph', 'stores', replicationId, 'instances', `${first?.key}.json`);
    const aside = join(bench.folder, 'aside.json');
    await rename(file, aside);
    const found = await reconcileStores(bench.domain);
    expect(found).toMatchObject({ missing: 1, removed: 0, notes: [expect.stringContaining(file)] });
    expect((await instances())[0]?.problem).toContain('Put it back');
    await bench.domain.prisma.instance.delete({ where: { id: second?.id ?? '' } });
    // Adopted again, then outdated by a newer one: its space is not freed, which is said.
    await reconcileStores(bench.domain);
    await bench.domain.prisma.instance.updateMany({ where: { key: first?.key ?? '' }, data: { isPinned: true } });
    await bench.domain.prisma.replication.updateMany({ data: { retentionRules: [] } });
    const worker = await bench.work();
    const task = await bench.ended(
      (await syncReplication(bench.domain, bench.administrator, { replicationId })).taskId,
    );
    await worker.stop();
    expect(task).toMatchObject({ state: 'SUCCEEDED', warnings: [{ message: expect.stringContaining(file) }] });
    await rename(aside, file);
    expect(await reconcileStores(bench.domain)).toMatchObject({ missing: 0, notes: [] });
    expect((await instances())[0]?.problem).toBeNull();
  });

  /** The domain, with something to do before each look at the store; counts the looks. */
  const beforeInspecting = (act: (looks: number) => Promise<unknown>) => {
    const counted = { looks: 0 };
    const connector: typeof bench.domain.connector = (kind) => {
      const local = bench.domain.connector(kind);
      if (!local.instances) throw new Error('LOCAL keeps its instances.');
      const { inspect, ...others } = local.instances;
      const inspectLater: typeof inspect = async (...given) => {
        counted.looks += 1;
        await act(counted.looks);
        return inspect(...given);
      };
      return { ...local, instances: { ...others, inspect: inspectLater } };
    };
    return { domain: { ...bench.domain, connector }, counted };
  };

  test('actions need not wait while a store is read; what they did meanwhile is read again', async () => {
    const [, second] = await instances();
    const worker = await bench.work();
    const { domain, counted } = beforeInspecting(async (looks) => {
      if (looks > 1) return;
      const { taskId } = await syncReplication(bench.domain, bench.administrator, { replicationId });
      await bench.ended(taskId);
    });
    expect(await reconcileStores(domain)).toEqual({ checked: 1, adopted: 0, removed: 0, missing: 0, notes: [] });
    await worker.stop();
    expect(counted.looks).toBe(2);
    expect(await instances()).toHaveLength(3);
    // One that is still queued is left to itself, with all that lies there.
    const orphan = join(recovery.path, '.drgraph', 'stores', replicationId, 'tmp', 'dead.1');
    await writeFile(orphan, '');
    const queued = beforeInspecting(() => syncReplication(bench.domain, bench.administrator, { replicationId }));
    expect(await reconcileStores(queued.domain)).toMatchObject({ checked: 0 });
    expect({ looks: queued.counted.looks, kept: existsSync(orphan) }).toEqual({ looks: 1, kept: true });
    expect((await instances())[1]).toEqual(second);
  });

  test('a stop of the service ends it at once and in peace', async () => {
    const stop = new AbortController();
    const { domain } = beforeInspecting(async () => stop.abort());
    expect(await reconcileStores(domain, stop.signal)).toMatchObject({ checked: 0, notes: [] });
    expect(await row()).toMatchObject({ overallHealth: 'GREEN' });
  });

  test('a store that is gone, and a site that is, are RED and do not stop the service; a site that returns heals', async () => {
    const aside = `${recovery.path}.aside`;
    await rename(recovery.path, aside);
    expect((await reconcileStores(bench.domain)).notes).not.toEqual([]);
    expect(await row()).toMatchObject({ overallHealth: 'RED', problems: [{ code: 'DESTINATION_UNREACHABLE' }] });
    await rename(aside, recovery.path);
    await reconcileStores(bench.domain);
    expect(await row()).toMatchObject({ overallHealth: 'GREEN', problems: [] });
    await rm(join(recovery.path, '.drgraph', 'stores'), { recursive: true });
    await reconcileStores(bench.domain);
    expect(await row()).toMatchObject({
      overallHealth: 'RED',
      destinationState: 'ERROR',
      problems: [{ code: 'STORE_DAMAGED' }],
    });
  });

  test('a replication that a task works on, and unfinished work of a task, are left to it; the rest is swept', async () => {
    const { taskId } = await syncReplication(bench.domain, bench.administrator, { replicationId });
    const debris = join(recovery.path, '.drgraph', 'tmp');
    const dead = randomUUID();
    for (const name of [taskId ?? '', dead, 'store-x']) await mkdir(join(debris, name), { recursive: true });
    const before = await row();
    expect(await reconcileStores(bench.domain)).toMatchObject({ checked: 0 });
    expect(await row()).toEqual(before);
    expect((await readdir(debris)).sort()).toEqual([taskId, 'store-x'].sort());
    await bench.domain.tasks.cancel([taskId ?? ''], 'test');
    await reconcileStores(bench.domain);
    expect(existsSync(debris) ? await readdir(debris) : []).toEqual([]);
  });

  test('a first sync that never made a store is nothing to wonder at', async () => {
    const replication = await bench.domain.prisma.replication.findFirstOrThrow({ include: replicationParts });
    await connectorOf(bench.domain, replication.provider).stop(replicationAddress(replication), {
      idempotencyKey: 'x',
      signal: new AbortController().signal,
      check: async () => {},
      report: () => {},
    });
    await bench.domain.prisma.instance.deleteMany({});
    await reconcileStores(bench.domain);
    expect(await row()).toMatchObject({ destinationState: 'NEW', problems: [{ code: 'NO_INSTANCE' }] });
  });
});

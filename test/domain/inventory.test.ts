import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Inventory, MachineReport } from '../../src/connectors/connector.ts';
import { applyInventory, databaseNow } from '../../src/domain/apply-inventory.ts';
import { syncInventory } from '../../src/domain/inventory.ts';
import { startReplication } from '../../src/domain/replication.ts';
import { type Bench, makeSite, openBench, writeMachine } from '../support/seed.ts';

describe('an inventory', () => {
  let bench: Bench;
  beforeAll(async () => {
    bench = await openBench();
    await bench.work();
  });
  afterAll(() => bench.close());

  const read = async (siteId?: string) => {
    const { taskId } = await syncInventory(bench.domain, bench.administrator, {
      providerId: bench.provider.id,
      siteId,
    });
    return bench.ended(taskId);
  };
  const machines = (siteId: string) =>
    bench.domain.prisma.virtualMachine.findMany({
      where: { siteId },
      include: { disks: true, organization: true },
      orderBy: { name: 'asc' },
    });
  const found = (...names: string[]): Inventory => ({ machines: names.map(report), problems: [] });
  const apply = (siteId: string, readAt: Date, inventory: Inventory) =>
    bench.domain.prisma.$transaction((tx) => applyInventory(tx, { siteId, readAt, inventory }));
  const now = () => databaseNow(bench.domain.prisma);

  test('finds folders and bare images, reads again what changed, marks what vanished and revives it', async () => {
    const site = await makeSite(bench, 'site-a');
    const { disk } = await writeMachine(site, 'one', { organization: 'Acme' });
    await writeFile(join(site.path, 'bare.img'), Buffer.alloc(5000));
    expect((await read(site.id)).result).toMatchObject({ machinesFound: 2, machinesAdded: 2, problems: [] });
    expect(await machines(site.id)).toMatchObject([
      { name: 'bare', nativeId: 'bare.img', organization: null, disks: [{ key: 2000, sizeBytes: 5000n }] },
      { name: 'one', organization: { name: 'Acme' } },
    ]);
    const unchanged = { machinesAdded: 0, machinesChanged: 0, machinesRemoved: 0 };
    expect((await read(site.id)).result).toMatchObject(unchanged);
    await writeFile(disk, Buffer.alloc(9000));
    await rename(join(site.path, 'bare.img'), join(site.path, 'bare.aside'));
    expect((await read(site.id)).result).toMatchObject({ machinesFound: 1, machinesChanged: 1, machinesRemoved: 1 });
    const [bare, one] = await machines(site.id);
    expect(bare?.removedAt).not.toBeNull();
    expect(one?.disks).toMatchObject([{ sizeBytes: 9000n }]);
    await rename(join(site.path, 'bare.aside'), join(site.path, 'bare.img'));
    expect((await read(site.id)).result).toMatchObject({ machinesFound: 2, machinesAdded: 0, machinesChanged: 1 });
    expect((await machines(site.id))[0]).toMatchObject({ id: bare?.id, removedAt: null });
  });

  test('a machine that cannot be used is a problem of the site and a warning, and costs the others nothing', async () => {
    const site = await makeSite(bench, 'site-b');
    await writeMachine(site, 'good');
    await mkdir(join(site.path, 'vms', 'bad'));
    await writeFile(join(site.path, 'vms', 'bad', 'vm.json'), '{"id": 7}');
    const task = await read(site.id);
    expect(task).toMatchObject({ state: 'SUCCEEDED', warnings: [{ code: 'MACHINE_UNUSABLE' }] });
    const [problem] = (await bench.domain.prisma.site.findMany({ where: { id: site.id } })).map((row) => row.problems);
    expect(problem).toMatchObject([{ path: join(site.path, 'vms', 'bad'), message: expect.stringContaining('id') }]);
    expect(await machines(site.id)).toMatchObject([{ name: 'good' }]);
  });

  test('a site that is gone fails its own inventory, is a warning in that of all, and keeps its machines', async () => {
    const site = await makeSite(bench, 'site-c');
    await writeMachine(site, 'lost');
    await read(site.id);
    await rm(site.path, { recursive: true });
    expect(await read(site.id)).toMatchObject({ state: 'FAILED', error: { code: 'SITE_UNREACHABLE' } });
    expect(await read()).toMatchObject({
      state: 'SUCCEEDED',
      warnings: expect.arrayContaining([expect.objectContaining({ code: 'SITE_UNREACHABLE' })]),
    });
    expect(await machines(site.id)).toMatchObject([{ name: 'lost', removedAt: null }]);
    const provider = await bench.domain.prisma.provider.findUnique({ where: { id: bench.provider.id } });
    expect(provider?.status).toBe('DEGRADED');
    await bench.domain.prisma.site.update({ where: { id: site.id }, data: { removedAt: new Date() } });
    expect(await apply(site.id, await now(), found('lost'))).toBeNull();
  });

  test('a reading that is older than a failover or a clean-up does not undo it', async () => {
    const site = await makeSite(bench, 'site-d');
    await apply(site.id, await now(), found('stays', 'cleaned'));
    const readAt = await now();
    const cleaned = { siteId: site.id, name: 'cleaned' };
    await bench.domain.prisma.virtualMachine.updateMany({ where: cleaned, data: { removedAt: await now() } });
    await apply(site.id, await now(), found('stays', 'made'));
    expect(await apply(site.id, readAt, found('stays', 'cleaned'))).toMatchObject({
      machinesRemoved: 0,
      machinesChanged: 0,
    });
    const rows = (await machines(site.id)).map(({ name, removedAt }) => [name, removedAt === null]);
    expect(rows).toEqual([
      ['cleaned', false],
      ['made', true],
      ['stays', true],
    ]);
  });

  test('a source that vanishes shows in its replication’s health, and a renamed one in its name', async () => {
    const source = await makeSite(bench, 'site-e');
    const destination = await makeSite(bench, 'site-f');
    await writeMachine(source, 'fragile');
    await read(source.id);
    const [machine] = await machines(source.id);
    const { taskId, replicationId } = await startReplication(bench.domain, bench.administrator, {
      source: { virtualMachine: { id: machine?.id ?? '' } },
      destination: { site: { id: destination.id } },
    });
    await bench.ended(taskId);
    const row = () => bench.domain.prisma.replication.findUniqueOrThrow({ where: { id: replicationId ?? '' } });
    const folder = join(source.path, 'vms', 'fragile');
    await rename(folder, `${source.path}.aside`);
    await read(source.id);
    expect(await row()).toMatchObject({
      sourceState: 'REMOVED',
      overallHealth: 'YELLOW',
      problems: [{ code: 'SOURCE_REMOVED' }],
    });
    await rename(`${source.path}.aside`, folder);
    await writeFile(
      join(folder, 'vm.json'),
      JSON.stringify({ id: 'id-fragile', name: 'sturdy', disks: [{ key: 2000, file: 'disk.raw' }] }),
    );
    await read(source.id);
    expect(await row()).toMatchObject({ sourceState: 'IDLE', overallHealth: 'GREEN', problems: [], vmName: 'sturdy' });
  });
});

function report(name: string): MachineReport {
  return {
    nativeId: `id-${name}`,
    name,
    description: null,
    organization: null,
    powerState: 'POWERED_OFF',
    nativePowerState: null,
    cpus: null,
    coresPerSocket: null,
    memoryMb: null,
    nics: [],
    disks: [],
  };
}

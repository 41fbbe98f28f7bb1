import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ensureLocalProvider } from '../../src/domain/local-provider.ts';
import { startReplication } from '../../src/domain/replication.ts';
import { createSample } from '../../src/domain/sample.ts';
import { type Bench, openBench } from '../support/seed.ts';

describe('the sample', () => {
  let bench: Bench;
  beforeEach(async () => {
    bench = await openBench({ store: {} });
  });
  afterEach(() => bench.close());

  test('is two sites, an organization and a machine with a text and real data in a sparse disk', async () => {
    expect(await createSample(bench.domain, bench.folder)).toBe(true);
    const sites = await bench.domain.prisma.site.findMany({
      include: { virtualMachines: true },
      orderBy: { name: 'asc' },
    });
    expect(sites).toMatchObject([
      { name: 'primary', virtualMachines: [{ name: 'web-01', powerState: 'POWERED_ON' }] },
      { name: 'recovery', virtualMachines: [] },
    ]);
    expect(await bench.domain.prisma.organization.count()).toBe(1);
    const disk = join(bench.folder, 'sites', 'primary', 'vms', 'web-01', 'disk.raw');
    const { size, blocks } = await stat(disk);
    expect(size).toBe(64 * 2 ** 20);
    expect(blocks * 512).toBeLessThan(size / 4);
    expect((await readFile(disk)).toString('utf8', 0, 30)).toContain('Hello from web-01');
  });

  test('is made once, also by two services at once, and never beside sites of one’s own', async () => {
    const made = await Promise.all([
      createSample(bench.domain, bench.folder),
      createSample(bench.domain, bench.folder),
    ]);
    expect(made.sort()).toEqual([false, true]);
    expect(await createSample(bench.domain, bench.folder)).toBe(false);
    expect(await bench.domain.prisma.site.count()).toBe(2);
    expect(await ensureLocalProvider(bench.domain)).toMatchObject(bench.provider);
  });

  test('can be protected as it is', async () => {
    await createSample(bench.domain, bench.folder);
    await bench.work();
    const machine = await bench.domain.prisma.virtualMachine.findFirstOrThrow();
    const site = await bench.domain.prisma.site.findFirstOrThrow({ where: { name: 'recovery' } });
    const { taskId } = await startReplication(bench.domain, bench.administrator, {
      source: { virtualMachine: { id: machine.id } },
      destination: { site: { id: site.id } },
    });
    expect((await bench.ended(taskId)).result).toMatchObject({ type: 'SYNC' });
    const instance = await bench.domain.prisma.instance.findFirstOrThrow();
    expect(instance.transferBytes).toBeLessThan(10n * 2n ** 20n);
  });
});

import { rename } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { checkHealth } from '../../src/server/health.ts';
import { addMachine, type Bench, makeSite, openBench } from '../support/seed.ts';

let bench: Bench;
beforeAll(async () => {
  bench = await openBench();
});
afterAll(() => bench?.close());

async function health(domain = bench.domain, deadlineMs?: number) {
  const checks = await checkHealth({ domain, dataDir: bench.folder }, deadlineMs);
  return Object.fromEntries(checks.map(({ name, status, message }) => [name, { status, message }]));
}

test('names a site whose folder is gone, and is well again when it is back', async () => {
  const site = await makeSite(bench, 'far');
  expect(await health()).toMatchObject({ database: { status: 'OK' }, sites: { status: 'OK', message: null } });
  await rename(site.path, `${site.path}-away`);
  expect(await health()).toMatchObject({ sites: { status: 'DEGRADED', message: expect.stringContaining(`far: `) } });
  await rename(`${site.path}-away`, site.path);
  expect(await health()).toMatchObject({ sites: { status: 'OK' } });
});

test('says which site hangs instead of hanging with it', async () => {
  await makeSite(bench, 'hung');
  const connector: typeof bench.domain.connector = (kind) => {
    const real = bench.domain.connector(kind);
    if (!real.folders) return real;
    return { ...real, folders: { ...real.folders, inspect: () => new Promise(() => undefined) } };
  };
  expect(await health({ ...bench.domain, connector }, 50)).toMatchObject({
    database: { status: 'OK' },
    sites: { status: 'DEGRADED', message: expect.stringMatching(/hung: No answer within 0\.05 s/) },
  });
});

test('names the machines whose protection is RED, and not those that were stopped', async () => {
  const [source, destination] = [await makeSite(bench, 'here'), await makeSite(bench, 'there')];
  const protect = async (vmName: string, overallHealth: string, removedAt: Date | null) =>
    bench.domain.prisma.replication.create({
      data: {
        providerId: bench.provider.id,
        virtualMachineId: await addMachine(bench, source, vmName),
        vmName,
        sourceSiteId: source.id,
        destinationSiteId: destination.id,
        rpoMinutes: 60,
        dataConnectionType: 'PLAIN',
        sourceState: 'IDLE',
        destinationState: 'READY',
        recoveryState: 'NOT_STARTED',
        dataConnectionState: 'OK',
        overallHealth,
        removedAt,
      },
    });
  await protect('well-01', 'GREEN', null);
  await protect('gone-01', 'RED', new Date());
  expect(await health()).toMatchObject({ replications: { status: 'OK' } });
  await protect('ill-01', 'RED', null);
  const { replications } = await health();
  expect(replications?.status).toBe('DEGRADED');
  expect(replications?.message).toMatch(/of 1: ill-01\./);
});

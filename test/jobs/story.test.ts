import { existsSync } from 'node:fs';
import { readdir, readFile, rm, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { cleanUpTestFailover, failoverReplication, testFailover } from '../../src/domain/failover.ts';
import { syncInventory } from '../../src/domain/inventory.ts';
import { startReplication, stopReplication, syncReplication } from '../../src/domain/replication.ts';
import { registerSite } from '../../src/domain/site.ts';
import { type Bench, makeSite, openBench, readDisk, scribble, writeMachine } from '../support/seed.ts';

describe('protect, change, test, fail over', () => {
  let bench: Bench;
  let primary: { id: string; path: string };
  let recovery: { id: string; path: string };
  let machineId = '';
  let replicationId = '';
  const contents: Buffer[] = [];
  const disk = () => join(primary.path, 'vms', 'web-01', 'disk.raw');
  const row = () => bench.domain.prisma.replication.findUniqueOrThrow({ where: { id: replicationId } });
  const instances = () =>
    bench.domain.prisma.instance.findMany({ where: { replicationId }, orderBy: { sequenceNumber: 'asc' } });

  beforeAll(async () => {
    bench = await openBench();
    primary = await makeSite(bench, 'primary');
    recovery = await makeSite(bench, 'recovery');
    await writeMachine(primary, 'web-01', { organization: 'Example Ltd' });
    await bench.work();
  });
  afterAll(() => bench.close());

  test('an inventory finds the machine, its disk and its organization', async () => {
    const { taskId } = await syncInventory(bench.domain, bench.administrator, { providerId: bench.provider.id });
    const task = await bench.ended(taskId);
    expect(task.error).toBeNull();
    expect(task.result).toMatchObject({ type: 'INVENTORY', machinesFound: 1, machinesAdded: 1, problems: [] });
    const machine = await bench.domain.prisma.virtualMachine.findFirstOrThrow({
      where: { name: 'web-01' },
      include: { disks: true, organization: true },
    });
    expect(machine).toMatchObject({ nativeId: 'id-web-01', cpus: 2, memoryMb: 512, powerState: 'POWERED_ON' });
    expect(machine.organization?.name).toBe('Example Ltd');
    expect(machine.disks).toMatchObject([{ key: 2000, file: 'disk.raw', sizeBytes: 200_000n }]);
    machineId = machine.id;
  });

  test('a start answers with the replication at once and ends with its first recovery point', async () => {
    const started = await startReplication(bench.domain, bench.administrator, {
      source: { virtualMachine: { id: machineId } },
      destination: { site: { id: recovery.id } },
      settings: { rpoMinutes: 15, description: 'web' },
    });
    replicationId = started.replicationId ?? '';
    expect(await row()).toMatchObject({ vmName: 'web-01', rpoMinutes: 15, recoveryState: 'NOT_STARTED' });
    const task = await bench.ended(started.taskId);
    expect(task.error).toBeNull();
    expect(task).toMatchObject({
      state: 'SUCCEEDED',
      progress: 100,
      resourceType: 'Replication',
      resourceId: replicationId,
    });
    const [instance] = await instances();
    expect(task.result).toMatchObject({ type: 'SYNC', replicationId, instanceId: instance?.id });
    expect(instance).toMatchObject({ key: started.taskId, sequenceNumber: 1, sizeBytes: 200_000n });
    expect(await row()).toMatchObject({
      sourceState: 'IDLE',
      destinationState: 'READY',
      dataConnectionState: 'OK',
      overallHealth: 'GREEN',
      lastSyncedAt: instance?.createdAt,
      problems: [],
      syncProgress: null,
    });
    contents.push(await readDisk(primary, 'web-01'));
  });

  test('a sync after a change transfers little and makes a second recovery point', async () => {
    await scribble(disk());
    await truncate(disk(), 300_000);
    contents.push(await readDisk(primary, 'web-01'));
    const { taskId } = await syncReplication(bench.domain, bench.administrator, { replicationId });
    expect((await bench.ended(taskId)).error).toBeNull();
    const [first, second, ...others] = await instances();
    expect(others).toEqual([]);
    expect(second?.sequenceNumber).toBe(2);
    expect(second?.transferBytes).toBeLessThan(first?.transferBytes ?? 0n);
    // What is shown of the machine is as new as the copy.
    const { virtualMachineId } = await row();
    expect(await bench.domain.prisma.virtualDisk.findMany({ where: { virtualMachineId } })).toMatchObject([
      { sizeBytes: 300_000n },
    ]);
  });

  test('a test failover from the older one makes a machine that is byte for byte what the source was then', async () => {
    const [first] = await instances();
    const { taskId } = await testFailover(bench.domain, bench.administrator, {
      replicationId,
      instanceId: first?.id,
    });
    const task = await bench.ended(taskId);
    expect(task.error).toBeNull();
    expect((await readDisk(recovery, 'web-01-test')).equals(contents[0] ?? Buffer.alloc(0))).toBe(true);
    const machine = await bench.domain.prisma.virtualMachine.findFirstOrThrow({ where: { name: 'web-01-test' } });
    expect(machine).toMatchObject({
      siteId: recovery.id,
      isTest: true,
      recoveredFromId: replicationId,
      recoveredInstance: first?.key,
      powerState: 'POWERED_OFF',
    });
    expect(task.result).toMatchObject({ type: 'FAILOVER', virtualMachineId: machine.id, instanceKey: first?.key });
    expect(await row()).toMatchObject({ recoveryState: 'TEST', destinationState: 'READY', overallHealth: 'GREEN' });
  });

  test('an inventory knows the test machine again instead of adding it', async () => {
    const input = { providerId: bench.provider.id, siteId: recovery.id };
    const task = await bench.ended((await syncInventory(bench.domain, bench.administrator, input)).taskId);
    expect(task.result).toMatchObject({ machinesFound: 1, machinesAdded: 0, machinesChanged: 0, machinesRemoved: 0 });
  });

  test('the clean-up removes the test machine and its row says so', async () => {
    const { taskId } = await cleanUpTestFailover(bench.domain, bench.administrator, { replicationId });
    expect((await bench.ended(taskId)).error).toBeNull();
    expect(await readdir(join(recovery.path, 'vms'))).toEqual([]);
    const machine = await bench.domain.prisma.virtualMachine.findFirstOrThrow({ where: { name: 'web-01-test' } });
    expect(machine.removedAt).not.toBeNull();
    expect(await row()).toMatchObject({ recoveryState: 'NOT_STARTED', destinationState: 'READY' });
  });

  test('a sync of a source that has vanished fails clearly and costs health, not the recovery points', async () => {
    await rm(primary.path, { recursive: true });
    const task = await bench.ended(
      (await syncReplication(bench.domain, bench.administrator, { replicationId })).taskId,
    );
    expect(task.state).toBe('FAILED');
    expect(task.error).toMatchObject({ code: 'SITE_UNREACHABLE', message: expect.stringContaining(primary.path) });
    expect(await row()).toMatchObject({
      overallHealth: 'YELLOW',
      dataConnectionState: 'ERROR',
      problems: [{ code: 'SYNC_FAILED' }],
      lastError: { code: 'SITE_UNREACHABLE', taskId: task.id },
    });
    expect(await instances()).toHaveLength(2);
  });

  test('a failover from the newest needs nothing of the source and makes the machine under its own name', async () => {
    const { taskId } = await failoverReplication(bench.domain, bench.administrator, { replicationId, powerOn: true });
    expect((await bench.ended(taskId)).error).toBeNull();
    expect((await readDisk(recovery, 'web-01')).equals(contents[1] ?? Buffer.alloc(0))).toBe(true);
    const vm: unknown = JSON.parse(await readFile(join(recovery.path, 'vms', 'web-01', 'vm.json'), 'utf8'));
    expect(vm).toMatchObject({ id: taskId, name: 'web-01', powerState: 'POWERED_ON', memoryMb: 512 });
    expect(await row()).toMatchObject({
      recoveryState: 'COMPLETE',
      destinationState: 'RECOVERED',
      dataConnectionState: 'FINISHED',
      overallHealth: 'GREEN',
    });
  });

  test('a stop removes the store and the recovery points, and leaves the recovered machine', async () => {
    const { taskId } = await stopReplication(bench.domain, bench.administrator, { replicationId });
    expect((await bench.ended(taskId)).error).toBeNull();
    expect(await instances()).toEqual([]);
    expect(existsSync(join(recovery.path, '.drgraph', 'stores', replicationId))).toBe(false);
    expect(existsSync(join(recovery.path, 'vms', 'web-01', 'disk.raw'))).toBe(true);
    expect(await row()).toMatchObject({
      recoveryState: 'COMPLETE',
      destinationState: 'REMOVED',
      removedAt: expect.any(Date),
    });
  });

  test('a registered folder is a site at once and has its machines when the task ends', async () => {
    const folder = await makeSite(bench, 'unused').then(({ path }) => join(path, '..', 'third'));
    await writeMachine({ path: folder }, 'db-01');
    const { siteId, taskId } = await registerSite(bench.domain, bench.administrator, { name: 'third', path: folder });
    expect((await bench.ended(taskId)).state).toBe('SUCCEEDED');
    const machines = await bench.domain.prisma.virtualMachine.findMany({ where: { siteId: siteId ?? '' } });
    expect(machines).toMatchObject([{ name: 'db-01' }]);
  });
});

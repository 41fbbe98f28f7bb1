import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, open, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Service, startService } from './support/service.ts';
import { type Story, tellStory } from './support/story.ts';

// The product's main job on a fresh machine: a real service process, its embedded database, its sample, real disks.

let dataDir: string;
let service: Service;
let story: Story;

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'drgraph-story-'));
  service = await startService({ dataDir });
  story = await tellStory(service);
});

afterAll(async () => {
  await service?.stop();
  await rm(dataDir, { recursive: true, force: true });
});

/** The bytes of a machine's only disk. */
function diskOf(sitePath: string, machine: string): Buffer {
  const folder = join(sitePath, 'vms', machine);
  const { disks } = JSON.parse(readFileSync(join(folder, 'vm.json'), 'utf8'));
  return readFileSync(join(folder, disks[0].file));
}

async function writeAt(path: string, offset: number, bytes: Buffer): Promise<void> {
  const file = await open(path, 'r+');
  await file.write(bytes, 0, bytes.length, offset);
  await file.sync();
  await file.close();
}

async function protect(
  machineId: string,
  settings: Record<string, unknown> = {},
): Promise<{ replicationId: string; taskId: string }> {
  const recovery = await story.site('recovery');
  const { task, replication } = await story.act<{ replication: { id: string } }>(
    'startReplication',
    {
      source: { virtualMachine: { id: machineId } },
      destination: { site: { id: recovery.id } },
      settings: { rpoMinutes: 60, dataConnectionType: 'ENCRYPTED_COMPRESSED', ...settings },
    },
    'replication { id }',
  );
  return { taskId: task.id, replicationId: replication.id };
}

describe('from an empty folder to a machine that was failed over', () => {
  test('every recovery point becomes a machine that equals the source as it was then', async () => {
    const primary = await story.site('primary');
    const [machine] = primary.virtualMachines.nodes;
    if (machine?.disks[0] === undefined) throw new Error('The sample has no machine with a disk.');
    const source = join(primary.path, 'vms', machine.name, machine.disks[0].file);
    const before = readFileSync(source);

    const { taskId, replicationId } = await protect(machine.id);
    const seen: string[] = [];
    await story.finish(taskId, ({ state }) => seen.push(state));
    expect(seen.at(-1)).toBe('SUCCEEDED');

    await writeAt(source, 4_194_304, Buffer.from('changed after the first recovery point'));
    const after = readFileSync(source);
    const { task: sync } = await story.act('syncReplication', { replicationId });
    await story.finish(sync.id);

    const document = `query ($id: ID!) { replication(id: $id) { overallHealth availableActions
      instances(orderBy: [{ field: SEQUENCE_NUMBER }]) { totalCount nodes { id sequenceNumber transferBytes } }
      destinationState { recoveryState } } }`;
    type Found = {
      replication: {
        overallHealth: string;
        availableActions: string[];
        destinationState: { recoveryState: string };
        instances: { totalCount: number; nodes: { id: string; transferBytes: string }[] };
      };
    };
    const { replication } = await story.api.data<Found>(document, { id: replicationId });
    expect(replication.instances.totalCount).toBe(2);
    const [older, newer] = replication.instances.nodes;
    expect(Number(newer?.transferBytes)).toBeLessThan(Number(older?.transferBytes));

    const { task: trial } = await story.act('testFailover', { replicationId, instanceId: older?.id });
    const tried = await story.finish(trial.id);
    const recovery = await story.site('recovery');
    const made = recovery.virtualMachines.nodes.find(({ id }) => id === tried.result?.virtualMachine?.id);
    expect(made).toMatchObject({ isTest: true });
    expect(diskOf(recovery.path, made?.name ?? '').equals(before)).toBe(true);

    const { task: cleaning } = await story.act('cleanUpTestFailover', { replicationId });
    await story.finish(cleaning.id);
    expect(existsSync(join(recovery.path, 'vms', made?.name ?? 'none'))).toBe(false);
    expect((await story.site('recovery')).virtualMachines.nodes).toEqual([]);

    const { task: failover } = await story.act('failoverReplication', { replicationId, powerOn: true });
    const failed = await story.finish(failover.id);
    expect(failed.result?.virtualMachine?.name).toBe(machine.name);
    expect(diskOf(recovery.path, machine.name).equals(after)).toBe(true);
    expect((await story.site('recovery')).virtualMachines.nodes).toMatchObject([
      { name: machine.name, powerState: 'POWERED_ON' },
    ]);
    const done = await story.api.data<Found>(document, { id: replicationId });
    expect(done.replication.destinationState.recoveryState).toBe('COMPLETE');
    expect(done.replication.availableActions).not.toContain('FAILOVER');
  });

  test.each([
    ['asked to stop', 'SIGTERM'],
    ['killed', 'SIGKILL'],
  ] as const)(
    'a sync of a disk of one’s own goes on and ends after the service was %s in the middle of it',
    async (_how, signal) => {
      const primary = await story.site('primary');
      const name = `own-${signal.toLowerCase()}`;
      const image = join(primary.path, 'vms', `${name}.raw`);
      const content = randomBytes(320 * 1_048_576);
      writeFileSync(image, content);
      const { task: inventory } = await story.act('syncInventory', {
        providerId: primary.provider.id,
        siteId: primary.id,
      });
      await story.finish(inventory.id);
      const machine = (await story.site('primary')).virtualMachines.nodes.find((found) => found.name === name);
      expect(machine?.disks).toMatchObject([{ sizeBytes: String(content.length) }]);

      const { taskId, replicationId } = await protect(machine?.id ?? '', { dataConnectionType: 'PLAIN' });
      const cut = new Promise<number>((resolve) => {
        story
          .finish(taskId, ({ progress, state }) => {
            if (state !== 'RUNNING' || progress === null || progress < 5) return;
            service.kill(signal);
            resolve(progress);
          })
          // The socket dies with the service: that is what this test does to it.
          .catch(() => undefined);
      });
      expect(await cut).toBeLessThan(100);
      await service.ended;

      service = await startService({ dataDir });
      story = await tellStory(service);
      await story.finish(taskId);
      const { task: failover } = await story.act('failoverReplication', { replicationId, vmName: `${name}-recovered` });
      await story.finish(failover.id);
      const recovery = await story.site('recovery');
      expect(diskOf(recovery.path, `${name}-recovered`).equals(content)).toBe(true);
      // One recovery point, not one for each time that the sync was begun.
      const count = `query ($id: ID!) { replication(id: $id) { instances { totalCount } tasks { totalCount } } }`;
      expect(await story.api.data(count, { id: replicationId })).toEqual({
        replication: { instances: { totalCount: 1 }, tasks: { totalCount: 2 } },
      });

      const { task: stop } = await story.act('stopReplication', { replicationId });
      await story.finish(stop.id);
      expect(await readdir(join(recovery.path, '.drgraph', 'stores'))).not.toContain(replicationId);
      await rm(image);
      await rm(join(recovery.path, 'vms', `${name}-recovered`), { recursive: true });
    },
  );
});

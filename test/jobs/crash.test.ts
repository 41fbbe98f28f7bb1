import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { cleanUpTestFailover, failoverReplication, testFailover } from '../../src/domain/failover.ts';
import { syncInventory } from '../../src/domain/inventory.ts';
import { startReplication, stopReplication, syncReplication } from '../../src/domain/replication.ts';
import { connectorOf, replicationAddress, replicationParts } from '../../src/domain/replication-address.ts';
import { TaskCancelled } from '../../src/engine/abort.ts';
import { makeInspection } from '../connectors/conformance.ts';
import { type Bench, makeSite, openBench, placeMachine, readDisk, scribble } from '../support/seed.ts';
import { dyingWorker } from './dying-worker.ts';

interface Scene {
  name: string;
  replicationId: string;
  startTaskId: string;
  disk: string;
}

describe('a worker that dies at any moment of a job costs nothing', () => {
  let bench: Bench;
  let primary: { id: string; path: string };
  let recovery: { id: string; path: string };
  beforeAll(async () => {
    bench = await openBench();
    primary = await makeSite(bench, 'primary');
    recovery = await makeSite(bench, 'recovery');
  });
  afterAll(() => bench.close());

  /** A machine with a queued start that keeps the newest recovery point only. */
  async function startScene(): Promise<Scene> {
    const name = `vm-${randomUUID().slice(0, 8)}`;
    const id = await placeMachine(bench, primary, name);
    const { replicationId, taskId } = await startReplication(bench.domain, bench.administrator, {
      source: { virtualMachine: { id } },
      destination: { site: { id: recovery.id } },
      settings: { retentionRules: [], dataConnectionType: 'PLAIN' },
    });
    if (!replicationId || !taskId) throw new Error('Nothing was started.');
    return { name, replicationId, startTaskId: taskId, disk: join(primary.path, 'vms', name, 'disk.raw') };
  }
  async function protectedScene(): Promise<Scene> {
    const scene = await startScene();
    await dyingWorker(bench, scene.startTaskId).run();
    return scene;
  }
  const act = async (action: typeof syncReplication | typeof failoverReplication, scene: Scene) => {
    const { taskId } = await action(bench.domain, bench.administrator, { replicationId: scene.replicationId });
    return taskId ?? '';
  };
  const load = ({ replicationId }: Scene) =>
    bench.domain.prisma.replication.findUniqueOrThrow({
      where: { id: replicationId },
      include: { ...replicationParts, instances: true, recoveredMachines: { include: { disks: true } } },
    });
  const keysInStore = async (scene: Scene) => {
    const replication = await load(scene);
    const list = await connectorOf(bench.domain, replication.provider).instances?.inspect(
      replicationAddress(replication),
      makeInspection(),
    );
    return list?.instances.map(({ key }) => key);
  };

  /** For each moment of the job: dies there in a scene of its own, is run again, and must have come to the same. */
  async function dieEverywhere(o: {
    scene(): Promise<Scene>;
    submit(scene: Scene): Promise<string>;
    verify(scene: Scene, taskId: string): Promise<void>;
    atLeast: number;
  }): Promise<void> {
    const moments = new Set<string>();
    for (let dieAt = 0; ; dieAt += 1) {
      const scene = await o.scene();
      const taskId = await o.submit(scene);
      const worker = dyingWorker(bench, taskId);
      const first = await worker.run(dieAt);
      for (const moment of worker.moments()) moments.add(`${worker.moments().length} ${moment}`);
      if (first === 'died') expect(await worker.run(), `dead at: ${worker.moments().join(', ')}`).toBe('ended');
      await o.verify(scene, taskId);
      if (first === 'ended') break;
    }
    expect(moments.size).toBeGreaterThanOrEqual(o.atLeast);
  }

  test('a start ends with one recovery point', () =>
    dieEverywhere({
      scene: startScene,
      submit: async (scene) => scene.startTaskId,
      atLeast: 6,
      verify: async (scene, taskId) => {
        const { instances, ...row } = await load(scene);
        expect(instances).toMatchObject([{ key: taskId, sequenceNumber: 1 }]);
        expect(row).toMatchObject({ destinationState: 'READY', overallHealth: 'GREEN', syncProgress: null });
        expect(await keysInStore(scene)).toEqual([taskId]);
      },
    }));

  test('a sync makes one recovery point and deletes what retention no longer keeps', () =>
    dieEverywhere({
      scene: protectedScene,
      submit: async (scene) => {
        await scribble(scene.disk);
        return act(syncReplication, scene);
      },
      atLeast: 9,
      verify: async (scene, taskId) => {
        const { instances, ...row } = await load(scene);
        expect(instances).toMatchObject([{ key: taskId, sequenceNumber: 2 }]);
        expect(row).toMatchObject({ sourceState: 'IDLE', dataConnectionState: 'OK', overallHealth: 'GREEN' });
        expect(await keysInStore(scene)).toEqual([taskId]);
      },
    }));

  test('a failover makes one machine, byte for byte', () =>
    dieEverywhere({
      scene: protectedScene,
      submit: (scene) => act(failoverReplication, scene),
      atLeast: 6,
      verify: async (scene, taskId) => {
        const { recoveredMachines, ...row } = await load(scene);
        expect(recoveredMachines).toMatchObject([
          { nativeId: taskId, name: scene.name, isTest: false, removedAt: null },
        ]);
        expect(recoveredMachines[0]?.disks).toMatchObject([{ key: 2000, sizeBytes: 200_000n }]);
        expect(row).toMatchObject({ recoveryState: 'COMPLETE', destinationState: 'RECOVERED' });
        expect((await readDisk(recovery, scene.name)).equals(await readDisk(primary, scene.name))).toBe(true);
        const debris = join(recovery.path, '.drgraph', 'tmp');
        expect(existsSync(debris) ? await readdir(debris) : []).toEqual([]);
      },
    }));

  test('a failover that is cancelled after its worker died takes the machine away that was made and not recorded', async () => {
    const scene = await protectedScene();
    const worker = dyingWorker(bench, await act(failoverReplication, scene));
    expect(await worker.run(4)).toBe('died');
    const made = join(recovery.path, 'vms', scene.name);
    expect(existsSync(made), worker.moments().join()).toBe(true);
    await expect(worker.run(undefined, AbortSignal.abort(new TaskCancelled()))).rejects.toBeInstanceOf(TaskCancelled);
    expect(existsSync(made)).toBe(false);
  });

  /** A recovery whose last worker died at this moment, ended by the engine. */
  async function giveUp(scene: Scene, action: typeof failoverReplication, dieAt: number): Promise<string> {
    const taskId = await act(action, scene);
    await dyingWorker(bench, taskId).run(dieAt);
    const { kind, input } = await bench.domain.prisma.task.findUniqueOrThrow({ where: { id: taskId } });
    const job = bench.jobs.find((candidate) => candidate.kind === kind);
    const failure = { code: 'WORKER_DIED', message: 'It died.' };
    const ended = { id: taskId, state: 'FAILED', failure, wasStarted: true } as const;
    await bench.domain.prisma.$transaction(async (tx) => {
      await tx.task.update({ where: { id: taskId }, data: { state: 'FAILED', error: failure } });
      await job?.onUnfinished(tx, ended, input);
    });
    return taskId;
  }

  test('an inventory finds what a recovery that was given up had made, and a test of it is cleaned up', async () => {
    const readInventory = async () => {
      const input = { providerId: bench.provider.id, siteId: recovery.id };
      const { taskId } = await syncInventory(bench.domain, bench.administrator, input);
      await dyingWorker(bench, taskId ?? '').run();
    };
    const scene = await protectedScene();
    await giveUp(scene, testFailover, 4);
    await readInventory();
    expect(await load(scene)).toMatchObject({ recoveryState: 'TEST', recoveredMachines: [{ isTest: true }] });
    const { taskId } = await cleanUpTestFailover(bench.domain, bench.administrator, scene);
    await dyingWorker(bench, taskId ?? '').run();
    expect(existsSync(join(recovery.path, 'vms', `${scene.name}-test`))).toBe(false);
    // Whether a failover counts is for a person to say: the machine is shown as what it is, and stays.
    await giveUp(scene, failoverReplication, 4);
    await readInventory();
    expect(await load(scene)).toMatchObject({
      recoveryState: 'NOT_STARTED',
      recoveredMachines: expect.arrayContaining([expect.objectContaining({ name: scene.name, isTest: false })]),
    });
  });

  test.each([
    ['before', 4, 'NOT_STARTED'],
    ['after', 5, 'COMPLETE'],
  ])('a failover given up %s its machine was recorded settles on what is true', async (_, dieAt, recoveryState) => {
    const scene = await protectedScene();
    const taskId = await giveUp(scene, failoverReplication, dieAt);
    const { lastError, ...row } = await load(scene);
    expect([row.recoveryState, lastError]).toEqual([
      recoveryState,
      expect.objectContaining({ code: 'WORKER_DIED', taskId }),
    ]);
  });

  test('a test failover and its clean-up leave nothing', () =>
    dieEverywhere({
      scene: async () => {
        const scene = await protectedScene();
        await dyingWorker(bench, await act(testFailover, scene)).run();
        return scene;
      },
      submit: (scene) => act(cleanUpTestFailover, scene),
      atLeast: 3,
      verify: async (scene) => {
        const { recoveredMachines, recoveryState } = await load(scene);
        expect(recoveryState).toBe('NOT_STARTED');
        expect(recoveredMachines).toMatchObject([{ removedAt: expect.any(Date) }]);
        expect(existsSync(join(recovery.path, 'vms', `${scene.name}-test`))).toBe(false);
      },
    }));

  test('a stop removes the store, the rows and a test machine', () =>
    dieEverywhere({
      scene: async () => {
        const scene = await protectedScene();
        await dyingWorker(bench, await act(testFailover, scene)).run();
        return scene;
      },
      submit: (scene) => act(stopReplication, scene),
      atLeast: 4,
      verify: async (scene) => {
        const { instances, recoveryState, removedAt } = await load(scene);
        expect({ instances, recoveryState, removedAt }).toEqual({
          instances: [],
          recoveryState: 'NOT_STARTED',
          removedAt: expect.any(Date),
        });
        expect(existsSync(join(recovery.path, 'vms', `${scene.name}-test`))).toBe(false);
        expect(existsSync(join(recovery.path, '.drgraph', 'stores', scene.replicationId))).toBe(false);
      },
    }));
});

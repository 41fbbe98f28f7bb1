import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Connector, ConnectorError, type Work } from '../../src/connectors/connector.ts';
import {
  ConflictError,
  InvalidInputError,
  InvalidStateError,
  NotFoundError,
  ProviderError,
} from '../../src/domain/error.ts';
import { cleanUpTestFailover, failoverReplication, testFailover } from '../../src/domain/failover.ts';
import { reconcileStores } from '../../src/domain/reconcile-stores.ts';
import { startReplication, stopReplication, syncReplication } from '../../src/domain/replication.ts';
import { cancelTasks } from '../../src/domain/steer-task.ts';
import { type Bench, makeSite, openBench, placeMachine, readDisk, scribble } from '../support/seed.ts';

/** A turn of the connector that a test holds: `entered` when it has begun, then it waits for `leave` or its abort. */
interface Gate {
  entered: PromiseWithResolvers<void>;
  leave: PromiseWithResolvers<void>;
}

describe('actions that do not succeed', () => {
  let bench: Bench;
  let primary: { id: string; path: string };
  let recovery: { id: string; path: string };
  let failNext: { action: 'start' | 'sync' | 'failover' | 'remove'; error: Error } | undefined;
  let gate: Gate | undefined;

  const intercept = async (action: string, work: Pick<Work, 'signal'>) => {
    if (failNext?.action === action) {
      const { error } = failNext;
      failNext = undefined;
      throw error;
    }
    if (!gate) return;
    const { entered, leave } = gate;
    gate = undefined;
    entered.resolve();
    const aborted = new Promise<never>((_, reject) => {
      work.signal.addEventListener('abort', () =>
        reject(new ConnectorError('REJECTED', 'CANCELLED', 'The work was cancelled.')),
      );
    });
    await Promise.race([leave.promise, aborted]);
  };
  const intercepted = (local: Connector): Connector => ({
    ...local,
    start: async (r, work) => intercept('start', work).then(() => local.start(r, work)),
    sync: async (r, work) => intercept('sync', work).then(() => local.sync(r, work)),
    failover: async (r, recovered, work) => intercept('failover', work).then(() => local.failover(r, recovered, work)),
    ...(local.instances && {
      instances: {
        ...local.instances,
        remove: async (r, keys, work) => intercept('remove', work).then(() => local.instances?.remove(r, keys, work)),
      },
    }),
  });
  const hold = (): Gate => {
    gate = { entered: Promise.withResolvers(), leave: Promise.withResolvers() };
    return gate;
  };

  beforeAll(async () => {
    bench = await openBench({ connector: intercepted });
    primary = await makeSite(bench, 'primary');
    recovery = await makeSite(bench, 'recovery');
    await bench.work();
  });
  afterAll(() => bench.close());

  const start = async (retentionRules?: { numberOfInstances: number; distanceMinutes: number }[]) => {
    const name = `vm-${randomUUID().slice(0, 8)}`;
    const id = await placeMachine(bench, primary, name);
    const started = await startReplication(bench.domain, bench.administrator, {
      source: { virtualMachine: { id } },
      destination: { site: { id: recovery.id } },
      settings: { retentionRules },
    });
    const task = await bench.ended(started.taskId);
    return {
      name,
      task,
      replicationId: started.replicationId ?? '',
      disk: join(primary.path, 'vms', name, 'disk.raw'),
    };
  };
  const row = (id: string) => bench.domain.prisma.replication.findUniqueOrThrow({ where: { id } });
  const run = async (action: typeof syncReplication, replicationId: string) =>
    bench.ended((await action(bench.domain, bench.administrator, { replicationId })).taskId);

  test('a first sync that fails says why and leaves a replication that can be synchronized to the end', async () => {
    failNext = {
      action: 'start',
      error: new ConnectorError('REJECTED', 'NO_SPACE', 'The disk is full. Free some space.'),
    };
    const { task, replicationId, name } = await start();
    expect(task).toMatchObject({
      state: 'FAILED',
      error: { code: 'NO_SPACE', message: expect.stringContaining('full') },
    });
    expect(await row(replicationId)).toMatchObject({
      destinationState: 'NEW',
      overallHealth: 'RED',
      dataConnectionState: 'ERROR',
      problems: [{ code: 'SYNC_FAILED' }, { code: 'NO_INSTANCE' }],
      lastError: { code: 'NO_SPACE', kind: 'START_REPLICATION', taskId: task.id },
      syncProgress: null,
    });
    const tooEarly = failoverReplication(bench.domain, bench.administrator, { replicationId });
    await expect(tooEarly).rejects.toBeInstanceOf(InvalidStateError);
    await expect(tooEarly).rejects.toMatchObject({ state: 'UNPROTECTED', allowedActions: ['SYNC', 'STOP'] });
    expect((await run(syncReplication, replicationId)).state).toBe('SUCCEEDED');
    expect(await row(replicationId)).toMatchObject({ overallHealth: 'GREEN', problems: [], lastError: null });
    expect((await run(failoverReplication, replicationId)).state).toBe('SUCCEEDED');
    expect((await readDisk(recovery, name)).equals(await readDisk(primary, name))).toBe(true);
  });

  test('while a task works, every other action conflicts with it by name, even one that only validates', async () => {
    const { replicationId } = await start();
    const { entered, leave } = hold();
    const { taskId } = await syncReplication(bench.domain, bench.administrator, { replicationId });
    await entered.promise;
    expect(await row(replicationId)).toMatchObject({ sourceState: 'SYNCING', dataConnectionState: 'SYNCING' });
    for (const action of [syncReplication, failoverReplication, testFailover, cleanUpTestFailover, stopReplication]) {
      for (const validateOnly of [false, true]) {
        const refusal = action(bench.domain, bench.administrator, { replicationId, validateOnly });
        await expect(refusal).rejects.toBeInstanceOf(ConflictError);
        await expect(refusal).rejects.toMatchObject({
          taskId,
          message: expect.stringMatching(`SYNC_REPLICATION.*${taskId}`),
        });
      }
    }
    leave.resolve();
    expect((await bench.ended(taskId)).state).toBe('SUCCEEDED');
  });

  test('of ten syncs asked for at once one runs and nine conflict with it', async () => {
    const { replicationId } = await start();
    const { leave } = hold();
    const asked = await Promise.allSettled(
      Array.from({ length: 10 }, () => syncReplication(bench.domain, bench.administrator, { replicationId })),
    );
    leave.resolve();
    const taskIds = asked.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value.taskId : []));
    expect(taskIds).toHaveLength(1);
    for (const answer of asked) {
      if (answer.status === 'rejected') expect(answer.reason).toMatchObject({ code: 'CONFLICT', taskId: taskIds[0] });
    }
    await bench.ended(taskIds[0] ?? null);
  });

  test('a sync that is cancelled stops, and the replication rests as before', async () => {
    const { replicationId } = await start();
    const before = await row(replicationId);
    const { entered } = hold();
    const { taskId } = await syncReplication(bench.domain, bench.administrator, { replicationId });
    await entered.promise;
    await cancelTasks(bench.domain, bench.administrator, { ids: [taskId ?? ''] });
    expect(await bench.ended(taskId)).toMatchObject({ state: 'CANCELLED', error: null });
    const { sourceState, destinationState, dataConnectionState, overallHealth, problems, lastError } = before;
    const rest = { sourceState, destinationState, dataConnectionState, overallHealth, problems, lastError };
    expect(await row(replicationId)).toMatchObject({ ...rest, syncProgress: null });
  });

  test('a failover that fails gives the recovery state back and can be repeated', async () => {
    const { replicationId } = await start();
    failNext = {
      action: 'failover',
      error: new ConnectorError('INVALID_REPLY', 'STORE_DAMAGED', 'The pack a.pack is cut.'),
    };
    expect((await run(failoverReplication, replicationId)).error).toMatchObject({ code: 'STORE_DAMAGED' });
    expect(await row(replicationId)).toMatchObject({
      recoveryState: 'NOT_STARTED',
      destinationState: 'ERROR',
      overallHealth: 'RED',
      problems: [{ code: 'STORE_DAMAGED' }],
    });
    // It is said of that recovery point, until it is restored: not less because of a restart or another one that is whole.
    const damaged = await bench.domain.prisma.instance.findFirstOrThrow({ where: { replicationId } });
    const said = { overallHealth: 'RED', problems: [{ code: 'STORE_DAMAGED', instanceKey: damaged.key }] };
    await reconcileStores(bench.domain);
    expect(await row(replicationId)).toMatchObject(said);
    await run(syncReplication, replicationId);
    await run(testFailover, replicationId);
    await run(cleanUpTestFailover, replicationId);
    expect(await row(replicationId)).toMatchObject(said);
    const { taskId } = await failoverReplication(bench.domain, bench.administrator, {
      replicationId,
      instanceId: damaged.id,
    });
    expect((await bench.ended(taskId)).state).toBe('SUCCEEDED');
    expect(await row(replicationId)).toMatchObject({ recoveryState: 'COMPLETE', overallHealth: 'GREEN', problems: [] });
  });

  test('what the program did not expect fails the task and says nothing of its inside', async () => {
    const { replicationId } = await start();
    failNext = { action: 'sync', error: new TypeError('secret') };
    const task = await run(syncReplication, replicationId);
    expect(task).toMatchObject({ state: 'FAILED', error: { code: 'INTERNAL' } });
    expect(await row(replicationId)).toMatchObject({ sourceState: 'IDLE', overallHealth: 'YELLOW' });
  });

  test('retention that cannot free space is a warning: the recovery point exists', async () => {
    const { replicationId, disk } = await start([]);
    await scribble(disk);
    failNext = { action: 'remove', error: new ConnectorError('UNREACHABLE', 'IO', 'The disk answers no more.') };
    const task = await run(syncReplication, replicationId);
    expect(task).toMatchObject({ state: 'SUCCEEDED', warnings: [{ code: 'RETENTION_FAILED' }] });
    expect(await row(replicationId)).toMatchObject({ dataConnectionState: 'OK', overallHealth: 'GREEN' });
  });

  test('a name that is taken, unsafe or of another replication’s instance is refused in the request', async () => {
    const { name, replicationId } = await start();
    const other = await start();
    const instance = await bench.domain.prisma.instance.findFirstOrThrow({
      where: { replicationId: other.replicationId },
    });
    await placeMachine(bench, recovery, `${name}-test`);
    const refused = async (input: { vmName?: string; instanceId?: string }) =>
      testFailover(bench.domain, bench.administrator, { replicationId, ...input }).then(
        () => undefined,
        (error: unknown) => error,
      );
    const names = [
      '',
      ' a',
      '.',
      '..',
      '.a',
      'a/b',
      'a\\b',
      'a:b',
      'a\nb',
      'a\u202eb',
      'x'.repeat(101),
      `${name}-test`,
    ];
    for (const vmName of names) {
      const error = await refused({ vmName });
      expect(error, JSON.stringify(vmName)).toBeInstanceOf(InvalidInputError);
      expect(error).toMatchObject({ fields: [{ path: ['vmName'] }] });
    }
    expect(await refused({})).toMatchObject({
      fields: [{ path: ['vmName'], message: expect.stringContaining(`${name}-test`) }],
    });
    for (const instanceId of [instance.id, randomUUID(), 'nonsense']) {
      expect(await refused({ instanceId })).toMatchObject({ fields: [{ path: ['instanceId'] }] });
    }
    expect(await refused({ vmName: `${name} – ünïcode 2` })).toBeUndefined();
  });

  test('a replication that does not exist is not found, by every action', async () => {
    for (const replicationId of [randomUUID(), 'nonsense']) {
      for (const action of [syncReplication, failoverReplication, testFailover, cleanUpTestFailover, stopReplication]) {
        const refusal = action(bench.domain, bench.administrator, { replicationId });
        await expect(refusal).rejects.toBeInstanceOf(NotFoundError);
      }
    }
  });

  test('a stopped replication says that it was, and a repeated token still answers with its task', async () => {
    const { replicationId } = await start();
    const clientToken = randomUUID();
    const first = await stopReplication(bench.domain, bench.administrator, { replicationId, clientToken });
    await bench.ended(first.taskId);
    expect(await stopReplication(bench.domain, bench.administrator, { replicationId, clientToken })).toEqual(first);
    const again = stopReplication(bench.domain, bench.administrator, { replicationId });
    await expect(again).rejects.toMatchObject({ code: 'INVALID_STATE', state: 'REMOVED', allowedActions: [] });
    const syncWithIt = syncReplication(bench.domain, bench.administrator, { replicationId, clientToken });
    await expect(syncWithIt).rejects.toBeInstanceOf(ConflictError);
  });

  test('a failover to a destination that is gone is refused at once; a stop ends the replication and says what is left', async () => {
    const { replicationId } = await start();
    const aside = `${recovery.path}.aside`;
    await rename(recovery.path, aside);
    try {
      const refusal = failoverReplication(bench.domain, bench.administrator, { replicationId });
      await expect(refusal).rejects.toBeInstanceOf(ProviderError);
      await expect(refusal).rejects.toMatchObject({ kind: 'UNREACHABLE', providerCode: 'SITE_UNREACHABLE' });
      const task = await run(stopReplication, replicationId);
      expect(task).toMatchObject({ state: 'SUCCEEDED', warnings: [{ code: 'FILES_LEFT_BEHIND' }] });
      expect((await row(replicationId)).removedAt).not.toBeNull();
    } finally {
      await rm(recovery.path, { recursive: true, force: true });
      await rename(aside, recovery.path);
    }
    expect(existsSync(join(recovery.path, '.drgraph', 'stores', replicationId))).toBe(true);
  });
});

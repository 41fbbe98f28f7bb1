import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  ConflictError,
  ForbiddenError,
  InvalidInputError,
  NotFoundError,
  UnsupportedError,
} from '../../src/domain/error.ts';
import { type StartReplicationInput, startReplication } from '../../src/domain/replication.ts';
import type { ReplicationSettingsInput } from '../../src/domain/replication-settings.ts';
import { cancelTasks } from '../../src/domain/steer-task.ts';
import type { TaskOptions } from '../../src/domain/task.ts';
import { addMachine, type Bench, makeSite, openBench } from '../support/seed.ts';

describe('startReplication', () => {
  let bench: Bench;
  let primary: { id: string; path: string };
  let recovery: { id: string; path: string };
  let machineId = '';
  const counts = async () => ({
    replications: await bench.domain.prisma.replication.count(),
    tasks: await bench.domain.prisma.task.count(),
    events: await bench.domain.prisma.event.count(),
  });
  const input = (o: Partial<StartReplicationInput> = {}): StartReplicationInput => ({
    source: { virtualMachine: { id: machineId } },
    destination: { site: { id: recovery.id } },
    ...o,
  });
  const start = (o: Partial<StartReplicationInput> = {}, viewer = bench.administrator) =>
    startReplication(bench.domain, viewer, input(o));

  beforeAll(async () => {
    bench = await openBench();
    primary = await makeSite(bench, 'primary');
    recovery = await makeSite(bench, 'recovery');
  });
  beforeEach(async () => {
    machineId = await addMachine(bench, primary, `vm-${randomUUID().slice(0, 8)}`);
  });
  afterAll(() => bench.close());

  const wrongSettings: [string, ReplicationSettingsInput, string[]][] = [
    ['an RPO under 5 minutes', { rpoMinutes: 4 }, ['settings', 'rpoMinutes']],
    ['an RPO above a day', { rpoMinutes: 1441 }, ['settings', 'rpoMinutes']],
    ['an RPO that is not whole', { rpoMinutes: 5.5 }, ['settings', 'rpoMinutes']],
    [
      'a rule that keeps nothing',
      { retentionRules: [{ numberOfInstances: 0, distanceMinutes: 60 }] },
      ['settings', 'retentionRules', '0', 'numberOfInstances'],
    ],
    [
      'a negative distance',
      {
        retentionRules: [
          { numberOfInstances: 1, distanceMinutes: 0 },
          { numberOfInstances: 1, distanceMinutes: -1 },
        ],
      },
      ['settings', 'retentionRules', '1', 'distanceMinutes'],
    ],
    [
      'too many rules',
      { retentionRules: Array.from({ length: 11 }, () => ({ numberOfInstances: 1, distanceMinutes: 0 })) },
      ['settings', 'retentionRules'],
    ],
    ['a description that is too long', { description: 'x'.repeat(1001) }, ['settings', 'description']],
    ['a description with a NUL', { description: 'a\0b' }, ['settings', 'description']],
  ];
  test.each(wrongSettings)('refuses %s and names the field', async (_, settings, path) => {
    const before = await counts();
    const error = await start({ settings }).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(InvalidInputError);
    expect(error).toMatchObject({ fields: [{ path, message: expect.stringMatching(/\S/) }] });
    expect(await counts()).toEqual(before);
  });

  const wrongOptions: [string, TaskOptions, string][] = [
    ['a priority above 100', { priority: 101 }, 'priority'],
    ['a negative priority', { priority: -1 }, 'priority'],
    ['an empty client token', { clientToken: '' }, 'clientToken'],
    ['a client token of 256 characters', { clientToken: 'x'.repeat(256) }, 'clientToken'],
    ['a startBefore that has passed', { startBefore: new Date(0) }, 'startBefore'],
    [
      'a startBefore that is not after notBefore',
      { notBefore: new Date('2200-01-02'), startBefore: new Date('2200-01-01') },
      'startBefore',
    ],
  ];
  test('says what it is of a client token that cannot be stored', async () => {
    for (const clientToken of ['a\0b', 'a\ud800']) {
      await expect(start({ clientToken })).rejects.toMatchObject({
        fields: [{ path: ['clientToken'], message: expect.stringContaining('cannot be stored') }],
      });
    }
  });

  test.each(wrongOptions)('refuses %s', async (_, options, field) => {
    await expect(start(options)).rejects.toMatchObject({ code: 'INVALID_INPUT', fields: [{ path: [field] }] });
  });

  test('answers NotFoundError alike for an id that is unknown, of another kind, or no id at all', async () => {
    const refusals = await Promise.all(
      [randomUUID(), recovery.id, 'web-01', ''].map((id) =>
        start({ source: { virtualMachine: { id } } }).catch((reason: unknown) => reason),
      ),
    );
    for (const refusal of refusals) expect(refusal).toBeInstanceOf(NotFoundError);
    expect(new Set(refusals.map(String)).size).toBe(1);
    await expect(start({ destination: { site: { id: machineId } } })).rejects.toBeInstanceOf(NotFoundError);
  });

  test('refuses the machine’s own site, a machine without disks, one that vanished, and a test machine', async () => {
    const own = start({ destination: { site: { id: primary.id } } });
    await expect(own).rejects.toMatchObject({ fields: [{ path: ['destination', 'site', 'id'] }] });
    const { prisma } = bench.domain;
    const path = ['source', 'virtualMachine', 'id'];
    await prisma.virtualMachine.update({ where: { id: machineId }, data: { isTest: true } });
    await expect(start()).rejects.toMatchObject({ fields: [{ path }] });
    await prisma.virtualMachine.update({ where: { id: machineId }, data: { isTest: false, removedAt: new Date() } });
    await expect(start()).rejects.toMatchObject({ fields: [{ path }] });
    await prisma.virtualMachine.update({ where: { id: machineId }, data: { removedAt: null } });
    await prisma.virtualDisk.deleteMany({ where: { virtualMachineId: machineId } });
    await expect(start()).rejects.toMatchObject({ fields: [{ path, message: expect.stringContaining('disk') }] });
  });

  test('refuses to quiesce, which this provider cannot do', async () => {
    await expect(start({ settings: { quiesced: true } })).rejects.toBeInstanceOf(UnsupportedError);
  });

  test('a viewer may not start one, whether or not the machine exists; an operator may', async () => {
    const viewer = await bench.viewer('VIEWER');
    await expect(start({}, viewer)).rejects.toBeInstanceOf(ForbiddenError);
    const absent = start({ source: { virtualMachine: { id: randomUUID() } } }, viewer);
    await expect(absent).rejects.toBeInstanceOf(ForbiddenError);
    expect((await start({}, await bench.viewer('OPERATOR'))).taskId).toEqual(expect.any(String));
  });

  test('validateOnly makes every check and writes nothing', async () => {
    const before = await counts();
    expect(await start({ validateOnly: true })).toEqual({ taskId: null, replicationId: null });
    expect(await start({ validateOnly: true, clientToken: randomUUID() })).toEqual({
      taskId: null,
      replicationId: null,
    });
    expect(await counts()).toEqual(before);
    await start();
    await expect(start({ validateOnly: true })).rejects.toBeInstanceOf(ConflictError);
  });

  test('a repeated client token answers with the first task, even when its window has passed meanwhile', async () => {
    const clientToken = randomUUID();
    const first = await start({ clientToken, settings: { rpoMinutes: 30 } });
    expect(await start({ clientToken, settings: { rpoMinutes: 30 }, startBefore: new Date(0) })).toEqual(first);
    const other = start({ clientToken, settings: { rpoMinutes: 31 } });
    await expect(other).rejects.toMatchObject({ code: 'CONFLICT', taskId: first.taskId });
    const stranger = start({ clientToken, settings: { rpoMinutes: 30 } }, await bench.viewer('OPERATOR'));
    await expect(stranger).rejects.toThrow(/already/);
  });

  test('of 200 equal requests at once with one client token, all answer with one task', async () => {
    const clientToken = randomUUID();
    const before = await counts();
    const answers = await Promise.all(Array.from({ length: 200 }, () => start({ clientToken })));
    expect(new Set(answers.map((answer) => `${answer.taskId} ${answer.replicationId}`)).size).toBe(1);
    const after = await counts();
    expect([after.replications - before.replications, after.tasks - before.tasks]).toEqual([1, 1]);
  });

  test('of 10 requests at once without a token, one starts and the others conflict with it', async () => {
    const answers = await Promise.allSettled(Array.from({ length: 10 }, () => start()));
    const started = answers.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []));
    const refused = answers.flatMap((answer) => (answer.status === 'rejected' ? [answer.reason] : []));
    expect(started).toHaveLength(1);
    expect(refused).toHaveLength(9);
    for (const reason of refused) {
      expect(reason).toBeInstanceOf(ConflictError);
      expect(reason).toMatchObject({ taskId: started[0]?.taskId });
    }
  });

  test('defaults are VCDA’s, and the task says what it is about and who asked', async () => {
    const { taskId, replicationId } = await start({
      priority: 7,
      operationId: 'op-1',
      settings: { retentionRules: null },
    });
    expect(await bench.domain.prisma.replication.findUnique({ where: { id: replicationId ?? '' } })).toMatchObject({
      rpoMinutes: 60,
      dataConnectionType: 'ENCRYPTED_COMPRESSED',
      retentionRules: [{ numberOfInstances: 24, distanceMinutes: 0 }],
      quiesced: false,
      ownerId: bench.administrator.userId,
    });
    expect(await bench.domain.prisma.task.findUnique({ where: { id: taskId ?? '' } })).toMatchObject({
      kind: 'START_REPLICATION',
      state: 'QUEUED',
      priority: 7,
      operationId: 'op-1',
      siteId: recovery.id,
      virtualMachineId: machineId,
      resourceType: 'Replication',
      resourceId: replicationId,
      entityKey: `replication:${replicationId}`,
      initiatedById: bench.administrator.userId,
      initiatedBy: bench.administrator.username,
    });
  });

  test('a task cancelled in the queue leaves a replication that can be synchronized or stopped', async () => {
    const { taskId, replicationId } = await start();
    const ids = [taskId ?? '', randomUUID(), 'nonsense'];
    await expect(cancelTasks(bench.domain, await bench.viewer('VIEWER'), { ids })).rejects.toBeInstanceOf(
      ForbiddenError,
    );
    const { results } = await cancelTasks(bench.domain, bench.administrator, { ids });
    expect(results.map((result) => result.outcome)).toEqual(['CANCELLED', 'NOT_FOUND', 'NOT_FOUND']);
    expect(await bench.domain.prisma.replication.findUnique({ where: { id: replicationId ?? '' } })).toMatchObject({
      destinationState: 'NEW',
      overallHealth: 'RED',
      problems: [{ code: 'NO_INSTANCE' }],
      lastError: null,
    });
    await expect(cancelTasks(bench.domain, bench.administrator, { ids: [] })).rejects.toBeInstanceOf(InvalidInputError);
  });
});

import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { taskKindFacts } from '../../src/domain/task-kind.ts';
import { taskKinds } from '../../src/domain/vocabulary.ts';
import { type GraphBench, globalId, openGraph } from './graph-bench.ts';
import { rowsIn } from './rows.ts';

let graph: GraphBench;
let rows: ReturnType<typeof rowsIn>;
const ids: Record<string, string> = {};

beforeAll(async () => {
  graph = await openGraph();
  rows = rowsIn(graph.prisma, graph.bench.provider);
  const site = await rows.site('here');
  const other = await rows.site('there');
  const organization = await rows.organization('tenant');
  const machine = await rows.machine(site, 'machine');
  const replication = await rows.replication(machine, other);
  const foreign = await graph.prisma.provider.create({ data: { kind: 'ZERTO', name: 'foreign', status: 'CONNECTED' } });
  const day = (n: number) => new Date(Date.UTC(2026, 0, n));
  const made = {
    queued: await rows.task({ state: 'QUEUED', createdAt: day(1), priority: 9, siteId: site.id }),
    running: await rows.task({
      state: 'RUNNING',
      kind: 'TEST_FAILOVER',
      createdAt: day(2),
      startedAt: day(3),
      progress: 42.5,
      workerId: 'worker-1',
      operationId: 'operation-7',
      replicationId: replication.id,
      virtualMachineId: machine.id,
      organizationId: organization.id,
      resourceType: 'Replication',
      resourceId: replication.id,
      resourceName: '50%_of_Mail',
      relatedResources: [
        { type: 'Site', id: site.id },
        { type: 'Site', id: other.id },
      ],
      initiatedById: graph.viewer.userId,
      initiatedBy: 'ada',
    }),
    held: await rows.task({
      state: 'RUNNING',
      isCancellable: false,
      createdAt: day(3),
      startedAt: day(3),
      progress: 10,
    }),
    cancelling: await rows.task({ state: 'CANCELLING', createdAt: day(4), startedAt: day(4), progress: 90 }),
    failed: await rows.task({
      state: 'FAILED',
      createdAt: day(5),
      startedAt: day(5),
      finishedAt: day(6),
      updatedAt: day(6),
      progress: 10,
      error: { code: 'DISK_FULL', message: 'The disk is 100%_full at SITE b.' },
      warnings: [{ code: 'SLOW', message: 'It was slow.' }],
      resourceType: 'Site',
      resourceId: site.id,
      resourceName: '50 of mail',
      initiatedBy: 'bob',
    }),
    native: await rows.task({
      state: 'SUCCEEDED',
      kind: 'CREATE_REPLICATION_GROUP',
      createdAt: day(6),
      startedAt: day(6),
      finishedAt: day(8),
      updatedAt: day(8),
      progress: 100,
      providerId: foreign.id,
      nativeId: '0743.60d6',
      nativeType: 'CreateProtectionGroup',
      nativeState: 'Completed',
      relatedResources: [{ type: 'Site', id: other.id }],
    }),
  };
  const child = await rows.task({
    state: 'SUCCEEDED',
    finishedAt: day(9),
    createdAt: day(7),
    parentId: made.native.id,
  });
  for (const [name, { id }] of Object.entries({ ...made, child })) ids[name] = globalId('Task', id);
  Object.assign(ids, {
    site: globalId('Site', site.id),
    other: globalId('Site', other.id),
    organization: globalId('Organization', organization.id),
    machine: globalId('VirtualMachine', machine.id),
    replication: globalId('Replication', replication.id),
    provider: globalId('Provider', foreign.id),
  });
});
afterAll(() => graph.close());

const list = z.object({ tasks: z.object({ totalCount: z.int(), nodes: z.array(z.object({ id: z.string() })) }) });

async function find(filter: object, orderBy: object[] = [{ field: 'CREATED_AT' }]): Promise<string[]> {
  const document = `query ($filter: TaskFilter, $orderBy: [TaskOrder!]) {
    tasks(filter: $filter, orderBy: $orderBy) { totalCount nodes { id } }
  }`;
  const { tasks } = list.parse(await graph.data(document, { filter, orderBy }));
  expect(tasks.totalCount).toBe(tasks.nodes.length);
  const names = new Map(Object.entries(ids).map(([name, id]) => [id, name]));
  return tasks.nodes.map(({ id }) => names.get(id) ?? id);
}

const all = ['queued', 'running', 'held', 'cancelling', 'failed', 'native', 'child'];
const at = (n: number) => new Date(Date.UTC(2026, 0, n)).toISOString();

describe('tasks can be found', () => {
  test.each<[string, () => object, string[]]>([
    ['by state', () => ({ stateIn: ['RUNNING', 'FAILED'] }), ['running', 'held', 'failed']],
    ['by a state that goes on', () => ({ stateIn: ['QUEUED', 'CANCELLING'] }), ['queued', 'cancelling']],
    ['because they have ended', () => ({ isTerminal: true }), ['failed', 'native', 'child']],
    ['because they go on', () => ({ isTerminal: false }), ['queued', 'running', 'held', 'cancelling']],
    [
      'by both, which leaves what meets both',
      () => ({ isTerminal: false, stateIn: ['RUNNING', 'FAILED'] }),
      ['running', 'held'],
    ],
    ['by kind', () => ({ kindIn: ['TEST_FAILOVER', 'CREATE_REPLICATION_GROUP'] }), ['running', 'native']],
    ['by provider', () => ({ providerIdIn: [ids.provider] }), ['native']],
    ['by site', () => ({ siteIdIn: [ids.site] }), ['queued']],
    ['by organization', () => ({ organizationIdIn: [ids.organization] }), ['running']],
    ['by replication', () => ({ replicationIdIn: [ids.replication] }), ['running']],
    ['by machine', () => ({ virtualMachineIdIn: [ids.machine] }), ['running']],
    ['by resource', () => ({ resourceIdIn: [ids.site, ids.replication] }), ['running', 'failed']],
    ["by the resource's type", () => ({ resourceTypeIn: ['SITE'] }), ['failed']],
    ['by one related resource', () => ({ relatedResourceIdIn: [ids.site] }), ['running']],
    [
      'by any of several related resources',
      () => ({ relatedResourceIdIn: [ids.site, ids.other] }),
      ['running', 'native'],
    ],
    ['by no related resource at all', () => ({ relatedResourceIdIn: [] }), []],
    ['by a related resource that is no id', () => ({ relatedResourceIdIn: ['nonsense'] }), []],
    ['by text of a name, where % and _ mean themselves', () => ({ nameContains: '50%_OF' }), ['running']],
    ['by text of a name in any case', () => ({ nameContains: 'MAIL' }), ['running', 'failed']],
    ['by text of an error, where % and _ mean themselves', () => ({ errorContains: '100%_full at site' }), ['failed']],
    ['by text of an error, but not by its code', () => ({ errorContains: 'DISK_FULL' }), []],
    ['by parent', () => ({ parentIdIn: [ids.native] }), ['child']],
    ["by the initiator's name", () => ({ initiatedByIn: ['bob', 'ada'] }), ['running', 'failed']],
    ['by operation', () => ({ operationIdIn: ['operation-7'] }), ['running']],
    ['by native id', () => ({ nativeIdIn: ['0743.60d6'] }), ['native']],
    ['by native type', () => ({ nativeTypeIn: ['CreateProtectionGroup'] }), ['native']],
    ['by worker', () => ({ workerIdIn: ['worker-1'] }), ['running']],
    ['by progress from', () => ({ progressAtLeast: 42.5 }), ['running', 'cancelling', 'native']],
    ['by progress up to', () => ({ progressAtMost: 42.5 }), ['running', 'held', 'failed']],
    ['by a range of progress', () => ({ progressAtLeast: 11, progressAtMost: 99.5 }), ['running', 'cancelling']],
    ['because they can be cancelled', () => ({ isCancellable: true }), ['queued', 'running']],
    [
      'because they cannot be cancelled',
      () => ({ isCancellable: false }),
      ['held', 'cancelling', 'failed', 'native', 'child'],
    ],
    ['by warnings', () => ({ hasWarnings: true }), ['failed']],
    ['by the lack of warnings', () => ({ hasWarnings: false }), all.filter((name) => name !== 'failed')],
    ['by when they were made', () => ({ createdAfter: at(1), createdBefore: at(3) }), ['running']],
    ['by when they started', () => ({ startedAfter: at(3), startedBefore: at(6) }), ['cancelling', 'failed']],
    ['by when they ended', () => ({ finishedAfter: at(6), finishedBefore: at(9) }), ['native']],
    ['by when they changed', () => ({ updatedAfter: at(6), updatedBefore: at(9) }), ['native']],
    ['by id', () => ({ idIn: [ids.child, 'nonsense'] }), ['child']],
    ['by nothing', () => ({}), all],
  ])('%s', async (_name, filter, expected) => {
    expect(await find(filter())).toEqual(expected);
  });

  test('by isCancellable as the field of the task says it', async () => {
    const { tasks } = await graph.data('{ tasks { nodes { id isCancellable } } }');
    const nodes = z
      .object({ nodes: z.array(z.object({ id: z.string(), isCancellable: z.boolean() })) })
      .parse(tasks).nodes;
    const names = new Map(Object.entries(ids).map(([name, id]) => [id, name]));
    const said = nodes.filter(({ isCancellable }) => isCancellable).map(({ id }) => names.get(id));
    expect(said.sort()).toEqual((await find({ isCancellable: true })).sort());
  });
});

test('tasks are ordered by initiator and by progress, unknown ones last', async () => {
  const filter = { stateIn: ['RUNNING', 'FAILED', 'QUEUED'] };
  const byName = await find(filter, [{ field: 'INITIATED_BY' }, { field: 'CREATED_AT' }]);
  expect(byName).toEqual(['running', 'failed', 'queued', 'held']);
  const byProgress = await find(filter, [{ field: 'PROGRESS' }, { field: 'CREATED_AT', direction: 'DESC' }]);
  expect(byProgress).toEqual(['failed', 'held', 'running', 'queued']);
});

test('pages by progress neither repeat nor skip', async () => {
  const seen: string[] = [];
  for (let after: string | null = null; ; ) {
    const { tasks } = await graph.data(
      'query ($after: String) { tasks(first: 2, after: $after, orderBy: [{ field: PROGRESS }]) { nodes { id } pageInfo { endCursor hasNextPage } } }',
      { after },
    );
    const page = z
      .object({
        nodes: z.array(z.object({ id: z.string() })),
        pageInfo: z.object({ endCursor: z.string(), hasNextPage: z.boolean() }),
      })
      .parse(tasks);
    seen.push(...page.nodes.map(({ id }) => id));
    if (!page.pageInfo.hasNextPage) break;
    after = page.pageInfo.endCursor;
  }
  expect(seen.toSorted()).toEqual(all.map((name) => ids[name]).toSorted());
});

describe('taskKinds', () => {
  const kind = z.object({
    kind: z.enum(taskKinds),
    description: z.string().min(20),
    actsOn: z.array(z.string()),
    nativeTypes: z.array(z.object({ provider: z.string(), name: z.string() })),
  });

  test('tells every kind once, what it acts on and what the providers call it', async () => {
    const answer = await graph.data('{ taskKinds { kind description actsOn nativeTypes { provider name } } }');
    const kinds = z.array(kind).parse(answer.taskKinds);
    expect(kinds.map((one) => one.kind)).toEqual(taskKinds);
    expect(kinds.find((one) => one.kind === 'TEST_FAILOVER')).toMatchObject({
      actsOn: ['REPLICATION', 'REPLICATION_GROUP', 'INSTANCE'],
      nativeTypes: [
        { provider: 'VCDA', name: 'vmReplication.failoverTest' },
        { provider: 'ZERTO', name: 'FailOverTest' },
      ],
    });
    expect(kinds.filter((one) => one.kind !== 'UNKNOWN' && one.actsOn.length === 0)).toEqual([]);
  });

  test("has each of Zerto's 68 types and each of vProtect's 22 in exactly one kind", () => {
    const facts = Object.values(taskKindFacts);
    const zerto = facts.flatMap(({ native }) => native.ZERTO ?? []);
    const vprotect = facts.flatMap(({ native }) => native.VPROTECT ?? []);
    const vcda = facts.flatMap(({ native }) => native.VCDA ?? []);
    for (const words of [zerto, vprotect, vcda]) expect(new Set(words).size).toBe(words.length);
    const documented: { zerto: string[]; vprotect: string[] } = JSON.parse(
      readFileSync(new URL('./native-task-types.json', import.meta.url), 'utf8'),
    );
    expect(zerto.toSorted()).toEqual(documented.zerto.toSorted());
    expect(vprotect).toEqual(expect.arrayContaining(documented.vprotect));
    expect([documented.zerto.length, documented.vprotect.length]).toEqual([69, 22]);
  });
});

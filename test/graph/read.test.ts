import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type GraphBench, globalId, openGraph } from './graph-bench.ts';
import { rowsIn } from './rows.ts';

let graph: GraphBench;
let rows: ReturnType<typeof rowsIn>;

beforeAll(async () => {
  graph = await openGraph();
  rows = rowsIn(graph.prisma, graph.bench.provider);
});
afterAll(() => graph.close());

async function protect(name: string, count: { instances: number; tasks: number }) {
  const source = await rows.site(`${name}-source`);
  const destination = await rows.site(`${name}-destination`);
  const machine = await rows.machine(source, name);
  const replication = await rows.replication(machine, destination, { ownerId: graph.viewer.userId });
  for (let index = 1; index <= count.instances; index += 1) await rows.instance(replication, index);
  for (let index = 0; index < count.tasks; index += 1) {
    await rows.task({
      replicationId: replication.id,
      siteId: destination.id,
      virtualMachineId: machine.id,
      resourceType: 'Replication',
      resourceId: replication.id,
      relatedResources: [
        { type: 'VirtualMachine', id: machine.id },
        { type: 'Site', id: source.id },
      ],
      result: {
        type: 'FAILOVER',
        replicationId: replication.id,
        virtualMachineId: machine.id,
        instanceId: replication.id,
        instanceKey: 'k',
      },
      createdAt: new Date(Date.UTC(2026, 0, 2, 0, index)),
      initiatedById: graph.viewer.userId,
      initiatedBy: graph.viewer.username,
    });
  }
  return { source, destination, machine, replication };
}

describe('the statements of a nested query do not grow with the rows', () => {
  const documents = {
    main: `{
      replications {
        totalCount
        edges {
          cursor
          node {
            id vmName overallHealth availableActions
            rpo { targetMinutes actualMinutes violationMinutes }
            provider { name kind }
            source { site { name provider { id } } virtualMachine { name disks { key } } organization { name } }
            destination { site { name } }
            settings { rpoMinutes retentionRules { numberOfInstances } }
            virtualHardware { cpus storageMb }
            owner { username }
            latestInstance { key }
            instances(first: 3) { nodes { key disks { sha256 } } pageInfo { hasNextPage } }
            tasks(first: 1) { nodes { state initiator { username } } }
          }
        }
      }
    }`,
    tasks: `{
      tasks {
        nodes {
          resource { __typename id name ... on Replication { overallHealth virtualMachine { name } } }
          relatedResources { id name ... on Site { path } ... on VirtualMachine { site { name } } }
          result { ... on FailoverResult { virtualMachine { name } replication { id } instance { key } } }
          parent { id } children { nodes { id } }
        }
      }
    }`,
    counts: `{
      sites { nodes { name virtualMachines { totalCount } incomingReplications(first: 1) { totalCount nodes { id } } tasks { totalCount } } }
    }`,
    twice: `{
      replications { nodes { a: instances(first: 1) { totalCount nodes { key } } b: instances(first: 2, orderBy: [{ field: SEQUENCE_NUMBER }], filter: { isPinned: false }) { totalCount nodes { key } } } }
    }`,
  };

  const limits = { main: 5, tasks: 7, counts: 1, twice: 2 };

  test.each(Object.entries(documents))('%s', async (name, document) => {
    const atMost = Object.entries(limits).find(([limited]) => limited === name)?.[1] ?? 0;
    await protect(`few-${name}`, { instances: 2, tasks: 2 });
    const few = await graph.statements(document);
    await Promise.all(
      Array.from({ length: 7 }, (_, index) => protect(`many-${name}-${index}`, { instances: 5, tasks: 3 })),
    );
    const many = await graph.statements(document);
    expect(many.length).toBe(few.length);
    expect(many.length).toBeLessThanOrEqual(atMost);
  });
});

describe('totalCount', () => {
  const isCount = (sql: string) => /COUNT\(/.test(sql);

  test('is counted only when it is asked for', async () => {
    expect((await graph.statements('{ tasks { nodes { id } pageInfo { hasNextPage } } }')).filter(isCount)).toEqual([]);
    expect((await graph.statements('{ tasks { totalCount nodes { id } } }')).filter(isCount)).toHaveLength(1);
    expect((await graph.statements('{ replications { nodes { tasks { nodes { id } } } } }')).filter(isCount)).toEqual(
      [],
    );
  });

  test('alone costs no rows', async () => {
    const statements = await graph.statements('{ tasks { totalCount } }');
    expect(statements).toHaveLength(1);
    expect(statements.filter(isCount)).toHaveLength(1);
  });

  test('counts what the filter matches, not the page', async () => {
    const site = await rows.site('counted');
    for (const name of ['x1', 'x2', 'y_1', 'Y%2']) await rows.machine(site, name);
    const document = `query ($site: ID!, $name: String) {
      virtualMachines(first: 1, filter: { siteIdIn: [$site], nameContains: $name }) { totalCount nodes { name } }
      site(id: $site) { virtualMachines(first: 1, filter: { nameContains: $name }) { totalCount nodes { name } } }
    }`;
    const count = async (name: string | null) => {
      const answer = await graph.data(document, { site: globalId('Site', site.id), name });
      return JSON.stringify(answer).match(/"totalCount":(\d+)/g);
    };
    expect(await count(null)).toEqual(['"totalCount":4', '"totalCount":4']);
    expect(await count('X')).toEqual(['"totalCount":2', '"totalCount":2']);
    expect(await count('_')).toEqual(['"totalCount":1', '"totalCount":1']);
    expect(await count('%')).toEqual(['"totalCount":1', '"totalCount":1']);
  });
});

describe('an object by its id', () => {
  test('comes through node, nodes and its own field alike', async () => {
    const { replication, machine, destination } = await protect('by-id', { instances: 1, tasks: 1 });
    const ids = [
      globalId('Replication', replication.id),
      globalId('VirtualMachine', machine.id),
      globalId('Site', destination.id),
    ];
    const answer = await graph.data(
      `query ($ids: [ID!]!, $id: ID!) {
        nodes(ids: $ids) { __typename id ... on Resource { name } ... on VirtualMachine { site { name } } }
        node(id: $id) { ... on Replication { vmName } }
        replication(id: $id) { vmName }
      }`,
      { ids: [...ids, 'nonsense', ...ids.slice(0, 1)], id: ids[0] },
    );
    expect(answer).toEqual({
      nodes: [
        { __typename: 'Replication', id: ids[0], name: 'by-id' },
        { __typename: 'VirtualMachine', id: ids[1], name: 'by-id', site: { name: 'by-id-source' } },
        { __typename: 'Site', id: ids[2], name: 'by-id-destination' },
        null,
        { __typename: 'Replication', id: ids[0], name: 'by-id' },
      ],
      node: { vmName: 'by-id' },
      replication: { vmName: 'by-id' },
    });
  });

  test('that is absent, of another type or no id at all answers the same', async () => {
    const site = await rows.site('other-type');
    // Even where a task has the very same uuid.
    await rows.task({ id: site.id });
    const absent = '11111111-2222-4333-8444-555555555555';
    const strings = [
      '',
      'x',
      globalId('Site', site.id),
      globalId('Task', absent),
      globalId('Nothing', absent),
      `Task:${absent}`,
      globalId('Task', 'x'),
    ];
    for (const id of strings) {
      const answer = await graph.data(
        'query ($id: ID!) { task(id: $id) { id } replication(id: $id) { id } instance(id: $id) { id } }',
        { id },
      );
      expect(answer).toEqual({ task: null, replication: null, instance: null });
      const nodes = await graph.data('query ($id: ID!) { node(id: $id) { __typename } }', { id });
      expect(nodes).toEqual({ node: id === strings[2] ? { __typename: 'Site' } : null });
    }
  });

  test('that another user owns is as absent: sessions', async () => {
    const session = (userId: string) =>
      graph.prisma.session.create({
        data: { userId, tokenHash: Buffer.from(userId), expiresAt: new Date(Date.now() + 60_000) },
      });
    const other = await graph.bench.viewer('VIEWER');
    const [own, foreign] = [await session(graph.viewer.userId), await session(other.userId)];
    const answer = await graph.data(
      `query ($ids: [ID!]!, $user: ID!) {
        nodes(ids: $ids) { id }
        viewer { sessions { totalCount nodes { isCurrent } } }
        node(id: $user) { ... on User { sessions { totalCount nodes { id } } } }
      }`,
      { ids: [own, foreign].map(({ id }) => globalId('Session', id)), user: globalId('User', other.userId) },
    );
    expect(answer).toEqual({
      nodes: [{ id: globalId('Session', own.id) }, null],
      viewer: { sessions: { totalCount: 1, nodes: [{ isCurrent: false }] } },
      node: { sessions: { totalCount: 0, nodes: [] } },
    });
  });
});

describe('words that this version does not know', () => {
  test('are UNKNOWN, or null where an enumeration is also input, and are found by that filter', async () => {
    const site = await rows.site('strange', { type: 'MOON' });
    const machine = await rows.machine(site, 'strange', { powerState: 'HIBERNATING', nativePowerState: 'zzz' });
    const replication = await rows.replication(machine, site, {
      sourceState: 'DREAMING',
      dataConnectionType: 'PIGEON',
      overallHealth: 'BLUE',
    });
    const task = await rows.task({
      kind: 'DANCE',
      state: 'DANCING',
      nativeType: 'dance',
      replicationId: replication.id,
    });
    const answer = await graph.data(
      `query ($site: ID!, $replication: ID!) {
        site(id: $site) { type virtualMachines { nodes { powerState nativePowerState } } }
        replication(id: $replication) { overallHealth sourceState { state } settings { dataConnectionType } tasks { nodes { kind state nativeType } } }
        tasks(filter: { stateIn: [UNKNOWN, QUEUED], kindIn: [UNKNOWN] }) { nodes { id } }
        virtualMachines(filter: { powerStateIn: [UNKNOWN] }) { totalCount }
      }`,
      { site: globalId('Site', site.id), replication: globalId('Replication', replication.id) },
    );
    expect(answer).toEqual({
      site: { type: 'UNKNOWN', virtualMachines: { nodes: [{ powerState: 'UNKNOWN', nativePowerState: 'zzz' }] } },
      replication: {
        overallHealth: 'UNKNOWN',
        sourceState: { state: 'UNKNOWN' },
        settings: { dataConnectionType: null },
        tasks: { nodes: [{ kind: 'UNKNOWN', state: 'UNKNOWN', nativeType: 'dance' }] },
      },
      tasks: { nodes: [{ id: globalId('Task', task.id) }] },
      virtualMachines: { totalCount: 1 },
    });
  });
});

describe('computed fields', () => {
  test('rpo is the age of the newest recovery point that can be used', async () => {
    const { replication } = await protect('rpo', { instances: 0, tasks: 0 });
    const document = `query ($id: ID!) { replication(id: $id) { rpo { targetMinutes actualMinutes violationMinutes } availableActions latestInstance { key problem } } }`;
    const ask = () => graph.data(document, { id: globalId('Replication', replication.id) });
    expect(await ask()).toEqual({
      replication: {
        rpo: { targetMinutes: 60, actualMinutes: null, violationMinutes: null },
        availableActions: ['SYNC', 'STOP'],
        latestInstance: null,
      },
    });
    await rows.instance(replication, 1, { createdAt: new Date(Date.now() - 90 * 60_000) });
    await rows.instance(replication, 2, { createdAt: new Date(Date.now() - 60_000), problem: 'torn' });
    const answer = await ask();
    expect(answer).toMatchObject({
      replication: {
        availableActions: ['SYNC', 'TEST_FAILOVER', 'FAILOVER', 'STOP'],
        latestInstance: { key: 'instance-2', problem: 'torn' },
      },
    });
    const [actual, violation] = (JSON.stringify(answer).match(/Minutes":[\d.]+/g) ?? [])
      .slice(1)
      .map((text) => Number(text.split(':')[1]));
    expect(actual).toBeGreaterThanOrEqual(90);
    expect(actual).toBeLessThan(95);
    expect(violation).toBeCloseTo((actual ?? 0) - 60, 6);
    await graph.prisma.task.create({
      data: { kind: 'SYNC_REPLICATION', state: 'RUNNING', entityKey: `replication:${replication.id}` },
    });
    expect(await ask()).toMatchObject({ replication: { availableActions: [] } });
  });

  test('health is that of the part that fares worst', async () => {
    expect(
      await graph.data('{ health { status checks { name status message } } about { product version startedAt } }'),
    ).toEqual({
      health: {
        status: 'DEGRADED',
        checks: [
          { name: 'database', status: 'OK', message: null },
          { name: 'worker', status: 'DEGRADED', message: 'No worker.' },
        ],
      },
      about: { product: 'drgraph', version: '1.2.3', startedAt: '2026-01-02T03:04:05.000Z' },
    });
  });
});

describe('scalars', () => {
  const ask = (createdAfter: unknown) =>
    graph.run('query ($createdAfter: DateTime) { tasks(filter: { createdAfter: $createdAfter }) { totalCount } }', {
      createdAfter,
    });

  test.each(['2026-11-21T08:30:00Z', '2026-11-21T08:30:00.123+02:00'])('DateTime takes %s', async (text) => {
    expect((await ask(text)).errors).toBeUndefined();
  });

  test.each([
    '2026-11-21',
    '2026-11-21T08:30:00',
    'yesterday',
    '2026-13-01T00:00:00Z',
    '2026-02-30T00:00:00Z',
    '0000-01-01T00:00:00Z',
    '9999-12-31T23:59:59-02:00',
    1_700_000_000_000,
  ])('DateTime refuses %s', async (text) => {
    expect((await ask(text)).errors?.[0]?.message).toMatch(/DateTime takes ISO 8601/);
  });

  test('BigInt is a string that loses no digit', async () => {
    const task = await rows.task({ bytesDone: 9_007_199_254_740_993n });
    expect(
      await graph.data('query ($id: ID!) { task(id: $id) { bytesDone bytesTotal } }', {
        id: globalId('Task', task.id),
      }),
    ).toEqual({ task: { bytesDone: '9007199254740993', bytesTotal: null } });
  });
});

test('a user shows its roles and sign-ins to itself and to administrators, and to others its name alone', async () => {
  const reader = await graph.bench.viewer('VIEWER');
  const other = await graph.bench.viewer('OPERATOR');
  const document = '{ node(id: $id) { ... on User { username roles lastSignInAt disabledAt } } }';
  const at = new Date('2026-01-02T03:04:05.678Z');
  for (const { userId } of [reader, other]) {
    await graph.prisma.user.update({ where: { id: userId }, data: { lastSignInAt: at, disabledAt: at } });
  }
  const look = async (userId: string, as: typeof reader) =>
    (await graph.data(`query ($id: ID!) ${document}`, { id: globalId('User', userId) }, as)).node;
  const times = { lastSignInAt: at.toISOString(), disabledAt: at.toISOString() };
  expect(await look(reader.userId, reader)).toEqual({ username: reader.username, roles: ['VIEWER'], ...times });
  expect(await look(other.userId, graph.viewer)).toEqual({ username: other.username, roles: ['OPERATOR'], ...times });
  expect(await look(other.userId, reader)).toEqual({
    username: other.username,
    roles: null,
    lastSignInAt: null,
    disabledAt: null,
  });
});

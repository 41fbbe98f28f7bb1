import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { type GraphBench, globalId, openGraph } from './graph-bench.ts';
import { rowsIn } from './rows.ts';

let graph: GraphBench;
let rows: ReturnType<typeof rowsIn>;

beforeAll(async () => {
  graph = await openGraph();
  rows = rowsIn(graph.prisma, graph.bench.provider);
});
afterAll(() => graph.close());

const page = z.object({
  nodes: z.array(z.object({ id: z.string(), nativeId: z.string().nullish() })),
  edges: z.array(z.object({ cursor: z.string() })),
  pageInfo: z.object({
    hasNextPage: z.boolean(),
    hasPreviousPage: z.boolean(),
    startCursor: z.string().nullable(),
    endCursor: z.string().nullable(),
  }),
});

const tasksDocument = `query (
  $first: Int, $after: String, $last: Int, $before: String, $filter: TaskFilter, $orderBy: [TaskOrder!]
) {
  list: tasks(first: $first, after: $after, last: $last, before: $before, filter: $filter, orderBy: $orderBy) {
    nodes { id nativeId }
    edges { cursor }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  }
}`;

async function tasks(variables: Record<string, unknown>) {
  const { list } = await graph.data(tasksDocument, variables);
  return page.parse(list);
}

/** All ids from the first page to the last; `between` runs after each page. */
async function forward(variables: Record<string, unknown>, first: number, between?: () => Promise<unknown>) {
  const ids: string[] = [];
  for (let after: string | null = null; ; ) {
    const list = await tasks({ ...variables, first, after });
    ids.push(...list.nodes.map(({ id }) => id));
    expect(list.pageInfo.hasPreviousPage).toBe(after !== null);
    if (!list.pageInfo.hasNextPage) return ids;
    expect(list.nodes).toHaveLength(first);
    after = list.pageInfo.endCursor;
    await between?.();
  }
}

async function backward(variables: Record<string, unknown>, last: number, between?: () => Promise<unknown>) {
  const ids: string[] = [];
  for (let before: string | null = null; ; ) {
    const list = await tasks({ ...variables, last, before });
    ids.unshift(...list.nodes.map(({ id }) => id));
    expect(list.pageInfo.hasNextPage).toBe(before !== null);
    if (!list.pageInfo.hasPreviousPage) return ids;
    before = list.pageInfo.startCursor;
    await between?.();
  }
}

describe('a list of tasks with equal and missing values', () => {
  const group = 'paging';
  let seeded: { id: string; startedAt: Date | null; priority: number; state: string; createdAt: Date }[];
  const filter = { operationIdIn: [group] };

  beforeAll(async () => {
    const start = Date.UTC(2026, 0, 1);
    seeded = await Promise.all(
      Array.from({ length: 23 }, (_, index) =>
        rows.task({
          operationId: group,
          createdAt: new Date(start + Math.floor(index / 3) * 1000),
          startedAt: index % 4 === 0 ? null : new Date(start + Math.floor(index / 5) * 1000),
          priority: index % 3,
          state: index % 2 === 0 ? 'SUCCEEDED' : 'FAILED',
        }),
      ),
    );
  });

  const orders = [
    undefined,
    [{ field: 'CREATED_AT', direction: 'ASC' }],
    [{ field: 'STARTED_AT', direction: 'ASC' }],
    [{ field: 'STARTED_AT', direction: 'DESC' }],
    [
      { field: 'PRIORITY', direction: 'DESC' },
      { field: 'STARTED_AT', direction: 'ASC' },
    ],
    [{ field: 'STATE', direction: 'ASC' }, { field: 'STARTED_AT', direction: 'DESC' }, { field: 'CREATED_AT' }],
    [{ field: 'FINISHED_AT', direction: 'ASC' }],
    [
      { field: 'FINISHED_AT', direction: 'DESC' },
      { field: 'KIND', direction: 'ASC' },
    ],
  ];

  test.each(orders.map((orderBy) => ({ name: JSON.stringify(orderBy) ?? 'the default order', orderBy })))(
    'gives every task once, forward and backward, ordered by $name',
    async ({ orderBy }) => {
      const whole = (await tasks({ filter, orderBy, first: 500 })).nodes.map(({ id }) => id);
      expect(whole).toEqual(seeded.map(({ id }) => globalId('Task', id)).sort(byOrder(orderBy)));
      expect(await forward({ filter, orderBy }, 4)).toEqual(whole);
      expect(await backward({ filter, orderBy }, 5)).toEqual(whole);
    },
  );

  // The same order as PostgreSQL's: null is the greatest, ties go by id in the last direction.
  function byOrder(orderBy: { field: string; direction?: string }[] = [{ field: 'CREATED_AT', direction: 'DESC' }]) {
    const byId = new Map(seeded.map((task) => [globalId('Task', task.id), task]));
    const orderValue = (id: string, field: string): string | number => {
      const task = byId.get(id);
      if (!task) throw new Error(`unknown ${id}`);
      const values: Record<string, string | number> = {
        CREATED_AT: task.createdAt.getTime(),
        STARTED_AT: task.startedAt?.getTime() ?? Number.POSITIVE_INFINITY,
        FINISHED_AT: Number.POSITIVE_INFINITY,
        PRIORITY: task.priority,
        STATE: task.state,
        KIND: 'SYNC_REPLICATION',
        ID: task.id,
      };
      return values[field] ?? 0;
    };
    const terms = [...orderBy, { field: 'ID', direction: orderBy.at(-1)?.direction }];
    return (a: string, b: string): number => {
      for (const { field, direction } of terms) {
        const [left, right] = [orderValue(a, field), orderValue(b, field)];
        if (left !== right) return (left < right ? -1 : 1) * (direction === 'DESC' ? -1 : 1);
      }
      return 0;
    };
  }
});

test('a page neither repeats nor skips tasks when others are added and removed between pages', async () => {
  const operationId = 'moving';
  const filter = { operationIdIn: [operationId] };
  const made = await Promise.all(
    Array.from({ length: 12 }, (_, index) =>
      rows.task({ operationId, createdAt: new Date(Date.UTC(2026, 1, 1, 0, index)) }),
    ),
  );
  const ids = made.map(({ id }) => globalId('Task', id)).reverse();
  let minute = 20;
  const addInFront = () => rows.task({ operationId, createdAt: new Date(Date.UTC(2026, 1, 1, 0, minute++)) });
  expect(await forward({ filter }, 3, addInFront)).toEqual(ids);
  const addBehind = () => rows.task({ operationId, createdAt: new Date(Date.UTC(2026, 0, 1, 0, minute++)) });
  const seen = await backward({ filter, orderBy: [{ field: 'CREATED_AT', direction: 'DESC' }] }, 4, addBehind);
  expect(new Set(seen).size).toBe(seen.length);
  expect(seen).toEqual(expect.arrayContaining(ids));

  const first = await tasks({ filter, first: 5 });
  const [removed] = await graph.prisma.task.findMany({
    where: { operationId },
    orderBy: { createdAt: 'desc' },
    skip: 4,
    take: 1,
  });
  await graph.prisma.task.delete({ where: { id: removed?.id ?? '' } });
  const second = await tasks({ filter, first: 5, after: first.pageInfo.endCursor });
  const remaining = await tasks({ filter, first: 500 });
  expect([...first.nodes.slice(0, 4), ...second.nodes]).toEqual(remaining.nodes.slice(0, 9));
});

test('pages by text, whole numbers of any size and nulls of other lists', async () => {
  const site = await rows.site('names');
  const machines = await Promise.all(
    ['b', 'a', 'a', 'É', 'c', 'A'].map((name, index) =>
      rows.machine(site, name, { nativeId: `n${index}`, memoryMb: index % 2 ? null : 1024 }),
    ),
  );
  const replication = await rows.replication(machines[0] ?? { id: '', siteId: '', name: '' }, site);
  await Promise.all(
    [5n, 9_007_199_254_740_995n, 9_007_199_254_740_993n, 9_007_199_254_740_994n].map((transferBytes, index) =>
      rows.instance(replication, index + 1, { transferBytes }),
    ),
  );
  const document = `query ($site: ID!, $replication: ID!, $a: String, $b: String, $c: String) {
    byName: virtualMachines(filter: { siteIdIn: [$site] }, first: 1, after: $a) { nodes { nativeId } pageInfo { endCursor } }
    byMemory: virtualMachines(filter: { siteIdIn: [$site] }, orderBy: [{ field: MEMORY_MB, direction: DESC }], first: 1, after: $b) { nodes { nativeId } pageInfo { endCursor } }
    replication(id: $replication) {
      instances(orderBy: [{ field: TRANSFER_BYTES }], first: 1, after: $c) { nodes { sequenceNumber } pageInfo { endCursor } }
    }
  }`;
  const part = z.object({
    nodes: z.array(z.record(z.string(), z.unknown())),
    pageInfo: z.object({ endCursor: z.string().nullable() }),
  });
  const found: [unknown[], unknown[], unknown[]] = [[], [], []];
  let variables: Record<string, unknown> = {
    site: globalId('Site', site.id),
    replication: globalId('Replication', replication.id),
  };
  for (let index = 0; index < 6; index += 1) {
    const answer = await graph.data(document, variables);
    const parts = z.object({ byName: part, byMemory: part, replication: z.object({ instances: part }) }).parse(answer);
    found[0].push(...parts.byName.nodes.map((node) => node.nativeId));
    found[1].push(...parts.byMemory.nodes.map((node) => node.nativeId));
    found[2].push(...parts.replication.instances.nodes.map((node) => node.sequenceNumber));
    variables = {
      ...variables,
      a: parts.byName.pageInfo.endCursor,
      b: parts.byMemory.pageInfo.endCursor,
      c: parts.replication.instances.pageInfo.endCursor ?? variables.c,
    };
  }
  expect(found[0]).toHaveLength(6);
  expect(new Set(found[0]).size).toBe(6);
  expect(new Set(found[1])).toEqual(new Set(found[0]));
  expect(found[1].slice(0, 3).every((id) => ['n1', 'n3', 'n5'].includes(String(id)))).toBe(true);
  expect(found[2].slice(0, 4)).toEqual([1, 3, 4, 2]);
});

describe('lists leave out what is no longer in use', () => {
  const document = `query ($site: ID!, $gone: ID!, $sites: SiteFilter, $machines: VirtualMachineFilter, $replications: ReplicationFilter) {
    sites(filter: $sites) { totalCount nodes { name } }
    virtualMachines(filter: $machines) { totalCount nodes { name } }
    replications(filter: $replications) { totalCount nodes { vmName } }
    site(id: $site) {
      virtualMachines(filter: $machines) { totalCount nodes { name } }
      outgoingReplications(filter: $replications) { totalCount nodes { vmName } }
      provider { sites(filter: $sites) { totalCount nodes { name } } }
    }
    virtualMachine(id: $gone) { name removedAt }
    node(id: $gone) { id }
  }`;
  const named = (key: string, names: string[]) => ({
    totalCount: names.length,
    nodes: names.map((name) => ({ [key]: name })),
  });

  test.each([
    [undefined, ['kept']],
    [{ isRemoved: false }, ['kept']],
    [{ isRemoved: true }, ['gone']],
    [{ includeRemoved: true }, ['gone', 'kept']],
    [{ includeRemoved: true, isRemoved: true }, ['gone']],
  ])('filter %j', async (removal, which) => {
    const prefix = `list-${JSON.stringify(removal)}-`;
    const removedAt = new Date();
    const names = which.map((word) => prefix + word);
    const site = await rows.site(`${prefix}kept`);
    const goneSite = await rows.site(`${prefix}gone`, { removedAt });
    const machine = await rows.machine(site, `${prefix}kept`);
    const gone = await rows.machine(site, `${prefix}gone`, { removedAt });
    await rows.replication(machine, goneSite);
    await rows.replication(gone, goneSite, { removedAt });
    const filter = { nameContains: prefix, ...removal };
    const found = await graph.data(document, {
      site: globalId('Site', site.id),
      gone: globalId('VirtualMachine', gone.id),
      sites: filter,
      machines: filter,
      replications: filter,
    });
    const replications = named('vmName', names); // The newest first: "gone" was made last.
    expect(found).toMatchObject({
      sites: named('name', names),
      virtualMachines: named('name', names),
      replications,
      site: {
        virtualMachines: named('name', names),
        outgoingReplications: replications,
        provider: { sites: named('name', names) },
      },
      virtualMachine: { name: `${prefix}gone`, removedAt: removedAt.toISOString() },
      node: { id: globalId('VirtualMachine', gone.id) },
    });
    if (removal === undefined) {
      const all = await graph.data('{ sites { nodes { removedAt } } virtualMachines { nodes { removedAt } } }');
      expect(JSON.stringify(all)).not.toContain(String(removedAt.getUTCFullYear()));
    }
  });
});

describe('what a list refuses', () => {
  test.each([
    [{ first: 1, last: 1 }, /first, last: give one of them/],
    [{ first: -1 }, /first: must be 0 to 500, was -1/],
    [{ last: 501 }, /last: must be 0 to 500, was 501/],
    [{ after: 'nonsense' }, /after: this is not a cursor of this list/],
    [{ before: Buffer.from('[]').toString('base64url') }, /before: this is not a cursor of this list/],
    [{ after: Buffer.from('["createdAt:desc,id:desc",1,2]').toString('base64url') }, /after: this is not a cursor/],
  ])('%j', async (variables, message) => {
    const { errors, data } = await graph.run(tasksDocument, variables);
    expect(data).toBeNull();
    expect(errors?.[0]?.message).toMatch(message);
    expect(errors?.[0]?.extensions).toMatchObject({ code: 'INVALID_INPUT' });
  });

  const cursorOf = (...parts: unknown[]) => Buffer.from(JSON.stringify(parts)).toString('base64url');
  const id = '11111111-2222-4333-8444-555555555555';

  test.each([
    [[], cursorOf('createdAt:desc,id:desc', '2026-01-01T00:00:00.000Z', 'no uuid')],
    [[], cursorOf('createdAt:desc,id:desc', '0000-01-01T00:00:00.000Z', id)],
    [[{ field: 'PRIORITY' }], cursorOf('priority:asc,id:asc', 1.5, id)],
    [[{ field: 'PRIORITY' }], cursorOf('priority:asc,id:asc', 3_000_000_000, id)],
    [[{ field: 'KIND' }], cursorOf('kind:asc,id:asc', '\0', id)],
    [[{ field: 'KIND' }], cursorOf('kind:asc,id:asc', null, id)],
  ])('a forged cursor, instead of failing over it: %j %s', async (orderBy, after) => {
    const { errors } = await graph.run(tasksDocument, { orderBy, after });
    expect(errors).toMatchObject([{ extensions: { code: 'INVALID_INPUT' } }]);
  });

  test.each([
    [{ operationIdIn: ['a\0'] }, /filter.operationIdIn: leave out the NUL/],
    [{ idIn: Array.from({ length: 1001 }, (_, index) => String(index)) }, /filter.idIn: give at most 1000 values/],
  ])('a filter that no statement should carry', async (filter, message) => {
    const { errors } = await graph.run(tasksDocument, { filter });
    expect(errors).toMatchObject([{ message: expect.stringMatching(message), extensions: { code: 'INVALID_INPUT' } }]);
  });

  test('a cursor of another order', async () => {
    await rows.task({ operationId: 'cursor' });
    const { pageInfo } = await tasks({ first: 1 });
    const { errors } = await graph.run(tasksDocument, { after: pageInfo.endCursor, orderBy: [{ field: 'PRIORITY' }] });
    expect(errors?.[0]?.message).toMatch(/belongs to another orderBy/);
  });
});

test('a deep page starts at its key in the index instead of reading all that is in front', async () => {
  await graph.prisma.task.createMany({
    data: Array.from({ length: 5000 }, (_, index) => ({
      kind: 'SYNC_INVENTORY',
      state: 'SUCCEEDED',
      createdAt: new Date(Date.UTC(2020, 0, 1) + index),
    })),
  });
  await graph.prisma.$executeRawUnsafe('ANALYZE "Task"');
  const oldest = await tasks({ last: 20 });
  expect(await graph.wastedRows(tasksDocument, { first: 10, after: oldest.pageInfo.startCursor })).toBeLessThan(20);
  expect(await graph.wastedRows(tasksDocument, { last: 10, before: oldest.pageInfo.startCursor })).toBeLessThan(20);
});

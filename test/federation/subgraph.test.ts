import { composeServices } from '@apollo/composition';
import { composeServices as composeWithGuild } from '@theguild/federation-composition';
import { parse } from 'graphql';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { type GraphBench, globalId, openGraph } from '../graph/graph-bench.ts';
import { rowsIn } from '../graph/rows.ts';

let graph: GraphBench;
let rows: ReturnType<typeof rowsIn>;

beforeAll(async () => {
  graph = await openGraph();
  rows = rowsIn(graph.prisma, graph.bench.provider);
});
afterAll(() => graph.close());

// A neighbour that knows our tasks by id, and machines only by what their provider calls them.
const neighbour = `
  extend schema @link(url: "https://specs.apollo.dev/federation/v2.6", import: ["@key", "@shareable"])
  type Task @key(fields: "id") { id: ID! ticket: String }
  type Provider @key(fields: "id", resolvable: false) { id: ID! }
  type VirtualMachine @key(fields: "provider { id } nativeId") { provider: Provider! @shareable nativeId: String! @shareable costCentre: String }
  type PageInfo @shareable { hasNextPage: Boolean! hasPreviousPage: Boolean! startCursor: String endCursor: String }
  type Query { tickets: [Task!]! machines: [VirtualMachine!]! }
`;

describe('composition', () => {
  async function services() {
    const answer = z
      .object({ _service: z.object({ sdl: z.string() }) })
      .parse(await graph.data('{ _service { sdl } }', {}, null));
    return [
      { name: 'drgraph', url: 'http://drgraph', typeDefs: parse(answer._service.sdl) },
      { name: 'neighbour', url: 'http://neighbour', typeDefs: parse(neighbour) },
    ];
  }

  test("succeeds with Apollo's composer", async () => {
    const { errors, supergraphSdl } = composeServices(await services());
    expect(errors?.map(String)).toBeUndefined();
    expect(supergraphSdl).toMatch(
      /type Task[^{]*@join__type\(graph: DRGRAPH, key: "id"\)[^{]*@join__type\(graph: NEIGHBOUR, key: "id"\)/,
    );
    expect(supergraphSdl).toContain('@join__type(graph: NEIGHBOUR, key: "provider { id } nativeId")');
  });

  test("succeeds with The Guild's composer, which keeps @oneOf", async () => {
    const { errors, supergraphSdl } = composeWithGuild(await services());
    expect(errors?.map(String)).toBeUndefined();
    expect(supergraphSdl).toMatch(/input SignInInput[^{]*@oneOf/);
  });

  test('fails when the neighbour claims a field of ours', async () => {
    const [own] = await services();
    if (!own) throw new Error('there is no subgraph');
    const rival = {
      name: 'rival',
      url: 'http://rival',
      typeDefs: parse(neighbour.replace('ticket: String', 'ticket: String state: String')),
    };
    expect(composeServices([own, rival]).errors?.length).toBeGreaterThan(0);
  });
});

describe('_entities', () => {
  const document = `query ($representations: [_Any!]!) {
    _entities(representations: $representations) {
      __typename
      ... on Task { id kind provider { name } }
      ... on VirtualMachine { id name site { name } }
      ... on Site { id name }
    }
  }`;

  test('finds objects by id and machines by their provider and native id, in one statement for each type', async () => {
    const site = await rows.site('federated');
    const machines = [await rows.machine(site, 'one'), await rows.machine(site, 'two')];
    const tasks = [await rows.task(), await rows.task()];
    const provider = { id: globalId('Provider', graph.bench.provider.id) };
    const taskIds = tasks.map(({ id }) => globalId('Task', id));
    const representations = [
      ...taskIds.map((id) => ({ __typename: 'Task', id })),
      ...machines.map(({ nativeId }) => ({ __typename: 'VirtualMachine', provider, nativeId })),
      { __typename: 'VirtualMachine', id: globalId('VirtualMachine', machines[0]?.id ?? '') },
      { __typename: 'Site', id: globalId('Site', site.id) },
    ];
    const { _entities } = await graph.data(document, { representations });
    expect(_entities).toMatchObject([
      {
        __typename: 'Task',
        id: taskIds[0],
        kind: 'SYNC_REPLICATION',
        provider: { name: expect.any(String) },
      },
      { __typename: 'Task', id: taskIds[1] },
      { name: 'one', site: { name: 'federated' } },
      { name: 'two', site: { name: 'federated' } },
      { name: 'one' },
      { __typename: 'Site', name: 'federated' },
    ]);
    // Tasks, sites, the two pairs, and machines: by id at once, then those that the pairs led to.
    expect((await graph.statements(document, { representations })).length).toBeLessThanOrEqual(5);
  });

  test('answers null for what is absent, of another type, ambiguous, removed or malformed', async () => {
    const [site, twin] = [await rows.site('left'), await rows.site('right')];
    await rows.machine(site, 'same');
    await rows.machine(twin, 'same');
    await rows.machine(site, 'gone', { removedAt: new Date() });
    const provider = { id: globalId('Provider', graph.bench.provider.id) };
    const representations = [
      { __typename: 'Task', id: globalId('Task', '11111111-2222-4333-8444-555555555555') },
      { __typename: 'Task', id: globalId('Site', site.id) },
      { __typename: 'Task', id: 'nonsense' },
      { __typename: 'Task', id: 5 },
      { __typename: 'Task' },
      { __typename: 'VirtualMachine', provider, nativeId: 'id-same' },
      { __typename: 'VirtualMachine', provider, nativeId: 'id-gone' },
      { __typename: 'VirtualMachine', provider: { id: 'nonsense' }, nativeId: 'id-same' },
      { __typename: 'VirtualMachine', provider: null, nativeId: 'id-same' },
      { __typename: 'VirtualMachine', provider, nativeId: 'id\0' },
    ];
    const { _entities } = await graph.data(document, { representations });
    expect(_entities).toEqual(representations.map(() => null));
  });

  test.each([
    [[{ __typename: 'User', id: 'x' }], /representations\.0: give an object whose __typename is one of .*\bTask\b/],
    [
      [
        { __typename: 'Task', id: 'x' },
        { __typename: '__proto__', id: 'x' },
      ],
      /representations\.1: /,
    ],
    [[{ id: 'x' }], /representations\.0: /],
    [[5], /representations\.0: /],
    [Array.from({ length: 1001 }, () => ({ __typename: 'Task', id: 'x' })), /at most 1000; these are 1001/],
  ])('refuses what is no entity of this subgraph, or too much: %#', async (representations, message) => {
    const { errors } = await graph.run(document, { representations });
    expect(errors).toMatchObject([{ message: expect.stringMatching(message), extensions: { code: 'INVALID_INPUT' } }]);
  });

  test('needs a session', async () => {
    const { id } = await rows.task();
    const result = await graph.run(
      document,
      { representations: [{ __typename: 'Task', id: globalId('Task', id) }] },
      null,
    );
    expect(result).toMatchObject({
      data: { _entities: [null] },
      errors: [{ extensions: { code: 'UNAUTHENTICATED' } }],
    });
  });
});

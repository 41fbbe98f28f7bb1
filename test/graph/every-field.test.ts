import {
  type GraphQLInputType,
  type GraphQLNamedType,
  type GraphQLOutputType,
  getNamedType,
  isAbstractType,
  isEnumType,
  isInputObjectType,
  isLeafType,
  isListType,
  isNonNullType,
  isObjectType,
  isRequiredArgument,
} from 'graphql';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildSchema } from '../../src/graph/schema.ts';
import { type GraphBench, globalId, openGraph } from './graph-bench.ts';
import { rowsIn } from './rows.ts';

const schema = buildSchema();
let graph: GraphBench;

beforeAll(async () => {
  graph = await openGraph();
  const { prisma } = graph;
  const rows = rowsIn(prisma, graph.bench.provider);
  const organization = await rows.organization('tenant');
  const at = new Date().toISOString();
  const site = await rows.site('source', {
    problems: [{ path: 'vms/x', message: 'broken' }],
    organizations: { connect: { id: organization.id } },
  });
  const destination = await rows.site('destination');
  const machine = await rows.machine(site, 'machine', { organizationId: organization.id, nics: [{ network: 'n' }] });
  const replication = await rows.replication(machine, destination, {
    organizationId: organization.id,
    ownerId: graph.viewer.userId,
    problems: [{ code: 'SOURCE_GONE', message: 'gone', at }],
    retentionRules: [{ numberOfInstances: 3, distanceMinutes: 60 }],
    syncProgress: {
      progress: 50,
      checksumTotalBytes: 4,
      checksumComparedBytes: 3,
      bytesToTransfer: 2,
      bytesTransferred: 1,
    },
    excludedDiskKeys: [2001],
  });
  const instance = await rows.instance(replication, 1, { verifiedAt: new Date() });
  await rows.machine(destination, 'recovered', {
    recoveredFromId: replication.id,
    recoveredInstance: instance.key,
    isTest: true,
  });
  const parent = await rows.task();
  const about = {
    siteId: destination.id,
    organizationId: organization.id,
    replicationId: replication.id,
    virtualMachineId: machine.id,
    resourceType: 'Replication',
    resourceId: replication.id,
    relatedResources: ['Provider', 'Organization', 'Instance'].map((type) => ({
      type,
      id: { Provider: graph.bench.provider.id, Organization: organization.id, Instance: instance.id }[type] ?? '',
    })),
    initiatedById: graph.viewer.userId,
    initiatedBy: graph.viewer.username,
    parentId: parent.id,
    workerId: 'worker-1',
    warnings: [{ code: 'SLOW', message: 'slow' }],
  };
  const failed = await rows.task({ ...about, state: 'FAILED', error: { code: 'X', message: 'x', args: { a: 'b' } } });
  await prisma.replication.update({
    where: { id: replication.id },
    data: { lastError: { code: 'X', message: 'x', at, taskId: failed.id, kind: failed.kind } },
  });
  const results = [
    { type: 'SYNC', replicationId: replication.id, instanceId: instance.id, transferBytes: '5', transferSeconds: 1.5 },
    {
      type: 'FAILOVER',
      replicationId: replication.id,
      virtualMachineId: machine.id,
      instanceId: instance.id,
      instanceKey: instance.key,
    },
    {
      type: 'INVENTORY',
      machinesFound: 1,
      machinesAdded: 1,
      machinesChanged: 0,
      machinesRemoved: 0,
      problems: [{ path: 'p', message: 'm' }],
    },
  ];
  for (const result of results) await rows.task({ ...about, result, startedAt: new Date(), finishedAt: new Date() });
  await prisma.session.create({
    data: { userId: graph.viewer.userId, tokenHash: Buffer.from('t'), expiresAt: new Date() },
  });
});
afterAll(() => graph.close());

/** Everything of a type that needs no argument, so many levels deep; aliased, so that fragments on different types do not clash. */
function selection(output: GraphQLOutputType, depth: number): string {
  const type = getNamedType(output);
  if (isLeafType(type)) return '';
  if (isAbstractType(type)) {
    return `{ __typename ${schema
      .getPossibleTypes(type)
      .map((possible) => `... on ${possible.name} ${selection(possible, depth)}`)
      .join(' ')} }`;
  }
  if (!isObjectType(type)) return '';
  const fields = Object.values(type.getFields())
    .filter((field) => !field.args.some(isRequiredArgument) && !field.name.startsWith('_'))
    .flatMap((field) => {
      const inner = getNamedType(field.type);
      if (!isLeafType(inner) && depth <= 0) return [];
      const isWrapper = inner.name.endsWith('Connection') || inner.name.endsWith('Edge') || inner.name === 'PageInfo';
      const args = inner.name.endsWith('Connection') ? '(first: 3)' : '';
      return [
        `${type.name}_${field.name}: ${field.name}${args} ${selection(field.type, isWrapper ? depth : depth - 1)}`,
      ];
    });
  return `{ __typename ${fields.join(' ')} }`;
}

const query = schema.getQueryType();
const rootFields = Object.values(query?.getFields() ?? {}).filter(({ name }) => !name.startsWith('_'));
const lists = rootFields.filter(({ type }) => getNamedType(type).name.endsWith('Connection'));

test.each(
  rootFields.filter((field) => !field.args.some(isRequiredArgument)).map((field) => [field.name, field] as const),
)('everything below %s can be read', async (name, field) => {
  const { data, errors } = await graph.run(`{ ${name} ${selection(field.type, 2)} }`);
  expect(errors).toBeUndefined();
  if (name.endsWith('s') && name !== 'taskKinds') expect(JSON.stringify(data)).toContain('Connection_nodes":[{');
});

test('everything of every kind of node can be read', async () => {
  const { prisma } = graph;
  const [provider, site, organization, machine, replication, instance, user, session] = await Promise.all([
    prisma.provider.findFirstOrThrow(),
    prisma.site.findFirstOrThrow(),
    prisma.organization.findFirstOrThrow(),
    prisma.virtualMachine.findFirstOrThrow(),
    prisma.replication.findFirstOrThrow(),
    prisma.instance.findFirstOrThrow(),
    prisma.user.findFirstOrThrow({ where: { id: graph.viewer.userId } }),
    prisma.session.findFirstOrThrow(),
  ]);
  const tasks = await prisma.task.findMany();
  const ids = [
    ...Object.entries({
      Provider: provider,
      Site: site,
      Organization: organization,
      VirtualMachine: machine,
      Replication: replication,
      Instance: instance,
      User: user,
      Session: session,
    }).map(([type, { id }]) => globalId(type, id)),
    ...tasks.map(({ id }) => globalId('Task', id)),
  ];
  const nodes = query?.getFields().nodes;
  if (!nodes) throw new Error('There is no Query.nodes.');
  const { data, errors } = await graph.run(`query ($ids: [ID!]!) { nodes(ids: $ids) ${selection(nodes.type, 1)} }`, {
    ids,
  });
  expect(errors).toBeUndefined();
  expect(new Set(JSON.stringify(data).match(/"__typename":"\w+"/g)).size).toBeGreaterThan(9);
});

describe('every condition of every filter and every order can be asked for', () => {
  function exampleOf(type: GraphQLInputType, field: string): unknown {
    if (isNonNullType(type)) return exampleOf(type.ofType, field);
    if (isListType(type)) return [exampleOf(type.ofType, field)];
    const named: GraphQLNamedType = getNamedType(type);
    if (isEnumType(named)) return named.getValues()[0]?.name;
    return {
      Boolean: true,
      DateTime: '2026-01-01T00:00:00Z',
      Float: 0.5,
      ID: globalId('Task', '11111111-2222-4333-8444-555555555555'),
      String: 'a',
    }[named.name];
  }

  test.each(lists.map((field) => [field.name, field] as const))('%s', async (name, field) => {
    const filter = field.args.find((arg) => arg.name === 'filter')?.type;
    const order = field.args.find((arg) => arg.name === 'orderBy')?.type;
    const filterType = filter && getNamedType(filter);
    const orderType = order && getNamedType(order);
    if (!isInputObjectType(filterType) || !isInputObjectType(orderType))
      throw new Error(`${name} has no filter or order`);
    const document = `query ($filter: ${filterType.name}, $orderBy: [${orderType.name}!], $after: String) {
      list: ${name}(filter: $filter, orderBy: $orderBy, first: 1, after: $after) { totalCount pageInfo { endCursor } }
    }`;
    const conditions = Object.values(filterType.getFields()).map(
      (condition) => [condition.name, exampleOf(condition.type, condition.name)] as const,
    );
    for (const [condition, value] of conditions) {
      expect(value, condition).toBeDefined();
      expect((await graph.run(document, { filter: { [condition]: value } })).errors, condition).toBeUndefined();
    }
    expect((await graph.run(document, { filter: Object.fromEntries(conditions) })).errors).toBeUndefined();
    const fieldType = getNamedType(orderType.getFields().field?.type ?? orderType);
    if (!isEnumType(fieldType)) throw new Error(`${name} has no order`);
    for (const { name: fieldName } of fieldType.getValues()) {
      for (const direction of ['ASC', 'DESC']) {
        const orderBy = [{ field: fieldName, direction }];
        const first = await graph.data(document, { orderBy });
        const after = /"endCursor":"([^"]+)"/.exec(JSON.stringify(first))?.[1];
        expect(after).toBeDefined();
        expect((await graph.run(document, { orderBy, after })).errors, fieldName).toBeUndefined();
      }
    }
  });
});

describe('without a session', () => {
  const open = new Set(['Query.about', 'Query._service', 'Mutation.signIn']);
  const roots = [schema.getQueryType(), schema.getMutationType(), schema.getSubscriptionType()].flatMap((type) =>
    type ? [type] : [],
  );
  const fields = roots.flatMap((root) =>
    Object.values(root.getFields()).map((field) => ({ root, field, name: `${root.name}.${field.name}` })),
  );

  const literal = (type: GraphQLInputType): string => {
    if (isNonNullType(type)) return literal(type.ofType);
    if (isListType(type)) return `[${literal(type.ofType)}]`;
    const named = getNamedType(type);
    if (isEnumType(named)) return named.getValues()[0]?.name ?? '';
    if (isInputObjectType(named)) {
      const inner = Object.values(named.getFields())
        .filter((field) => named.isOneOf || isNonNullType(field.type))
        .slice(0, named.isOneOf ? 1 : undefined);
      return `{ ${inner.map((field) => `${field.name}: ${literal(field.type)}`).join(', ')} }`;
    }
    if (named.name === '_Any') return '{ __typename: "Task", id: "x" }';
    return '"x"';
  };

  test.each(fields.filter(({ name }) => !open.has(name)))(
    '$name answers UNAUTHENTICATED and nothing else',
    async ({ root, field }) => {
      const args = field.args
        .filter(isRequiredArgument)
        .map((arg) => `${arg.name}: ${literal(arg.type)}`)
        .join(', ');
      const document = `${root.name.toLowerCase()} { ${field.name}${args ? `(${args})` : ''} ${isLeafType(getNamedType(field.type)) ? '' : '{ __typename }'} }`;
      const result =
        root.name === 'Subscription' ? await graph.subscribe(document, {}, null) : await graph.run(document, {}, null);
      expect(result).toMatchObject({ errors: [{ extensions: { code: 'UNAUTHENTICATED' } }] });
      expect('data' in result ? JSON.stringify(result.data) : 'null').toMatch(
        /^(null|\{"\w+":null\}|\{"_entities":\[null\]\})$/,
      );
    },
  );

  test('about, the subgraph and signIn answer', async () => {
    const result = await graph.run('{ __typename about { product } _service { sdl } }', {}, null);
    expect(result.errors).toBeUndefined();
    const signIn = await graph.run(
      'mutation { signIn(input: { local: { username: "nobody", password: "x" } }) { __typename } }',
      {},
      null,
    );
    expect(signIn).toMatchObject({ data: { signIn: { __typename: 'InvalidInputError' } } });
  });
});

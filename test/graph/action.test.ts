import { randomUUID } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { type Connector, ConnectorError, type SiteFolders } from '../../src/connectors/connector.ts';
import { createUser } from '../../src/domain/user.ts';
import { addMachine, makeSite } from '../support/seed.ts';
import { type GraphBench, globalId, openGraph } from './graph-bench.ts';
import { rowsIn } from './rows.ts';

// What the domain decides is proved in test/domain; here, that each decision arrives as the type that clients are promised.

let graph: GraphBench;
let rows: ReturnType<typeof rowsIn>;
function folderOf({ folders }: Connector): SiteFolders {
  if (!folders) throw new Error('The LOCAL connector has folders.');
  return folders;
}

const provider = { cannot: new Set<string>(), isDown: false };

beforeAll(async () => {
  graph = await openGraph({
    connector: (local) => ({
      ...local,
      get capabilities() {
        return local.capabilities.filter((action) => !provider.cannot.has(action));
      },
      folders: {
        ...folderOf(local),
        async isNameTaken() {
          if (provider.isDown) throw new ConnectorError('UNREACHABLE', 'E42', 'The storage does not answer.');
          return false;
        },
      },
    }),
  });
  rows = rowsIn(graph.prisma, graph.bench.provider);
});
afterAll(() => graph.close());

const result = z.looseObject({ __typename: z.string() });

/** Runs an action; answers with whatever member of its union came. */
async function act(
  name: string,
  input: Record<string, unknown>,
  payload: string,
  as?: Parameters<GraphBench['data']>[2],
) {
  const noun = `${name.charAt(0).toUpperCase()}${name.slice(1)}`;
  const document = `mutation ($input: ${noun}Input!) {
    result: ${name}(input: $input) {
      __typename
      ... on ${noun}Payload ${payload}
      ... on Error { message code }
      ... on InvalidInputError { fields { path message } }
      ${/cancelTasks|removeSite|registerSite|startReplication|syncInventory|signIn/.test(name) ? '' : '... on InvalidStateError { state allowedActions }'}
      ${/cancelTasks|signIn/.test(name) ? '' : '... on ConflictError { task { id kind state } }'}
      ${/Failover$|failoverReplication/.test(name) && name !== 'cleanUpTestFailover' ? '... on ProviderError { kind providerCode }' : ''}
    }
  }`.replace(name === 'removeSite' ? '... on InvalidInputError { fields { path message } }' : '\u0000', '');
  const answer = await graph.data(document, { input }, as);
  return result.parse(answer.result);
}

const task =
  '{ task { id kind state priority operationId initiatedBy window { notBefore startBefore } resource { id name } relatedResources { id } site { name } } }';
const absent = '11111111-2222-4333-8444-555555555555';

async function sites(name: string) {
  return { source: await makeSite(graph.bench, `${name}-a`), destination: await makeSite(graph.bench, `${name}-b`) };
}

function start(machineId: string, siteId: string, more: Record<string, unknown> = {}) {
  return {
    source: { virtualMachine: { id: globalId('VirtualMachine', machineId) } },
    destination: { site: { id: globalId('Site', siteId) } },
    ...more,
  };
}

describe('startReplication', () => {
  const payload =
    '{ task { id kind state priority operationId initiatedBy window { notBefore startBefore } resource { id name } } replication { id vmName owner { username } settings { rpoMinutes dataConnectionType retentionRules { numberOfInstances distanceMinutes } description quiesced } } }';

  test('answers with the task and the replication, as the input and the caller made them', async () => {
    const { source, destination } = await sites('start');
    const machine = await addMachine(graph.bench, source, 'start');
    const settings = {
      rpoMinutes: 15,
      dataConnectionType: 'PLAIN',
      retentionRules: [{ numberOfInstances: 3, distanceMinutes: 10 }],
      description: 'text',
      quiesced: false,
    };
    const input = start(machine, destination.id, {
      settings,
      clientToken: 'token-1',
      priority: 70,
      notBefore: '2030-01-01T00:00:00Z',
      startBefore: '2030-01-02T00:00:00Z',
    });
    const answer = await act('startReplication', input, payload);
    expect(answer).toMatchObject({
      __typename: 'StartReplicationPayload',
      task: {
        kind: 'START_REPLICATION',
        state: 'QUEUED',
        priority: 70,
        operationId: 'operation-1',
        initiatedBy: graph.viewer.username,
        window: { notBefore: '2030-01-01T00:00:00.000Z', startBefore: '2030-01-02T00:00:00.000Z' },
        resource: { name: 'start' },
      },
      replication: { vmName: 'start', owner: { username: graph.viewer.username }, settings },
    });
    expect(await act('startReplication', input, payload)).toEqual(answer);
    expect(await act('startReplication', { ...input, settings: null }, payload)).toMatchObject({
      __typename: 'ConflictError',
      code: 'CONFLICT',
      task: { kind: 'START_REPLICATION' },
    });
  });

  test('only checks when asked to', async () => {
    const { source, destination } = await sites('validate');
    const machine = await addMachine(graph.bench, source, 'validate');
    const answer = await act('startReplication', start(machine, destination.id, { validateOnly: true }), payload);
    expect(answer).toEqual({ __typename: 'StartReplicationPayload', task: null, replication: null });
    expect(await graph.prisma.replication.count({ where: { virtualMachineId: machine } })).toBe(0);
  });

  test('a malformed, a foreign and an absent id answer exactly alike', async () => {
    const { source, destination } = await sites('alike');
    const answers = await Promise.all(
      ['nonsense', '', globalId('Site', source.id), globalId('VirtualMachine', absent)].map((id) =>
        act('startReplication', { ...start(absent, destination.id), source: { virtualMachine: { id } } }, payload),
      ),
    );
    expect(answers[0]).toEqual({ __typename: 'NotFoundError', code: 'NOT_FOUND', message: expect.any(String) });
    for (const answer of answers) expect(answer).toEqual(answers[0]);
  });

  test('names each wrong field by its path', async () => {
    const { source, destination } = await sites('wrong');
    const machine = await addMachine(graph.bench, source, 'wrong');
    const settings = { rpoMinutes: 1, retentionRules: [{ numberOfInstances: 0, distanceMinutes: -1 }] };
    const answer = await act('startReplication', start(machine, destination.id, { settings }), payload);
    expect(answer).toMatchObject({ __typename: 'InvalidInputError', code: 'INVALID_INPUT' });
    const paths = z.array(z.object({ path: z.array(z.string()) })).parse(answer.fields);
    expect(paths.map(({ path }) => path.join('.'))).toEqual([
      'settings.rpoMinutes',
      'settings.retentionRules.0.numberOfInstances',
      'settings.retentionRules.0.distanceMinutes',
    ]);
  });

  test('takes exactly one kind of source', async () => {
    const document = 'mutation ($input: StartReplicationInput!) { startReplication(input: $input) { __typename } }';
    const { source, destination } = start(absent, absent);
    for (const wrong of [{}, { virtualMachine: null }]) {
      const { errors } = await graph.run(document, { input: { source: wrong, destination } });
      expect(errors?.[0]?.message).toMatch(/ReplicationSourceInput|Exactly one key|must be non-null/);
    }
    const literal = await graph.run('mutation { signIn(input: {}) { __typename } }', {}, null);
    expect(literal.errors?.[0]?.message).toMatch(/exactly one key/i);
    expect((await graph.run(document, { input: { source, destination } })).errors).toBeUndefined();
  });
});

describe('actions on a replication', () => {
  const actions = ['syncReplication', 'stopReplication', 'cleanUpTestFailover', 'testFailover', 'failoverReplication'];

  async function replication(name: string, more: Parameters<typeof rows.replication>[2] = {}) {
    const { source, destination } = await sites(name);
    const machine = await rows.machine({ id: source.id }, name);
    const made = await rows.replication(machine, destination, more);
    return { id: globalId('Replication', made.id), row: made, instance: await rows.instance(made, 1) };
  }

  test.each(actions)('%s answers with its task', async (name) => {
    const { id, instance } = await replication(
      `go-${name}`,
      name === 'cleanUpTestFailover' ? { recoveryState: 'TEST' } : {},
    );
    const more =
      /Failover$|failoverReplication/.test(name) && name !== 'cleanUpTestFailover'
        ? { instanceId: globalId('Instance', instance.id), powerOn: true, vmName: `${name}-vm` }
        : {};
    const answer = await act(name, { replicationId: id, ...more }, task);
    expect(answer).toMatchObject({ task: { state: 'QUEUED', resource: { id, name: `go-${name}` } } });
    const again = await act(name, { replicationId: id }, task);
    expect(again).toMatchObject({ __typename: 'ConflictError', code: 'CONFLICT', task: { state: 'QUEUED' } });
  });

  test.each(actions)('%s says which id is unknown', async (name) => {
    const [malformed, unknown] = await Promise.all(
      ['x', globalId('Replication', absent)].map((replicationId) => act(name, { replicationId }, task)),
    );
    expect(malformed).toMatchObject({ __typename: 'NotFoundError', code: 'NOT_FOUND' });
    expect(malformed).toEqual(unknown);
  });

  test.each(actions)('%s is refused to those who only read', async (name) => {
    const { id } = await replication(`read-${name}`);
    const reader = await graph.bench.viewer('VIEWER');
    const known = await act(name, { replicationId: id }, task, reader);
    expect(known).toMatchObject({ __typename: 'ForbiddenError', code: 'FORBIDDEN' });
    expect(await act(name, { replicationId: 'x' }, task, reader)).toEqual(known);
  });

  test('a state that does not allow it says what it allows', async () => {
    const { id } = await replication('state');
    expect(await act('cleanUpTestFailover', { replicationId: id }, task)).toMatchObject({
      __typename: 'InvalidStateError',
      code: 'INVALID_STATE',
      state: 'PROTECTED',
      allowedActions: ['SYNC', 'TEST_FAILOVER', 'FAILOVER', 'STOP'],
    });
  });

  test('an instance of another replication is no instance of this one', async () => {
    const [one, other] = [await replication('one'), await replication('other')];
    const answers = await Promise.all(
      ['x', globalId('Instance', other.instance.id)].map((instanceId) =>
        act('testFailover', { replicationId: one.id, instanceId }, task),
      ),
    );
    expect(answers[0]).toMatchObject({ __typename: 'InvalidInputError', fields: [{ path: ['instanceId'] }] });
    expect(answers[1]).toEqual(answers[0]);
  });

  test('a provider that cannot is UnsupportedError, one that fails is ProviderError', async () => {
    const { id } = await replication('provider');
    provider.cannot.add('SYNC');
    expect(await act('syncReplication', { replicationId: id }, task)).toMatchObject({
      __typename: 'UnsupportedError',
      code: 'UNSUPPORTED',
    });
    provider.cannot.clear();
    provider.isDown = true;
    expect(await act('testFailover', { replicationId: id }, task)).toMatchObject({
      __typename: 'ProviderError',
      code: 'PROVIDER',
      kind: 'UNREACHABLE',
      providerCode: 'E42',
      message: 'The storage does not answer.',
    });
    provider.isDown = false;
  });
});

describe('sites and inventories', () => {
  const payload = '{ site { id name path removedAt } task { id kind state } }';

  test('registerSite answers with the site at once, and its inventory; removeSite takes it out of use', async () => {
    const path = join(graph.bench.folder, 'registered');
    await mkdir(path);
    const registered = await act('registerSite', { name: 'registered', path }, payload);
    expect(registered).toMatchObject({
      site: { name: 'registered', path, removedAt: null },
      task: { kind: 'SYNC_INVENTORY', state: 'QUEUED' },
    });
    expect(
      await act('registerSite', { name: 'registered', path: join(graph.bench.folder, 'elsewhere') }, payload),
    ).toMatchObject({ code: expect.stringMatching(/INVALID_INPUT|CONFLICT/) });
    const { id } = z.object({ id: z.string() }).parse(registered.site);
    const { id: taskId } = z.object({ id: z.string() }).parse(registered.task);
    expect(await act('removeSite', { id }, '{ site { id } }')).toMatchObject({
      __typename: 'ConflictError',
      task: { id: taskId },
    });
    const cancelled = await act(
      'cancelTasks',
      { ids: [taskId, 'x', globalId('Task', absent)] },
      '{ results { id outcome task { state } } }',
    );
    expect(cancelled.results).toEqual([
      { id: taskId, outcome: 'CANCELLED', task: { state: 'CANCELLED' } },
      { id: 'x', outcome: 'NOT_FOUND', task: null },
      { id: globalId('Task', absent), outcome: 'NOT_FOUND', task: null },
    ]);
    expect(await act('removeSite', { id }, '{ site { id removedAt } }')).toMatchObject({
      site: { id, removedAt: expect.any(String) },
    });
    expect(await act('removeSite', { id }, '{ site { id } }')).toEqual(
      await act('removeSite', { id: 'x' }, '{ site { id } }'),
    );
  });

  test('registerSite says so when there is no LOCAL provider to register with', async () => {
    const { id } = graph.bench.provider;
    await graph.prisma.provider.update({ where: { id }, data: { kind: 'ZERTO' } });
    const input = { name: 'homeless', path: graph.bench.folder };
    expect(await act('registerSite', input, payload)).toMatchObject({ __typename: 'NotFoundError' });
    await graph.prisma.provider.update({ where: { id }, data: { kind: 'LOCAL' } });
  });

  test('syncInventory answers with its task', async () => {
    const { source } = await sites('inventory');
    const providerId = globalId('Provider', graph.bench.provider.id);
    const input = { providerId, siteId: globalId('Site', source.id) };
    expect(await act('syncInventory', input, '{ task { kind site { id } provider { id } } }')).toMatchObject({
      task: { kind: 'SYNC_INVENTORY', site: { id: input.siteId }, provider: { id: providerId } },
    });
    expect(await act('syncInventory', { providerId: 'x' }, '{ task { id } }')).toMatchObject({
      __typename: 'NotFoundError',
    });
  });

  test('only administrators change sites', async () => {
    const operator = await graph.bench.viewer('OPERATOR');
    expect(await act('registerSite', { name: 'n', path: '/nowhere' }, payload, operator)).toMatchObject({
      __typename: 'ForbiddenError',
    });
    expect(await act('cancelTasks', { ids: [] }, '{ results { id } }', operator)).toMatchObject({
      __typename: 'InvalidInputError',
    });
  });
});

describe('sessions', () => {
  test('signIn gives a token and a cookie, signOut ends the session', async () => {
    const username = `user-${randomUUID().slice(0, 8)}`;
    const user = await createUser(graph.bench.domain, {
      username,
      password: 'a long enough passphrase',
      roles: ['OPERATOR'],
    });
    const input = { local: { username: username.toUpperCase(), password: 'a long enough passphrase' } };
    const signedIn = await act(
      'signIn',
      input,
      '{ token expiresAt session { id isCurrent address userAgent user { username } } user { id username roles } }',
      null,
    );
    expect(signedIn).toMatchObject({
      token: expect.stringMatching(/^drg_/),
      session: { address: '127.0.0.1', userAgent: 'test', user: { username } },
      user: { id: globalId('User', user.id), roles: ['OPERATOR'] },
    });
    expect(graph.cookies.at(-1)).toBe(signedIn.token);
    const session = await graph.prisma.session.findFirstOrThrow({ where: { userId: user.id } });
    const viewer = { userId: user.id, username, sessionId: session.id, roles: ['OPERATOR'] as const };
    expect(await graph.data('{ viewer { username sessions { nodes { isCurrent } } } }', {}, viewer)).toEqual({
      viewer: { username, sessions: { nodes: [{ isCurrent: true }] } },
    });
    expect(
      await graph.data(
        'mutation { signOut { ... on SignOutPayload { session { revokedAt isCurrent } } } }',
        {},
        viewer,
      ),
    ).toEqual({ signOut: { session: { revokedAt: expect.any(String), isCurrent: true } } });
    expect(graph.cookies.at(-1)).toBeNull();
  });

  test('a wrong password answers like an unknown user', async () => {
    const username = `user-${randomUUID().slice(0, 8)}`;
    await createUser(graph.bench.domain, { username, password: 'a long enough passphrase', roles: ['VIEWER'] });
    const wrong = await act('signIn', { local: { username, password: 'wrong' } }, '{ token }', null);
    expect(wrong).toMatchObject({ __typename: 'InvalidInputError', fields: [{ path: ['local'] }] });
    expect(await act('signIn', { local: { username: 'nobody-at-all', password: 'wrong' } }, '{ token }', null)).toEqual(
      wrong,
    );
  });
});

import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import WebSocket from 'ws';
import { type ApiClient, client, GraphqlFailure, openSocket, SocketClosed } from '../support/client.ts';
import { password, signInDocument, startTestApi, type TestApi } from './api.ts';

let api: TestApi;
let anonymous: ApiClient;
let token: string;

beforeAll(async () => {
  api = await startTestApi({ socketLimits: { operationsPerSocket: 3, initTimeoutMs: 300 } });
  anonymous = client(api.url);
  token = await signIn();
});
afterAll(() => api.close());

async function signIn(): Promise<string> {
  const { data } = await anonymous.query<{ signIn: { token: string } }>(signInDocument, { username: 'ada', password });
  return data?.signIn.token ?? '';
}

async function firstOf<Item>(items: AsyncGenerator<Item>): Promise<Item | undefined> {
  for await (const item of items) return item;
  return undefined;
}

const whoAmI = '{ whoAmI }';

describe('a session over WebSocket', () => {
  test.each([
    ['the cookie', () => ({ headers: { cookie: `other=1; drgraph_session=${token}` }, connectionParams: {} })],
    ['connectionParams', () => ({ connectionParams: { authorization: `Bearer ${token}` } })],
    ["the handshake's header", () => ({ headers: { authorization: `Bearer ${token}` }, connectionParams: {} })],
  ])('opens by %s', async (_name, options) => {
    expect(await firstOf(anonymous.subscribe(whoAmI, {}, options()))).toEqual({ data: { whoAmI: 'ada' } });
  });

  test('is not needed to connect, only for what needs it', async () => {
    expect(await firstOf(anonymous.subscribe('{ hello }'))).toEqual({ data: { hello: 'world' } });
    const refused = await firstOf(anonymous.subscribe(whoAmI));
    expect(refused).toMatchObject({ errors: [{ extensions: { code: 'UNAUTHENTICATED' } }] });
  });

  test('is refused with 4403 when a token was given and does not hold', async () => {
    const socket = await openSocket(api.url, { connectionParams: { authorization: 'Bearer drg_wrong' } });
    await expect(socket.init()).rejects.toMatchObject({ code: 4403 });
  });

  test('that is revoked ends its subscriptions with UNAUTHENTICATED within the second, and others go on', async () => {
    const revoked = await signIn();
    const leaving = client(api.url, revoked).subscribe('subscription { whispers }');
    const staying = client(api.url, token).subscribe('subscription { whispers }');
    expect(await leaving.next()).toMatchObject({ value: { data: { whispers: 'psst' } } });
    await staying.next();
    expect(api.happened.openStreams).toBe(2);
    const revokedAt = performance.now();
    await client(api.url, revoked).query('mutation { signOut }');
    const failure = await leaving.next().catch((error: unknown) => error);
    expect(performance.now() - revokedAt).toBeLessThan(1_500);
    expect(failure).toBeInstanceOf(GraphqlFailure);
    expect(failure).toMatchObject({ errors: [{ extensions: { code: 'UNAUTHENTICATED' } }] });
    expect(api.happened.openStreams).toBe(1);
    await staying.return(undefined);
  });

  test('that was revoked starts nothing more on a socket that is still open', async () => {
    const revoked = await signIn();
    const socket = await openSocket(api.url, { connectionParams: { authorization: `Bearer ${revoked}` } });
    await socket.init();
    await client(api.url, revoked).query('mutation { signOut }');
    socket.send({ id: 'a', type: 'subscribe', payload: { query: whoAmI } });
    expect(await socket.receive()).toMatchObject({
      id: 'a',
      payload: { errors: [{ extensions: { code: 'UNAUTHENTICATED' } }] },
    });
    socket.close();
  });
});

describe('the handshake', () => {
  test.each(['https://evil.example', 'null', 'http://127.0.0.1:1'])('is refused from a page of %s', async (origin) => {
    await expect(openSocket(api.url, { headers: { origin, cookie: `drgraph_session=${token}` } })).rejects.toThrow(
      '403',
    );
  });

  test('is taken from a page of the service itself', async () => {
    const options = { headers: { origin: api.url, cookie: `drgraph_session=${token}` }, connectionParams: {} };
    expect(await firstOf(anonymous.subscribe(whoAmI, {}, options))).toEqual({ data: { whoAmI: 'ada' } });
  });

  test('is taken from a page at the public URL', async () => {
    const proxied = await startTestApi({ publicUrl: 'https://dr.example.com/' });
    const open = (origin: string) => firstOf(client(proxied.url).subscribe('{ hello }', {}, { headers: { origin } }));
    try {
      expect(await open('https://dr.example.com')).toEqual({ data: { hello: 'world' } });
      await expect(open('https://dr.example.com.evil.example')).rejects.toThrow('403');
    } finally {
      await proxied.close();
    }
  });

  test('leads nowhere at another path', async () => {
    await expect(openSocket(`${api.url}/elsewhere`)).rejects.toThrow('404');
  });

  test('is followed by an end when nothing is sent', async () => {
    const socket = await openSocket(api.url);
    expect(await socket.closed).toMatchObject({ code: 4408 });
  });
});

describe('operations on a socket', () => {
  test('run side by side, and a subscription ends by completing', async () => {
    const results = await Array.fromAsync(anonymous.subscribe('subscription { count(to: 3) }'));
    expect(results).toEqual([1, 2, 3].map((count) => ({ data: { count } })));
  });

  test('are left by the server when the client completes them or goes', async () => {
    const socket = await openSocket(api.url);
    await socket.init();
    const before = api.happened.openStreams;
    socket.send({ id: 'a', type: 'subscribe', payload: { query: 'subscription { whispers }' } });
    socket.send({ id: 'b', type: 'subscribe', payload: { query: 'subscription { whispers }' } });
    await socket.receive();
    await socket.receive();
    expect(api.happened.openStreams).toBe(before + 2);
    socket.send({ id: 'a', type: 'complete' });
    await expect.poll(() => api.happened.openStreams).toBe(before + 1);
    socket.close();
    await expect.poll(() => api.happened.openStreams).toBe(before);
  });

  test('that fail in their midst end with an error message that carries the code', async () => {
    const stream = anonymous.subscribe('subscription { breaksAfter(results: 1) }');
    expect(await stream.next()).toMatchObject({ value: { data: { breaksAfter: 1 } } });
    const failure = await stream.next().catch((error: unknown) => error);
    expect(failure).toMatchObject({ errors: [{ extensions: { code: 'CURSOR_EXPIRED', oldestCursor: '7' } }] });
  });

  test('are told unexpected failures without their words', async () => {
    const answer = await firstOf(anonymous.subscribe('{ hello broken }'));
    expect(answer).toMatchObject({ data: { hello: 'world' }, errors: [{ extensions: { code: 'INTERNAL' } }] });
    expect(JSON.stringify(answer)).not.toContain('swordfish');
  });

  test('are no mutations', async () => {
    const before = api.happened.touched;
    const failure = await firstOf(anonymous.subscribe('mutation { touch }')).catch((error: unknown) => error);
    expect(failure).toMatchObject({ errors: [{ extensions: { code: 'METHOD_NOT_ALLOWED' } }] });
    expect(api.happened.touched).toBe(before);
  });

  test.each(['connection_ack', 'next', 'error'])(
    'of a kind that only servers send (%s) are refused with 4400',
    async (type) => {
      const socket = await openSocket(api.url);
      await socket.init();
      socket.send({ id: 'x', type, payload: type === 'error' ? [] : {} });
      expect(await socket.closed).toMatchObject({ code: 4400 });
    },
  );

  test('that do not parse or are not valid are answered, and the socket lives', async () => {
    const socket = await openSocket(api.url);
    await socket.init();
    for (const query of ['{', '{ nothing }', '']) {
      socket.send({ id: 'x', type: 'subscribe', payload: { query } });
      expect(await socket.receive()).toMatchObject({ id: 'x', type: 'error' });
    }
    socket.send({ id: 'x', type: 'subscribe', payload: { query: '{ hello }' } });
    expect(await socket.receive()).toEqual({ id: 'x', type: 'next', payload: { data: { hello: 'world' } } });
    socket.close();
  });

  test('are only so many at once; one more is refused and the socket lives', async () => {
    const socket = await openSocket(api.url);
    await socket.init();
    for (const id of ['1', '2', '3'])
      socket.send({ id, type: 'subscribe', payload: { query: 'subscription { whispers }' } });
    for (const _ of [1, 2, 3]) expect(await socket.receive()).toMatchObject({ type: 'next' });
    socket.send({ id: '4', type: 'subscribe', payload: { query: '{ hello }' } });
    expect(await socket.receive()).toMatchObject({
      id: '4',
      type: 'error',
      payload: [{ extensions: { code: 'LIMIT_EXCEEDED' } }],
    });
    socket.send({ id: '1', type: 'complete' });
    socket.send({ id: '5', type: 'subscribe', payload: { query: '{ hello }' } });
    expect(await socket.receive()).toMatchObject({ id: '5', type: 'next' });
    socket.close();
  });

  test('may not come in a message that is too large, which ends the socket', async () => {
    const socket = await openSocket(api.url);
    await socket.init();
    socket.send({
      id: '1',
      type: 'subscribe',
      payload: { query: '{ hello }', variables: { filler: 'x'.repeat(1_100_000) } },
    });
    await expect(socket.receive()).rejects.toBeInstanceOf(SocketClosed);
    expect(await socket.closed).toMatchObject({ code: 1009 });
  });
});

describe('the number of sockets', () => {
  test('is limited', async () => {
    const small = await startTestApi({ socketLimits: { sockets: 1 } });
    try {
      const only = await openSocket(small.url);
      await only.init();
      await expect(openSocket(small.url)).rejects.toThrow('503');
      only.close();
    } finally {
      await small.close();
    }
  });
});

test('a client that asks and asks and never reads is cut, before its answers fill the memory', async () => {
  const socket = new WebSocket(`${api.url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws');
  socket.on('error', () => undefined);
  await once(socket, 'open');
  socket.send(JSON.stringify({ type: 'connection_init' }));
  await once(socket, 'message');
  socket.pause();
  const ping = JSON.stringify({ type: 'ping', payload: { text: 'x'.repeat(900_000) } });
  const isRefused = () =>
    new Promise((resolve) => socket.send(ping, (error) => resolve(error !== undefined && error !== null)));
  let sent = 0;
  while (sent < 100 && !(await isRefused())) sent += 1;
  expect(sent).toBeLessThan(100);
  socket.terminate();
});

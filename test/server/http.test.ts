import { request as httpRequest } from 'node:http';
import { gzipSync } from 'node:zlib';
import { auditServer } from 'graphql-http';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type ApiClient, client } from '../support/client.ts';
import { password, signInDocument, startTestApi, type TestApi } from './api.ts';

let api: TestApi;
let ada: ApiClient;

beforeAll(async () => {
  api = await startTestApi();
});
beforeEach(() => {
  ada = client(api.url);
});
afterAll(() => api.close());

async function signIn(url = api.url): Promise<{ token: string; cookie: string; setCookie: string }> {
  const { data, headers } = await client(url).query<{ signIn: { token: string } }>(signInDocument, {
    username: 'ada',
    password,
  });
  const setCookie = headers.get('set-cookie') ?? '';
  return { token: data?.signIn.token ?? '', cookie: setCookie.split(';', 1)[0] ?? '', setCookie };
}

const whoAmI = '{ whoAmI }';
const touch = 'mutation { touch }';

function post(body: BodyInit, headers: Record<string, string>): Promise<Response> {
  return fetch(`${api.url}/graphql`, { method: 'POST', body, headers });
}

describe('a session over HTTP', () => {
  test('opens by bearer token and by cookie, and not without', async () => {
    const { token, cookie } = await signIn();
    expect(await ada.query(whoAmI)).toMatchObject({ errors: [{ extensions: { code: 'UNAUTHENTICATED' } }] });
    expect(await ada.query(whoAmI, {}, { cookie })).toMatchObject({ data: { whoAmI: 'ada' } });
    expect(await client(api.url, token).query(whoAmI)).toMatchObject({ data: { whoAmI: 'ada' } });
  });

  test('is a cookie that no script reads and no other site sends, Secure only under https', async () => {
    const { setCookie } = await signIn();
    expect(setCookie).toMatch(/^drgraph_session=drg_[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict; Expires=/);
    expect(setCookie).not.toContain('Secure');
    const behindTls = await startTestApi({ publicUrl: 'https://dr.example.com' });
    try {
      expect((await signIn(behindTls.url)).setCookie).toMatch(/; HttpOnly; SameSite=Strict; Secure; /);
    } finally {
      await behindTls.close();
    }
  });

  test('ends by signing out, which takes the cookie away', async () => {
    const { token, cookie } = await signIn();
    const { headers } = await client(api.url, token).query('mutation { signOut }');
    expect(headers.get('set-cookie')).toMatch(/^drgraph_session=; .*Expires=Thu, 01 Jan 1970/);
    expect(await ada.query(whoAmI, {}, { cookie })).toMatchObject({
      errors: [{ extensions: { code: 'UNAUTHENTICATED' } }],
    });
  });

  test('is not taken from the cookie when a wrong bearer token was sent', async () => {
    const { cookie } = await signIn();
    const { errors } = await ada.query(whoAmI, {}, { cookie, authorization: 'Bearer drg_wrong' });
    expect(errors).toMatchObject([{ extensions: { code: 'UNAUTHENTICATED' } }]);
  });
});

describe('a request forged by another site', () => {
  test.each([
    ['a form', 'application/x-www-form-urlencoded', new URLSearchParams({ query: touch }).toString()],
    [
      'a multipart form',
      'multipart/form-data; boundary=x',
      `--x\r\nContent-Disposition: form-data; name="query"\r\n\r\n${touch}\r\n--x--\r\n`,
    ],
    ['plain text', 'text/plain', JSON.stringify({ query: touch })],
    ['bare GraphQL', 'application/graphql', touch],
  ])('cannot run a mutation as %s', async (_name, contentType, body) => {
    const { cookie } = await signIn();
    const before = api.happened.touched;
    const response = await post(body, { 'content-type': contentType, cookie });
    expect(response.status).toBe(415);
    expect(api.happened.touched).toBe(before);
  });

  test('cannot be sent packed, and the media type may be written in any case', async () => {
    const body = JSON.stringify({ query: '{ hello }' });
    const packed = await post(gzipSync(body), { 'content-type': 'application/json', 'content-encoding': 'gzip' });
    expect(packed.status).toBe(415);
    expect(await packed.json()).toMatchObject({ errors: [{ message: expect.stringContaining('Content-Encoding') }] });
    const plain = await post(body, { 'content-type': 'Application/JSON; Charset=UTF-8' });
    expect(await plain.json()).toEqual({ data: { hello: 'world' } });
  });

  test('cannot use the cookie, even with JSON, while the own page and programs can', async () => {
    const { cookie } = await signIn();
    const send = (origin?: string) =>
      post(JSON.stringify({ query: touch }), {
        'content-type': 'application/json',
        cookie,
        ...(origin ? { origin } : {}),
      });
    const before = api.happened.touched;
    expect((await send('https://evil.example')).status).toBe(403);
    expect((await send('null')).status).toBe(403);
    expect(api.happened.touched).toBe(before);
    expect((await send(api.url)).status).toBe(200);
    expect((await send()).status).toBe(200);
  });

  test('cannot run a mutation by GET, nor ask a browser for leave to send JSON', async () => {
    const before = api.happened.touched;
    const get = await fetch(`${api.url}/graphql?query=${encodeURIComponent(touch)}`, {
      headers: { accept: 'application/json' },
    });
    expect(get.status).toBe(405);
    const preflight = await fetch(`${api.url}/graphql`, {
      method: 'OPTIONS',
      headers: { origin: 'https://evil.example', 'access-control-request-method': 'POST' },
    });
    expect(preflight.status).toBe(405);
    expect(preflight.headers.get('access-control-allow-origin')).toBeNull();
    expect(api.happened.touched).toBe(before);
  });
});

describe('requests', () => {
  test('run queries by GET', async () => {
    const response = await fetch(`${api.url}/graphql?query={hello}`, { headers: { accept: 'application/json' } });
    expect(await response.json()).toEqual({ data: { hello: 'world' } });
  });

  test('keep the id they came with, and hand it on; one that could not be logged is replaced', async () => {
    const { headers, data } = await ada.query('{ operationId }', {}, { 'x-request-id': 'build-17' });
    expect(headers.get('x-request-id')).toBe('build-17');
    expect(data).toEqual({ operationId: 'build-17' });
    const both = await ada.query('{ operationId }', {}, { 'x-request-id': 'build-17', operationID: 'nightly' });
    expect(both.data).toEqual({ operationId: 'nightly' });
    const bad = await ada.query('{ operationId }', {}, { 'x-request-id': 'two words; {"level":60}' });
    expect(bad.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
    expect(bad.data).toEqual({ operationId: null });
  });

  test('are answered unexpected failures with their id alone, and the log has the rest', async () => {
    const { data, errors, headers } = await ada.query('{ hello broken }');
    const requestId = headers.get('x-request-id');
    expect(data).toEqual({ hello: 'world', broken: null });
    expect(errors).toMatchObject([{ path: ['broken'], extensions: { code: 'INTERNAL', requestId } }]);
    expect(JSON.stringify(errors)).not.toContain('swordfish');
    expect(errors?.[0]?.message).toContain(requestId);
    const line = api.log.find((one) => one.requestId === requestId && one.msg === 'unexpected error');
    expect(JSON.stringify(line)).toContain('swordfish');
  });

  test("are told the domain's failures in its own words, with a code", async () => {
    const { errors } = await ada.query('{ badInput }');
    expect(errors).toMatchObject([{ message: 'x: x is wrong.', extensions: { code: 'INVALID_INPUT' } }]);
  });

  test('leave a line with names, user and time, and nothing secret', async () => {
    const { token } = await signIn();
    const requestId = 'a-line-to-find';
    await client(api.url, token).query(
      'query Find($a: Int) { whoAmI things(first: $a) { totalCount } }',
      { a: 7 },
      { 'x-request-id': requestId },
    );
    const line = api.log.find((one) => one.requestId === requestId && one.msg === 'operation');
    expect(line).toMatchObject({
      operation: 'Find',
      type: 'query',
      user: 'ada',
      transport: 'http',
      durationMs: expect.any(Number),
    });
    const everything = JSON.stringify(api.log);
    expect(everything).not.toContain(password);
    expect(everything).not.toContain(token.slice(4));
  });

  test('may not be too large, whether they say so beforehand or not', async () => {
    const body = JSON.stringify({ query: '{ hello }', variables: { filler: 'x'.repeat(1_100_000) } });
    const declared = await post(body, { 'content-type': 'application/json' });
    expect(declared.status).toBe(413);
    const chunked = await new Promise<number | undefined>((resolve, reject) => {
      const request = httpRequest(`${api.url}/graphql`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
      });
      request.on('response', (response) => resolve(response.resume().statusCode));
      request.on('error', reject);
      for (let at = 0; at < body.length; at += 64_000) request.write(body.slice(at, at + 64_000));
      request.end();
    });
    expect(chunked).toBe(413);
  });

  test('may not be a batch', async () => {
    const response = await post(JSON.stringify([{ query: '{ hello }' }, { query: '{ hello }' }]), {
      'content-type': 'application/json',
    });
    expect(response.status).toBe(400);
  });

  test('to other paths are told where to go', async () => {
    const root = await fetch(`${api.url}/`, { redirect: 'manual' });
    expect([root.status, root.headers.get('location')]).toEqual([302, '/graphql']);
    const nothing = await fetch(`${api.url}/nothing`);
    expect([nothing.status, await nothing.text()]).toEqual([404, expect.stringContaining('/graphql')]);
  });
});

describe('Server-Sent Events', () => {
  test('carry the results of a subscription and its end', async () => {
    const events = await Array.fromAsync(ada.events('subscription { count(to: 2) }'));
    expect(events.map(({ event, data }) => [event, data])).toEqual([
      ['next', '{"data":{"count":1}}'],
      ['next', '{"data":{"count":2}}'],
      ['complete', ''],
    ]);
  });

  test('work for a GET, which is what EventSource sends', async () => {
    const response = await fetch(`${api.url}/graphql?query=${encodeURIComponent('subscription { count(to: 1) }')}`, {
      headers: { accept: 'text/event-stream' },
    });
    expect(response.headers.get('content-type')).toContain('text/event-stream');
    expect(await response.text()).toContain('data: {"data":{"count":1}}');
  });

  test('tell of a failure in their midst with its code and extensions, then end', async () => {
    const events = await Array.fromAsync(ada.events('subscription { breaksAfter(results: 1) }'));
    expect(events.map(({ event }) => event)).toEqual(['next', 'next', 'complete']);
    expect(events[1]?.data).toContain('"code":"CURSOR_EXPIRED","oldestCursor":"7"');
  });

  test('are left by the server when the client leaves', async () => {
    const stream = ada.events('subscription { whispers }');
    expect((await stream.next()).value).toMatchObject({ event: 'next' });
    expect(api.happened.openStreams).toBe(1);
    await stream.return(undefined);
    await expect.poll(() => api.happened.openStreams).toBe(0);
  });

  test('end with UNAUTHENTICATED within the second when their session is revoked', async () => {
    const { token, cookie } = await signIn();
    const stream = ada.events('subscription { whispers }', {}, { cookie });
    await stream.next();
    const revokedAt = performance.now();
    await client(api.url, token).query('mutation { signOut }');
    expect((await stream.next()).value).toMatchObject({
      event: 'next',
      data: expect.stringContaining('"code":"UNAUTHENTICATED"'),
    });
    expect(performance.now() - revokedAt).toBeLessThan(1_500);
    expect((await stream.next()).value).toMatchObject({ event: 'complete' });
    expect(api.happened.openStreams).toBe(0);
  });
});

describe('probes', () => {
  test('say that the process lives and is ready, without a session', async () => {
    expect((await fetch(`${api.url}/healthz`)).status).toBe(200);
    expect((await fetch(`${api.url}/readyz`)).status).toBe(200);
  });
});

test('passes every audit of the GraphQL over HTTP specification', async () => {
  const results = await auditServer({ url: `${api.url}/graphql` });
  const faults = results.flatMap((result) =>
    result.status === 'ok' ? [] : [`${result.status}: ${result.name}: ${result.reason}`],
  );
  expect(faults).toEqual([]);
  expect(results).toHaveLength(61);
});

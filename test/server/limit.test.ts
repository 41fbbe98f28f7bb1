import { getIntrospectionQuery } from 'graphql';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Answer, type ApiClient, client, openSocket } from '../support/client.ts';
import { startTestApi, type TestApi } from './api.ts';

let api: TestApi;
let anyone: ApiClient;

beforeAll(async () => {
  api = await startTestApi();
  anyone = client(api.url);
});
afterAll(() => api.close());

type Ask = (query: string, variables?: Record<string, unknown>) => Promise<Answer<unknown>>;

async function overSocket(query: string, variables?: Record<string, unknown>): Promise<Answer<unknown>> {
  const socket = await openSocket(api.url);
  try {
    await socket.init();
    socket.send({ id: '1', type: 'subscribe', payload: { query, variables } });
    const { type, payload } = await socket.receive();
    if (type === 'error') await expectToLive(socket);
    return JSON.parse(JSON.stringify(type === 'error' ? { errors: payload } : payload));
  } finally {
    socket.close();
  }
}

async function expectToLive(socket: Awaited<ReturnType<typeof openSocket>>): Promise<void> {
  socket.send({ id: '2', type: 'subscribe', payload: { query: '{ hello }' } });
  expect(await socket.receive()).toMatchObject({ id: '2', type: 'next' });
}

async function overEvents(query: string, variables?: Record<string, unknown>): Promise<Answer<unknown>> {
  for await (const { event, data } of anyone.events(query, variables)) if (event === 'next') return JSON.parse(data);
  throw new Error('The stream ended without a result.');
}

const transports: [string, Ask][] = [
  ['HTTP', (query, variables) => anyone.query(query, variables)],
  ['WebSocket', overSocket],
  ['SSE', overEvents],
];

function nested(field: string, levels: number, inside: string): string {
  return `${`${field} { `.repeat(levels)}${inside}${' }'.repeat(levels)}`;
}

/** Fragments that each spread the next twice: 2^levels fields in a few lines. */
function fragmentBomb(levels: number): string {
  const fragments = Array.from(
    { length: levels },
    (_, level) => `fragment F${level} on Query { a: root { ...F${level + 1} } b: root { ...F${level + 1} } }`,
  );
  return `{ ...F0 } ${fragments.join(' ')} fragment F${levels} on Query { hello }`;
}

function manyFragments(count: number): string {
  const spreading = Array.from(
    { length: count },
    (_, at) => `fragment F${at} on Query { hello ...F${at + 1} ...F${at + 2} }`,
  );
  const last = [count, count + 1].map((at) => `fragment F${at} on Query { hello }`);
  return ['{ ...F0 }', ...spreading, ...last].join(' ');
}

const overLimit: [string, string, string][] = [
  ['depth', 'depth', `{ ${nested('root', 17, 'hello')} }`],
  [
    'depth within fragments',
    'depth',
    `{ ...A } fragment A on Query { ${nested('root', 9, '...B')} } fragment B on Query { ${nested('root', 9, 'hello')} }`,
  ],
  ['aliases', 'aliases', `{ ${Array.from({ length: 51 }, (_, index) => `a${index}: hello`).join(' ')} }`],
  ['directives', 'directives', `{ hello ${'@include(if: true) '.repeat(51)} }`],
  ['tokens', 'tokens', `{ ${'hello '.repeat(2_001)} }`],
  ['characters', 'characters', `{ hello } # ${'x'.repeat(100_000)}`],
  ['cost', 'cost', '{ things(first: 500) { nodes { things(first: 500) { nodes { id } } } } }'],
  [
    'cost of pages without a size',
    'cost',
    '{ things { nodes { things { edges { node { things { nodes { id } } } } } } } }',
  ],
  ['cost of lists', 'cost', '{ list { list { list { list { list { hello } } } } } }'],
];

describe.each(transports)('over %s', (_transport, ask) => {
  test.each(overLimit)('a document over the limit of %s is refused by that name', async (_name, limit, document) => {
    const { data, errors } = await ask(document);
    expect(data ?? null).toBeNull();
    expect(errors).toMatchObject([{ extensions: { code: 'LIMIT_EXCEEDED', limit } }]);
    expect(JSON.stringify(errors)).not.toContain('"http"');
  });

  test('the cost counts page sizes given as variables, and their defaults', async () => {
    const nestedPages = (declared: string) =>
      `query (${declared}) { things(first: $n) { nodes { things(first: $n) { nodes { id } } } } }`;
    expect(await ask(nestedPages('$n: Int'), { n: 10 })).not.toHaveProperty('errors');
    expect(await ask(nestedPages('$n: Int'), { n: 500 })).toMatchObject({
      errors: [{ extensions: { limit: 'cost' } }],
    });
    expect(await ask(nestedPages('$n: Int = 500'))).toMatchObject({ errors: [{ extensions: { limit: 'cost' } }] });
  });
});

describe('what people do', () => {
  test('is within the limits: introspection as GraphiQL asks it', async () => {
    const query = getIntrospectionQuery({
      descriptions: true,
      schemaDescription: true,
      inputValueDeprecation: true,
      specifiedByUrl: true,
    });
    expect(await anyone.query(query)).not.toHaveProperty('errors');
  });

  test('is within the limits: a page of 500 with its details, and nested pages of the default size', async () => {
    expect(await anyone.query('{ things(first: 500) { nodes { parent { parent { id } } } } }')).not.toHaveProperty(
      'errors',
    );
    expect(await anyone.query('{ things { nodes { things { nodes { id } } } } }')).not.toHaveProperty('errors');
  });
});

describe('a pathological document', () => {
  const pathological: [string, string][] = [
    ['many times the same field', `{ ${'hello '.repeat(1_950)} }`],
    ['many overlapping selections', `{ ${'root { hello } '.repeat(480)} }`],
    ['many overlapping deep selections', `{ ${`${nested('root', 10, 'hello')} `.repeat(60)} }`],
    ['many unknown fields', `{ ${Array.from({ length: 1_950 }, (_, index) => `helo${index}`).join(' ')} }`],
    ['fragments that double', fragmentBomb(24)],
    ['many fragments spread in each other', manyFragments(140)],
    ['a fragment in a circle', '{ ...A } fragment A on Query { root { ...B } } fragment B on Query { root { ...A } }'],
    ['deep braces', '{ root '.repeat(990)],
    ['deep brackets', `{ things(first: ${'['.repeat(1_950)}`],
    ['deep types', `query ($a: ${'['.repeat(1_950)}`],
    ['many variables', `query (${Array.from({ length: 390 }, (_, index) => `$v${index}: Int`).join(' ')}) { hello }`],
    ['a long text', `{ hello(text: "${'x'.repeat(99_000)}") }`],
  ];

  // Measured on two busy cores: 2 to 100 ms. The bound here is for the kind of document that takes many seconds.
  test.each(pathological)('is answered quickly: %s', async (_name, document) => {
    await anyone.query('{ hello }');
    const before = performance.now();
    const answer = await anyone.query(document);
    const took = performance.now() - before;
    expect(answer.status).toBeLessThan(500);
    expect(took).toBeLessThan(1_000);
  });
});

import { createHash } from 'node:crypto';
import { Kind, parse, validate } from 'graphql';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildSchema } from '../../src/graph/schema.ts';
import { tour } from '../../src/server/tour.ts';
import { startTestApi, type TestApi } from './api.ts';

const schema = buildSchema();
let api: TestApi;

beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api.close());

const asBrowser = { headers: { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' } };

describe('GraphiQL', () => {
  test('is at /graphql for a browser, and loads nothing from anywhere', async () => {
    const response = await fetch(`${api.url}/graphql`, asBrowser);
    expect(response.headers.get('content-type')).toContain('text/html');
    const page = await response.text();
    const policy = response.headers.get('content-security-policy') ?? '';
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("connect-src 'self'");
    expect(policy).not.toMatch(/https?:|unsafe-eval|script-src[^;]*unsafe-inline/);
    const scripts = [...page.matchAll(/<script>([\s\S]*?)<\/script>/g)].map(([, text]) => text ?? '');
    const hashes = scripts.map((text) => createHash('sha256').update(text).digest('base64'));
    expect(hashes.length).toBeGreaterThan(0);
    for (const hash of hashes) expect(policy).toContain(hash);
    // Nine megabytes of page: a failure must not print them.
    const rest = page.replaceAll(/<script>[\s\S]*?<\/script>|<style>[\s\S]*?<\/style>/g, '');
    expect(rest.match(/\b(?:src|href)="(?!data:)[^"]*/g)?.map((link) => link.slice(0, 100)) ?? []).toEqual([]);
  });

  test('is sent once: a browser that has it is told so', async () => {
    const first = await fetch(`${api.url}/graphql`, asBrowser);
    await first.body?.cancel();
    const headers = { ...asBrowser.headers, 'if-none-match': first.headers.get('etag') ?? '' };
    const second = await fetch(`${api.url}/graphql`, { headers });
    expect(second.status).toBe(304);
  });
});

describe('the tour in its tabs', () => {
  test.each(
    tour.map(({ document, variables }) => ({
      title: /(?:mutation|query|subscription) (\w+)/.exec(document)?.[1],
      document,
      variables,
    })),
  )('$title is valid against the schema, and its variables are declared', ({ document, variables }) => {
    const parsed = parse(document);
    expect(validate(schema, parsed).map(({ message }) => message)).toEqual([]);
    const declared = parsed.definitions.flatMap((definition) =>
      definition.kind === Kind.OPERATION_DEFINITION
        ? (definition.variableDefinitions ?? []).map(({ variable }) => variable.name.value)
        : [],
    );
    expect(declared).toEqual(expect.arrayContaining(Object.keys(variables)));
  });
});

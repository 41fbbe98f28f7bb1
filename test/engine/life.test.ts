import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import type { Tx } from '../../src/database/database.ts';
import { defineJob } from '../../src/engine/job.ts';
import { testDatabase } from '../support/database.ts';
import { type Engine, openEngine } from './harness.ts';

const add = defineJob<{ a: number; b: number }, null, number, Tx>({
  kind: 'ADD',
  input: z.object({ a: z.number(), b: z.number() }),
  checkpoint: z.null(),
  maxAttempts: 3,
  isCancellable: true,
  run: async (_context, { a, b }) => ({ outcome: 'done', result: a + b, completeReason: 'added' }),
});

let database: Awaited<ReturnType<typeof testDatabase>>;
let engine: Engine;
beforeAll(async () => {
  database = await testDatabase();
  engine = await openEngine(database.url, [add]);
});
afterAll(async () => {
  await engine.close();
  await database.drop();
});

test('a submitted task runs and leaves its result', async () => {
  await engine.startWorker();
  const id = await engine.submit({ kind: 'ADD', input: { a: 2, b: 3 } });
  await engine.reaches(id, 'SUCCEEDED');
  expect(await engine.row(id)).toMatchObject({
    state: 'SUCCEEDED',
    result: 5,
    completeReason: 'added',
    attempts: 1,
    progress: 100,
  });
});

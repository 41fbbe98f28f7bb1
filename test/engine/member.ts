// A worker process of the tests: its jobs write what they do into the table "Effect" and tell the test how far they are.
import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import type { Tx } from '../../src/database/database.ts';
import { defineJob, type Job } from '../../src/engine/job.ts';
import { openEngine } from './harness.ts';
import { untilAborted } from './script.ts';

const {
  url,
  withWorker = true,
  ...tuning
} = z.looseObject({ url: z.string(), withWorker: z.boolean().optional() }).parse(JSON.parse(process.argv[2] ?? ''));

const tell = (message: { what: string; taskId?: string; attempt?: number; value?: unknown }) => process.send?.(message);
const asked = new Map<string, PromiseWithResolvers<unknown>>();
const ask = (what: string) => {
  const known = asked.get(what) ?? Promise.withResolvers<unknown>();
  asked.set(what, known);
  return known;
};

const checkpoint = z.object({ steps: z.int() });
type Checkpoint = z.infer<typeof checkpoint>;
const stepsInput = z.object({ name: z.string(), steps: z.int(), holdAt: z.int().optional() });
const definition = { checkpoint, maxAttempts: 3, isCancellable: true };

/** Writes one effect a step. At `holdAt` its first attempt tells so and waits until it is aborted. */
const steps: Job<Tx> = defineJob<z.infer<typeof stepsInput>, Checkpoint, number, Tx>({
  ...definition,
  kind: 'STEPS',
  input: stepsInput,
  async run(context, input) {
    for (let step = context.checkpoint?.steps ?? 0; step < input.steps; step++) {
      await context.check();
      if (step === input.holdAt && context.attempt === 1) {
        tell({ what: 'holding', taskId: context.taskId });
        await untilAborted(context.signal);
      }
      await context.step({ steps: step + 1 }, async (tx) => {
        await tx.$executeRaw`INSERT INTO "Effect" VALUES (${`${input.name}:${step}`})`;
      });
    }
    return { outcome: 'done', result: input.steps };
  },
});

/** Hears of nothing, and after the test lets it go tries to write everything that a job can write. */
const stale: Job<Tx> = defineJob<{ mode: string }, Checkpoint, string, Tx>({
  ...definition,
  kind: 'STALE',
  input: z.object({ mode: z.string() }),
  async run(context, { mode }) {
    if (context.attempt > 1) {
      await context.step({ steps: 2 });
      tell({ what: 'taken over', taskId: context.taskId, attempt: context.attempt });
      await ask('finish').promise;
      return { outcome: 'done', result: 'rightful' };
    }
    const refused: string[] = [];
    const pause = async () => {
      tell({ what: 'holding', taskId: context.taskId });
      await ask('go on').promise;
    };
    if (mode === 'in a step') {
      const work = async (tx: Tx) => {
        await pause();
        await tx.$executeRaw`INSERT INTO "Effect" VALUES ('stale')`;
      };
      await context.step({ steps: 1 }, work).catch(() => refused.push('the step'));
    } else {
      await context.step({ steps: 1 });
      await pause();
    }
    await context.check().catch((error: Error) => refused.push(error.name));
    const write = async (tx: Tx) => {
      await tx.$executeRaw`INSERT INTO "Effect" VALUES ('stale')`;
    };
    await context.step({ steps: 99 }, write).catch((error: Error) => refused.push(error.name));
    context.report({ percent: 99, phase: 'stale' });
    tell({ what: 'refused', value: refused });
    if (mode === 'throw') throw new Error('stale');
    return { outcome: 'done', result: 'stale', commit: write };
  },
});

/** Kills its worker. */
const deadly: Job<Tx> = defineJob<Record<string, never>, Checkpoint, null, Tx>({
  ...definition,
  kind: 'DEADLY',
  input: z.object({}),
  async run({ attempt }) {
    tell({ what: 'dying', attempt });
    process.kill(process.pid, 'SIGKILL');
    return new Promise<never>(() => {});
  },
  async onUnfinished(tx, task) {
    await tx.$executeRaw`INSERT INTO "Effect" VALUES (${`given back ${task.failure?.code}`})`;
  },
});

const engine = await openEngine(url, [steps, stale, deadly]);
process.on('message', async (message) => {
  const { what, value } = z.object({ what: z.string(), value: z.unknown().optional() }).parse(message);
  if (what === 'submit') {
    // Many at once, all with one token.
    const { count, token } = z.object({ count: z.int(), token: z.string() }).parse(value);
    const submissions = Array.from({ length: count }, () =>
      engine.database.transactions.run((tx) =>
        engine.queue.enqueue(tx, {
          kind: 'STEPS',
          input: { name: randomUUID(), steps: 1 },
          client: { scope: 'user:1', token },
        }),
      ),
    );
    tell({ what: 'submitted', value: await Promise.all(submissions) });
  } else {
    ask(what).resolve(value);
  }
});
process.once('SIGTERM', async () => {
  await engine.close();
  process.exit(0);
});
process.once('disconnect', () => process.exit(0));
if (withWorker) await engine.startWorker(tuning);
tell({ what: 'ready' });

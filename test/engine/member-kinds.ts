import { z } from 'zod';
import type { Tx } from '../../src/database/database.ts';
import { defineJob, type Job } from '../../src/engine/job.ts';

/** The kinds of `member.ts` as a process knows them that submits them and never runs them. */
export const memberKinds: Job<Tx>[] = ['STEPS', 'STALE', 'DEADLY'].map((kind) =>
  defineJob<unknown, unknown, unknown, Tx>({
    kind,
    input: z.unknown(),
    checkpoint: z.unknown(),
    maxAttempts: 3,
    isCancellable: true,
    run: () => Promise.reject(new Error('This process runs no tasks.')),
  }),
);

import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import type { Tx } from '../../src/database/database.ts';
import { defineJob, type EndedTask, type Job, type JobContext, type JobOutcome } from '../../src/engine/job.ts';
import type { NewTask } from '../../src/engine/task.ts';

type Run = (context: JobContext<unknown, Tx>) => Promise<JobOutcome<unknown, Tx>>;
type Unfinished = (tx: Tx, task: EndedTask) => Promise<void>;

/** Jobs that do what the test says: each task names the function that it runs. */
export interface Scripts {
  jobs: Job<Tx>[];
  /** A task that runs the function. */
  task(run: Run, more?: Partial<NewTask> & { onUnfinished?: Unfinished; kind?: 'SCRIPT' | 'STUBBORN' }): NewTask;
}

const input = z.object({ script: z.string() });

/** SCRIPT can be cancelled and may be tried three times; STUBBORN cannot be cancelled. */
export function createScripts(): Scripts {
  const runs = new Map<string, { run: Run; onUnfinished: Unfinished | undefined }>();
  const job = (kind: string, isCancellable: boolean) =>
    defineJob<z.infer<typeof input>, unknown, unknown, Tx>({
      kind,
      input,
      checkpoint: z.unknown(),
      maxAttempts: 3,
      isCancellable,
      run: async (context, { script }) => {
        const found = runs.get(script);
        if (!found) throw new Error(`There is no script ${script}`);
        return found.run(context);
      },
      onUnfinished: async (tx, task, { script }) => runs.get(script)?.onUnfinished?.(tx, task),
    });
  return {
    jobs: [job('SCRIPT', true), job('STUBBORN', false)],
    task(run, { onUnfinished, kind = 'SCRIPT', ...more } = {}) {
      const script = randomUUID();
      runs.set(script, { run, onUnfinished });
      return { kind, input: { script }, ...more };
    },
  };
}

/** Reached its goal. */
export const done = async (): Promise<JobOutcome<unknown, Tx>> => ({ outcome: 'done', result: null });

/** Stops only when it is told to, with the signal's reason. */
export async function untilAborted(signal: AbortSignal): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>();
  const stop = () => reject(signal.reason);
  if (signal.aborted) stop();
  else signal.addEventListener('abort', stop, { once: true });
  return promise;
}

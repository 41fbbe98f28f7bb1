import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { TaskCancelled, WorkerStopping } from './abort.ts';
import { createBell } from './bell.ts';
import { claimable, claimTasks, nextDueInMs } from './claim.ts';
import { createContext } from './context.ts';
import { createFinisher } from './finisher.ts';
import { startHeartbeat } from './heartbeat.ts';
import { type Held, type HeldTasks, hold } from './held.ts';
import { defaultTuning, engineChannels, type WorkerOptions } from './options.ts';
import { startProgress } from './progress.ts';
import { judge, settle, type Verdict } from './settle.ts';
import { endMissed } from './sweep.ts';

/** Takes tasks and runs their jobs. */
export interface Worker {
  id: string;
  /** Takes no more tasks, tells the jobs to stop and hands their tasks back. Takes `stopWithinMs` at most. */
  stop(): Promise<void>;
}

// After a notification, and as long as there is work, the queue is looked at again and again for a while: notifications are
// a few a second, tasks may be more. A look at an empty queue takes 0.1 ms of the server's time.
const lookAgainMs = 10;
const keepLookingMs = 300;
// Due, and yet not to be had: somebody else is taking it.
const shortestSleepMs = 50;
const retryMs = 250;

export async function startWorker<Tx>(workerOptions: WorkerOptions<Tx>): Promise<Worker> {
  const options = { ...defaultTuning, ...workerOptions };
  const { pool, events, log, concurrency, leaseMs, stopWithinMs, longestSleepMs } = options;
  const id = `${hostname()}:${process.pid}:${randomUUID().slice(0, 8)}`;
  const jobs = new Map(options.jobs.map((job) => [job.kind, job]));
  const kinds = [...jobs.keys()];
  const held: HeldTasks<Tx> = new Map();
  const runs = new Set<Promise<void>>();
  const bell = createBell();
  const gaveUp = new AbortController();
  const finisher = createFinisher({ pool, onWritten: events.notifyEvents });
  const progress = startProgress({ ...options, held });
  const heartbeat = startHeartbeat({ ...options, held });
  const settling = { ...options, finisher, giveUp: gaveUp.signal, onWritten: events.notifyEvents };
  let running = 0;
  let isStopping = false;
  let mayHaveWork = true;
  let lookUntil = 0;

  // A slot is free as soon as its job has returned, while the end is still being written; but not without bound.
  const free = () => Math.min(concurrency - running, 2 * concurrency - held.size);
  const lookSoon = () => {
    mayHaveWork = true;
    lookUntil = performance.now() + keepLookingMs;
    bell.ring();
  };

  const runJob = async (one: Held<Tx>): Promise<Verdict<Tx>> => {
    if (isStopping) return { verdict: 'handBack', inMs: 0 };
    if (one.task.isExhausted) {
      const message = `The task was started ${one.task.attempts} times and each time its worker died. It is not started again.`;
      return { verdict: 'fail', failure: { code: 'WORKER_DIED', message } };
    }
    try {
      const context = createContext({ ...options, progress }, one);
      return { verdict: 'outcome', outcome: await one.job.run(context, one.task.input) };
    } catch (error) {
      return judge(one, error, log);
    }
  };
  const execute = async (one: Held<Tx>) => {
    running++;
    const verdict = await runJob(one);
    running--;
    if (mayHaveWork) bell.ring();
    await settle(settling, one, verdict);
    if (held.get(one.task.id) === one) held.delete(one.task.id);
    if (mayHaveWork) bell.ring();
  };

  const claim = async () => {
    if (free() <= 0) return;
    const limit = claimable(free());
    mayHaveWork = false;
    const sentAt = performance.now();
    const tasks = await claimTasks(pool, { limit, kinds, workerId: id, leaseMs });
    if (tasks.length === 0) return;
    events.notifyEvents();
    if (tasks.length === limit) mayHaveWork = true;
    lookUntil = performance.now() + keepLookingMs;
    for (const task of tasks) {
      const job = jobs.get(task.kind);
      if (!job) continue;
      const one = hold(task, job, sentAt);
      held.set(task.id, one);
      const run = execute(one).finally(() => runs.delete(run));
      runs.add(run);
    }
  };
  const sleepMs = async () => {
    if (free() > 0 && performance.now() < lookUntil) return lookAgainMs;
    if ((await endMissed(options, jobs)) > 0) events.notifyEvents();
    // With every slot taken the next to become free rings the bell.
    if (free() <= 0) return longestSleepMs;
    const dueInMs = await nextDueInMs(pool, kinds);
    return Math.min(longestSleepMs, Math.max(shortestSleepMs, dueInMs ?? longestSleepMs));
  };
  const work = async () => {
    while (!isStopping) {
      try {
        await claim();
        if (isStopping) break;
        if (!mayHaveWork || free() <= 0) await bell.sleep(await sleepMs());
      } catch (error) {
        mayHaveWork = true;
        log.warn({ err: error, workerId: id }, 'The worker could not look for tasks; trying again.');
        await delay(retryMs);
      }
    }
  };

  const { listener } = events;
  const quiet = [
    await listener.listen(engineChannels.wake, lookSoon),
    await listener.listen(engineChannels.cancel, (taskId) => held.get(taskId)?.controller.abort(new TaskCancelled())),
    listener.onReconnect(() => {
      lookSoon();
      heartbeat.beat();
    }),
  ];
  const working = work();
  log.info({ workerId: id, concurrency, kinds }, 'The worker takes tasks.');

  const stop = async () => {
    isStopping = true;
    for (const end of quiet) end();
    bell.ring();
    for (const { controller } of held.values()) controller.abort(new WorkerStopping());
    const finished = (async () => {
      await working;
      await Promise.all(runs);
      await Promise.all([heartbeat.stop(), progress.stop()]);
    })();
    const deadline = new AbortController();
    const tooLate = delay(stopWithinMs, undefined, { signal: deadline.signal }).catch(() => undefined);
    await Promise.race([finished, tooLate]);
    deadline.abort();
    gaveUp.abort();
    if (runs.size === 0) return;
    log.warn({ workerId: id, tasks: [...held.keys()] }, 'Some jobs did not stop in time; their leases run out.');
    // From here on nothing is renewed, even if the jobs go on.
    void Promise.all([heartbeat.stop(), progress.stop()]);
  };
  let stopped: Promise<void> | undefined;
  return {
    id,
    stop: () => {
      stopped ??= stop();
      return stopped;
    },
  };
}

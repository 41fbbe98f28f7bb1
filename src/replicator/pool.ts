import { Worker } from 'node:worker_threads';
import { ReplicatorError } from './error.ts';
import { PackGoneError } from './pack.ts';
import type { Outcome, PlainError, Reply, Request, Setup, Work, WrittenPack } from './protocol.ts';

/** Two keep a disk busy; more would cost the service's other work its processors. */
const threadCount = 2;
/** Work a thread has at hand, so that it does not wait for the next message. */
const queueDepth = 2;

/** Threads for sessions of any number of stores. They do not keep the process alive while idle. */
export interface ThreadPool {
  /** Opens a session in all threads. `onPack` gets every pack that is written to its end. */
  open(setup: Setup, onPack?: (pack: WrittenPack) => void): ThreadSession;
}

/** Work of one sync, restore or verification. */
export interface ThreadSession {
  /** How much work may be started at once. */
  readonly width: number;
  run(work: Work): Promise<Outcome>;
  /** Runs the work once in every thread. */
  runInEach(work: Work): Promise<void>;
  /** Stops all work of this session at the next block; it fails with CANCELLED. */
  cancel(): void;
  /** Frees what the threads hold for the session; call it when no work is running. */
  close(): void;
}

interface Thread {
  worker: Worker;
  jobs: Map<number, { resolve(outcome: Outcome): void; reject(error: unknown): void }>;
  /** Why the thread runs no more. */
  ended: Error | null;
}

function createThreadPool(): ThreadPool {
  let running: Thread[] = [];
  let lastId = 0;
  const packListeners = new Map<number, (pack: WrittenPack) => void>();

  function startThread(): Thread {
    const worker = new Worker(new URL('./thread.ts', import.meta.url), { env: {} });
    const thread: Thread = { worker, jobs: new Map(), ended: null };
    worker.unref();
    worker.on('message', (reply: Reply) => receive(thread, reply));
    worker.on('error', (cause) => failAll(thread, new Error('A thread of the replicator failed.', { cause })));
    worker.on('exit', () => failAll(thread, new Error('A thread of the replicator has ended.')));
    return thread;
  }

  function receive(thread: Thread, reply: Reply): void {
    if (reply.kind === 'pack') {
      packListeners.get(reply.session)?.(reply.pack);
      return;
    }
    const job = thread.jobs.get(reply.job);
    thread.jobs.delete(reply.job);
    if (thread.jobs.size === 0) thread.worker.unref();
    if (reply.kind === 'done') job?.resolve(reply.outcome);
    else job?.reject(errorOf(reply.error));
  }

  function failAll(thread: Thread, error: Error): void {
    thread.ended = error;
    running = running.filter((other) => other !== thread);
    for (const job of thread.jobs.values()) job.reject(error);
    thread.jobs.clear();
  }

  function post(thread: Thread, request: Request): void {
    thread.worker.postMessage(request);
  }

  async function runIn(thread: Thread, session: number, work: Work): Promise<Outcome> {
    if (thread.ended) throw thread.ended;
    lastId += 1;
    const job = lastId;
    return await new Promise<Outcome>((resolve, reject) => {
      thread.jobs.set(job, { resolve, reject });
      thread.worker.ref();
      post(thread, { kind: 'run', session, job, work });
    });
  }

  return {
    open(setup, onPack) {
      while (running.length < threadCount) running.push(startThread());
      const members = [...running];
      lastId += 1;
      const session = lastId;
      if (onPack) packListeners.set(session, onPack);
      for (const thread of members) post(thread, { kind: 'open', session, setup });
      const idlest = () => members.reduce((best, thread) => (thread.jobs.size < best.jobs.size ? thread : best));
      return {
        width: members.length * queueDepth,
        run: (work) => runIn(idlest(), session, work),
        runInEach: async (work) => {
          await Promise.all(members.map((thread) => runIn(thread, session, work)));
        },
        cancel: () => {
          Atomics.store(new Int32Array(setup.cancel), 0, 1);
        },
        close: () => {
          packListeners.delete(session);
          for (const thread of members) post(thread, { kind: 'close', session });
        },
      };
    },
  };
}

/**
 * The threads of this process, started with the first session. All stores share them: the memory of many syncs at once is
 * bounded then, and a task does not pay the start (measured 110 ms for two) again.
 */
export const threads: ThreadPool = createThreadPool();

function errorOf(error: PlainError): Error {
  if (error.code === 'PACK_GONE') return new PackGoneError(error.message);
  if (error.code === 'BUG') return new Error(`A thread of the replicator failed: ${error.message}`);
  return new ReplicatorError(error.code, error.message);
}

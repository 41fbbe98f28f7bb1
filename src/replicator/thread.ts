import { parentPort } from 'node:worker_threads';
import { createBlockReader } from './block-reader.ts';
import { createBlockWriter } from './block-writer.ts';
import { ReplicatorError } from './error.ts';
import { PackGoneError } from './pack.ts';
import type { Outcome, PlainError, Reply, Request, Setup, Work } from './protocol.ts';

// The program of one thread. Everything here is synchronous: measured, the asynchronous forms of zstd and of small
// reads do not scale, and a thread that waits for a disk stops nobody else.

interface Session {
  run(work: Work): Outcome;
  close(): void;
}

const sessions = new Map<number, Session>();

function send(reply: Reply, transfer: ArrayBuffer[] = []): void {
  parentPort?.postMessage(reply, transfer);
}

function openSession(session: number, setup: Setup): Session {
  if (setup.kind === 'read') return createBlockReader(setup);
  return createBlockWriter(setup, (pack) => send({ kind: 'pack', session, pack }));
}

function plainError(error: unknown): PlainError {
  if (error instanceof PackGoneError) return { code: 'PACK_GONE', message: error.message };
  if (error instanceof ReplicatorError) return { code: error.code, message: error.message };
  return { code: 'BUG', message: error instanceof Error ? (error.stack ?? error.message) : String(error) };
}

parentPort?.on('message', (request: Request) => {
  switch (request.kind) {
    case 'open':
      sessions.set(request.session, openSession(request.session, request.setup));
      return;
    case 'close':
      sessions.get(request.session)?.close();
      sessions.delete(request.session);
      return;
    case 'run':
      try {
        const session = sessions.get(request.session);
        if (!session) throw new Error(`No session ${request.session} is open in this thread.`);
        send({ kind: 'done', job: request.job, outcome: session.run(request.work) });
      } catch (error) {
        send({ kind: 'failed', job: request.job, error: plainError(error) });
      }
  }
});

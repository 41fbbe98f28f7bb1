import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** What a worker process tells its test. */
export interface Told {
  what: string;
  taskId?: string;
  attempt?: number;
  value?: unknown;
}

/** A worker in a process of its own, which tests may kill and stop. */
export interface Member {
  process: ChildProcess;
  /** Waits until the process tells this, or has told it already. */
  tells(what: string): Promise<Told>;
  /** Lets it do something: see `member.ts`. */
  ask(message: { what: string; value?: unknown }): void;
  kill(name: NodeJS.Signals): Promise<void>;
}

const program = fileURLToPath(new URL('./member.ts', import.meta.url));

/** Starts a worker process; resolves when it takes tasks. */
export async function startMember(url: string, options: Record<string, unknown> = {}): Promise<Member> {
  const process = fork(program, [JSON.stringify({ url, ...options })], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const told: Told[] = [];
  const listeners = new Set<() => void>();
  process.on('message', (message: Told) => {
    told.push(message);
    for (const listener of listeners) listener();
  });
  process.on('exit', () => {
    for (const listener of listeners) listener();
  });
  const member: Member = {
    process,
    tells(what) {
      const { promise, resolve, reject } = Promise.withResolvers<Told>();
      const look = () => {
        const found = told.findIndex((one) => one.what === what);
        const [message] = found < 0 ? [] : told.splice(found, 1);
        if (message) resolve(message);
        else if (process.exitCode !== null || process.signalCode !== null)
          reject(new Error(`It ended before it told ${what}.`));
        else return;
        listeners.delete(look);
      };
      listeners.add(look);
      look();
      return promise;
    },
    ask: (message) => void process.send(message),
    async kill(name) {
      if (process.exitCode !== null || process.signalCode !== null) return;
      const exited = once(process, 'exit');
      process.kill(name);
      if (name === 'SIGKILL' || name === 'SIGTERM') await exited;
    },
  };
  await member.tells('ready');
  return member;
}

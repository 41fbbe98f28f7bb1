import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** The administrator's password of every service that a test starts. */
export const adminPassword = 'correct-horse-battery';

/** A real `node src/main.ts` process. */
export interface Service {
  /** http://127.0.0.1:<port> */
  url: string;
  /** The whole WebSocket address, with its path. */
  wsUrl: string;
  dataDir: string;
  pid: number;
  /** Everything that it wrote until now. */
  output(): string;
  stdout(): string;
  kill(signal: NodeJS.Signals): void;
  /** How it ended. */
  ended: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  /** SIGTERM, and waits for the end. Removes the data folder if this service made it. */
  stop(): Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
}

export interface ServiceOptions {
  /** Usually DATABASE_URL of `testDatabase()`; without one the service starts its embedded PostgreSQL. */
  env?: Record<string, string>;
  /** Kept when the service stops; without one a temporary folder is made and removed. */
  dataDir?: string;
}

const repository = join(import.meta.dirname, '../..');
const startDeadlineMs = 45_000;

/** Starts the service on a free port and waits until it is ready. @throws with all its output when it does not get there. */
export async function startService(options: ServiceOptions = {}): Promise<Service> {
  const dataDir = options.dataDir ?? (await mkdtemp(join(tmpdir(), 'drgraph-service-')));
  const { child, output, stdout, ended } = spawnService({ ...options, dataDir });
  const url = await readyUrl(child, output);
  return {
    url,
    wsUrl: `${url.replace(/^http/, 'ws')}/graphql`,
    dataDir,
    pid: child.pid ?? 0,
    output,
    stdout,
    ended,
    kill: (signal) => void child.kill(signal),
    async stop() {
      child.kill('SIGTERM');
      const end = await ended;
      if (options.dataDir === undefined) await rm(dataDir, { recursive: true, force: true });
      return end;
    },
  };
}

/** Runs the service where it is expected to end by itself. */
export async function runService(
  options: ServiceOptions & { dataDir: string },
): Promise<{ code: number | null; output: string }> {
  const { ended, output } = spawnService(options);
  const { code } = await ended;
  return { code, output: output() };
}

function spawnService({ env, dataDir }: ServiceOptions & { dataDir: string }): {
  child: ChildProcess;
  output(): string;
  stdout(): string;
  ended: Service['ended'];
} {
  // Nothing of the tester's own settings reaches the service.
  const { PATH, HOME, TMPDIR } = process.env;
  const child = spawn(process.execPath, ['src/main.ts'], {
    cwd: repository,
    env: { PATH, HOME, TMPDIR, PORT: '0', DRGRAPH_DATA_DIR: dataDir, DRGRAPH_ADMIN_PASSWORD: adminPassword, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let all = '';
  let out = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    all += text;
    out += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    all += text;
  });
  const ended = once(child, 'close').then(([code, signal]) => ({ code, signal }));
  return { child, output: () => all, stdout: () => out, ended };
}

async function readyUrl(child: ChildProcess, output: () => string): Promise<string> {
  const deadline = AbortSignal.timeout(startDeadlineMs);
  const gone = new AbortController();
  child.once('close', () => gone.abort());
  const signal = AbortSignal.any([deadline, gone.signal]);
  try {
    for (;;) {
      const url = output()
        .split('\n')
        .map(urlOfReadyLine)
        .find((found) => found !== undefined);
      if (url !== undefined) return url;
      if (child.stderr !== null) await once(child.stderr, 'data', { signal });
    }
  } catch (error) {
    child.kill('SIGKILL');
    throw new Error(`The service did not become ready. It wrote:\n${output()}`, { cause: error });
  }
}

function urlOfReadyLine(line: string): string | undefined {
  if (!line.includes('"msg":"ready"')) return undefined;
  const { url }: { url?: string } = JSON.parse(line);
  return url;
}

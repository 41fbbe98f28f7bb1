import { z } from 'zod';
import type { Config } from '../config.ts';
import type { Database } from '../database/database.ts';
import { newestTasks, type TaskLine, taskLine } from '../domain/task-list.ts';
import { isTerminal } from '../engine/task.ts';
import { startEventBus } from '../events/bus.ts';
import { commandLog, withDatabase } from './open.ts';
import { table } from './table.ts';

/** `drgraph task list`. */
export async function listTasksCommand(config: Config, options: { isActive: boolean; limit: number }): Promise<void> {
  const tasks = await withDatabase(config, (database) => newestTasks(database, options));
  const rows = tasks.map((task) => [
    task.id,
    task.kind,
    task.resourceName ?? '',
    task.state,
    progressBar(task.progress),
    task.createdAt.toISOString(),
    task.initiatedBy ?? '',
  ]);
  process.stdout.write(table([['TASK', 'KIND', 'OF', 'STATE', 'PROGRESS', 'CREATED', 'BY'], ...rows]));
}

/** `drgraph task watch`: follows one task to its end; true when it SUCCEEDED. Ctrl-C leaves the task alone. */
export async function watchTaskCommand(config: Config, id: string): Promise<boolean> {
  const leaving = new AbortController();
  const leave = () => leaving.abort();
  process.once('SIGINT', leave);
  process.once('SIGTERM', leave);
  try {
    return await withDatabase(config, (database) => watch(config, database, rowIdOf(id), leaving.signal));
  } finally {
    process.off('SIGINT', leave);
    process.off('SIGTERM', leave);
  }
}

async function watch(config: Config, database: Database, id: string, signal: AbortSignal): Promise<boolean> {
  const screen = createScreen();
  await using events = await openEvents(config, database);
  // Subscribed before it is looked at, so that no change lies between the two.
  await using items = events.bus.subscribe({ stream: 'task', subjectId: id, from: 'now', progress: true, signal });
  let task = await taskLine(database, id);
  if (!task) throw new Error(`There is no task ${id}. "drgraph task list" names the newest.`);
  screen.show(task);
  while (!isTerminal(task.state)) {
    const { done } = await items.next();
    if (done) break;
    const next: TaskLine | null = await taskLine(database, id);
    if (!next) throw new Error(`The task ${id} was deleted.`);
    task = next;
    screen.show(task);
  }
  screen.end();
  const failure = z.object({ message: z.string() }).safeParse(task.error).data;
  if (failure) process.stderr.write(`drgraph: ${failure.message}\n`);
  return task.state === 'SUCCEEDED';
}

async function openEvents(config: Config, { pool, url }: Database) {
  const bus = await startEventBus({ pool, listenUrl: url, log: commandLog(config) });
  return { bus, [Symbol.asyncDispose]: () => bus.close() };
}

/** A terminal shows one line that moves; a file gets a line for each state or phase. */
function createScreen(): { show(task: TaskLine): void; end(): void } {
  const { stdout } = process;
  let last = '';
  return {
    show(task) {
      const of = task.resourceName === null ? '' : ` of ${task.resourceName}`;
      const where = [task.state, task.phase ?? ''].join(' ').trim();
      if (stdout.isTTY) stdout.write(`\r\u001b[2K${task.kind}${of}  ${progressBar(task.progress)}  ${where}`);
      else if (where !== last) stdout.write(`${task.kind}${of}  ${progressBar(task.progress)}  ${where}\n`);
      last = where;
    },
    end() {
      if (stdout.isTTY) stdout.write('\n');
    },
  };
}

const barWidth = 20;

/** Such as `[##########----------]  50 %`; progress that is not known shows no number. */
function progressBar(progress: number | null): string {
  const filled = Math.floor(((progress ?? 0) / 100) * barWidth);
  const number = progress === null ? '' : `${Math.floor(progress)} %`;
  return `[${'#'.repeat(filled)}${'-'.repeat(barWidth - filled)}] ${number.padStart(5)}`;
}

/** People have the row's id from messages and lists here, or the graph's from GraphiQL: both name the task. */
function rowIdOf(id: string): string {
  return /^Task:(.+)$/.exec(Buffer.from(id, 'base64url').toString())?.[1] ?? id;
}

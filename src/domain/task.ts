import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import type { NewTask } from '../engine/task.ts';
import type { Domain, Tx } from './context.ts';
import { ConflictError, type FieldProblem, InvalidInputError } from './error.ts';
import { requireRetryable } from './retryable-task.ts';
import type { Viewer } from './viewer.ts';
import type { TaskKind } from './vocabulary.ts';

/** What every action that becomes a task may be given. */
export interface TaskOptions {
  /** 1–255 characters. Repeating it with the same input answers with the task that it made at first, as long as that is kept. */
  clientToken?: string | null;
  /** Not started before this time. */
  notBefore?: Date | null;
  /** FAILED with START_WINDOW_MISSED when not started by then. */
  startBefore?: Date | null;
  /** 0–100, higher first; 50 where not given. */
  priority?: number | null;
  /** Makes every check and writes nothing. */
  validateOnly?: boolean | null;
  /** The request's own id, kept on the task. */
  operationId?: string | null;
  /** The task that this one does again, set by `retryTask`. */
  retryOf?: string | null;
}

/** States in which a task holds its entity: the same list as in the index Task_entityKey_active_key. */
export const activeTaskStates = ['QUEUED', 'RUNNING', 'WAITING_FOR_INPUT', 'PAUSED', 'CANCELLING'];

/** The request as the caller made it, which is part of every task's input: what a repeated client token is compared with. */
export const requestOfTask = { request: z.record(z.string(), z.unknown()).optional() };
const submittedInput = z.looseObject(requestOfTask);

/** The part of a request that makes it this request and no other. Plain JSON; absent fields are left out. */
export type Request = Record<string, unknown>;

/** An action on its way to become a task. */
export interface Submission<Found = unknown> {
  kind: TaskKind;
  request: Request;
  options: TaskOptions;
  /** Only one task at a time works on it; a task in its way is a ConflictError. */
  entityKey: string;
  /**
   * Locks the rows that decide, so that two submissions see each other, and finds what the viewer may see of them; throws
   * NotFoundError. Runs first: nothing is said about tasks in the way of something that is not the viewer's.
   */
  find(tx: Tx): Promise<Found>;
  /** Checks states, writes the domain's rows, and says what the task is given. */
  prepare(tx: Tx, found: Found): Promise<{ input: Record<string, unknown>; about: NonNullable<NewTask['about']> }>;
}

/** The task that a submission made, or made when it came first; `input` is what that task was given. */
export interface Submitted {
  taskId: string;
  input: Record<string, unknown>;
}

/**
 * Makes a task of an action, in one transaction with the action's own rows. Answers null when only validation was
 * asked for: then all of it ran, and was rolled back.
 */
export async function submitTask<Found>(
  domain: Domain,
  viewer: Viewer,
  asked: Submission<Found>,
): Promise<Submitted | null> {
  const { options } = asked;
  // Doing a task again is another request than asking for the same work.
  const { retryOf } = options;
  const submission = retryOf ? { ...asked, request: { ...asked.request, retryOf } } : asked;
  checkClientToken(options);
  const repeated = await findRepeated(domain.prisma, viewer, submission);
  if (repeated) return options.validateOnly ? null : repeated;
  checkWindow(options);
  try {
    return await domain.prisma.$transaction((tx) => submitWithin(domain, tx, viewer, submission), {
      timeout: 15_000,
      maxWait: 15_000,
    });
  } catch (error) {
    if (!(error instanceof RolledBack)) throw error;
    return error.answer;
  }
}

/** Throws ConflictError when a task is at work on the entity, or waits to be. */
export async function refuseWhileBusy(tx: Tx, entityKey: string): Promise<void> {
  const busy = await tx.task.findFirst({
    where: { entityKey, state: { in: activeTaskStates } },
    select: { id: true, kind: true },
  });
  if (busy) throw inTheWay(busy.kind, busy.id);
}

/** The part of a submission that a repetition is known by. */
type Asked = Pick<Submission, 'kind' | 'request' | 'options'>;

// Leaves a transaction without its effects but with an answer.
class RolledBack extends Error {
  readonly answer: Submitted | null;
  constructor(answer: Submitted | null) {
    super('rolled back on purpose');
    this.answer = answer;
  }
}

async function submitWithin<Found>(
  domain: Domain,
  tx: Tx,
  viewer: Viewer,
  submission: Submission<Found>,
): Promise<Submitted> {
  const { kind, request, options, entityKey } = submission;
  const found = await submission.find(tx);
  // Asked again under the lock: of two equal requests at once, the second finds here what the first made.
  const repeated = await findRepeated(tx, viewer, submission);
  if (repeated) throw new RolledBack(options.validateOnly ? null : repeated);
  if (options.retryOf) await requireRetryable(tx, viewer, options.retryOf);
  await refuseWhileBusy(tx, entityKey);
  const { input, about } = await submission.prepare(tx, found);
  const given = { ...input, request };
  const enqueued = await domain.tasks.enqueue(tx, {
    kind,
    input: given,
    entityKey,
    ...(options.clientToken ? { client: { scope: scopeOf(viewer), token: options.clientToken } } : {}),
    priority: options.priority ?? 50,
    ...(options.notBefore ? { notBefore: options.notBefore } : {}),
    ...(options.startBefore ? { startBefore: options.startBefore } : {}),
    about: {
      ...about,
      operationId: options.operationId ?? null,
      retryOfId: options.retryOf ?? null,
      initiatedById: viewer.userId,
      initiatedBy: viewer.username,
    },
  });
  if (enqueued.outcome === 'conflict') throw inTheWay(enqueued.kind, enqueued.taskId);
  if (enqueued.outcome === 'repeated') {
    const first = sameRequest(submission, enqueued.taskId, enqueued.kind, enqueued.input);
    throw new RolledBack(options.validateOnly ? null : first);
  }
  if (options.validateOnly) throw new RolledBack(null);
  return { taskId: enqueued.taskId, input: given };
}

async function findRepeated(tx: Tx, viewer: Viewer, submission: Asked): Promise<Submitted | undefined> {
  const { clientToken } = submission.options;
  if (!clientToken) return undefined;
  const first = await tx.task.findUnique({
    where: { clientScope_clientToken: { clientScope: scopeOf(viewer), clientToken } },
    select: { id: true, kind: true, input: true },
  });
  return first ? sameRequest(submission, first.id, first.kind, first.input) : undefined;
}

function sameRequest(submission: Asked, taskId: string, kind: string, stored: unknown): Submitted {
  const input = submittedInput.safeParse(stored).data;
  // Through JSON, as the first request went through the database.
  const request: unknown = JSON.parse(JSON.stringify(submission.request));
  if (input && kind === submission.kind && isDeepStrictEqual(input.request, request)) return { taskId, input };
  throw new ConflictError(
    `This clientToken was used before for another request: it made the ${kind} task ${taskId}. Use a new token for a new request.`,
    taskId,
  );
}

function inTheWay(kind: string, taskId: string): ConflictError {
  return new ConflictError(
    `A ${kind} task is in the way: ${taskId}. Wait until it has ended, or cancel it, and try again.`,
    taskId,
  );
}

const scopeOf = (viewer: Viewer) => `user:${viewer.userId}`;

function checkClientToken({ clientToken }: TaskOptions): void {
  if (clientToken === null || clientToken === undefined) return;
  const refuse = (message: string) => new InvalidInputError([{ path: ['clientToken'], message }]);
  if (clientToken.length < 1 || clientToken.length > 255) {
    throw refuse(`Give 1 to 255 characters; this has ${clientToken.length}.`);
  }
  if (/[\0\p{Cs}]/u.test(clientToken)) {
    throw refuse('It has a NUL character or half a surrogate pair, which cannot be stored. Leave it out.');
  }
}

/**
 * Throws InvalidInputError. `known`: the end of the window where the input leaves it as it is.
 */
export function checkWindow(input: TaskOptions, known: Date | null = null): void {
  const { priority, notBefore } = input;
  const startBefore = input.startBefore === undefined ? known : input.startBefore;
  const problems: FieldProblem[] = [];
  if (
    priority !== null &&
    priority !== undefined &&
    !(Number.isInteger(priority) && priority >= 0 && priority <= 100)
  ) {
    problems.push({ path: ['priority'], message: `Give a whole number from 0 to 100; this is ${priority}.` });
  }
  if (input.startBefore && input.startBefore.getTime() <= Date.now()) {
    problems.push({ path: ['startBefore'], message: 'This time has passed. Give one in the future, or none.' });
  }
  if (startBefore && notBefore && startBefore.getTime() <= notBefore.getTime()) {
    const path = input.startBefore ? 'startBefore' : 'notBefore';
    const message = `The task could never start: notBefore is ${notBefore.toISOString()}, startBefore ${startBefore.toISOString()}. Give a startBefore after notBefore.`;
    problems.push({ path: [path], message });
  }
  if (problems.length > 0) throw new InvalidInputError(problems);
}

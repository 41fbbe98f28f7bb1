import { GraphQLError } from 'graphql';
import type { Logger } from 'pino';
import { z } from 'zod';
import { DomainError } from '../domain/error.ts';

/** The error of a subscription whose session was revoked or expired, or whose user was disabled. */
export function sessionEnded(): GraphQLError {
  return new GraphQLError('Your session has ended: sign in again.', { extensions: { code: 'UNAUTHENTICATED' } });
}

/**
 * What a client is told of an error. GraphQL's own errors and those of the domain are meant for clients; anything else is
 * logged with the request's id and answered by that id alone.
 */
export function clientError(error: unknown, requestId: string, log: Logger): GraphQLError {
  const cause = rootCause(error);
  const located = error instanceof GraphQLError ? { nodes: error.nodes, path: error.path } : {};
  if (cause === undefined && error instanceof GraphQLError) return error;
  if (cause instanceof DomainError) {
    return new GraphQLError(cause.message, { ...located, extensions: { code: cause.code } });
  }
  if (isDatabaseDown(cause)) {
    log.error({ requestId, err: cause }, 'the database does not answer');
    const message = 'The database does not answer at the moment. Try again.';
    return new GraphQLError(message, { ...located, extensions: { code: 'UNAVAILABLE', requestId } });
  }
  log.error({ requestId, path: located.path?.join('.'), err: cause }, 'unexpected error');
  return new GraphQLError(
    `Something unexpected went wrong. The service's log says what, under the request id ${requestId}.`,
    {
      ...located,
      extensions: { code: 'INTERNAL', requestId },
    },
  );
}

/** What was thrown by a resolver; undefined for an error that GraphQL itself made. */
function rootCause(error: unknown): unknown {
  let current = error;
  while (current instanceof GraphQLError) {
    if (current.originalError == null) return undefined;
    current = current.originalError;
  }
  return current;
}

/** What an error of the database client looks like, by any of the roads that it comes on. */
const databaseError = z.object({
  name: z.string().optional(),
  code: z.string().optional(),
  syscall: z.string().optional(),
  message: z.string().default(''),
  severity: z.string().optional(),
  meta: z
    .object({
      driverAdapterError: z.object({ cause: z.object({ originalCode: z.string(), severity: z.string() }).partial() }),
    })
    .partial()
    .nullish()
    .catch(null),
});

/** Prisma: no server, no answer in time, a closed connection, no free connection, no transaction. */
const prismaDownCodes = ['P1001', 'P1002', 'P1008', 'P1017', 'P2024', 'P2028'];

/** Whether an error says that the database is away, as against that it did not like what it was asked. */
function isDatabaseDown(error: unknown): boolean {
  const parsed = databaseError.safeParse(error);
  if (!parsed.success) return false;
  const { name = '', code = '', syscall, message, severity, meta } = parsed.data;
  const inner = meta?.driverAdapterError?.cause;
  // PostgreSQL ends the connection with every FATAL error: it shuts down, starts, or takes no connections.
  if (severity === 'FATAL' || inner?.severity === 'FATAL' || inner?.originalCode?.startsWith('08')) return true;
  if (prismaDownCodes.includes(code) || /^E(CONN|PIPE|HOSTUNREACH)/.test(code) || syscall === 'connect') return true;
  return name.startsWith('PrismaClient') ? code === 'ENOENT' : /^Connection terminated/.test(message);
}

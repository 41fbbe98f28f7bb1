import { GraphQLError } from 'graphql';
import type { Logger } from 'pino';
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
    const message = 'The database does not answer at the moment. Nothing was changed by this field; try again.';
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

// Prisma's words for a server that is away or closing, PostgreSQL's own classes (08: connection, 57P: shutdown), and Node's.
const databaseDownCodes = /^(P1001|P1002|P1008|P1017|P2024|08...|57P0.|ECONNREFUSED|ECONNRESET|ENOENT|EPIPE)$/;

function isDatabaseDown(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const isDatabaseError =
    error.name.startsWith('PrismaClient') || error.name === 'DriverAdapterError' || 'severity' in error;
  const code = 'code' in error ? error.code : 'errorCode' in error ? error.errorCode : undefined;
  if (typeof code === 'string' && databaseDownCodes.test(code)) return isDatabaseError || code.startsWith('ECONN');
  return (
    isDatabaseError &&
    /terminat|connection (closed|refused|reset)|can't reach|not reachable|shutting down|ECONNREFUSED/i.test(
      error.message,
    )
  );
}

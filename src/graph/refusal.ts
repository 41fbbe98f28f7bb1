import { GraphQLError } from 'graphql';

/** Codes of errors outside of unions, in `extensions.code`: of queries, subscriptions and requests without a session. */
export type RefusalCode = 'UNAUTHENTICATED' | 'INVALID_INPUT' | 'NOT_FOUND' | 'CURSOR_EXPIRED' | 'SLOW_READER';

/** An error that a client is meant to read and act on; it passes the server's masking as it is. */
export function refusal(code: RefusalCode, message: string, extensions: Record<string, unknown> = {}): GraphQLError {
  return new GraphQLError(message, { extensions: { ...extensions, code } });
}

/** What every request without a session is told. */
export function unauthenticated(): GraphQLError {
  return refusal(
    'UNAUTHENTICATED',
    'Sign in first (Mutation.signIn): this needs a session, and there is none or it ended.',
  );
}

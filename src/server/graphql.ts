import type { GraphQLSchema } from 'graphql';
import { createYoga, type YogaServerInstance } from 'graphql-yoga';
import type { Logger } from 'pino';
import { clientError } from './failure.ts';
import type { DocumentLimits } from './limit.ts';
import { operationPipeline } from './pipeline.ts';
import type { RequestFacts } from './request.ts';
import type { SessionWatch } from './session-watch.ts';

/** The largest body of a request and the largest message on a WebSocket, in bytes. */
export const maximumBodyBytes = 1024 * 1024;

/** Runs operations; used by HTTP as a whole, and by the WebSocket through `getEnveloped`. */
export type GraphqlServer = YogaServerInstance<{ facts: RequestFacts }, object>;

/** Documents kept parsed and validated: clients send the same few again and again. At most 20 MB, see the limit of characters. */
const keptDocuments = 200;

/** The GraphQL engine with everything off that this service does not offer. */
export function createGraphqlServer(options: {
  schema: GraphQLSchema;
  contextFor(facts: RequestFacts): object;
  limits: DocumentLimits;
  sessions: SessionWatch;
  log: Logger;
}): GraphqlServer {
  const { schema, contextFor, limits, sessions, log } = options;
  return createYoga<{ facts: RequestFacts }, object>({
    schema,
    context: ({ facts }) => contextFor(facts),
    graphqlEndpoint: '/graphql',
    cors: false,
    graphiql: false,
    landingPage: false,
    multipart: false,
    batching: false,
    maxRequestBodySize: maximumBodyBytes,
    // Our pipeline translates what operations throw and knows their request; this is for what breaks around them.
    maskedErrors: { maskError: (error) => clientError(error, 'unknown', log) },
    logging: { debug() {}, info() {}, warn: (...args) => log.warn({ args }, 'yoga'), error() {} },
    parserAndValidationCache: { documentCache: recentlyUsed(keptDocuments), errorCache: noCache },
    plugins: [operationPipeline({ limits, sessions, log })],
  });
}

/** A document that does not parse is not worth keeping. */
const noCache = { get: () => undefined, set: () => undefined };

/** The last used entries of a map. */
function recentlyUsed<Value>(size: number): {
  get(key: string): Value | undefined;
  set(key: string, value: Value): void;
} {
  const entries = new Map<string, Value>();
  return {
    get(key) {
      const value = entries.get(key);
      if (value === undefined) return undefined;
      entries.delete(key);
      entries.set(key, value);
      return value;
    },
    set(key, value) {
      entries.set(key, value);
      const [oldest] = entries.keys();
      if (entries.size > size && oldest !== undefined) entries.delete(oldest);
    },
  };
}

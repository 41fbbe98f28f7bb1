import { GraphQLError, type GraphQLSchema } from 'graphql';
import { createSchema } from 'graphql-yoga';
import pino from 'pino';
import { type Database, openDatabase } from '../../src/database/database.ts';
import { InvalidInputError, UnauthenticatedError } from '../../src/domain/error.ts';
import { authenticate, liveSessions, signIn, signOut } from '../../src/domain/session.ts';
import { createUser } from '../../src/domain/user.ts';
import type { RequestFacts } from '../../src/server/request.ts';
import { type ApiServer, type ServerOptions, startServer } from '../../src/server/server.ts';
import { testDatabase } from '../support/database.ts';

interface Context extends RequestFacts {
  database: Database;
}

const typeDefs = /* GraphQL */ `
  type Query { hello: String! whoAmI: String! secret: String broken: String badInput: String operationId: String things(first: Int): ThingConnection! root: Query! list: [Query!]! }
  type ThingConnection { nodes: [Thing!]! edges: [ThingEdge!]! pageInfo: PageInfo! totalCount: Int! }
  type ThingEdge { node: Thing! cursor: String! }
  type PageInfo { hasNextPage: Boolean! }
  type Thing { id: ID! parent: Thing things(first: Int): ThingConnection! }
  type Mutation { signIn(input: SignInInput!): SignInPayload! signOut: Boolean! touch: Int! }
  input SignInInput { local: LocalInput! }
  input LocalInput { username: String! password: String! }
  type SignInPayload { token: String! }
  type Subscription { count(to: Int!): Int! whispers: String! breaksAfter(results: Int!): Int! }
`;

/** Counts what happened, for tests that must see that something did not. */
export interface Happened {
  touched: number;
  openStreams: number;
}

function testSchema(happened: Happened): GraphQLSchema {
  return createSchema<Context>({
    typeDefs,
    resolvers: {
      Query: {
        hello: () => 'world',
        whoAmI: (_root, _args, { viewer }) => {
          if (viewer === null) throw new UnauthenticatedError('Sign in first.');
          return viewer.username;
        },
        secret: (_root, _args, { viewer }) => viewer?.username ?? null,
        operationId: (_root, _args, { operationId }) => operationId,
        broken: () => {
          throw new Error('the password of the vault is swordfish');
        },
        badInput: () => {
          throw new InvalidInputError([{ path: ['x'], message: 'x is wrong.' }]);
        },
        things: () => ({ nodes: [], edges: [], pageInfo: { hasNextPage: false }, totalCount: 0 }),
        root: () => ({}),
        list: () => [],
      },
      Mutation: {
        touch: () => {
          happened.touched += 1;
          return happened.touched;
        },
        signIn: async (_root, { input: { local } }, { database, address, userAgent, setSessionCookie }) => {
          const { token, session } = await signIn(database, { ...local, address, userAgent });
          setSessionCookie(token, session.expiresAt);
          return { token };
        },
        signOut: async (_root, _args, { database, viewer, setSessionCookie }) => {
          if (viewer === null) throw new UnauthenticatedError('Sign in first.');
          await signOut(database, viewer);
          setSessionCookie(null);
          return true;
        },
      },
      Subscription: {
        count: {
          async *subscribe(_root: unknown, { to }: { to: number }) {
            for (let count = 1; count <= to; count += 1) yield { count };
          },
        },
        whispers: { subscribe: () => whispers(happened) },
        breaksAfter: {
          async *subscribe(_root: unknown, { results }: { results: number }) {
            for (let count = 1; count <= results; count += 1) yield { breaksAfter: count };
            throw new GraphQLError('The cursor is too old.', {
              extensions: { code: 'CURSOR_EXPIRED', oldestCursor: '7' },
            });
          },
        },
      },
    },
  });
}

/** One whisper, then silence until it is left. */
function whispers(happened: Happened): AsyncGenerator<{ whispers: string }> {
  happened.openStreams += 1;
  let isFirst = true;
  let leave: (result: IteratorResult<{ whispers: string }>) => void = () => undefined;
  const stream: AsyncGenerator<{ whispers: string }> = {
    async next() {
      if (isFirst) {
        isFirst = false;
        return { done: false, value: { whispers: 'psst' } };
      }
      return new Promise((resolve) => {
        leave = resolve;
      });
    },
    async return() {
      happened.openStreams -= 1;
      leave({ done: true, value: undefined });
      return { done: true, value: undefined };
    },
    async throw(error) {
      throw error;
    },
    [Symbol.asyncIterator]: () => stream,
    async [Symbol.asyncDispose]() {},
  };
  return stream;
}

/** The server over a small schema and a real database with the user `ada`. */
export interface TestApi {
  url: string;
  server: ApiServer;
  database: Database;
  happened: Happened;
  /** The log's lines. */
  log: Record<string, unknown>[];
  close(): Promise<void>;
}

export const password = 'the-analytical-engine';

export async function startTestApi(options: Partial<ServerOptions> = {}): Promise<TestApi> {
  const { url, drop } = await testDatabase();
  const lines: Record<string, unknown>[] = [];
  const log = pino({ level: 'debug' }, { write: (line: string) => void lines.push(JSON.parse(line)) });
  const database = await openDatabase({ url, log: pino({ level: 'silent' }) });
  await createUser(database, { username: 'ada', password, roles: ['OPERATOR'] });
  const happened = { touched: 0, openStreams: 0 };
  const server = await startServer({
    schema: testSchema(happened),
    contextFor: (facts) => ({ ...facts, database }),
    authenticate: (token) => authenticate(database, token),
    liveSessions: (ids) => liveSessions(database, ids),
    readinessProblem: async () => null,
    host: '127.0.0.1',
    port: 0,
    publicUrl: undefined,
    log,
    ...options,
  });
  return {
    url: server.url,
    server,
    database,
    happened,
    log: lines,
    async close() {
      await server.close();
      await database.close();
      await drop();
    },
  };
}

/** A sign-in for the schema above. */
export const signInDocument = `mutation ($username: String!, $password: String!) {
  signIn(input: { local: { username: $username, password: $password } }) { token }
}`;

import { randomUUID } from 'node:crypto';
import { PrismaPg } from '@prisma/adapter-pg';
import { type ExecutionResult, execute, type GraphQLSchema, parse, subscribe, validate } from 'graphql';
import { PrismaClient } from '../../prisma/client/client.ts';
import type { Viewer } from '../../src/domain/viewer.ts';
import type { GraphContext } from '../../src/graph/context.ts';
import { encodeGlobalId } from '../../src/graph/global-id.ts';
import { buildSchema } from '../../src/graph/schema.ts';
import { type Bench, type BenchOptions, openBench } from '../support/seed.ts';

/** The schema over a database of the test's own; every statement of the graph's reads is counted. */
export interface GraphBench {
  bench: Bench;
  prisma: PrismaClient;
  schema: GraphQLSchema;
  viewer: Viewer;
  /** Runs an operation that must succeed. */
  data(document: string, variables?: Record<string, unknown>, as?: Viewer | null): Promise<Record<string, never>>;
  /** Runs an operation; answers with whatever came. */
  run(document: string, variables?: Record<string, unknown>, as?: Viewer | null): Promise<ExecutionResult>;
  /** The rows that PostgreSQL looked at and threw away for the first statement of an operation. */
  wastedRows(document: string, variables?: Record<string, unknown>): Promise<number>;
  /** The statements that an operation costs. */
  statements(document: string, variables?: Record<string, unknown>): Promise<string[]>;
  subscribe(
    document: string,
    variables?: Record<string, unknown>,
    as?: Viewer | null,
  ): Promise<AsyncGenerator<ExecutionResult, void, void> | ExecutionResult>;
  cookies: (string | null)[];
  /** Lets the clients of all operations go away. */
  leave(): void;
  close(): Promise<void>;
}

/** The client's id of a row. */
export const globalId = encodeGlobalId;

const schema = buildSchema();

export async function openGraph(options: BenchOptions = {}): Promise<GraphBench> {
  const bench = await openBench(options);
  const adapter = new PrismaPg({ connectionString: bench.database.url, max: 4 });
  const prisma = new PrismaClient({ adapter, log: [{ emit: 'event', level: 'query' }] });
  const seen: string[] = [];
  const parameters: string[] = [];
  prisma.$on('query', ({ query, params }) => {
    seen.push(query);
    parameters.push(params);
  });
  const cookies: (string | null)[] = [];
  const leaving = new AbortController();
  const viewer = await bench.viewer('ADMINISTRATOR', 'OPERATOR');

  const contextOf = (as: Viewer | null): GraphContext => ({
    domain: { ...bench.domain, prisma },
    events: bench.events,
    viewer: as,
    requestId: randomUUID(),
    operationId: 'operation-1',
    address: '127.0.0.1',
    userAgent: 'test',
    signal: leaving.signal,
    about: { version: '1.2.3', startedAt: new Date('2026-01-02T03:04:05Z') },
    setSessionCookie: (token) => cookies.push(token),
    health: async () => [
      { name: 'database', status: 'OK', message: null },
      { name: 'worker', status: 'DEGRADED', message: 'No worker.' },
    ],
  });
  const argsOf = (document: string, variableValues: Record<string, unknown>, as: Viewer | null) => {
    const parsed = parse(document);
    return { schema, document: parsed, variableValues, contextValue: contextOf(as), errors: validate(schema, parsed) };
  };
  const run: GraphBench['run'] = async (document, variables = {}, as = viewer) => {
    const { errors, ...args } = argsOf(document, variables, as);
    return errors.length > 0 ? { errors } : execute(args);
  };
  return {
    bench,
    prisma,
    schema,
    viewer,
    cookies,
    leave: () => leaving.abort(),
    run,
    async data(document, variables, as) {
      const result = await run(document, variables, as);
      if (result.errors) throw new AggregateError(result.errors, result.errors.map(String).join('\n'));
      return JSON.parse(JSON.stringify(result.data));
    },
    async statements(document, variables) {
      seen.length = 0;
      const result = await run(document, variables);
      if (result.errors) throw new AggregateError(result.errors, result.errors.map(String).join('\n'));
      return seen.splice(0);
    },
    async wastedRows(document, variables) {
      seen.length = 0;
      parameters.length = 0;
      await run(document, variables);
      const { rows } = await bench.database.pool.query<Record<string, unknown>>(
        `EXPLAIN (ANALYZE, FORMAT JSON) ${seen[0]}`,
        JSON.parse(parameters[0] ?? '[]'),
      );
      const counts = JSON.stringify(rows).matchAll(/"Rows Removed by Filter":(\d+)/g);
      return [...counts].reduce((sum, [, count]) => sum + Number(count), 0);
    },
    async subscribe(document, variables = {}, as = viewer) {
      const { errors, ...args } = argsOf(document, variables, as);
      if (errors.length > 0) return { errors };
      return subscribe(args);
    },
    async close() {
      await prisma.$disconnect();
      await bench.close();
    },
  };
}

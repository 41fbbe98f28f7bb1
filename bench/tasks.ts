// How long lists of 1,000,000 tasks take, at the start and 900,000 rows deep: `node bench/tasks.ts`.
//   --data <folder>  keeps the database there and uses it again: making it takes minutes
//   --plans          prints the plan of every list
//
// Each list is a GraphQL document over the schema and Prisma, as the service runs it, without HTTP. `PostgreSQL` is the statement's
// own time. The plan is that of a session that has run the statement often enough to have a plan for any parameters.
import { createHash } from 'node:crypto';
import { chmod, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { PrismaPg } from '@prisma/adapter-pg';
import { execute, type GraphQLSchema, parse } from 'graphql';
import pg from 'pg';
import pino from 'pino';
import { z } from 'zod';
import { PrismaClient } from '../prisma/client/client.ts';
import { startEmbeddedPostgres } from '../src/database/embedded.ts';
import { migrate } from '../src/database/migrate.ts';
import { encodeCursor } from '../src/graph/cursor.ts';
import { encodeGlobalId } from '../src/graph/global-id.ts';
import { buildSchema } from '../src/graph/schema.ts';
import { writeSection } from './section.ts';
import { seedTasks, taskCount } from './task-rows.ts';

const log = pino({ level: 'warn' }, pino.destination(2));
const { values: options } = parseArgs({ options: { data: { type: 'string' }, plans: { type: 'boolean' } } });
const runs = 40;
const depth = 900_000;

const document = parse(`query ($filter: TaskFilter, $orderBy: [TaskOrder!], $after: String) {
  tasks(first: 50, filter: $filter, orderBy: $orderBy, after: $after) {
    nodes { id kind state progress createdAt startedAt finishedAt initiatedBy resourceName error { message } }
    pageInfo { hasNextPage endCursor }
  }
}`);

interface List {
  name: string;
  filter?: Record<string, unknown>;
  orderBy?: { field: string; direction: string }[];
}

interface Measured {
  ms: number;
  postgresMs: number;
  rows: number;
  plan: string;
}

/** The ten most likely lists, and three that are made for searching. */
async function lists(pool: pg.Pool): Promise<List[]> {
  const one = async (sql: string) => {
    const { rows } = await pool.query<{ id: string }>(sql);
    return rows[0]?.id ?? '';
  };
  const id = async (type: string, offset: number) =>
    encodeGlobalId(type, await one(`SELECT "id" FROM "${type}" ORDER BY "id" OFFSET ${offset} LIMIT 1`));
  const organization = await id('Organization', 77);
  const site = await id('Site', 7);
  const replication = await id('Replication', 5_000);
  const day = new Date(Date.now() - 24 * 60 * 60 * 1000).toISOString();
  const started = [{ field: 'STARTED_AT', direction: 'DESC' }];
  const finished = [{ field: 'FINISHED_AT', direction: 'DESC' }];
  return [
    { name: 'all, newest first' },
    { name: 'all, last started first (as VCDA)', orderBy: started },
    { name: 'what is going on', filter: { isTerminal: false } },
    { name: 'running', filter: { stateIn: ['RUNNING'] } },
    { name: 'failed', filter: { stateIn: ['FAILED'] } },
    { name: "a tenant's", filter: { organizationIdIn: [organization] } },
    { name: "a tenant's that failed", filter: { organizationIdIn: [organization], stateIn: ['FAILED'] } },
    { name: "a tenant's that go on", filter: { organizationIdIn: [organization], isTerminal: false } },
    { name: "a replication's", filter: { replicationIdIn: [replication] } },
    {
      name: "a site's failed test failovers",
      filter: { siteIdIn: [site], kindIn: ['TEST_FAILOVER'], stateIn: ['FAILED'] },
    },
    { name: 'syncs of the last day', filter: { kindIn: ['SYNC_REPLICATION'], finishedAfter: day }, orderBy: finished },
    { name: "a user's", filter: { initiatedByIn: ['user-1234'] } },
    { name: "a request's", filter: { operationIdIn: ['operation-4321'] } },
    { name: "a provider's id", filter: { nativeIdIn: ['native-424242'] } },
    { name: "a resource's", filter: { resourceIdIn: [replication] } },
    { name: 'what touched a machine', filter: { relatedResourceIdIn: [await id('VirtualMachine', 5_000)] } },
    { name: 'with warnings', filter: { hasWarnings: true } },
    { name: 'an error with a common word', filter: { errorContains: 'refused' } },
    { name: 'an error with a word that none has', filter: { errorContains: 'volcano' } },
    { name: 'a name that none has', filter: { nameContains: 'volcano' } },
  ];
}

const median = (values: number[]) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

async function main(): Promise<void> {
  const dataDir = options.data ?? (await mkdtemp(join(tmpdir(), 'drgraph-bench-')));
  await mkdir(dataDir, { recursive: true });
  await chmod(dataDir, 0o755);
  const server = await startEmbeddedPostgres({ dataDir, log });
  const pool = new pg.Pool({ connectionString: server.url, max: 2 });
  pool.on('error', (error) => log.debug(error.message));
  const adapter = new PrismaPg(
    { connectionString: server.url, max: 1 },
    { statementNameGenerator: ({ sql }) => `q_${createHash('sha256').update(sql).digest('hex').slice(0, 32)}` },
  );
  const prisma = new PrismaClient({ adapter, log: [{ emit: 'event', level: 'query' }] });
  const seen: { query: string; params: string; duration: number }[] = [];
  prisma.$on('query', (event) => seen.push(event));
  try {
    await migrate({ url: server.url, log });
    await seedTasks(pool);
    const schema = buildSchema();
    const measure = (list: List, after: string | null) => measureList({ schema, prisma, pool, seen }, list, after);
    const rows: { list: List; measured: Measured }[] = [];
    for (const list of await lists(pool)) {
      const measured = await measure(list, null);
      rows.push({ list, measured });
      if (options.plans) console.log(`\n${list.name}: ${measured.ms.toFixed(1)} ms\n${measured.plan}`);
    }
    // Oldest first: every page is of ended tasks, which have as much to tell. In turn: what else the machine does falls on all alike.
    const orderBy = [{ field: 'CREATED_AT', direction: 'ASC' }];
    const second = await cursorAt(pool, 50);
    const cursor = await cursorAt(pool, depth);
    const pages: Record<'first' | 'second' | 'deep', Measured[]> = { first: [], second: [], deep: [] };
    for (let turn = 0; turn < 5; turn += 1) {
      pages.first.push(await measure({ name: 'first', orderBy }, null));
      pages.second.push(await measure({ name: 'second', orderBy }, second));
      pages.deep.push(await measure({ name: 'deep', orderBy }, cursor));
    }
    if (options.plans) console.log(`\nbehind ${depth}:\n${pages.deep[0]?.plan}`);
    const of = ({ first, second, deep }: typeof pages, what: 'ms' | 'postgresMs') =>
      [first, second, deep].map((measured) => median(measured.map((one) => one[what])));
    const [firstMs = 0, secondMs = 0, deepMs = 0] = of(pages, 'ms');
    const [firstSql = 0, secondSql = 0, deepSql = 0] = of(pages, 'postgresMs');
    const table = [
      '| list, 50 of each | answer p50 | PostgreSQL | found by |',
      '|---|---|---|---|',
      ...rows.map(
        ({ list, measured }) =>
          `| ${list.name} | ${measured.ms.toFixed(1)} ms | ${measured.postgresMs.toFixed(1)} ms | ${accessOf(measured.plan)} |`,
      ),
    ].join('\n');
    const depths =
      `Of all tasks, oldest first, the first page takes ${firstMs.toFixed(1)} ms (PostgreSQL ${firstSql.toFixed(2)} ms), the second ${secondMs.toFixed(1)} ms (${secondSql.toFixed(2)} ms), ` +
      `the one behind ${depth} rows ${deepMs.toFixed(1)} ms (${deepSql.toFixed(2)} ms): ${(deepMs / firstMs).toFixed(2)} × the first and ${(deepMs / secondMs).toFixed(2)} × the second.`;
    console.log(`${table}\n\n${depths}`);
    await writeSection(
      'tasks',
      `${taskCount} tasks of 200 tenants, 50 sites and 10,000 replications; GraphQL over the schema without HTTP, the median of ${runs} runs with a warm cache; ` +
        `${availableParallelism()} × ${cpus()[0]?.model ?? 'unknown'}, ${new Date().toISOString().slice(0, 10)}, load ${loadavg()[0]?.toFixed(1)} at the end. ` +
        `\`PostgreSQL\` is the statement alone, planned for any parameters.\n\n${table}\n\n${depths}`,
    );
  } finally {
    await prisma.$disconnect();
    await pool.end();
    await server.close();
    if (options.data === undefined) await rm(dataDir, { recursive: true, force: true });
  }
}

interface Bench {
  schema: GraphQLSchema;
  prisma: PrismaClient;
  pool: pg.Pool;
  seen: { query: string; params: string; duration: number }[];
}

async function measureList({ schema, prisma, pool, seen }: Bench, list: List, after: string | null): Promise<Measured> {
  const variableValues = { filter: list.filter, orderBy: list.orderBy, after };
  const contextValue = { domain: { prisma }, viewer: { userId: '', username: 'bench', sessionId: '', roles: [] } };
  const times: number[] = [];
  let rows = 0;
  let statement = { query: '', params: '[]' };
  for (let run = 0; run < runs; run += 1) {
    seen.length = 0;
    const start = performance.now();
    const { data, errors } = await execute({ schema, document, variableValues, contextValue });
    times.push(performance.now() - start);
    if (errors) throw new AggregateError(errors, errors.join('\n'));
    rows = answer.parse(data).tasks.nodes.length;
    statement = seen[0] ?? statement;
  }
  const { plan, ms } = await explain(pool, statement);
  return { ms: median(times), postgresMs: ms, rows, plan };
}

const answer = z.object({ tasks: z.object({ nodes: z.array(z.unknown()) }) });

/** The plan of a statement in a session that has run it before, as those of the service have. */
async function explain(pool: pg.Pool, { query, params }: { query: string; params: string }) {
  const values: unknown[] = z.array(z.unknown()).parse(JSON.parse(params));
  const literals = values.map((value) =>
    value === null ? 'NULL' : pg.escapeLiteral(Array.isArray(value) ? arrayText(value) : String(value)),
  );
  const client = await pool.connect();
  try {
    await client.query(`PREPARE looked AS ${query}`);
    const run = `EXECUTE looked${literals.length > 0 ? `(${literals.join(', ')})` : ''}`;
    for (let time = 0; time < 6; time += 1) await client.query(run);
    const { rows } = await client.query<{ 'QUERY PLAN': string }>(`EXPLAIN (ANALYZE, BUFFERS) ${run}`);
    await client.query('DEALLOCATE looked');
    const plan = rows.map((row) => row['QUERY PLAN']).join('\n');
    return { plan, ms: Number(/Execution Time: ([\d.]+) ms/.exec(plan)?.[1]) };
  } finally {
    client.release();
  }
}

const arrayText = (values: unknown[]) => `{${values.map((value) => JSON.stringify(value)).join(',')}}`;

/** Which indexes a plan reads, or the table itself. */
function accessOf(plan: string): string {
  const used = [
    ...plan.matchAll(/(Seq Scan|Index (?:Only )?Scan(?: Backward)?|Bitmap Index Scan)(?: using| on) "?(\w+)"?/g),
  ];
  return [...new Set(used.map(([, how, name]) => (how === 'Seq Scan' ? 'the whole table' : name)))].join(', ');
}

async function cursorAt(pool: pg.Pool, offset: number): Promise<string> {
  const { rows } = await pool.query<{ id: string; createdAt: Date }>(
    `SELECT "id", "createdAt" FROM "Task" ORDER BY "createdAt", "id" OFFSET ${offset} LIMIT 1`,
  );
  const [row] = rows;
  if (!row) throw new Error(`There are no ${offset} tasks.`);
  const terms = [
    { column: 'createdAt', kind: 'moment', nullable: false, direction: 'asc' },
    { column: 'id', kind: 'id', nullable: false, direction: 'asc' },
  ] as const;
  return encodeCursor(terms, row);
}

await main();

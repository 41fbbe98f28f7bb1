import { createHash } from 'node:crypto';
import { PrismaPg } from '@prisma/adapter-pg';
import { Pool, type PoolConfig, types } from 'pg';
import type { Logger } from 'pino';
import { type Prisma, PrismaClient } from '../../prisma/client/client.ts';
import type { Transactions } from '../engine/job.ts';

/** A transaction of the Prisma client, as the domain's functions take it. */
export type Tx = Prisma.TransactionClient;

/** The open connections to one database. */
export interface Database {
  url: string;
  prisma: PrismaClient;
  /** For SQL of the engine and the events. */
  pool: Pool;
  /** For leases alone, so that a heartbeat never queues behind other work. */
  heartbeatPool: Pool;
  transactions: Transactions<Tx>;
  close(): Promise<void>;
}

export interface DatabaseOptions {
  url: string;
  log: Logger;
  /** Connections of the Prisma client, and as many again for raw SQL. */
  poolSize?: number;
}

/** Opens the pools. Fails with a clear message when the database does not answer. */
export async function openDatabase({ url, log, poolSize = 10 }: DatabaseOptions): Promise<Database> {
  const prismaPool = openPool(url, log, { max: poolSize, application_name: 'drgraph: graph' });
  const pool = openPool(url, log, { max: poolSize, application_name: 'drgraph: engine' });
  const heartbeatPool = openPool(url, log, { max: 2, application_name: 'drgraph: leases', statement_timeout: 10_000 });
  const adapter = new PrismaPg(prismaPool, { statementNameGenerator: statementNames() });
  const prisma = new PrismaClient({ adapter });
  const close = async () => {
    await prisma.$disconnect();
    await Promise.all([prismaPool.end(), pool.end(), heartbeatPool.end()]);
  };
  try {
    await pool.query('SELECT 1');
  } catch (cause) {
    await close();
    throw new Error(`The database ${placeOf(url)} does not answer: ${messageOf(cause)}`, { cause });
  }
  return { url, prisma, pool, heartbeatPool, transactions: prismaTransactions(prisma), close };
}

/** Work in a transaction that takes longer holds locks that others wait for. */
const transactionTimeoutMs = 15_000;
const transactionWaitMs = 10_000;

function prismaTransactions(prisma: PrismaClient): Transactions<Tx> {
  return {
    run: (work) => prisma.$transaction(work, { timeout: transactionTimeoutMs, maxWait: transactionWaitMs }),
    sql: (tx) => ({ query: (text, values) => tx.$queryRawUnsafe(text, ...values) }),
  };
}

function openPool(url: string, log: Logger, config: PoolConfig): Pool {
  const pool = new Pool({
    connectionString: url,
    connectionTimeoutMillis: 10_000,
    idleTimeoutMillis: 30_000,
    keepAlive: true,
    // A process that was stopped in the middle of a transaction must not hold its locks for ever.
    idle_in_transaction_session_timeout: 60_000,
    types: { getTypeParser },
    ...config,
  });
  // A connection that breaks, idle or in use, is replaced by the pool; without a listener it would end the process.
  // Only the message is logged: the error carries the whole client.
  pool.on('error', ({ message }) => log.debug({ message }, 'An idle database connection broke'));
  pool.on('connect', (client) => {
    client.on('error', ({ message }) => log.warn({ message }, 'A database connection broke'));
  });
  return pool;
}

/** As the Prisma client reads them, so that the same SQL means the same through both: bigint is BigInt. */
function getTypeParser(oid: number, format?: 'text' | 'binary'): (value: string) => unknown {
  if (oid === types.builtins.INT8 && format !== 'binary') return BigInt;
  return types.getTypeParser(oid, format);
}

const namedStatements = 500;

/**
 * A name makes PostgreSQL keep a statement's parse and plan for its session. Lists of different lengths give ever new
 * texts, and what is named is never forgotten: the later ones stay without a name.
 */
function statementNames(): (query: { sql: string }) => string {
  const names = new Map<string, string>();
  return ({ sql }) => {
    const known = names.get(sql);
    if (known !== undefined) return known;
    if (names.size >= namedStatements) return '';
    const name = `q_${createHash('sha256').update(sql).digest('hex').slice(0, 32)}`;
    names.set(sql, name);
    return name;
  };
}

/** Without user and password. */
function placeOf(url: string): string {
  const { host, pathname, searchParams } = new URL(url);
  return `${pathname.slice(1)} at ${searchParams.get('host') ?? host}`;
}

function messageOf(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(messageOf).join('; ');
  return error instanceof Error ? error.message : String(error);
}

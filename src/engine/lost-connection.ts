// SQLSTATE: class 08 connection exception, 57P01–57P05 shutdown and the like, 53300 too many connections, 25P03 and 25P04
// idle or long transaction ended by the server, 40001 and 40P01 serialization failure and deadlock.
const sqlStates = /^(08\w{3}|57P0[1-5]|53300|25P0[34]|40001|40P01)$/;
// Prisma: unreachable, timed out, closed, no connection free, write conflict, too many connections.
const prismaCodes = new Set(['P1001', 'P1002', 'P1008', 'P1017', 'P2024', 'P2034', 'P2037']);
// Prisma's driver adapters.
const adapterKinds = new Set([
  'DatabaseNotReachable',
  'ConnectionClosed',
  'SocketTimeout',
  'TooManyConnections',
  'TransactionWriteConflict',
]);
// What pg and Prisma's transactions say without a code of their own. A transaction that took too long is not among them: it
// would take as long again.
const messages =
  /Connection terminated|connection error and is not queryable|timeout exceeded when trying to connect|Client was closed|Unable to start a transaction|on a closed transaction|Server has closed the connection/;
const socketErrors = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'ENOENT',
  'EHOSTUNREACH',
  'ENOTFOUND',
]);

const marked = new WeakSet<object>();

/**
 * Runs work that talks to the database and marks errors of the socket as the database's: by themselves they look like those
 * of any other connection a job may have.
 */
export async function onDatabase<Result>(work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof Error && socketErrors.has(textOf(error, 'code'))) marked.add(error);
    throw error;
  }
}

/** True if the error, or what caused it, says that the database could not be talked to: nobody's failure, to be tried again. */
export function isLostConnection(error: unknown, depth = 0): boolean {
  if (typeof error !== 'object' || error === null || depth > 8) return false;
  if (marked.has(error) || messages.test(textOf(error, 'message'))) return true;
  const code = textOf(error, 'code');
  if (sqlStates.test(code) || prismaCodes.has(code) || sqlStates.test(textOf(error, 'originalCode'))) return true;
  if (adapterKinds.has(textOf(error, 'kind'))) return true;
  // The database's own socket, whoever tried to connect to it.
  if (socketErrors.has(code) && textOf(error, 'address').includes('.s.PGSQL.')) return true;
  // Prisma hides the driver's error under `meta.driverAdapterError`.
  return ['cause', 'meta', 'driverAdapterError'].some((key) => isLostConnection(Reflect.get(error, key), depth + 1));
}

function textOf(error: object, property: string): string {
  const value: unknown = Reflect.get(error, property);
  return typeof value === 'string' ? value : '';
}

// SQLSTATE: class 08 connection exception, 57P01–57P05 shutdown and the like, 53300 too many connections, 25P03 and 25P04
// idle or long transaction ended by the server, 40001 and 40P01 serialization failure and deadlock.
const sqlStates = /^(08\w{3}|57P0[1-5]|53300|25P0[34]|40001|40P01)$/;
// Prisma: unreachable, timed out, closed, no connection free, transaction lost, write conflict.
const prismaCodes = new Set(['P1001', 'P1002', 'P1008', 'P1017', 'P2024', 'P2028', 'P2034', 'P2037']);
// What pg says without a code.
const messages =
  /Connection terminated|connection error and is not queryable|timeout exceeded when trying to connect|Client was closed/;
const socketErrors = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'ENOENT',
  'EHOSTUNREACH',
  'ENOTFOUND',
]);

const lost = new WeakSet<Error>();

/**
 * Runs work that talks to the database and marks errors of the socket as the database's: by themselves they look like those
 * of any other connection a job may have.
 */
export async function onDatabase<Result>(work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof Error && socketErrors.has(textOf(error, 'code'))) lost.add(error);
    throw error;
  }
}

/** True if the error, or what caused it, says that the database could not be talked to: nobody's failure, to be tried again. */
export function isLostConnection(error: unknown): boolean {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if (lost.has(cause) || messages.test(cause.message)) return true;
    const code = textOf(cause, 'code');
    if (sqlStates.test(code) || prismaCodes.has(code)) return true;
    // Prisma's driver adapters keep PostgreSQL's own code here.
    if (sqlStates.test(textOf(cause, 'originalCode'))) return true;
  }
  return false;
}

function textOf(error: Error, property: string): string {
  const value: unknown = Reflect.get(error, property);
  return typeof value === 'string' ? value : '';
}

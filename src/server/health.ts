import { statfs } from 'node:fs/promises';
import type { Domain } from '../domain/context.ts';
import { connectorOf } from '../domain/replication-address.ts';
import type { HealthCheck } from '../graph/context.ts';

/** What the checks look at. */
export interface HealthFacts {
  domain: Domain;
  dataDir: string;
}

/** Below this much free space a copy may fail for want of it. */
const scarceBytes = 2 * 1024 ** 3;

/** Looks at each part of the service, for the graph's `health`. A part that fails is an answer, not an error. */
export async function checkHealth(facts: HealthFacts, deadlineMs = 3_000): Promise<HealthCheck[]> {
  return Promise.all([
    check('database', () => checkDatabase(facts), deadlineMs),
    check('tasks', () => checkTasks(facts), deadlineMs),
    check('data folder', () => checkSpace(facts.dataDir), deadlineMs),
    check('sites', () => checkSites(facts, deadlineMs), 2 * deadlineMs),
    check('replications', () => checkReplications(facts), deadlineMs),
  ]);
}

type Finding = Omit<HealthCheck, 'name'>;
const ok: Finding = { status: 'OK', message: null };

async function check(name: string, look: () => Promise<Finding>, deadlineMs: number): Promise<HealthCheck> {
  try {
    return { name, ...(await inTime(look(), deadlineMs)) };
  } catch (error) {
    return { name, status: 'FAILED', message: error instanceof Error ? error.message : String(error) };
  }
}

/** A network mount that hangs does so for minutes; the answer about the rest does not wait for it. */
async function inTime(finding: Promise<Finding>, deadlineMs: number): Promise<Finding> {
  const late = Promise.withResolvers<Finding>();
  const timer = setTimeout(() => {
    const message = `No answer within ${deadlineMs / 1000} s. Look for a disk, a network mount or a database that hangs.`;
    late.resolve({ status: 'DEGRADED', message });
  }, deadlineMs);
  try {
    return await Promise.race([finding, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** What keeps requests from being served; null when nothing does. Says nothing about the installation: anybody may ask. */
export async function readinessProblem({ prisma }: Pick<Domain, 'prisma'>): Promise<string | null> {
  try {
    await prisma.$queryRaw`SELECT 1`;
    return null;
  } catch {
    return 'The database does not answer.';
  }
}

async function checkDatabase({ domain }: HealthFacts): Promise<Finding> {
  const problem = await readinessProblem(domain);
  return problem === null ? ok : { status: 'FAILED', message: `${problem} See the service's log.` };
}

async function checkTasks({ domain: { prisma } }: HealthFacts): Promise<Finding> {
  // Due for a minute and yet not taken: workers are missing, or too few.
  const [row] = await prisma.$queryRaw<{ late: number }[]>`
    SELECT count(*)::int AS late FROM "Task" WHERE state = 'QUEUED' AND "dueAt" < now() - interval '1 minute'`;
  const late = row?.late ?? 0;
  if (late === 0) return ok;
  return { status: 'DEGRADED', message: `${late} tasks are due for more than a minute and no worker has taken them.` };
}

async function checkSpace(dataDir: string): Promise<Finding> {
  const { bavail, bsize } = await statfs(dataDir);
  const free = bavail * bsize;
  if (free >= scarceBytes) return ok;
  const freeMb = Math.floor(free / 1024 ** 2);
  return {
    status: 'DEGRADED',
    message: `The disk of ${dataDir} has only ${freeMb} MB left: free some, or move the folder.`,
  };
}

async function checkSites({ domain }: HealthFacts, deadlineMs: number): Promise<Finding> {
  const sites = await domain.prisma.site.findMany({
    where: { removedAt: null, path: { not: null } },
    include: { provider: true },
    orderBy: { name: 'asc' },
  });
  const troubles = await Promise.all(
    sites.map(async ({ name, path, provider }) => {
      try {
        const look = async () => connectorOf(domain, provider).folders?.inspect(path ?? '');
        const { message } = await inTime(
          look().then(() => ok),
          deadlineMs,
        );
        return message === null ? [] : [`${name}: ${message}`];
      } catch (error) {
        return [`${name}: ${error instanceof Error ? error.message : String(error)}`];
      }
    }),
  );
  const messages = troubles.flat();
  return messages.length === 0 ? ok : { status: 'DEGRADED', message: messages.join(' ') };
}

const namedReplications = 5;

async function checkReplications({ domain: { prisma } }: HealthFacts): Promise<Finding> {
  const where = { removedAt: null, overallHealth: 'RED' };
  const red = await prisma.replication.findMany({
    where,
    select: { vmName: true },
    orderBy: [{ vmName: 'asc' }, { id: 'asc' }],
    take: namedReplications,
  });
  if (red.length === 0) return ok;
  const count = await prisma.replication.count({ where });
  const names = red.map(({ vmName }) => vmName).join(', ') + (count > red.length ? ', …' : '');
  return { status: 'DEGRADED', message: `RED is the health of ${count}: ${names}. Their \`problems\` say why.` };
}

import type { Prisma, PrismaClient } from '../../prisma/client/client.ts';
import { isId } from './id.ts';

const columns = {
  id: true,
  kind: true,
  state: true,
  progress: true,
  phase: true,
  resourceName: true,
  initiatedBy: true,
  createdAt: true,
  error: true,
} as const satisfies Prisma.TaskSelect;

/** What a line about a task tells. */
export type TaskLine = Prisma.TaskGetPayload<{ select: typeof columns }>;

/** The newest tasks first, for whoever has the database; `isActive`: only those that have not ended. */
export function newestTasks(
  { prisma }: { prisma: PrismaClient },
  { isActive, limit }: { isActive: boolean; limit: number },
): Promise<TaskLine[]> {
  return prisma.task.findMany({
    where: isActive ? { finishedAt: null } : {},
    orderBy: [{ createdAt: 'desc' }, { id: 'desc' }],
    take: limit,
    select: columns,
  });
}

/** One task by its row's id; null when there is none. */
export async function taskLine({ prisma }: { prisma: PrismaClient }, id: string): Promise<TaskLine | null> {
  return isId(id) ? prisma.task.findUnique({ where: { id }, select: columns }) : null;
}

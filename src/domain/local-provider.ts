import type { Domain } from './context.ts';
import { NotFoundError } from './error.ts';

/** The provider that drgraph itself is: made at the first start, found at the others. Safe to call from two processes. */
export async function ensureLocalProvider(domain: Pick<Domain, 'prisma'>): Promise<{ id: string }> {
  await domain.prisma.provider.createMany({
    data: [{ kind: 'LOCAL', name: 'local', status: 'CONNECTED' }],
    skipDuplicates: true,
  });
  return localProvider(domain);
}

/** The LOCAL provider's row. */
export async function localProvider(
  domain: Pick<Domain, 'prisma'>,
): Promise<{ id: string; kind: string; name: string }> {
  const provider = await domain.prisma.provider.findFirst({
    where: { kind: 'LOCAL' },
    select: { id: true, kind: true, name: true },
    orderBy: { createdAt: 'asc' },
  });
  if (provider) return provider;
  throw new NotFoundError('This installation has no LOCAL provider. Start the service once to make it.');
}

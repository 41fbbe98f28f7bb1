import { randomUUID } from 'node:crypto';
import { isAbsolute, relative, sep } from 'node:path';
import { z } from 'zod';
import { connectorFailure } from './connector-failure.ts';
import type { Domain, Tx } from './context.ts';
import { ConflictError, InvalidInputError, NotFoundError, UnsupportedError } from './error.ts';
import { isId } from './id.ts';
import { isPlainText, parseInput } from './input.ts';
import { localProvider } from './local-provider.ts';
import { requireAdministrator } from './permission.ts';
import { connectorOf } from './replication-address.ts';
import { refuseWhileBusy, submitTask, type TaskOptions } from './task.ts';
import type { Viewer } from './viewer.ts';
import { visibleSites } from './visibility.ts';

/** A folder of this machine that becomes a site of the LOCAL provider. */
export interface RegisterSiteInput extends Pick<TaskOptions, 'clientToken' | 'validateOnly' | 'operationId'> {
  name: string;
  path: string;
}

/** The entity that an inventory of one site works on. */
export const siteEntity = (siteId: string) => `site:${siteId}`;

const nameMessage = 'Give 1 to 100 characters without spaces at the ends and without control characters.';
const registration = z.object({
  name: z
    .string()
    .min(1, nameMessage)
    .max(100, nameMessage)
    .refine((name) => name.trim() === name && isPlainText(name) && !/[\t\n]/.test(name), nameMessage),
  path: z
    .string()
    .max(4000, 'Give a path of at most 4000 characters.')
    .refine((path) => !path.includes('\0'), 'Leave out the NUL character.')
    .refine(
      isAbsolute,
      'Give the absolute path of a folder on the machine that runs drgraph, for example /srv/site-a.',
    ),
});

const registered = z.looseObject({ siteId: z.uuid() });

/** Registers a folder as a site. The site is there at once; its machines are when the inventory task has ended. */
export async function registerSite(
  domain: Domain,
  viewer: Viewer,
  input: RegisterSiteInput,
): Promise<{ siteId: string | null; taskId: string | null }> {
  requireAdministrator(viewer, 'register sites');
  const { name, path } = parseInput(registration, { name: input.name, path: input.path }, []);
  const provider = await localProvider(domain);
  const siteId = randomUUID();
  const submitted = await submitTask(domain, viewer, {
    kind: 'SYNC_INVENTORY',
    request: { name, path },
    options: input,
    entityKey: siteEntity(siteId),
    // One registration at a time: each sees the names and folders of those before it.
    find: (tx) => lockProvider(tx, provider.id),
    prepare: async (tx) => {
      const folder = await inspectFolder(domain, provider, path);
      await refuseTaken(tx, provider.id, name, folder);
      const data = { id: siteId, providerId: provider.id, name, type: 'ON_PREMISES', path: folder };
      await tx.site.create({ data });
      return { input: { providerId: provider.id, siteId }, about: aboutSite(data) };
    },
  });
  if (!submitted) return { siteId: null, taskId: null };
  return { siteId: registered.parse(submitted.input).siteId, taskId: submitted.taskId };
}

/** Takes a site out of use. Its folder is not touched; its machines and their history stay readable. */
export async function removeSite(
  domain: Domain,
  viewer: Viewer,
  input: { id: string; validateOnly?: boolean | null },
): Promise<{ siteId: string | null }> {
  requireAdministrator(viewer, 'remove sites');
  if (!isId(input.id)) throw absent();
  return domain.prisma.$transaction(async (tx) => {
    await tx.$queryRaw`SELECT 1 FROM "Site" WHERE "id" = ${input.id}::uuid FOR NO KEY UPDATE`;
    const site = await tx.site.findFirst({
      where: { AND: [visibleSites(viewer), { id: input.id, removedAt: null }] },
    });
    if (!site) throw absent();
    await refuseWhileUsed(tx, site);
    await refuseWhileBusy(tx, siteEntity(site.id));
    if (input.validateOnly) return { siteId: null };
    const [{ now } = { now: new Date() }] = await tx.$queryRaw<{ now: Date }[]>`SELECT now()`;
    await tx.site.update({ where: { id: site.id }, data: { removedAt: now } });
    await tx.virtualMachine.updateMany({ where: { siteId: site.id, removedAt: null }, data: { removedAt: now } });
    return { siteId: site.id };
  });
}

/** What an inventory task says of itself. */
export function aboutSite(site: { id: string; providerId: string; name: string }) {
  const { id, providerId, name } = site;
  return { providerId, siteId: id, resourceType: 'Site', resourceId: id, resourceName: name };
}

/** Locks a provider's row against other changes of its sites, but not against rows that point at it. */
export async function lockProvider(tx: Tx, providerId: string): Promise<void> {
  await tx.$queryRaw`SELECT 1 FROM "Provider" WHERE "id" = ${providerId}::uuid FOR NO KEY UPDATE`;
}

async function inspectFolder(domain: Domain, provider: { kind: string; name: string }, path: string): Promise<string> {
  const { folders } = connectorOf(domain, provider);
  if (!folders) throw new UnsupportedError(`Sites of the provider ${provider.name} are not registered here.`);
  try {
    return (await folders.inspect(path)).path;
  } catch (error) {
    const failure = connectorFailure(error);
    if (!failure) throw error;
    throw new InvalidInputError([{ path: ['path'], message: failure.message }]);
  }
}

async function refuseTaken(tx: Tx, providerId: string, name: string, path: string): Promise<void> {
  const sites = await tx.site.findMany({
    where: { providerId, removedAt: null },
    select: { name: true, path: true },
  });
  if (sites.some((site) => site.name === name)) {
    throw new ConflictError(`A site named ${name} exists already. Give another name, or remove that site first.`);
  }
  for (const site of sites) {
    if (site.path === null || !(isWithin(site.path, path) || isWithin(path, site.path))) continue;
    const how = site.path === path ? 'is the folder of' : isWithin(site.path, path) ? 'lies inside' : 'contains';
    const message = `${path} ${how} the site ${site.name} (${site.path}). Choose a folder apart from it.`;
    throw new InvalidInputError([{ path: ['path'], message }]);
  }
}

async function refuseWhileUsed(tx: Tx, site: { id: string; name: string }): Promise<void> {
  const uses = await tx.replication.findMany({
    where: { removedAt: null, OR: [{ sourceSiteId: site.id }, { destinationSiteId: site.id }] },
    select: { vmName: true },
    orderBy: { createdAt: 'asc' },
    take: 4,
  });
  if (uses.length === 0) return;
  const names = uses.slice(0, 3).map((use) => use.vmName);
  const more = uses.length > 3 ? ' and others' : '';
  throw new ConflictError(
    `The site ${site.name} is used by the replications of ${names.join(', ')}${more}. Stop them with stopReplication first.`,
  );
}

function isWithin(root: string, path: string): boolean {
  const way = relative(root, path);
  return way === '' || (way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way));
}

const absent = () => new NotFoundError('No site has this id, or you may not see it.');

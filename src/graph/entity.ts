import { createContextCache } from '@pothos/core';
import { queryFromInfo } from '@pothos/plugin-prisma';
import DataLoader from 'dataloader';
import type { GraphQLResolveInfo } from 'graphql';
import type { Prisma, PrismaClient } from '../../prisma/client/client.ts';
import type { Viewer } from '../domain/viewer.ts';
import {
  visibleInstances,
  visibleOrganizations,
  visibleProviders,
  visibleReplications,
  visibleSites,
  visibleTasks,
  visibleVirtualMachines,
} from '../domain/visibility.ts';
import { type GraphContext, viewerOf } from './context.ts';
import { decodeGlobalId } from './global-id.ts';

type Find = (prisma: PrismaClient, viewer: Viewer, id: Prisma.UuidFilter, query: object) => Promise<{ id: string }[]>;

// One way in for every look-up by id (node, nodes, _entities, Task.resource, …), so that all of them see what lists see.
const finders = {
  Provider: (prisma, viewer, id, query) =>
    prisma.provider.findMany({ ...query, where: { AND: [visibleProviders(viewer), { id }] } }),
  Site: (prisma, viewer, id, query) =>
    prisma.site.findMany({ ...query, where: { AND: [visibleSites(viewer), { id }] } }),
  Organization: (prisma, viewer, id, query) =>
    prisma.organization.findMany({ ...query, where: { AND: [visibleOrganizations(viewer), { id }] } }),
  VirtualMachine: (prisma, viewer, id, query) =>
    prisma.virtualMachine.findMany({ ...query, where: { AND: [visibleVirtualMachines(viewer), { id }] } }),
  Replication: (prisma, viewer, id, query) =>
    prisma.replication.findMany({ ...query, where: { AND: [visibleReplications(viewer), { id }] } }),
  Instance: (prisma, viewer, id, query) =>
    prisma.instance.findMany({ ...query, where: { AND: [visibleInstances(viewer), { id }] } }),
  Task: (prisma, viewer, id, query) =>
    prisma.task.findMany({ ...query, where: { AND: [visibleTasks(viewer), { id }] } }),
  User: (prisma, _viewer, id, query) => prisma.user.findMany({ ...query, where: { id } }),
  Session: (prisma, viewer, id, query) => prisma.session.findMany({ ...query, where: { userId: viewer.userId, id } }),
} satisfies Record<string, Find>;

/** The types that have an id of their own. */
export type EntityType = keyof typeof finders;

/** A row as the document selects it; Pothos knows which of its columns are there. */
export interface Loaded {
  id: string;
  __typename: EntityType;
}

export function isEntityType(type: string): type is EntityType {
  return Object.hasOwn(finders, type);
}

type Loader = DataLoader<string, Loaded | null>;

// A loader for each type and place in the document, because what a place selects decides what is read.
const loaders = createContextCache((_context: GraphContext) => new Map<string, Loader>());

/**
 * The row of an id with what the document selects of it, or null when there is none that the viewer may see. All ids asked for
 * at one place of the document are one statement for each type.
 */
export async function loadEntity(
  context: GraphContext,
  info: GraphQLResolveInfo,
  type: EntityType,
  id: string,
): Promise<Loaded | null> {
  const cache = loaders(context);
  const place = `${type}@${placeOf(info)}`;
  // For each row again, although the query is the same for all rows of a place: Pothos notes with it, for this row's path, that
  // what is selected below is loaded. Without the note each field of the row would be read once more.
  const query = queryFromInfo({ context, info, typeName: type, select: { id: true } });
  const loader = cache.get(place) ?? createLoader(context, type, query);
  cache.set(place, loader);
  return loader.load(id);
}

function createLoader(context: GraphContext, type: EntityType, query: object): Loader {
  const find: Find = finders[type];
  return new DataLoader(async (ids) => {
    const rows = await find(context.domain.prisma, viewerOf(context), { in: [...ids] }, query);
    const byId = new Map(rows.map((row) => [row.id, { ...row, __typename: type }]));
    return ids.map((wanted) => byId.get(wanted) ?? null);
  });
}

/** The same by a client's id of any type; null for a string that is no id. */
export async function loadNode(context: GraphContext, info: GraphQLResolveInfo, globalId: string) {
  const decoded = decodeGlobalId(globalId);
  if (!decoded || !isEntityType(decoded.type)) return null;
  return loadEntity(context, info, decoded.type, decoded.id);
}

/** The path of field aliases without list positions: the same for all rows of a list. */
function placeOf(info: GraphQLResolveInfo): string {
  const keys: string[] = [];
  for (let path: typeof info.path | undefined = info.path; path; path = path.prev) {
    if (typeof path.key === 'string') keys.unshift(path.key);
  }
  return keys.join('.');
}

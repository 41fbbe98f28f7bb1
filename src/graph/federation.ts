import { createContextCache, type ObjectRef } from '@pothos/core';
import DataLoader from 'dataloader';
import type { GraphQLUnionType } from 'graphql';
import { z } from 'zod';
import { visibleVirtualMachines } from '../domain/visibility.ts';
import { builder, type SchemaTypes } from './builder.ts';
import { type GraphContext, viewerOf } from './context.ts';
import { type EntityType, type Loaded, loadEntity } from './entity.ts';
import { rowId } from './global-id.ts';
import { refusal } from './refusal.ts';

const byId = z.object({ id: z.string() });

/**
 * Makes a type an entity that other subgraphs refer to by `id`. `_entities` is read like `node`: same visibility, and null for
 * what is not there. It is no field of the builder, so its session check is that of `loadEntity`.
 */
export function keyedById(ref: ObjectRef<SchemaTypes, { id: string }>, type: EntityType): void {
  builder.asEntity(ref, {
    key: builder.selection<{ id: string }>('id'),
    resolveReference: (reference, context, info): Promise<Loaded | null> | null => {
      const key = byId.safeParse(reference);
      return key.success ? loadEntity(context, info, type, rowId(type, key.data.id)) : null;
    },
  });
}

const byNativeId = z.object({
  provider: z.object({ id: z.string() }),
  nativeId: z.string().refine((text) => !text.includes('\0')), // PostgreSQL keeps NUL in no text.
});

/** Machines are also known by their provider and its own id: a subgraph beside a vendor knows nothing else. */
export function keyedByIdOrNativeId(ref: ObjectRef<SchemaTypes, { id: string }>): void {
  builder.asEntity(ref, {
    key: [
      builder.selection<{ id: string }>('id'),
      builder.selection<{ provider: { id: string }; nativeId: string }>('provider { id } nativeId'),
    ],
    resolveReference: async (reference, context, info): Promise<Loaded | null> => {
      const key = byId.safeParse(reference);
      if (key.success) return loadEntity(context, info, 'VirtualMachine', rowId('VirtualMachine', key.data.id));
      const pair = byNativeId.safeParse(reference);
      if (!pair.success) return null;
      const id = await machineOf(context, rowId('Provider', pair.data.provider.id), pair.data.nativeId);
      return id === null ? null : loadEntity(context, info, 'VirtualMachine', id);
    },
  });
}

const machines = createContextCache(
  (context: GraphContext) =>
    new DataLoader<{ providerId: string; nativeId: string }, string | null, string>(
      async (pairs) => {
        const rows = await context.domain.prisma.virtualMachine.findMany({
          where: { AND: [visibleVirtualMachines(viewerOf(context)), { removedAt: null }, { OR: [...pairs] }] },
          select: { id: true, providerId: true, nativeId: true },
        });
        return pairs.map(({ providerId, nativeId }) => {
          const found = rows.filter((row) => row.providerId === providerId && row.nativeId === nativeId);
          // A provider's id is unique within a site. Two sites with the same one: nobody can say which is meant.
          return found.length === 1 ? (found[0]?.id ?? null) : null;
        });
      },
      { cacheKeyFn: ({ providerId, nativeId }) => `${providerId} ${nativeId}` },
    ),
);

function machineOf(context: GraphContext, providerId: string, nativeId: string): Promise<string | null> {
  return machines(context).load({ providerId, nativeId });
}

const maxRepresentations = 1000;
const representation = z.object({ __typename: z.string() });

/**
 * Refuses what `_entities` cannot look up at all: a type that is no entity here is a gateway's mistake, or a stranger's. Apollo's
 * resolver throws a plain error at it.
 */
export function checkRepresentations(representations: unknown, entities: GraphQLUnionType): void {
  const given: unknown[] = Array.isArray(representations) ? representations : [];
  if (given.length > maxRepresentations) {
    const message = `representations: give at most ${maxRepresentations}; these are ${given.length}.`;
    throw refusal('INVALID_INPUT', message);
  }
  const names = entities.getTypes().map(({ name }) => name);
  for (const [index, item] of given.entries()) {
    const { data } = representation.safeParse(item);
    if (data && names.includes(data.__typename)) continue;
    const message = `representations.${index}: give an object whose __typename is one of ${names.join(', ')}.`;
    throw refusal('INVALID_INPUT', message);
  }
}

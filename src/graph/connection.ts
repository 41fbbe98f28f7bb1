import type { InputRef } from '@pothos/core';
import { queryFromInfo } from '@pothos/plugin-prisma';
import type { GraphQLResolveInfo } from 'graphql';
import type { PrismaClient } from '../../prisma/client/client.ts';
import type { Viewer } from '../domain/viewer.ts';
import { builder } from './builder.ts';
import { type GraphContext, viewerOf } from './context.ts';
import { behind, type ColumnKind, decodeCursor, encodeCursor, type OrderTerm, reversed } from './cursor.ts';
import { checkFilter } from './filter.ts';
import { refusal } from './refusal.ts';

const defaultSize = 50;
const maxSize = 500;

export const OrderDirection = builder.enumType('OrderDirection', {
  description: 'Which end of an order comes first. Values that are not known (null) count as greater than all others.',
  values: {
    ASC: { description: 'Smallest, oldest or alphabetically first at the start.' },
    DESC: { description: 'Greatest, newest or alphabetically last at the start.' },
  } as const,
});

/** One thing that a list can be ordered by: a column and how a cursor writes its values. */
export interface OrderField {
  description: string;
  column: string;
  kind: ColumnKind;
  nullable?: boolean;
}

interface OrderInput<Field extends string> {
  field: Field;
  direction?: 'ASC' | 'DESC' | null;
}

/** The arguments of every list. */
export interface ListArgs<Filter extends object, Field extends string> {
  first?: number | null;
  after?: string | null;
  last?: number | null;
  before?: string | null;
  filter?: Filter | null;
  orderBy?: readonly OrderInput<Field>[] | null;
}

export interface ListDefinition<Row extends { id: string }, Filter extends object, Field extends string> {
  /** The type of the items. */
  type: string;
  /** What a viewer may see of them: one of the domain's conditions. */
  visible(viewer: Viewer): object;
  /** The condition of a filter; without one: what is listed by default. */
  where: (filter?: Filter) => object;
  order: Record<Field, OrderField>;
  defaultOrder: readonly OrderInput<NoInfer<Field>>[];
  find(prisma: PrismaClient, query: object): Promise<Row[]>;
  count(prisma: PrismaClient, where: object): Promise<number>;
}

/** The slice of a list that arguments ask for, as Prisma takes it. */
interface Slice {
  terms: OrderTerm[];
  size: number;
  backward: boolean;
  hasBound: boolean;
  where: object[];
  key: object[];
}

interface Edge<Row> {
  cursor: string;
  node: Row;
}

/** A page whose rows and count are only read when a client asks for them. */
interface Page<Row> {
  readonly edges: Edge<Row>[] | Promise<Edge<Row>[]>;
  readonly pageInfo: PageInfo | Promise<PageInfo>;
  totalCount(): number | Promise<number>;
}

interface PageInfo {
  hasNextPage: boolean;
  hasPreviousPage: boolean;
  startCursor: string | null;
  endCursor: string | null;
}

const nodePaths = [[{ name: 'nodes' }], [{ name: 'edges' }, { name: 'node' }]];

/** How Pothos' Prisma plugin plans the selection below a field: the contract of its own `relatedConnection`. */
type NestedQuery = (query: object, include: { getType(): string; paths: { name: string }[][] }) => { select?: object };

/** Makes the pages of a list: at the root by a statement of their own, below a row as part of that row's statement. */
export function defineList<Row extends { id: string }, Filter extends object, Field extends string>(
  definition: ListDefinition<Row, Filter, Field>,
) {
  const slice = (args: ListArgs<Filter, Field>, context: GraphContext): Slice =>
    sliceOf(definition, args, [definition.visible(viewerOf(context)), definition.where(args.filter ?? undefined)]);

  return {
    /** A page of all that the viewer may see, narrowed by `scope`. */
    page(
      args: ListArgs<Filter, Field>,
      context: GraphContext,
      info: GraphQLResolveInfo,
      scope: object[] = [],
    ): Page<Row> {
      const { prisma } = context.domain;
      const wanted = slice(args, context);
      let rows: Promise<Row[]> | undefined;
      const columns = (): object =>
        queryFromInfo({
          context,
          info,
          paths: nodePaths.map((path) => path.map(({ name }) => name)),
          select: keyColumns(wanted.terms),
        });
      const read = () => {
        rows ??= definition.find(prisma, { ...columns(), ...prismaQuery(wanted, scope) });
        return rows;
      };
      return {
        get edges() {
          return read().then((found) => pageOf(found, wanted).edges);
        },
        get pageInfo() {
          return read().then((found) => pageOf(found, wanted).pageInfo);
        },
        totalCount: () => definition.count(prisma, { AND: [...wanted.where, ...scope] }),
      };
    },

    /**
     * The options of a field that pages through a relation of a Prisma object. Rows and count are planned into the parents'
     * own statement, so a list of parents costs no more statements than one; the default `relation` of Pothos pages by row
     * id and knows no order but that. A second use of the relation in one document, with other arguments, is one statement more.
     */
    related(relation: string) {
      const select = (
        args: ListArgs<Filter, Field>,
        context: GraphContext,
        nestedQuery: NestedQuery,
        selectedNames: () => ReadonlySet<string>,
      ) => {
        const wanted = slice(args, context);
        const nested = nestedQuery(prismaQuery(wanted), { getType: () => definition.type, paths: nodePaths });
        const names = selectedNames();
        const rows = ['edges', 'nodes', 'pageInfo'].some((name) => names.has(name));
        const count = names.has('totalCount')
          ? { _count: { select: { [relation]: { where: { AND: wanted.where } } } } }
          : {};
        const select = { ...keyColumns(wanted.terms), ...nested.select };
        return { select: { ...count, ...(rows ? { [relation]: { ...nested, select } } : {}) } };
      };
      return {
        extensions: { pothosPrismaSelect: select },
        resolve: (parent: object, args: ListArgs<Filter, Field>, context: GraphContext): Page<Row> => {
          const wanted = slice(args, context);
          const rows: readonly Row[] | undefined = Reflect.get(parent, relation);
          const counts: Record<string, number> | undefined = Reflect.get(parent, '_count');
          return { ...pageOf(rows ?? [], wanted), totalCount: () => counts?.[relation] ?? 0 };
        },
      };
    },
  };
}

/** The enumeration and the input of a list's `orderBy`. */
export function orderInput<Field extends string>(type: string, fields: Record<Field, OrderField>) {
  const field = builder.enumType(`${type}OrderField`, {
    description: `What a list of ${type} objects can be ordered by.`,
    values: fields,
  });
  return builder.inputType(`${type}Order`, {
    description: `One level of an order of ${type} objects. Ties after the last level are broken by id, in that level's direction.`,
    fields: (t) => ({
      field: t.field({ type: field, required: true, description: 'The value to compare.' }),
      direction: t.field({
        type: OrderDirection,
        defaultValue: 'ASC',
        description: 'Whether the smallest or the greatest comes first.',
      }),
    }),
  });
}

/** The arguments that every list has beside Relay's own. */
export function listArgs<FilterRef extends InputRef, OrderRef extends InputRef>(filter: FilterRef, order: OrderRef) {
  return builder.args((t) => ({
    filter: t.field({
      type: filter,
      description: 'Only items that meet every condition given here; a condition left out says nothing.',
    }),
    orderBy: t.field({
      type: [order],
      description:
        'The order, most important first. Cursors belong to the order they were given in, so repeat it on every page.',
    }),
  }));
}

function sliceOf<Row extends { id: string }, Filter extends object, Field extends string>(
  { order, defaultOrder }: ListDefinition<Row, Filter, Field>,
  args: ListArgs<Filter, Field>,
  where: object[],
): Slice {
  checkFilter(args.filter);
  const terms = orderTerms(order, args.orderBy?.length ? args.orderBy : defaultOrder);
  if (args.first != null && args.last != null) {
    throw refusal('INVALID_INPUT', 'first, last: give one of them. `first` pages forward, `last` pages backward.');
  }
  const backward = args.last != null || (args.before != null && args.first == null && args.after == null);
  const size = args.first ?? args.last ?? defaultSize;
  if (size < 0 || size > maxSize) {
    throw refusal(
      'INVALID_INPUT',
      `${backward ? 'last' : 'first'}: must be 0 to ${maxSize}, was ${size}. Page through the rest with cursors.`,
    );
  }
  const key = [
    ...(args.after == null ? [] : [behind(terms, decodeCursor(terms, args.after, 'after'))]),
    ...(args.before == null ? [] : [behind(reversed(terms), decodeCursor(terms, args.before, 'before'))]),
  ];
  return { terms, size, backward, hasBound: (backward ? args.before : args.after) != null, where, key };
}

function orderTerms<Field extends string>(
  fields: Record<Field, OrderField>,
  orderBy: readonly OrderInput<Field>[],
): OrderTerm[] {
  const terms = new Map<string, OrderTerm>();
  let direction: OrderTerm['direction'] = 'asc';
  for (const input of orderBy) {
    const { column, kind, nullable = false } = fields[input.field];
    if (terms.has(column)) continue; // Said before: it cannot order anything any more.
    direction = input.direction === 'DESC' ? 'desc' : 'asc';
    terms.set(column, { column, kind, nullable, direction });
  }
  return [...terms.values(), { column: 'id', kind: 'id', nullable: false, direction }];
}

function prismaQuery({ terms, size, backward, where, key }: Slice, scope: object[] = []) {
  return {
    where: { AND: [...where, ...scope, ...key] },
    orderBy: (backward ? reversed(terms) : terms).map(({ column, direction }) => ({ [column]: direction })),
    // One more than asked for, to know whether there is more.
    take: size + 1,
  };
}

function keyColumns(terms: readonly OrderTerm[]): Record<string, true> {
  return Object.fromEntries(terms.map(({ column }) => [column, true]));
}

function pageOf<Row extends { id: string }>(rows: readonly Row[], { terms, size, backward, hasBound }: Slice) {
  const hasMore = rows.length > size;
  const taken = rows.slice(0, size);
  if (backward) taken.reverse();
  const edges = taken.map((node) => ({ cursor: encodeCursor(terms, node), node }));
  return {
    edges,
    pageInfo: {
      hasNextPage: backward ? hasBound : hasMore,
      hasPreviousPage: backward ? hasMore : hasBound,
      startCursor: edges.at(0)?.cursor ?? null,
      endCursor: edges.at(-1)?.cursor ?? null,
    },
  };
}

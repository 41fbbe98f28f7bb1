// Keyset cursors: a cursor holds the values of the row's order columns and its id, so that the next page starts by a
// comparison and not by counting rows. It stays valid when rows come and go, its own included.

import { z } from 'zod';
import { refusal } from './refusal.ts';

/** How a column's values are written in a cursor and read back. */
export type ColumnKind = 'moment' | 'text' | 'id' | 'int' | 'bigint' | 'float';

export interface OrderTerm {
  column: string;
  kind: ColumnKind;
  nullable: boolean;
  direction: 'asc' | 'desc';
}

type KeyValue = Date | string | number | bigint | null;

const int64 = 2n ** 63n;

// As narrow as the columns: what PostgreSQL would refuse is no cursor that this list gave.
const readers = {
  moment: z.iso
    .datetime()
    .transform((text) => new Date(text))
    .refine((moment) => moment.getUTCFullYear() >= 1), // PostgreSQL has no year 0.
  text: z.string().refine((text) => !text.includes('\0')),
  id: z.guid(),
  int: z.int32(),
  float: z.number(),
  bigint: z
    .string()
    .regex(/^-?[0-9]{1,19}$/)
    .transform(BigInt)
    .refine((value) => value >= -int64 && value < int64),
} satisfies Record<ColumnKind, z.ZodType<KeyValue>>;

/** Two orders have the same signature when a cursor of one is a place in the other. */
function signature(terms: readonly OrderTerm[]): string {
  return terms.map(({ column, direction }) => `${column}:${direction}`).join(',');
}

/** The cursor of a row that was read with all columns of its order. */
export function encodeCursor(terms: readonly OrderTerm[], row: object): string {
  const values = terms.map(({ column }) => {
    const value: unknown = Reflect.get(row, column);
    return typeof value === 'bigint' ? value.toString() : value;
  });
  return Buffer.from(JSON.stringify([signature(terms), ...values])).toString('base64url');
}

/** The values that a cursor holds, one for each term. `argument` names the culprit when it is no cursor of this order. */
export function decodeCursor(terms: readonly OrderTerm[], cursor: string, argument: string): KeyValue[] {
  const fields = terms.map(({ kind, nullable }) => (nullable ? readers[kind].nullable() : readers[kind]));
  const parsed = z.array(z.unknown()).safeParse(parseJson(Buffer.from(cursor, 'base64url').toString()));
  if (!parsed.success || parsed.data.length === 0) {
    throw refusal('INVALID_INPUT', `${argument}: this is not a cursor of this list. Pass one that it gave, unchanged.`);
  }
  const [signed, ...values] = parsed.data;
  if (signed !== signature(terms)) {
    throw refusal(
      'INVALID_INPUT',
      `${argument}: this cursor belongs to another orderBy. Repeat the order that it came from.`,
    );
  }
  return fields.map((field, index) => {
    const value = field.safeParse(values[index]);
    if (!value.success) {
      throw refusal(
        'INVALID_INPUT',
        `${argument}: this is not a cursor of this list. Pass one that it gave, unchanged.`,
      );
    }
    return value.data;
  });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // The caller refuses it, with the argument's name.
  }
}

/** The same order read from its other end. */
export function reversed(terms: readonly OrderTerm[]): OrderTerm[] {
  return terms.map((term) => ({ ...term, direction: term.direction === 'asc' ? 'desc' : 'asc' }));
}

/**
 * The condition of all rows behind the given key. Nulls are greater than any value, as in PostgreSQL's own order, so the
 * same index serves both directions. `a < x OR (a = x AND id < y)` alone makes PostgreSQL read the whole index up to the
 * key; the bound `a <= x` in front of it makes it start there.
 */
export function behind(terms: readonly OrderTerm[], values: readonly KeyValue[]): object {
  const alternatives = terms.flatMap((term, index) => {
    const beyond = beyondValue(term, values[index] ?? null, 'strictly');
    if (!beyond) return [];
    const equal = terms.slice(0, index).map(({ column }, place) => ({ [column]: values[place] ?? null }));
    return [{ AND: [...equal, beyond] }];
  });
  const [first] = terms;
  const bound = first && beyondValue(first, values[0] ?? null, 'or equal');
  return { AND: [...(bound ? [bound] : []), { OR: alternatives }] };
}

function beyondValue(term: OrderTerm, value: KeyValue, how: 'strictly' | 'or equal'): object | undefined {
  const { column, direction, nullable } = term;
  const strict = how === 'strictly';
  if (value === null) {
    if (direction === 'desc') return strict ? { [column]: { not: null } } : undefined;
    return strict ? undefined : { [column]: null };
  }
  if (direction === 'desc') return { [column]: { [strict ? 'lt' : 'lte']: value } };
  const greater = { [column]: { [strict ? 'gt' : 'gte']: value } };
  return nullable ? { OR: [greater, { [column]: null }] } : greater;
}

import type { InputFields } from './builder.ts';
import { refusal } from './refusal.ts';

const maxValues = 1000;

/** Refuses what no statement should carry: sets of any length, and NUL, which PostgreSQL keeps in no text. */
export function checkFilter(filter: object | null | undefined): void {
  for (const [condition, value] of Object.entries(filter ?? {})) {
    const values: unknown[] = Array.isArray(value) ? value : [value];
    if (values.length > maxValues) {
      throw refusal(
        'INVALID_INPUT',
        `filter.${condition}: give at most ${maxValues} values; these are ${values.length}.`,
      );
    }
    if (values.some((text) => typeof text === 'string' && text.includes('\0'))) {
      throw refusal('INVALID_INPUT', `filter.${condition}: leave out the NUL character.`);
    }
  }
}

/** A condition on text as people type it: anywhere, in any case, with `%` and `_` meaning themselves. */
export function containing(text: string | null | undefined): { contains: string; mode: 'insensitive' } | undefined {
  return text == null ? undefined : { contains: text.replace(/[\\%_]/g, '\\$&'), mode: 'insensitive' };
}

/** A condition on a moment, from a filter's pair of bounds; both ends are exclusive. */
export function between(
  after: Date | null | undefined,
  before: Date | null | undefined,
): { gt?: Date; lt?: Date } | undefined {
  return after == null && before == null ? undefined : { gt: after ?? undefined, lt: before ?? undefined };
}

/** A condition on whether a column has a value. */
export function isSet(wanted: boolean | null | undefined): null | { not: null } | undefined {
  return wanted == null ? undefined : wanted ? { not: null } : null;
}

/** What a filter says of objects that were taken out of use; their rows stay for the history of what they did. */
interface RemovalFilter {
  isRemoved?: boolean | null;
  includeRemoved?: boolean | null;
}

/** The condition on `removedAt`: lists hold what is in use, unless their filter asks for more. */
export function removal({ isRemoved, includeRemoved }: RemovalFilter): null | { not: null } | undefined {
  return includeRemoved && isRemoved == null ? undefined : isSet(isRemoved ?? false);
}

/** The two input fields of a filter that `removal` reads; `removed` says in the type's own words what that is. */
export function removalFields(t: InputFields, removed: string) {
  return {
    isRemoved: t.boolean({
      description: `true: only those ${removed}; false, as when not given: only those in use. A look-up by id finds both.`,
    }),
    includeRemoved: t.boolean({
      description: `true: those in use and those ${removed} together. Says nothing beside \`isRemoved\`.`,
    }),
  };
}

/** A condition on one of our words. UNKNOWN stands for every word that the list does not have, as it does in answers. */
export function among(
  words: readonly string[],
  wanted: readonly string[] | null | undefined,
): { in?: string[]; notIn?: string[] } | undefined {
  if (wanted == null) return undefined;
  return wanted.includes('UNKNOWN') ? { notIn: words.filter((word) => !wanted.includes(word)) } : { in: [...wanted] };
}

import { GraphQLError, Kind } from 'graphql';
import { z } from 'zod';
import { builder } from './builder.ts';

const dateTime = z.iso.datetime({ offset: true, precision: undefined });
const wholeNumber = /^-?(0|[1-9][0-9]{0,39})$/;

function parseDateTime(value: unknown): Date {
  const text = dateTime.safeParse(value);
  const date = text.success ? new Date(text.data) : undefined;
  // Years that PostgreSQL and ISO 8601 with four digits both have, after the offset was taken off.
  const year = date?.getUTCFullYear() ?? 0;
  if (!date || Number.isNaN(year) || year < 1 || year > 9999) {
    throw new GraphQLError(
      `DateTime takes ISO 8601 with seconds and an offset, such as "2026-11-21T08:30:00Z"; got ${JSON.stringify(value)}.`,
    );
  }
  return date;
}

function parseBigInt(value: unknown): bigint {
  if (typeof value === 'bigint') return value;
  if (typeof value === 'number' && Number.isSafeInteger(value)) return BigInt(value);
  if (typeof value === 'string' && wholeNumber.test(value)) return BigInt(value);
  throw new GraphQLError(`BigInt takes a whole number, written as a string; got ${JSON.stringify(value)}.`);
}

builder.scalarType('DateTime', {
  description:
    'A moment, as an ISO 8601 string in UTC with milliseconds: "2026-11-21T08:30:00.000Z". Input may carry another offset and is converted; a date alone, a time without offset and a Unix number are refused.',
  specifiedByURL: 'https://scalars.graphql.org/andimarek/date-time.html',
  serialize: (value) => value.toISOString(),
  parseValue: parseDateTime,
  parseLiteral: (node) => parseDateTime(node.kind === Kind.STRING ? node.value : undefined),
});

builder.scalarType('BigInt', {
  description:
    'A whole number of any size, always a string in JSON ("4294967296"), because JSON numbers lose digits above 2^53 in many clients. Input takes a string or an integer.',
  serialize: (value) => value.toString(),
  parseValue: parseBigInt,
  parseLiteral: (node) => parseBigInt(node.kind === Kind.STRING || node.kind === Kind.INT ? node.value : undefined),
});

builder.scalarType('JSON', {
  description:
    'Any JSON value, where the shape belongs to a provider or to a kind of object rather than to this schema.',
  serialize: (value) => value,
});

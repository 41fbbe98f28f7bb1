import type { z } from 'zod';
import { InvalidInputError } from './error.ts';

/** Parses a part of an action's input; every mistake becomes a field problem under `path`. */
export function parseInput<Output>(schema: z.ZodType<Output>, value: unknown, path: string[]): Output {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new InvalidInputError(
    parsed.error.issues.map((issue) => ({ path: [...path, ...issue.path.map(String)], message: issue.message })),
  );
}

// Tab and newline are the only control characters that a description may have; a NUL cannot even be stored.
const control = /(?![\t\n])[\p{Cc}\p{Cs}]/u;

/** True for text that can be stored and shown: no control characters other than tab and newline. */
export function isPlainText(text: string): boolean {
  return !control.test(text);
}

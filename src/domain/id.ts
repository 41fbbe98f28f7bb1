import { z } from 'zod';

const uuid = z.uuid();

/** True for text that can be an id of the database; anything else is answered as an absent object is. */
export function isId(text: unknown): text is string {
  return uuid.safeParse(text).success;
}

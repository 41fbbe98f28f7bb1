// The ids that clients hold: type and row, packed so that nobody is tempted to read them. A string that is no id of the
// wanted type becomes an id that no row has, so that it takes the same path and gets the same answer as an absent object.

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** The id that no row has: PostgreSQL's gen_random_uuid() never makes it. */
export const absentId = '00000000-0000-0000-0000-000000000000';

export interface GlobalId {
  type: string;
  id: string;
}

/** Packs a type name and a row's uuid. */
export function encodeGlobalId(type: string, id: string): string {
  return Buffer.from(`${type}:${id}`).toString('base64url');
}

/** Unpacks an id; null when it is none of ours. */
export function decodeGlobalId(text: string): GlobalId | null {
  const unpacked = Buffer.from(text, 'base64url').toString();
  const colon = unpacked.indexOf(':');
  const type = unpacked.slice(0, colon);
  const id = unpacked.slice(colon + 1);
  if (colon < 1 || !uuid.test(id) || encodeGlobalId(type, id) !== text) return null;
  return { type, id };
}

/** The row's uuid behind a client's id of the given type, or `absentId`. */
export function rowId(type: string, text: string): string {
  const decoded = decodeGlobalId(text);
  return decoded?.type === type ? decoded.id : absentId;
}

/** The uuids behind a filter's ids; undefined where the filter says nothing. */
export function rowIds(type: string, texts: readonly string[] | null | undefined): string[] | undefined {
  return texts?.map((text) => rowId(type, text));
}

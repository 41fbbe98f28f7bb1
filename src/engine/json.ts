/**
 * JSON as PostgreSQL's jsonb takes it: the NUL character, which it refuses, becomes U+FFFD, and big integers become
 * decimal strings.
 */
export function toJson(value: unknown): string {
  return JSON.stringify(value ?? null, (_key, inner: unknown) => {
    if (typeof inner === 'bigint') return inner.toString();
    return typeof inner === 'string' ? inner.replaceAll('\0', '\uFFFD') : inner;
  });
}

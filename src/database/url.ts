/** A connection URL that may be shown and logged. What cannot be told from a password is left out. */
export function withoutPassword(url: string): string {
  if (!/^\w+:\/\//.test(url) || !URL.canParse(url)) return `${url.length} characters that are not a URL (not shown)`;
  const shown = new URL(url);
  if (shown.password !== '') shown.password = '***';
  for (const name of shown.searchParams.keys()) {
    if (/password/i.test(name)) shown.searchParams.set(name, '***');
  }
  return shown.href;
}

import { randomBytes } from 'node:crypto';
import { Client } from 'pg';
import { inject } from 'vitest';

/** The migrated database that every test database is a copy of. */
export const templateName = 'drgraph_template';

/** The same server, another database. */
export function urlOfDatabase(serverUrl: string, name: string): string {
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  return url.href;
}

/** A database of this test file's own, migrated and without rows but those of the migrations. */
export async function testDatabase(): Promise<{ url: string; drop(): Promise<void> }> {
  return copyOf(templateName);
}

/** A database of this test file's own without a single table. */
export async function emptyDatabase(): Promise<{ url: string; drop(): Promise<void> }> {
  return copyOf('template0');
}

async function copyOf(template: string): Promise<{ url: string; drop(): Promise<void> }> {
  const name = `test_${randomBytes(8).toString('hex')}`;
  await onServer(`CREATE DATABASE ${name} TEMPLATE ${template}`);
  return {
    url: urlOfDatabase(inject('databaseUrl'), name),
    drop: () => onServer(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`),
  };
}

async function onServer(statement: string): Promise<void> {
  const client = new Client({ connectionString: urlOfDatabase(inject('databaseUrl'), 'postgres') });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}

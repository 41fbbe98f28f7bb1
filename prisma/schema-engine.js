// Prisma's schema engine in its WebAssembly build, over pg: the native one is fetched from the network at run time. It
// splits scripts at every semicolon, so comments in migrations have none. It works once in a process.
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PrismaPg } from '@prisma/adapter-pg';
import { bindMigrationAwareSqlAdapterFactory } from '@prisma/driver-adapter-utils';
import pg from 'pg';

export const here = dirname(fileURLToPath(import.meta.url));
export const schemaFile = (path) => ({ path: 'schema.prisma', content: readFileSync(path, 'utf8') });
export const allTables = { externalTables: [], externalEnums: [] };

/** Runs work with an engine on the database. */
export async function withSchemaEngine(url, work) {
  const folder = dirname(fileURLToPath(import.meta.resolve('@prisma/schema-engine-wasm')));
  const wasm = await import(join(folder, 'schema_engine_bg.js'));
  const code = readFileSync(join(folder, 'schema_engine_bg.wasm'));
  const { instance } = await WebAssembly.instantiate(code, { './schema_engine_bg.js': wasm });
  wasm.__wbg_set_wasm(instance.exports);
  instance.exports.__wbindgen_start();
  const schema = schemaFile(join(here, 'schema.prisma'));
  // The engine does not close what it opens, and an open pool would keep the process for 10 s.
  const pool = new pg.Pool({ connectionString: url });
  try {
    const adapter = bindMigrationAwareSqlAdapterFactory(new PrismaPg(pool));
    const engine = await wasm.SchemaEngine.new({ datamodels: [[schema.path, schema.content]] }, () => {}, adapter);
    return await work(engine);
  } finally {
    await pool.end();
  }
}

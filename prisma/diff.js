// Prints the SQL that leads from an older schema file (from an empty database when none is given) to schema.prisma:
//   DATABASE_URL=… node prisma/diff.js [old.prisma] > prisma/migrations/<time>_<name>/migration.sql
// Uses the schema engine's WebAssembly build, because the native one is fetched from the network at run time. It only
// opens a connection to learn the server's version; its own reading of a live database fails on pg's "char" type.
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PrismaPg } from '@prisma/adapter-pg';
import { bindMigrationAwareSqlAdapterFactory } from '@prisma/driver-adapter-utils';
import pg from 'pg';

const here = dirname(fileURLToPath(import.meta.url));
const schemaFile = (path) => ({ path: 'schema.prisma', content: readFileSync(path, 'utf8') });

/** Works once in a process: the WebAssembly build keeps state of its own. */
export async function schemaSql(url, oldSchemaPath) {
  const folder = dirname(fileURLToPath(import.meta.resolve('@prisma/schema-engine-wasm')));
  const wasm = await import(join(folder, 'schema_engine_bg.js'));
  const code = readFileSync(join(folder, 'schema_engine_bg.wasm'));
  const { instance } = await WebAssembly.instantiate(code, { './schema_engine_bg.js': wasm });
  wasm.__wbg_set_wasm(instance.exports);
  instance.exports.__wbindgen_start();
  // The engine does not close what it opens, and an open pool would keep the process for 10 s.
  const pool = new pg.Pool({ connectionString: url });
  const schema = schemaFile(join(here, 'schema.prisma'));
  const adapter = bindMigrationAwareSqlAdapterFactory(new PrismaPg(pool));
  const engine = await wasm.SchemaEngine.new({ datamodels: [[schema.path, schema.content]] }, () => {}, adapter);
  const target = (file) => ({ tag: 'schemaDatamodel', files: [file], configDir: here });
  const { stdout } = await engine.diff({
    from: oldSchemaPath === undefined ? { tag: 'empty' } : target(schemaFile(oldSchemaPath)),
    to: target(schema),
    script: true,
    exitCode: null,
    filters: { externalTables: [], externalEnums: [] },
  });
  engine.free();
  await pool.end();
  return stdout ?? '';
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  process.stdout.write(await schemaSql(process.env.DATABASE_URL, process.argv[2]));
}

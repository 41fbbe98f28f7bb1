// Prints the SQL that leads from an older schema file (from an empty database when none is given) to schema.prisma:
//   DATABASE_URL=… node prisma/diff.js [old.prisma] > prisma/migrations/<time>_<name>/migration.sql
// It only opens a connection to learn the server's version; its own reading of a live database fails on pg's "char" type.
import { join } from 'node:path';
import { allTables, here, schemaFile, withSchemaEngine } from './schema-engine.js';

const target = (path) => ({ tag: 'schemaDatamodel', files: [schemaFile(path)], configDir: here });
const [oldSchema] = process.argv.slice(2);

const { stdout } = await withSchemaEngine(process.env.DATABASE_URL, (engine) =>
  engine.diff({
    from: oldSchema === undefined ? { tag: 'empty' } : target(oldSchema),
    to: target(join(here, 'schema.prisma')),
    script: true,
    exitCode: null,
    filters: allTables,
  }),
);
process.stdout.write(stdout ?? '');

// What `prisma migrate deploy` does, by Prisma's own engine: applies the migrations to DATABASE_URL and prints the names
// of those that it applied.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { allTables, here, withSchemaEngine } from '../../prisma/schema-engine.js';

const folder = join(here, 'migrations');
const read = (...path) => readFileSync(join(folder, ...path), 'utf8');
const names = readdirSync(folder).filter((name) => /^\d/.test(name));
const migrationsList = {
  baseDir: folder,
  lockfile: { path: 'migration_lock.toml', content: read('migration_lock.toml') },
  shadowDbInitScript: '',
  migrationDirectories: names.map((name) => ({
    path: name,
    migrationFile: { path: 'migration.sql', content: { tag: 'ok', value: read(name, 'migration.sql') } },
  })),
};
const { appliedMigrationNames } = await withSchemaEngine(process.env.DATABASE_URL, (engine) =>
  engine.applyMigrations({ migrationsList, filters: allTables }),
);
// The engine's timer for its lock would keep the process for 10 s.
process.stdout.write(JSON.stringify(appliedMigrationNames), () => process.exit());

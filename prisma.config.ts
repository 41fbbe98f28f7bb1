import { defineConfig } from 'prisma/config';

// Only for Prisma's own commands; the service reads its configuration in src/config.ts and migrates at start.
export default defineConfig({
  schema: 'prisma/schema.prisma',
  migrations: { path: 'prisma/migrations' },
  ...(process.env.DATABASE_URL === undefined ? {} : { datasource: { url: process.env.DATABASE_URL } }),
});

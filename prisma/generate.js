// Writes prisma/client, the typed client, from schema.prisma. Runs after npm install. `prisma generate` needs no engine
// for this but asks for one, and without a network that request fails: any existing file satisfies it.
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const require = createRequire(import.meta.url);
const bins = join(root, 'node_modules', '.bin');
const command = [require.resolve('prisma/build/index.js'), 'generate', '--no-hints'];
const run = spawnSync(process.execPath, command, {
  cwd: root,
  encoding: 'utf8',
  env: {
    ...process.env,
    PATH: `${bins}:${process.env.PATH}`,
    PRISMA_SCHEMA_ENGINE_BINARY: process.execPath,
    CHECKPOINT_DISABLE: '1',
    PRISMA_HIDE_UPDATE_MESSAGE: '1',
  },
});
if (run.status !== 0) {
  process.stderr.write(`${run.stdout}${run.stderr}${run.error ?? ''}`);
  process.exit(1);
}

#!/usr/bin/env node
// Runs under any Node from 20 on, and hands over to the project's own: the sources need a Node that reads TypeScript.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const node = join(root, 'node_modules', 'node', 'bin', 'node');

if (!existsSync(node)) {
  process.stderr.write(`drgraph is not installed completely: ${node} is missing. Run "npm ci" in ${root}.\n`);
  process.exit(1);
}
if (!existsSync(join(root, 'prisma', 'client', 'client.ts'))) {
  const made = spawnSync(node, [join(root, 'prisma', 'generate.js')], { stdio: ['ignore', 'inherit', 'inherit'] });
  if (made.status !== 0) process.exit(1);
}

// Without the file Node would say at every command that there is none.
const environment = existsSync('.env') ? ['--env-file-if-exists=.env'] : [];
const command = [...environment, join(root, 'src', 'cli.ts'), ...process.argv.slice(2)];
// A terminal sends Ctrl-C to all its processes. The service takes a second one for impatience, so it gets a session of
// its own and hears each signal once, from here; the other commands stay at the terminal, where they ask for passwords.
const isService = process.argv[2] === 'start';
const child = spawn(node, command, { stdio: 'inherit', detached: isService });
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => {
    if (isService || signal !== 'SIGINT') child.kill(signal);
  });
}
child.once('error', (error) => {
  process.stderr.write(`${node} does not run: ${error.message}\n`);
  process.exit(1);
});
child.once('exit', (code, signal) => {
  if (signal === null) process.exit(code ?? 1);
  process.removeAllListeners(signal);
  process.kill(process.pid, signal);
});

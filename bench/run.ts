// `npm run bench` runs all benchmarks one after the other; `npm run bench -- replicate --size 1` one of them with its options.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

const all = ['engine', 'tasks', 'replicate'];
const [name, ...options] = process.argv.slice(2);
if (name !== undefined && !all.includes(name)) {
  console.error(`There is no benchmark ${name}. Name one of: ${all.join(', ')}; none runs all of them.`);
  process.exit(2);
}
for (const one of name === undefined ? all : [name]) {
  const { status } = spawnSync(process.execPath, [join(import.meta.dirname, `${one}.ts`), ...options], {
    stdio: 'inherit',
  });
  if (status !== 0) process.exit(status ?? 1);
}

// Writes the printed subgraph: `npm run schema`. A test fails when the file at the top is stale.
import { writeFileSync } from 'node:fs';
import { buildSchema } from './schema.ts';
import { printSubgraph } from './sdl.ts';

const [file] = process.argv.slice(2);
if (file === undefined) throw new Error('Name the file to write: node src/graph/print.ts schema.graphql');
writeFileSync(file, printSubgraph(buildSchema()));

import { execFileSync } from 'node:child_process';
import { globSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, test } from 'vitest';

const root = join(import.meta.dirname, '..');

/** Files that may see everything: they open what runs and put the rooms together. */
const entrances = ['src/main.ts', 'src/cli.ts', 'src/resources.ts'];

/** Which rooms a room may import from, itself apart. A file name allows that file alone; `type:` allows only its types. */
const borders: Record<string, readonly string[]> = {
  'src/server': ['src/graph', 'src/domain', 'src/engine', 'src/events'],
  'src/graph': ['src/domain', 'src/engine', 'src/events', 'prisma/client'],
  'src/domain': ['src/engine', 'src/events', 'type:src/connectors/connector.ts', 'prisma/client'],
  'src/jobs': ['src/domain', 'src/engine', 'src/connectors/connector.ts', 'prisma/client'],
  'src/connectors': ['type:src/domain/vocabulary.ts'],
  'src/connectors/local': ['src/connectors/connector.ts', 'src/replicator'],
  'src/connectors/*': ['src/connectors/connector.ts', 'src/connectors/http.ts'],
  'src/replicator': [],
  'src/engine': ['src/events'],
  'src/events': [],
  'src/database': ['src/engine', 'prisma/client'],
  'src/cli': [
    'src/config.ts',
    'src/resources.ts',
    'src/database',
    'src/domain',
    'src/engine',
    'src/events',
    'src/main.ts',
  ],
  'src/config.ts': [],
  'src/secret-key.ts': [],
};

/** Packages that belong to some rooms only. */
const packageRooms: Record<string, readonly string[]> = {
  pg: ['src/database', 'src/engine', 'src/events'],
  '@prisma/adapter-pg': ['src/database'],
  graphql: ['src/graph', 'src/server'],
  'graphql-yoga': ['src/server'],
  'graphql-ws': ['src/server'],
  ws: ['src/server'],
  '@pothos/core': ['src/graph'],
  commander: ['src/cli.ts', 'src/cli'],
};

interface Import {
  from: string;
  to: string;
  typeOnly: boolean;
}

const statement =
  /^\s*(?:import|export)\s+(type\s)?(?:[^'";]*?\sfrom\s+)?'([^']+)'|(?<![\w.])import\(\s*'([^']+)'\s*\)|new URL\(\s*'(\.[^']+\.ts)'/gm;

function importsOf(file: string, text: string): Import[] {
  return [...text.matchAll(statement)].map((match) => {
    const named = match[2] ?? match[3] ?? match[4] ?? '';
    const to = named.startsWith('.') ? normalize(join(dirname(file), named)) : named;
    return { from: file, to, typeOnly: match[1] !== undefined };
  });
}

function roomOf(file: string): string {
  const vendor = /^src\/connectors\/[^/]+(?=\/)/.exec(file);
  if (vendor) return vendor[0];
  const names = Object.keys(borders).filter((room) => file === room || file.startsWith(`${room}/`));
  return names.sort((a, b) => b.length - a.length)[0] ?? file;
}

function isInside(file: string, place: string): boolean {
  return file === place || file.startsWith(`${place}/`);
}

function violation({ from, to, typeOnly }: Import): string | undefined {
  if (entrances.includes(from)) return undefined;
  const room = roomOf(from);
  if (to.startsWith('node:')) return undefined;
  if (!to.startsWith('src/') && !to.startsWith('prisma/')) {
    const name = to.startsWith('@') ? to.split('/').slice(0, 2).join('/') : (to.split('/')[0] ?? to);
    const owners = packageRooms[name];
    const allowed = owners === undefined || typeOnly || owners.some((owner) => isInside(from, owner));
    return allowed ? undefined : `${from} imports the package ${name}, which belongs to ${owners.join(', ')}`;
  }
  const open = borders[room] ?? (room.startsWith('src/connectors/') ? borders['src/connectors/*'] : undefined);
  if (open === undefined) return `${from} stands in no room that this test knows`;
  if (roomOf(to) === room) return undefined;
  const allowed = open.some((place) =>
    place.startsWith('type:') ? typeOnly && to === place.slice(5) : isInside(to, place),
  );
  return allowed ? undefined : `${from} imports ${to}: ${room} may not see ${roomOf(to)}`;
}

const files = globSync('src/**/*.ts', { cwd: root });
const texts = new Map(files.map((file) => [file, readFileSync(join(root, file), 'utf8')]));

describe('the rooms keep their borders', () => {
  test('every import is one that its room may make', () => {
    const found = [...texts].flatMap(([file, text]) => importsOf(file, text)).map(violation);
    expect(found.filter((one) => one !== undefined)).toEqual([]);
  });

  test.each([
    ['src/replicator/store.ts', "import { taskResult } from '../domain/task-result.ts';"],
    ['src/engine/worker.ts', "import type { Viewer } from '../domain/viewer.ts';"],
    ['src/domain/site.ts', "import { createLocalConnector } from '../connectors/local/connector.ts';"],
    ['src/domain/site.ts', "import { ConnectorError } from '../connectors/connector.ts';"],
    ['src/domain/site.ts', "import { GraphQLError } from 'graphql';"],
    ['src/connectors/local/connector.ts', "import { PrismaClient } from '../../../prisma/client/client.ts';"],
    ['src/connectors/zerto/client.ts', "import { map } from '../vcda/map.ts';"],
    ['src/graph/task.ts', "const late = import('../server/http.ts');"],
    ['src/graph/task.ts', "export { pool } from '../database/database.ts';"],
    ['src/jobs/sync.ts', "import {\n  a,\n  b,\n} from '../graph/builder.ts';"],
  ])('a forbidden import in %s is found: %s', (file, text) => {
    const imports = importsOf(file, text);
    expect(imports).toHaveLength(1);
    expect(imports.map(violation)[0]).toContain(file);
  });

  test('only the configuration reads the environment', () => {
    const readers = [...texts].filter(([, text]) => text.includes('process.env')).map(([file]) => file);
    expect(readers.filter((file) => file !== 'src/config.ts' && !entrances.includes(file))).toEqual([]);
  });

  test('importing any module opens nothing and starts no timer', () => {
    const programs = ['src/cli.ts', 'src/graph/print.ts', 'src/replicator/thread.ts'];
    const modules = files.filter((file) => !programs.includes(file));
    const program = `
      const streams = [process.stdin, process.stdout, process.stderr]; // Opened when first touched.
      const before = process.getActiveResourcesInfo().length;
      for (const file of ${JSON.stringify(modules)}) await import(${JSON.stringify(`file://${root}/`)} + file);
      await new Promise((done) => setImmediate(done));
      console.log(JSON.stringify(process.getActiveResourcesInfo().slice(before)));`;
    const output = execFileSync(process.execPath, ['--input-type=module', '-e', program], {
      cwd: root,
      encoding: 'utf8',
    });
    expect(JSON.parse(output.trim().split('\n').at(-1) ?? '')).toEqual([]);
  });
});

describe('the files keep their measure', () => {
  test('no file of the source or the tests is longer than 400 lines', () => {
    const all = [...files, ...globSync('test/**/*.ts', { cwd: root })];
    const long = all.filter((file) => readFileSync(join(root, file), 'utf8').split('\n').length > 401);
    expect(long).toEqual([]);
  });

  test('no room or file has a name that says nothing', () => {
    const nameless = /(^|\/)(utils?|helpers?|common|misc|manager|service|base)(\/|\.ts$)/;
    expect(files.filter((file) => nameless.test(file))).toEqual([]);
  });
});

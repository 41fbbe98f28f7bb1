import { randomBytes } from 'node:crypto';
import { link, lstat, mkdir, open, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';

/** The service's key cannot be used; the message says which file and what to do. */
export class SecretKeyError extends Error {
  override readonly name = 'SecretKeyError';
}

const keyBytes = 32;

/**
 * The service's own key, under which the keys of all stores are wrapped: the configured one, else that of `secret.key` in the
 * data folder, which the first start makes. Whoever loses it loses the stores; whoever has it and a store can read the store.
 * @throws SecretKeyError
 */
export async function openSecretKey(options: { configured: Buffer | undefined; dataDir: string }): Promise<Buffer> {
  if (options.configured !== undefined) return options.configured;
  await mkdir(options.dataDir, { recursive: true });
  const path = join(options.dataDir, 'secret.key');
  return (await readKey(path)) ?? (await makeKey(path));
}

async function readKey(path: string): Promise<Buffer | undefined> {
  const found = await lstat(path).catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw new SecretKeyError(`The key file ${path} cannot be looked at. Give this user the right to read it.`, {
      cause: error,
    });
  });
  if (found === undefined) return undefined;
  if (!found.isFile()) throw new SecretKeyError(`${path} is no plain file. Put the key itself there.`);
  if ((found.mode & 0o077) !== 0) {
    throw new SecretKeyError(`Other users may read the key file ${path}. Run: chmod 600 '${path}'`);
  }
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw new SecretKeyError(`The key file ${path} cannot be read by this user.`, { cause });
  });
  const key = Buffer.from(text.trim(), 'base64');
  if (key.length === keyBytes) return key;
  throw new SecretKeyError(
    `The key file ${path} is damaged: it has ${key.length} bytes instead of ${keyBytes}. Restore it from a backup.`,
  );
}

/** Written aside and then linked: the file is whole or absent, and of two services that start at once both use the same. */
async function makeKey(path: string): Promise<Buffer> {
  const draft = `${path}.${randomBytes(6).toString('hex')}`;
  try {
    await using file = await open(draft, 'wx', 0o600);
    await file.writeFile(`${randomBytes(keyBytes).toString('base64')}\n`);
    await file.sync();
    await link(draft, path).catch((error: unknown) => {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
    });
  } catch (cause) {
    throw new SecretKeyError(
      `The key file ${path} cannot be made. Make the folder writable, or set DRGRAPH_SECRET_KEY.`,
      { cause },
    );
  } finally {
    await rm(draft, { force: true });
  }
  const key = await readKey(path);
  if (key === undefined) throw new SecretKeyError(`The key file ${path} was removed while the service started.`);
  return key;
}

import { randomBytes } from 'node:crypto';
import { chmod, mkdtemp, readdir, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openSecretKey, SecretKeyError } from '../src/secret-key.ts';

let dataDir: string;
let path: string;

beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'drgraph-key-'));
  path = join(dataDir, 'secret.key');
});
afterEach(() => rm(dataDir, { recursive: true, force: true }));

function open(): Promise<Buffer> {
  return openSecretKey({ configured: undefined, dataDir });
}

describe('the key of the service', () => {
  test('is made once, in a file for its user alone, however many services start at once', async () => {
    const keys = await Promise.all([open(), open(), open()]);
    expect(new Set(keys.map((key) => key.toString('hex'))).size).toBe(1);
    expect(keys[0]).toHaveLength(32);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(await readdir(dataDir)).toEqual(['secret.key']);
    expect(await open()).toEqual(keys[0]);
  });

  test('is the configured one when there is one, and then no file is made', async () => {
    const configured = randomBytes(32);
    expect(await openSecretKey({ configured, dataDir })).toEqual(configured);
    expect(await readdir(dataDir)).toEqual([]);
  });

  test('is refused when others may read it, saying how to put that right', async () => {
    await open();
    await chmod(path, 0o640);
    await expect(open()).rejects.toThrow(`chmod 600 '${path}'`);
  });

  test('is refused when it is damaged or no plain file, and never replaced', async () => {
    await writeFile(path, 'c2hvcnQ=\n', { mode: 0o600 });
    await expect(open()).rejects.toThrow('is damaged: it has 5 bytes instead of 32');
    await rm(path);
    await symlink('/etc/hostname', path);
    await expect(open()).rejects.toThrow(SecretKeyError);
  });
});

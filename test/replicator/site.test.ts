import { execFileSync } from 'node:child_process';
import { mkdir, readdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { openSite } from '../../src/replicator/site.ts';
import { codeOf, makeWorld, noise, type World } from './world.ts';

async function put(world: World, path: string, content: string | Uint8Array = 'x'): Promise<void> {
  const file = join(world.source.path, path);
  await mkdir(join(file, '..'), { recursive: true });
  await writeFile(file, content);
}

const settings = (o: object = {}) => JSON.stringify({ id: 'vm-1', disks: [{ key: 2000, file: 'disk.raw' }], ...o });

it('lists machines with their facts and the sizes of their disks', async () => {
  await using world = await makeWorld();
  await put(world, 'vms/db/disk.raw', noise('a', 1234));
  await put(world, 'vms/db/vm.json', settings({ name: 'Database', cpus: 4, nics: [{ network: 'lan' }] }));
  const { machines, problems } = await world.source.readMachines();
  expect(problems).toEqual([]);
  expect(machines).toEqual([
    {
      nativeId: 'vm-1',
      name: 'Database',
      organization: null,
      description: null,
      cpus: 4,
      coresPerSocket: null,
      memoryMb: null,
      nics: [{ network: 'lan' }],
      powerState: 'POWERED_OFF',
      folder: join(world.source.path, 'vms/db'),
      disks: [{ key: 2000, file: 'disk.raw', path: join(world.source.path, 'vms/db/disk.raw'), sizeBytes: 1234 }],
      origin: null,
    },
  ]);
});

it('bare images, alone or in a folder, are machines named after their place', async () => {
  await using world = await makeWorld();
  await put(world, 'root.img');
  await put(world, 'vms/bare.raw');
  await put(world, 'vms/pair/b.img');
  await put(world, 'vms/pair/a.raw');
  await put(world, 'vms/pair/notes.txt');
  await put(world, 'readme.txt');
  const { machines, problems } = await world.source.readMachines();
  expect(problems).toEqual([]);
  expect(
    machines.map(({ nativeId, name, disks }) => [nativeId, name, disks.map(({ key, file }) => `${key} ${file}`)]),
  ).toEqual([
    ['vms/bare.raw', 'bare', ['2000 bare.raw']],
    ['vms/pair', 'pair', ['2000 a.raw', '2001 b.img']],
    ['root.img', 'root', ['2000 root.img']],
  ]);
});

it('a mistake in one machine is a problem that names file and field, and the others are listed', async () => {
  await using world = await makeWorld();
  await put(world, 'vms/good/vm.json', settings({ id: 'good', disks: [] }));
  await put(world, 'vms/bad-json/vm.json', '{');
  await put(world, 'vms/bad-field/vm.json', settings({ cpus: 'four' }));
  await put(world, 'vms/no-disk/vm.json', settings({ id: 'no-disk' }));
  await put(world, 'vms/same-key/vm.json', settings({ disks: ['a', 'b'].map((file) => ({ key: 1, file })) }));
  await put(world, 'vms/nothing/notes.txt');
  await put(world, 'vms/same-id/vm.json', settings({ id: 'good', disks: [] }));
  await put(world, 'vms/text/vm.json', settings({ name: 'a\0b' }));
  await put(world, 'vms/too-large/vm.json', ' '.repeat(2 ** 20 + 1));
  await symlink('round', join(world.source.path, 'vms', 'round'));
  const { machines, problems } = await world.source.readMachines();
  expect(machines.map(({ nativeId }) => nativeId)).toEqual(['good']);
  const messages = problems.map(({ message }) => message.replaceAll(world.source.path, ''));
  expect(messages).toEqual([
    expect.stringMatching(/^\/vms\/bad-field\/vm.json: cpus: .*number/),
    expect.stringMatching(/^\/vms\/bad-json\/vm.json is not JSON/),
    expect.stringMatching(/^\/vms\/no-disk\/disk.raw is not there/),
    expect.stringMatching(/^\/vms\/nothing has neither vm.json nor/),
    expect.stringMatching(/^Cannot open \/vms\/round: ELOOP/),
    expect.stringMatching(/^\/vms\/same-id: id: "good" is also the id of \/vms\/good/),
    expect.stringMatching(/^\/vms\/same-key\/vm.json: disks: two disks have the same key/),
    expect.stringMatching(/^\/vms\/text\/vm.json: name: has a NUL/),
    expect.stringMatching(/^\/vms\/too-large\/vm.json has 1048577 bytes/),
  ]);
});

it('no path of vm.json, no link and no special file leads out of the root', async () => {
  await using world = await makeWorld();
  await put(world, '../outside.raw', 'secret');
  const outside = join(world.folder, 'outside.raw');
  for (const [name, file] of Object.entries({ dots: '../../../outside.raw', absolute: outside, hidden: '.secret' })) {
    await put(world, `vms/${name}/vm.json`, settings({ id: name, disks: [{ key: 1, file }] }));
  }
  await put(world, 'vms/link/vm.json', settings({ id: 'link' }));
  await symlink(outside, join(world.source.path, 'vms/link/disk.raw'));
  await put(world, 'vms/pipe/vm.json', settings({ id: 'pipe' }));
  execFileSync('mkfifo', [join(world.source.path, 'vms/pipe/disk.raw')]);
  await put(world, 'vms/device/vm.json', settings({ id: 'device' }));
  await symlink('/dev/zero', join(world.source.path, 'vms/device/disk.raw'));
  await symlink(outside, join(world.source.path, 'vms/bare.raw'));
  await mkdir(join(world.folder, 'elsewhere'));
  await writeFile(join(world.folder, 'elsewhere/vm.json'), settings({ id: 'elsewhere', disks: [] }));
  await symlink(join(world.folder, 'elsewhere'), join(world.source.path, 'vms/folder'));
  await put(world, 'vms/settings/disk.raw');
  await symlink(join(world.folder, 'elsewhere/vm.json'), join(world.source.path, 'vms/settings/vm.json'));
  const { machines, problems } = await world.source.readMachines();
  expect(machines).toEqual([]);
  expect(problems.map(({ path }) => path.slice(world.source.path.length + 5))).toEqual([
    'absolute',
    'bare.raw',
    'device',
    'dots',
    'folder',
    'hidden',
    'link',
    'pipe',
    'settings',
  ]);
});

it('a link to a place inside the root is followed', async () => {
  await using world = await makeWorld();
  await put(world, 'images/disk', 'content');
  await put(world, 'vms/db/vm.json', settings());
  await symlink('../../images/disk', join(world.source.path, 'vms/db/disk.raw'));
  const machine = await world.source.readMachine('vm-1');
  expect(machine.disks[0]?.path).toBe(join(world.source.path, 'images/disk'));
});

it('a site that is missing or no folder says so', async () => {
  await using world = await makeWorld();
  await put(world, 'file');
  await expect(openSite(join(world.folder, 'missing'))).rejects.toMatchObject({
    code: 'SITE_NOT_FOUND',
    message: expect.stringContaining('does not exist'),
  });
  await expect(openSite(join(world.source.path, 'file'))).rejects.toMatchObject({
    code: 'SITE_NOT_FOUND',
    message: expect.stringContaining('is not a folder'),
  });
});

it('the power state is written to vm.json and nothing else in it changes', async () => {
  await using world = await makeWorld();
  const before = await world.machine('db', { 'disk.raw': noise('a', 100) });
  await world.source.setPowerState('id-db', 'POWERED_OFF');
  expect(await world.source.readMachine('id-db')).toEqual({ ...before, powerState: 'POWERED_OFF' });
  await put(world, 'vms/bare.raw');
  expect(await codeOf(world.source.setPowerState('vms/bare.raw', 'POWERED_ON'))).toBe('MACHINE_INVALID');
  expect(await codeOf(world.source.setPowerState('unknown', 'POWERED_ON'))).toBe('MACHINE_NOT_FOUND');
});

it('a removed machine is gone with its folder; a name that leads elsewhere is refused', async () => {
  await using world = await makeWorld();
  await world.machine('db', { 'disk.raw': noise('a', 100) });
  for (const name of ['..', '../target', 'db/..', '', '.drgraph']) {
    expect(await codeOf(world.source.removeMachine(name)), name).toBe('PATH_OUTSIDE_ROOT');
  }
  await world.source.removeMachine('db');
  await world.source.removeMachine('db');
  expect(await readdir(join(world.source.path, 'vms'))).toEqual([]);
  expect(await readdir(join(world.source.path, '.drgraph/tmp'))).toEqual([]);
  expect(await world.source.freeBytes()).toBeGreaterThan(0);
});

it('debris of restores that no longer run is swept, that of a live one stays', async () => {
  await using world = await makeWorld();
  for (const id of ['dead', 'live']) await put(world, `.drgraph/tmp/${id}/disk.raw`);
  expect(await world.source.sweepDebris(new Set(['live']))).toEqual(['dead']);
  expect(await readdir(join(world.source.path, '.drgraph/tmp'))).toEqual(['live']);
});

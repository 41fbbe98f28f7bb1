import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ConflictError, ForbiddenError, InvalidInputError, NotFoundError } from '../../src/domain/error.ts';
import { syncInventory } from '../../src/domain/inventory.ts';
import { startReplication } from '../../src/domain/replication.ts';
import { registerSite, removeSite } from '../../src/domain/site.ts';
import { cancelTasks } from '../../src/domain/steer-task.ts';
import { addMachine, type Bench, makeSite, openBench } from '../support/seed.ts';

describe('sites', () => {
  let bench: Bench;
  beforeAll(async () => {
    bench = await openBench();
  });
  afterAll(() => bench.close());

  const folder = async (name: string = randomUUID()) => {
    const path = join(bench.folder, name);
    await mkdir(path, { recursive: true });
    return path;
  };
  const register = (name: string, path: string, o: { clientToken?: string; validateOnly?: boolean } = {}) =>
    registerSite(bench.domain, bench.administrator, { name, path, ...o });
  const cancel = (taskId: string | null) => cancelTasks(bench.domain, bench.administrator, { ids: [taskId ?? ''] });
  const sites = () => bench.domain.prisma.site.count({ where: { removedAt: null } });

  test('a folder becomes a site with its real path, and its inventory is on its way', async () => {
    const path = await folder();
    const link = join(bench.folder, 'link');
    await symlink(path, link);
    const { siteId, taskId } = await register('linked', link);
    expect(await bench.domain.prisma.site.findUnique({ where: { id: siteId ?? '' } })).toMatchObject({
      name: 'linked',
      type: 'ON_PREMISES',
      path: await realpath(path),
    });
    expect(await bench.domain.prisma.task.findUnique({ where: { id: taskId ?? '' } })).toMatchObject({
      kind: 'SYNC_INVENTORY',
      siteId,
      resourceType: 'Site',
      resourceId: siteId,
    });
  });

  test('refuses what cannot be a site’s folder, and names the field', async () => {
    const file = join(await folder(), 'file');
    await writeFile(file, '');
    const before = await sites();
    for (const path of ['relative/path', '', join(bench.folder, 'nowhere'), file, '/srv\0x', `/${'x'.repeat(4001)}`]) {
      const error = await register('wrong', path).catch((reason: unknown) => reason);
      expect(error, path).toBeInstanceOf(InvalidInputError);
      expect(error).toMatchObject({ fields: [{ path: ['path'], message: expect.stringMatching(/\S/) }] });
    }
    for (const name of ['', ' a', 'a ', 'a\nb', 'a\0', 'x'.repeat(101)]) {
      await expect(register(name, await folder()), name).rejects.toMatchObject({ fields: [{ path: ['name'] }] });
    }
    expect(await sites()).toBe(before);
  });

  test('refuses a folder that is, contains or lies in another site’s, also through a link', async () => {
    const path = await folder();
    const inside = join(path, 'inside');
    await mkdir(inside);
    const link = join(bench.folder, 'detour');
    await symlink(inside, link);
    await register('here', inside);
    const below = join(inside, 'below');
    await mkdir(below);
    for (const overlapping of [inside, path, below, link]) {
      const refusal = register('there', overlapping);
      await expect(refusal).rejects.toBeInstanceOf(InvalidInputError);
      await expect(refusal).rejects.toMatchObject({
        fields: [{ path: ['path'], message: expect.stringContaining('here') }],
      });
    }
    await register('sibling', await folder(join(path, 'inside-not')));
  });

  test('of registrations at once that take the same name or folder, one is made', async () => {
    const paths = await Promise.all(Array.from({ length: 8 }, () => folder()));
    const named = await Promise.allSettled(paths.map((path) => register('twin', path)));
    expect(named.filter((answer) => answer.status === 'fulfilled')).toHaveLength(1);
    for (const answer of named) if (answer.status === 'rejected') expect(answer.reason).toBeInstanceOf(ConflictError);
    const shared = await folder();
    const placed = await Promise.allSettled(paths.map((_, number) => register(`place-${number}`, shared)));
    expect(placed.filter((answer) => answer.status === 'fulfilled')).toHaveLength(1);
    for (const answer of placed) {
      if (answer.status === 'rejected') expect(answer.reason).toBeInstanceOf(InvalidInputError);
    }
  });

  test('validateOnly registers nothing; a repeated token answers with the first site', async () => {
    const path = await folder();
    const before = await sites();
    expect(await register('checked', path, { validateOnly: true })).toEqual({ siteId: null, taskId: null });
    expect(await sites()).toBe(before);
    const clientToken = randomUUID();
    const first = await register('checked', path, { clientToken });
    await rm(path, { recursive: true });
    expect(await register('checked', path, { clientToken })).toEqual(first);
    await expect(register('other', path, { clientToken })).rejects.toBeInstanceOf(ConflictError);
  });

  test('only an administrator registers and removes sites', async () => {
    const operator = await bench.viewer('OPERATOR', 'VIEWER');
    const path = await folder();
    await expect(registerSite(bench.domain, operator, { name: 'x', path })).rejects.toBeInstanceOf(ForbiddenError);
    await expect(removeSite(bench.domain, operator, { id: randomUUID() })).rejects.toBeInstanceOf(ForbiddenError);
  });

  test('a site goes when nothing uses it: its row and machines stay as history, its folder is not touched', async () => {
    const path = await folder();
    const { siteId, taskId } = await register('passing', path);
    const id = siteId ?? '';
    await expect(removeSite(bench.domain, bench.administrator, { id })).rejects.toMatchObject({
      code: 'CONFLICT',
      taskId,
    });
    await cancel(taskId);
    const machineId = await addMachine(bench, { id }, 'kept');
    expect(await removeSite(bench.domain, bench.administrator, { id, validateOnly: true })).toEqual({ siteId: null });
    expect(await removeSite(bench.domain, bench.administrator, { id })).toEqual({ siteId: id });
    const site = await bench.domain.prisma.site.findUniqueOrThrow({ where: { id } });
    const machine = await bench.domain.prisma.virtualMachine.findUniqueOrThrow({ where: { id: machineId } });
    expect([site.removedAt, machine.removedAt]).toEqual([expect.any(Date), expect.any(Date)]);
    expect(existsSync(path)).toBe(true);
    await expect(removeSite(bench.domain, bench.administrator, { id })).rejects.toBeInstanceOf(NotFoundError);
    expect((await register('passing', path)).siteId).not.toBe(id);
  });

  test('a site that a replication uses, as source or destination, is not removed', async () => {
    const source = await makeSite(bench, 'used-source');
    const destination = await makeSite(bench, 'used-destination');
    const machineId = await addMachine(bench, source, 'busy-01');
    await startReplication(bench.domain, bench.administrator, {
      source: { virtualMachine: { id: machineId } },
      destination: { site: { id: destination.id } },
    });
    for (const { id } of [source, destination]) {
      const refusal = removeSite(bench.domain, bench.administrator, { id });
      await expect(refusal).rejects.toBeInstanceOf(ConflictError);
      await expect(refusal).rejects.toThrow(/busy-01/);
    }
  });

  test('an inventory is asked for a provider or one of its sites; a second one of the same conflicts', async () => {
    const site = await makeSite(bench, 'inventoried');
    const providerId = bench.provider.id;
    const ask = (o: { providerId: string; siteId?: string }) => syncInventory(bench.domain, bench.administrator, o);
    const { taskId } = await ask({ providerId, siteId: site.id });
    await expect(ask({ providerId, siteId: site.id })).rejects.toMatchObject({ code: 'CONFLICT', taskId });
    expect((await ask({ providerId })).taskId).toEqual(expect.any(String));
    for (const wrong of [randomUUID(), 'nonsense', site.id]) {
      await expect(ask({ providerId: wrong })).rejects.toBeInstanceOf(NotFoundError);
    }
    await expect(ask({ providerId, siteId: providerId })).rejects.toBeInstanceOf(NotFoundError);
    const other = await bench.domain.prisma.provider.create({
      data: { kind: 'LOCAL', name: 'two', status: 'CONNECTED' },
    });
    await expect(ask({ providerId: other.id, siteId: site.id })).rejects.toMatchObject({
      fields: [{ path: ['siteId'] }],
    });
    await bench.domain.prisma.provider.delete({ where: { id: other.id } });
    const viewer = await bench.viewer('VIEWER');
    await expect(syncInventory(bench.domain, viewer, { providerId })).rejects.toBeInstanceOf(ForbiddenError);
  });
});

import { randomBytes, randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { ReplicationAddress } from '../../src/connectors/connector.ts';
import { createLocalConnector } from '../../src/connectors/local/connector.ts';
import { createRegistry } from '../../src/connectors/registry.ts';
import { type DataConnectionType, dataConnectionTypes } from '../../src/domain/vocabulary.ts';
import { readDisk, scribble, smallStore, writeMachine } from '../support/seed.ts';
import { describeConnector, makeInspection, makeWork, type Stage } from './conformance.ts';

interface LocalStage extends Stage {
  folder: string;
  primary: string;
  recovery: string;
}

async function openStage(dataConnectionType: DataConnectionType): Promise<LocalStage> {
  const folder = await mkdtemp(join(tmpdir(), 'drgraph-local-'));
  const primary = join(folder, 'primary');
  const recovery = join(folder, 'recovery');
  for (const root of [primary, recovery]) await mkdir(join(root, 'vms'), { recursive: true });
  const { disk } = await writeMachine({ path: primary }, 'web-01');
  const site = (path: string) => ({ id: randomUUID(), name: path, nativeId: null, path });
  const replication: ReplicationAddress = {
    id: randomUUID(),
    nativeId: null,
    machine: { nativeId: 'id-web-01', name: 'web-01' },
    source: site(primary),
    destination: site(recovery),
    dataConnectionType,
    quiesced: false,
    excludedDiskKeys: [],
  };
  return {
    folder,
    primary,
    recovery,
    connector: createLocalConnector({ serviceKey: randomBytes(32), store: smallStore }),
    replication,
    changeSource: () => scribble(disk),
    loseSource: () => rm(join(primary, 'vms', 'web-01'), { recursive: true }),
    readSource: () => readFile(disk),
    readMade: ({ name }) => readDisk({ path: recovery }, name).catch(() => null),
    countMade: async () => (await readdir(join(recovery, 'vms'))).length,
    close: () => rm(folder, { recursive: true, force: true }),
  };
}

for (const type of dataConnectionTypes) describeConnector(`LOCAL (${type})`, () => openStage(type));

describe('the LOCAL connector', () => {
  const onStage = async (play: (stage: LocalStage) => Promise<void>) => {
    const stage = await openStage('PLAIN');
    try {
      await play(stage);
    } finally {
      await stage.close();
    }
  };

  test('never removes a machine that it did not make', () =>
    onStage(async ({ connector, replication, recovery }) => {
      await writeMachine({ path: recovery }, 'innocent');
      const machine = { nativeId: 'id-innocent', name: 'innocent' };
      await expect(connector.cleanUp(replication, machine, makeWork())).rejects.toMatchObject({ code: 'NOT_OURS' });
      expect(await readdir(join(recovery, 'vms', 'innocent'))).toContain('disk.raw');
    }));

  test('says which machine to mend when the one to clean up can no longer be read', () =>
    onStage(async ({ connector, replication, recovery }) => {
      const { key } = await connector.start(replication, makeWork());
      const wanted = { instanceKey: key, machineName: 'made', powerOn: true };
      const machine = await connector.testFailover(replication, wanted, makeWork());
      expect(machine.powerState).toBe('POWERED_ON');
      await writeFile(join(recovery, 'vms', 'made', 'vm.json'), '{');
      const cleanUp = connector.cleanUp(replication, machine, makeWork());
      await expect(cleanUp).rejects.toMatchObject({
        code: 'MACHINE_INVALID',
        message: expect.stringContaining('made'),
      });
    }));

  test('a site that is no folder is unreachable, by every way', () =>
    onStage(async ({ connector, replication, folder, recovery }) => {
      await rm(recovery, { recursive: true });
      const wanted = { instanceKey: 'x', machineName: 'made', powerOn: false };
      const tries = [
        connector.start(replication, makeWork()),
        connector.failover(replication, wanted, makeWork()),
        connector.stop(replication, makeWork()),
        connector.readInventory(replication.destination, makeWork()),
        connector.folders?.inspect(join(folder, 'nowhere')),
        connector.folders?.isNameTaken(replication.destination, 'made'),
      ];
      for (const attempt of await Promise.allSettled(tries)) {
        expect(attempt).toMatchObject({ reason: { kind: 'UNREACHABLE', code: 'SITE_UNREACHABLE' } });
      }
    }));

  test('a taken name is seen whatever it is that has it', () =>
    onStage(async ({ connector, replication, folder, recovery }) => {
      await writeFile(join(recovery, 'vms', 'file'), '');
      await symlink(folder, join(recovery, 'vms', 'link'));
      const isTaken = (name: string) => connector.folders?.isNameTaken(replication.destination, name);
      expect([await isTaken('file'), await isTaken('link'), await isTaken('free')]).toEqual([true, true, false]);
    }));

  test('lists its instances, forgets those removed, and names a damaged one', () =>
    onStage(async ({ connector, replication, recovery, changeSource }) => {
      const { key: first } = await connector.start(replication, makeWork());
      await changeSource();
      const { key: second } = await connector.sync(replication, makeWork());
      const keys = async () =>
        (await connector.instances?.inspect(replication, makeInspection()))?.instances.map(({ key }) => key);
      expect(await keys()).toEqual([first, second]);
      await connector.instances?.remove(replication, [first, first], { ...makeWork(), expected: [second] });
      expect(await keys()).toEqual([second]);
      await writeFile(join(recovery, '.drgraph', 'stores', replication.id, 'instances', `${second}.json`), '{}');
      expect(await connector.instances?.inspect(replication, makeInspection())).toMatchObject({
        instances: [],
        problems: [{ instanceKey: second }],
      });
    }));

  test('the registry knows the connectors it was given and names them to those who ask for another', () => {
    const local = createLocalConnector({ serviceKey: randomBytes(32) });
    const registry = createRegistry([local]);
    expect(registry('LOCAL')).toBe(local);
    expect(() => registry('ZERTO')).toThrow(/ZERTO.*LOCAL/);
  });
});

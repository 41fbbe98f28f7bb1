import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  type Connector,
  ConnectorError,
  type Inspection,
  type MachineReport,
  type ReplicationAddress,
  type Work,
  type WorkProgress,
} from '../../src/connectors/connector.ts';
import { replicationActions } from '../../src/domain/vocabulary.ts';

/** A provider with one machine at one site, to be replicated to another, and a look behind its scenes. */
export interface Stage {
  connector: Connector;
  replication: ReplicationAddress;
  /** Writes into the machine's disk. */
  changeSource(): Promise<void>;
  /** Makes the source machine unreachable. */
  loseSource(): Promise<void>;
  readSource(): Promise<Buffer>;
  /** The disk of a machine made at the destination, or null when there is none. */
  readMade(machine: MachineReport): Promise<Buffer | null>;
  /** How many machines lie at the destination. */
  countMade(): Promise<number>;
  close(): Promise<void>;
}

/** An inspection while nothing else works; `expected` are the keys that should be there. */
export function makeInspection(...expected: string[]): Inspection {
  const exclusively = async (work: () => Promise<void>) => {
    await work();
    return true;
  };
  return { signal: new AbortController().signal, expected, exclusively };
}

/** Work that nobody cuts short; `reports` fills up. */
export function makeWork(o: Partial<Work> = {}): Work & { reports: WorkProgress[] } {
  const reports: WorkProgress[] = [];
  return {
    idempotencyKey: randomUUID(),
    signal: new AbortController().signal,
    check: async () => {},
    report: (progress) => void reports.push(progress),
    ...o,
    reports,
  };
}

/** What every connector promises: run by each one's tests. */
export function describeConnector(name: string, openStage: () => Promise<Stage>): void {
  describe(`the ${name} connector keeps the contract`, () => {
    let stage: Stage;
    beforeEach(async () => {
      stage = await openStage();
    });
    afterEach(() => stage.close());
    const recovery = (instanceKey: string, machineName = 'made') => ({ instanceKey, machineName, powerOn: false });
    const failureOf = async (action: Promise<unknown>) =>
      action.then(
        () => 'no failure',
        (error: unknown) => error,
      );

    test('says what it is and what it can do, in the words of the graph', () => {
      expect(stage.connector.kind).toMatch(/^[A-Z]+$/);
      expect(new Set(stage.connector.capabilities).size).toBe(stage.connector.capabilities.length);
      for (const capability of stage.connector.capabilities) expect(replicationActions).toContain(capability);
    });

    test('reads the machine with its disks', async () => {
      const { connector, replication } = stage;
      const inventory = await connector.readInventory(replication.source, makeWork());
      const machine = inventory.machines.find(({ nativeId }) => nativeId === replication.machine.nativeId);
      const { length } = await stage.readSource();
      expect(machine).toMatchObject({ name: replication.machine.name, disks: [{ sizeBytes: length }] });
    });

    test('each recovery point becomes a machine that is what the source was then', async () => {
      const { connector, replication } = stage;
      const before = await stage.readSource();
      const first = await connector.start(replication, makeWork());
      await stage.changeSource();
      const after = await stage.readSource();
      const second = await connector.sync(replication, makeWork());
      expect(second.key).not.toBe(first.key);
      expect(second.createdAt.getTime()).toBeGreaterThan(first.createdAt.getTime());
      expect(second.transferBytes).toBeLessThan(first.transferBytes);
      const older = await connector.testFailover(replication, recovery(first.key, 'older'), makeWork());
      const newer = await connector.failover(replication, recovery(second.key, 'newer'), makeWork());
      expect((await stage.readMade(older))?.equals(before)).toBe(true);
      expect((await stage.readMade(newer))?.equals(after)).toBe(true);
      expect([older.name, newer.name, newer.powerState]).toEqual(['older', 'newer', 'POWERED_OFF']);
    });

    test('repeating an action with its key answers what it made, and makes nothing more', async () => {
      const { connector, replication } = stage;
      const start = makeWork();
      const first = await connector.start(replication, start);
      expect(await connector.start(replication, start)).toEqual(first);
      const sync = makeWork();
      const second = await connector.sync(replication, sync);
      expect(await connector.sync(replication, sync)).toEqual(second);
      const work = makeWork();
      const machine = await connector.failover(replication, recovery(second.key), work);
      expect(await connector.failover(replication, recovery(second.key), work)).toEqual(machine);
      expect(await stage.countMade()).toBe(1);
    });

    test('says how far it is: whole counts that only grow and end at their total', async () => {
      const { connector, replication } = stage;
      const work = makeWork();
      const instance = await connector.start(replication, work);
      const counters = work.reports.flatMap((report) => (report.phase === 'SYNC' ? report.counters : []));
      const compared = counters.map((counter) => counter.checksumComparedBytes);
      expect(compared).toEqual(compared.toSorted((a, b) => a - b));
      expect(compared.at(-1)).toBe(instance.sizeBytes);
      const restore = makeWork();
      await connector.failover(replication, recovery(instance.key), restore);
      const last = restore.reports.at(-1);
      expect(last).toMatchObject({ phase: 'RESTORE' });
      if (last?.phase === 'RESTORE') expect(last.bytesDone).toBe(last.bytesTotal);
    });

    test('a machine of a test goes with its clean-up, and a clean-up of nothing is no error', async () => {
      const { connector, replication } = stage;
      const { key } = await connector.start(replication, makeWork());
      const machine = await connector.testFailover(replication, recovery(key), makeWork());
      await connector.cleanUp(replication, machine, makeWork());
      expect(await stage.countMade()).toBe(0);
      await connector.cleanUp(replication, machine, makeWork());
    });

    test('work that is cut short or no longer ours publishes nothing', async () => {
      const { connector, replication } = stage;
      const { key } = await connector.start(replication, makeWork());
      const reason = new Error('the lease is lost');
      const lost = makeWork({ check: () => Promise.reject(reason) });
      expect(await failureOf(connector.failover(replication, recovery(key), lost))).toBe(reason);
      const aborted = makeWork({ signal: AbortSignal.abort() });
      expect(await failureOf(connector.failover(replication, recovery(key), aborted))).toBeInstanceOf(Error);
      expect(await stage.countMade()).toBe(0);
      // The same work, repeated by one who may, goes through.
      await connector.failover(replication, recovery(key), makeWork({ idempotencyKey: lost.idempotencyKey }));
      expect(await stage.countMade()).toBe(1);
    });

    test('a name that is in use is a conflict, and what has it stays', async () => {
      const { connector, replication } = stage;
      const { key } = await connector.start(replication, makeWork());
      const machine = await connector.failover(replication, recovery(key), makeWork());
      const error = await failureOf(connector.failover(replication, recovery(key), makeWork()));
      expect(error).toBeInstanceOf(ConnectorError);
      expect(error).toMatchObject({ kind: 'CONFLICT', code: 'NAME_TAKEN' });
      expect(await stage.readMade(machine)).not.toBeNull();
    });

    test('without the source a sync fails and says so, and a failover works', async () => {
      const { connector, replication } = stage;
      const { key } = await connector.start(replication, makeWork());
      const content = await stage.readSource();
      await stage.loseSource();
      const error = await failureOf(connector.sync(replication, makeWork()));
      expect(error).toBeInstanceOf(ConnectorError);
      expect(error).toMatchObject({
        code: 'SOURCE_MISSING',
        message: expect.stringContaining(replication.machine.nativeId),
      });
      const machine = await connector.failover(replication, recovery(key), makeWork());
      expect((await stage.readMade(machine))?.equals(content)).toBe(true);
    });

    test('a stop ends the protection, can be repeated, and leaves the machines that took over', async () => {
      const { connector, replication } = stage;
      const { key } = await connector.start(replication, makeWork());
      await connector.failover(replication, recovery(key), makeWork());
      await connector.stop(replication, makeWork());
      await connector.stop(replication, makeWork());
      expect(await failureOf(connector.sync(replication, makeWork()))).toBeInstanceOf(ConnectorError);
      expect(await stage.countMade()).toBe(1);
    });
  });
}

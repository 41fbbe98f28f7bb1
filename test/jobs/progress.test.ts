import { afterEach, describe, expect, test, vi } from 'vitest';
import type { SyncCounters } from '../../src/connectors/connector.ts';
import type { Progress } from '../../src/engine/job.ts';
import { trackWork } from '../../src/jobs/progress.ts';

describe('a connector’s progress as a task shows it', () => {
  afterEach(() => vi.restoreAllMocks());

  let now = 0;
  const open = (save?: (counters: SyncCounters) => Promise<void>) => {
    now = 0;
    vi.spyOn(performance, 'now').mockImplementation(() => now);
    const reports: Progress[] = [];
    const context = {
      taskId: 'task',
      signal: new AbortController().signal,
      check: async () => {},
      report: (progress: Progress) => void reports.push(progress),
    };
    return { ...trackWork(context, save), reports };
  };
  const counters = (compared: number, transferred: number): SyncCounters => ({
    checksumTotalBytes: 1000,
    checksumComparedBytes: compared,
    bytesToTransfer: transferred,
    bytesTransferred: transferred,
  });

  test('a sync’s percent is what was compared; its rate is that of the last seconds', () => {
    const { work, reports } = open();
    for (const [at, compared, transferred] of [
      [0, 0, 0],
      [1000, 250, 100],
      [6000, 500, 600],
      [12_000, 1000, 12_600],
    ] as const) {
      now = at;
      work.report({ phase: 'SYNC', counters: counters(compared, transferred) });
    }
    expect(reports.map(({ percent }) => percent)).toEqual([0, 25, 50, 100]);
    expect(reports.map(({ transferRate }) => transferRate)).toEqual([0, 100, 100, 2000]);
    expect(reports.at(-1)).toMatchObject({ phase: 'SYNC', bytesDone: 1000n, bytesTotal: 1000n });
  });

  test('a restore of nothing is done', () => {
    const { work, reports } = open();
    work.report({ phase: 'RESTORE', bytesDone: 0, bytesTotal: 0 });
    expect(reports).toMatchObject([{ phase: 'RESTORE', percent: 100 }]);
  });

  test('counters are saved at most once a second, and never two at a time', async () => {
    const saves: { counters: SyncCounters; done: PromiseWithResolvers<void> }[] = [];
    const { work, settled } = open((saved) => {
      const done = Promise.withResolvers<void>();
      saves.push({ counters: saved, done });
      return done.promise;
    });
    const reportAt = (at: number) => {
      now = at;
      work.report({ phase: 'SYNC', counters: counters(Math.floor(at / 10), at) });
    };
    for (const at of [10, 999, 1000, 1500, 5000]) reportAt(at);
    expect(saves.map((save) => save.counters.bytesTransferred)).toEqual([1000]);
    saves[0]?.done.resolve();
    await settled();
    for (const at of [5100, 5200]) reportAt(at);
    expect(saves).toHaveLength(2);
    saves[1]?.done.resolve();
    await settled();
  });

  test('a save that failed is told to the job, and no other is tried', async () => {
    const reason = new Error('the lease is lost');
    let saves = 0;
    const { work, settled } = open(() => {
      saves += 1;
      return Promise.reject(reason);
    });
    now = 2000;
    work.report({ phase: 'SYNC', counters: counters(1, 1) });
    await expect(settled()).rejects.toBe(reason);
    now = 4000;
    work.report({ phase: 'SYNC', counters: counters(2, 2) });
    expect(saves).toBe(1);
  });
});

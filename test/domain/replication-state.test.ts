import { describe, expect, test } from 'vitest';
import { InvalidStateError } from '../../src/domain/error.ts';
import { availableActions, requireAction, restingStates, situationOf } from '../../src/domain/replication-state.ts';
import { type ReplicationAction, replicationActions } from '../../src/domain/vocabulary.ts';

const idle = { hasUsableInstance: true, isBusy: false };
const situations: [string, { recoveryState: string; removedAt: Date | null }, typeof idle, ReplicationAction[]][] = [
  [
    'UNPROTECTED',
    { recoveryState: 'NOT_STARTED', removedAt: null },
    { ...idle, hasUsableInstance: false },
    ['SYNC', 'STOP'],
  ],
  ['PROTECTED', { recoveryState: 'NOT_STARTED', removedAt: null }, idle, ['SYNC', 'TEST_FAILOVER', 'FAILOVER', 'STOP']],
  ['TESTED', { recoveryState: 'TEST', removedAt: null }, idle, ['SYNC', 'CLEAN_UP_TEST_FAILOVER', 'STOP']],
  ['RECOVERED', { recoveryState: 'COMPLETE', removedAt: null }, idle, ['STOP']],
  ['BUSY', { recoveryState: 'NOT_STARTED', removedAt: null }, { ...idle, isBusy: true }, []],
  ['BUSY', { recoveryState: 'IN_PROGRESS', removedAt: null }, idle, []],
  ['REMOVED', { recoveryState: 'COMPLETE', removedAt: new Date() }, idle, []],
];

describe('what can be done to a replication', () => {
  test.each(situations)('%s of %o allows what the table says', (situation, states, facts, actions) => {
    expect(situationOf(states, facts)).toBe(situation);
    expect(availableActions(states, facts, replicationActions)).toEqual(actions);
  });

  const pairs = situations.flatMap(([situation, states, facts, allowed]) =>
    replicationActions.map((action) => ({ situation, states, facts, action, isAllowed: allowed.includes(action) })),
  );
  test.each(pairs)('$action in $situation: $isAllowed', ({ situation, states, facts, action, isAllowed }) => {
    const attempt = () => requireAction(action, { ...states, vmName: 'web-01' }, facts, replicationActions);
    if (isAllowed) return expect(attempt).not.toThrow();
    expect(attempt).toThrow(InvalidStateError);
    expect(attempt).toThrow(expect.objectContaining({ state: situation, message: expect.stringContaining('web-01') }));
  });

  test('what the provider cannot do is not offered', () => {
    expect(availableActions({ recoveryState: 'NOT_STARTED', removedAt: null }, idle, ['FAILOVER'])).toEqual([
      'FAILOVER',
    ]);
  });
});

describe('what the columns say at rest', () => {
  const now = new Date('2026-01-01T00:00:00Z');
  const fine = {
    recoveryState: 'NOT_STARTED',
    hasUsableInstance: true,
    damagedInstances: 0,
    isSourcePresent: true,
    problems: [],
    now,
  };
  const problem = (code: string) => ({ code, message: code, at: now.toISOString() });
  test.each([
    ['all is well', fine, ['IDLE', 'READY', 'OK', 'GREEN', []]],
    ['no usable instance', { ...fine, hasUsableInstance: false }, ['IDLE', 'NEW', 'ERROR', 'RED', ['NO_INSTANCE']]],
    [
      'the last sync failed',
      { ...fine, problems: [problem('SYNC_FAILED')] },
      ['IDLE', 'READY', 'ERROR', 'YELLOW', ['SYNC_FAILED']],
    ],
    [
      'the store is damaged',
      { ...fine, problems: [problem('STORE_DAMAGED')] },
      ['IDLE', 'ERROR', 'ERROR', 'RED', ['STORE_DAMAGED']],
    ],
    [
      'the destination is away',
      { ...fine, problems: [problem('DESTINATION_UNREACHABLE')] },
      ['IDLE', 'READY', 'ERROR', 'RED', ['DESTINATION_UNREACHABLE']],
    ],
    [
      'the source is gone',
      { ...fine, isSourcePresent: false },
      ['REMOVED', 'READY', 'ERROR', 'YELLOW', ['SOURCE_REMOVED']],
    ],
    ['the source came back', { ...fine, problems: [problem('SOURCE_REMOVED')] }, ['IDLE', 'READY', 'OK', 'GREEN', []]],
    [
      'an instance is damaged',
      { ...fine, damagedInstances: 1 },
      ['IDLE', 'READY', 'ERROR', 'YELLOW', ['INSTANCE_DAMAGED']],
    ],
    ['tested', { ...fine, recoveryState: 'TEST' }, ['IDLE', 'READY', 'OK', 'GREEN', []]],
    [
      'failed over because the source was gone',
      { ...fine, recoveryState: 'COMPLETE', isSourcePresent: false, problems: [problem('SYNC_FAILED')] },
      ['REMOVED', 'RECOVERED', 'FINISHED', 'GREEN', []],
    ],
  ])('%s', (_, facts, expected) => {
    const states = restingStates(facts);
    const codes = states.problems.map(({ code }) => code);
    expect([
      states.sourceState,
      states.destinationState,
      states.dataConnectionState,
      states.overallHealth,
      codes,
    ]).toEqual(expected);
  });
});

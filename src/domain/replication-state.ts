import { InvalidStateError } from './error.ts';
import type { ReplicationProblem } from './stored.ts';
import type {
  DataConnectionState,
  Health,
  ReplicationAction,
  ReplicationDestinationState,
  ReplicationSourceState,
} from './vocabulary.ts';

/** Where a replication stands, of all that its columns say. */
export type Situation = 'REMOVED' | 'BUSY' | 'UNPROTECTED' | 'PROTECTED' | 'TESTED' | 'RECOVERED';

/** What can be done in each situation: the one table behind availableActions and every InvalidStateError. */
const allowed = {
  /** Stopped: kept for its history. */
  REMOVED: [],
  /** A task works on it, or waits to. */
  BUSY: [],
  /** It has no usable recovery point: the first sync failed, or what it had is damaged. */
  UNPROTECTED: ['SYNC', 'STOP'],
  PROTECTED: ['SYNC', 'TEST_FAILOVER', 'FAILOVER', 'STOP'],
  /** A test machine exists. Copies go on; the test is cleaned up before the next one and before a failover. */
  TESTED: ['SYNC', 'CLEAN_UP_TEST_FAILOVER', 'STOP'],
  /** Failed over: the machine at the destination has taken over. */
  RECOVERED: ['STOP'],
} as const satisfies Record<Situation, readonly ReplicationAction[]>;

/** The columns of a replication that decide what can be done. */
export interface ReplicationStates {
  recoveryState: string;
  removedAt: Date | null;
}

/** What lies beside the row and decides too. */
export interface ReplicationFacts {
  /** An instance without a known problem exists. */
  hasUsableInstance: boolean;
  /** A task of this replication is queued or running. Actions answer that with a ConflictError that names it. */
  isBusy: boolean;
}

/** Where a replication stands. */
export function situationOf(states: ReplicationStates, facts: ReplicationFacts): Situation {
  if (states.removedAt) return 'REMOVED';
  if (facts.isBusy || states.recoveryState === 'IN_PROGRESS') return 'BUSY';
  if (states.recoveryState === 'TEST') return 'TESTED';
  if (states.recoveryState === 'COMPLETE') return 'RECOVERED';
  return facts.hasUsableInstance ? 'PROTECTED' : 'UNPROTECTED';
}

/** What can be done now, as far as both the state and the provider's capabilities allow. */
export function availableActions(
  states: ReplicationStates,
  facts: ReplicationFacts,
  capabilities: readonly ReplicationAction[],
): ReplicationAction[] {
  return allowed[situationOf(states, facts)].filter((action) => capabilities.includes(action));
}

const reasons: Record<Situation, string> = {
  REMOVED: 'it was stopped',
  BUSY: 'a task works on it',
  UNPROTECTED: 'it has no usable recovery point; synchronize it first',
  PROTECTED: 'it has no test machine to clean up',
  TESTED: 'its test machine exists; clean the test up first',
  RECOVERED: 'it was failed over',
};

/** Throws InvalidStateError, naming the allowed actions, when the action is not in the table for this situation. */
export function requireAction(
  action: ReplicationAction,
  replication: ReplicationStates & { vmName: string },
  facts: ReplicationFacts,
  capabilities: readonly ReplicationAction[],
): void {
  const actions = availableActions(replication, facts, capabilities);
  if (actions.includes(action)) return;
  const situation = situationOf(replication, facts);
  throw new InvalidStateError(
    `The replication of ${replication.vmName} cannot do ${action} now: ${reasons[situation]}. It can do: ${actions.join(', ') || 'nothing'}.`,
    situation,
    actions,
  );
}

/** What a replication's columns say while no task works on it. */
export interface RestingStates {
  sourceState: ReplicationSourceState;
  destinationState: ReplicationDestinationState;
  dataConnectionState: DataConnectionState;
  overallHealth: Health;
}

/** Problems that are derived from other rows whenever a replication settles, and never carried on by themselves. */
const derivedProblems = ['NO_INSTANCE', 'INSTANCE_DAMAGED', 'SOURCE_REMOVED'];

/** Problems that stand in the way of a failover. */
const unrecoverable = ['STORE_DAMAGED', 'DESTINATION_UNREACHABLE'];

/** Derives the resting states from what is true: after success, failure and cancel alike, so that none is forgotten. */
export function restingStates(o: {
  recoveryState: string;
  hasUsableInstance: boolean;
  damagedInstances: number;
  isSourcePresent: boolean;
  problems: readonly ReplicationProblem[];
  now: Date;
}): RestingStates & { problems: ReplicationProblem[] } {
  const isRecovered = o.recoveryState === 'COMPLETE';
  // Nothing is synchronized any more after a failover, so that a sync failed before no longer matters.
  const over = isRecovered ? [...derivedProblems, 'SYNC_FAILED'] : derivedProblems;
  const problems = o.problems.filter(({ code }) => !over.includes(code));
  const notice = (code: string, message: string) =>
    problems.push(o.problems.find((known) => known.code === code) ?? { code, message, at: o.now.toISOString() });
  // After a failover the source is allowed to be gone, and the recovered machine no longer needs an instance.
  if (!isRecovered && !o.hasUsableInstance) notice('NO_INSTANCE', 'There is no usable recovery point. Synchronize.');
  if (!isRecovered && o.damagedInstances > 0) {
    notice('INSTANCE_DAMAGED', 'Recovery points are damaged; each says how. The others can be used.');
  }
  if (!isRecovered && !o.isSourcePresent) {
    notice(
      'SOURCE_REMOVED',
      'The source machine is no longer found. Fail over, or bring it back and run syncInventory.',
    );
  }
  const isStoreDamaged = problems.some(({ code }) => code === 'STORE_DAMAGED');
  const isRed = problems.some(({ code }) => code === 'NO_INSTANCE' || unrecoverable.includes(code));
  return {
    sourceState: o.isSourcePresent ? 'IDLE' : 'REMOVED',
    destinationState: isRecovered ? 'RECOVERED' : isStoreDamaged ? 'ERROR' : o.hasUsableInstance ? 'READY' : 'NEW',
    dataConnectionState: isRecovered ? 'FINISHED' : problems.length > 0 ? 'ERROR' : 'OK',
    overallHealth: isRed ? 'RED' : problems.length > 0 ? 'YELLOW' : 'GREEN',
    problems,
  };
}

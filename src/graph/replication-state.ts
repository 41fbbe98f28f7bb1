import type {
  DataConnectionState,
  Health,
  RecoveryState,
  ReplicationAction,
  ReplicationDestinationState,
  ReplicationSourceState,
} from '../domain/vocabulary.ts';
import { builder } from './builder.ts';

type Words<Word extends string> = Record<Word, { description: string }>;

const unknown = { description: 'A word that this version does not know.' };

export const ReplicationActionEnum = builder.enumType('ReplicationAction', {
  description: 'What can be done to a replication; each is the mutation named in its description.',
  values: {
    SYNC: { description: 'Copy what changed into a new recovery point: `syncReplication`.' },
    TEST_FAILOVER: { description: 'Try a recovery point out beside the running machine: `testFailover`.' },
    CLEAN_UP_TEST_FAILOVER: { description: 'Remove what the test made: `cleanUpTestFailover`.' },
    FAILOVER: { description: 'Let the machine take over at the destination: `failoverReplication`.' },
    STOP: { description: 'End the protection and remove its recovery points: `stopReplication`.' },
  } satisfies Words<ReplicationAction>,
});

export const ReplicationSourceStateEnum = builder.enumType('ReplicationSourceState', {
  description: 'What the source of a replication is doing (VCDA: sourceState).',
  values: {
    IDLE: { description: 'The machine is there and nothing is being copied.' },
    INITIAL_SYNCING: { description: 'The first copy is being read.' },
    SYNCING: { description: 'What changed since the last copy is being read.' },
    UNAVAILABLE: { description: 'The source site cannot be read at the moment.' },
    REMOVED: { description: 'The machine is gone from the source; its recovery points still work.' },
    UNKNOWN: unknown,
  } satisfies Words<ReplicationSourceState>,
});

export const ReplicationDestinationStateEnum = builder.enumType('ReplicationDestinationState', {
  description: 'What the destination of a replication is doing (VCDA: destinationState).',
  values: {
    NEW: { description: 'No recovery point exists yet.' },
    INITIAL_SYNCING: { description: 'The first recovery point is being written.' },
    SYNCING: { description: 'Another recovery point is being written.' },
    READY: { description: 'There is a recovery point to fail over to.' },
    RECOVERING: { description: 'A failover or a test failover is making a machine.' },
    RECOVERED: { description: 'Failed over: the machine at the destination has taken over.' },
    ERROR: { description: 'What is stored there cannot be used as a whole; see `problems` and `lastError`.' },
    REMOVED: { description: 'Stopped: its recovery points were removed.' },
    UNKNOWN: unknown,
  } satisfies Words<ReplicationDestinationState>,
});

export const RecoveryStateEnum = builder.enumType('RecoveryState', {
  description: 'How far a recovery is (VCDA: recoveryInfo.recoveryState).',
  values: {
    NOT_STARTED: { description: 'Neither tested nor failed over since the last clean-up.' },
    IN_PROGRESS: { description: 'A machine is being made.' },
    TEST: { description: 'A test machine exists; clean it up before the next recovery.' },
    COMPLETE: { description: 'Failed over.' },
    UNKNOWN: unknown,
  } satisfies Words<RecoveryState>,
});

export const DataConnectionStateEnum = builder.enumType('DataConnectionState', {
  description: "The health of a replication's data traffic, VCDA's nine words.",
  values: {
    SYNCING: { description: 'Changes are being copied.' },
    INITIAL_SYNCING: { description: 'The first copy is being made.' },
    OK: { description: 'The last copy succeeded and none runs.' },
    PAUSED: { description: 'Copies are held back by a person.' },
    POWERED_OFF: { description: 'The source machine does not run, so nothing changes.' },
    PRUNING: { description: 'Recovery points that retention gave up are being removed.' },
    FINISHED: { description: 'Nothing more will be copied: it was failed over or stopped.' },
    UNKNOWN: unknown,
    ERROR: { description: 'The last copy failed; see `problems`.' },
  } satisfies Words<DataConnectionState>,
});

export const ReplicationHealthEnum = builder.enumType('ReplicationHealth', {
  description: "A replication's overall state as a traffic light (VCDA: overallHealth).",
  values: {
    GREEN: { description: 'Protected as promised.' },
    YELLOW: { description: 'Protected, but something needs a look: see `problems`.' },
    RED: { description: 'Not protected: there is nothing usable to fail over to. See `problems`.' },
    UNKNOWN: unknown,
  } satisfies Words<Health>,
});

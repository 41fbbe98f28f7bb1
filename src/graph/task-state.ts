import type { TaskKind } from '../domain/vocabulary.ts';
import type { TaskState } from '../engine/task.ts';
import { builder } from './builder.ts';

type Words<Word extends string> = Record<Word, { description: string }>;

export const TaskStateEnum = builder.enumType('TaskState', {
  description: 'Where a task is in its life. SUCCEEDED, FAILED and CANCELLED are final: a task never leaves them.',
  values: {
    QUEUED: { description: 'Accepted and kept; waits for a worker or for its window.' },
    RUNNING: { description: 'Being worked on, or waiting for a time or for a provider (see `waitingFor`).' },
    WAITING_FOR_INPUT: { description: 'Asks a question and goes on when it is answered.' },
    PAUSED: { description: 'Held back by a person; goes on when resumed.' },
    CANCELLING: { description: 'Asked to stop; what it does is being brought to a clean end.' },
    SUCCEEDED: { description: 'Did what it was for; see `result`.' },
    FAILED: { description: 'Ended without reaching its goal; see `error`.' },
    CANCELLED: { description: 'Stopped on request; nothing of it runs any more.' },
    UNKNOWN: { description: "A state that this version does not know; `nativeState` has the provider's word." },
  } satisfies Words<TaskState>,
});

export const TaskKindEnum = builder.enumType('TaskKind', {
  description: 'What a task does, the same word for every provider. Named like the mutation that makes it.',
  values: {
    START_REPLICATION: { description: 'Sets up the protection of a machine and makes its first recovery point.' },
    SYNC_REPLICATION: { description: 'Makes a new recovery point by copying what changed.' },
    TEST_FAILOVER: { description: 'Makes a machine from a recovery point to try it out, beside the protected one.' },
    CLEAN_UP_TEST_FAILOVER: { description: 'Removes the machine that a test failover made.' },
    FAILOVER_REPLICATION: { description: 'Makes the machine at the destination that takes over.' },
    STOP_REPLICATION: { description: 'Ends the protection and removes its recovery points.' },
    SYNC_INVENTORY: { description: 'Reads which machines exist at a site.' },
    UNKNOWN: { description: "A kind that this version does not know; `nativeType` has the provider's word." },
  } satisfies Words<TaskKind>,
});

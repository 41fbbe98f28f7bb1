import type { TaskState } from '../engine/task.ts';
import { builder } from './builder.ts';

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
  } satisfies Record<TaskState, { description: string }>,
});

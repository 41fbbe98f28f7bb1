import type { CancelOutcome, DeleteOutcome } from '../engine/task.ts';
import type { Domain } from './context.ts';
import { requireOperator } from './permission.ts';
import { type SelectedTask, selectTasks, type TaskSelection } from './task-selection.ts';
import type { Viewer } from './viewer.ts';

/** What became of each task of a selection, in its order. */
export interface Steered<Outcome> {
  results: { taskId: string; outcome: Outcome | 'NOT_FOUND' }[];
}

/** Asks for tasks to be cancelled; answers what became of each. Unknown ids answer NOT_FOUND. */
export async function cancelTasks(
  domain: Domain,
  viewer: Viewer,
  selection: TaskSelection,
): Promise<Steered<CancelOutcome>> {
  requireOperator(viewer, 'cancel tasks');
  const selected = await selectTasks(domain, viewer, selection);
  return steer(selected, (ids) => domain.tasks.cancel(ids, viewer.username));
}

/** Deletes tasks that have ended, with their parts and events; answers what became of each. */
export async function deleteTasks(
  domain: Domain,
  viewer: Viewer,
  selection: TaskSelection,
): Promise<Steered<DeleteOutcome>> {
  requireOperator(viewer, 'delete tasks');
  const selected = await selectTasks(domain, viewer, selection);
  return steer(selected, (ids) => domain.tasks.delete(ids));
}

/** Does it to the tasks that exist, each once, and says of every id that was asked for what came of it. */
async function steer<Outcome>(
  selected: readonly SelectedTask[],
  act: (ids: string[]) => Promise<Outcome[]>,
): Promise<Steered<Outcome>> {
  const ids = [...new Set(selected.filter(({ exists }) => exists).map(({ taskId }) => taskId))];
  const outcomes = ids.length === 0 ? [] : await act(ids);
  const outcomeById = new Map(ids.map((id, index) => [id, outcomes[index]]));
  return { results: selected.map(({ taskId }) => ({ taskId, outcome: outcomeById.get(taskId) ?? 'NOT_FOUND' })) };
}

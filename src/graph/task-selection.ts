import type { TaskSelection } from '../domain/task-selection.ts';
import { builder, type SchemaTypes } from './builder.ts';
import { checkFilter } from './filter.ts';
import { encodeGlobalId, rowId } from './global-id.ts';
import { TaskFilter, taskWhere } from './task-filter.ts';

/** The input of an action on many tasks: by ids, or by a filter that the caller has counted. */
export function taskSelectionInput(name: string, description: string) {
  return builder.inputType(name, {
    description: `${description} Give \`ids\`, or \`filter\` with \`confirmCount\`.`,
    fields: (t) => selectionFields(t),
  });
}

function selectionFields(t: PothosSchemaTypes.InputFieldBuilder<SchemaTypes, 'InputObject'>) {
  return {
    ids: t.idList({ description: 'Ids of tasks, 1 to 1,000. An id that is none answers NOT_FOUND.' }),
    filter: t.field({
      type: TaskFilter,
      description: 'All tasks that meet these conditions, at most 1,000. Needs `confirmCount`.',
    }),
    confirmCount: t.int({
      description:
        'How many tasks the filter matches, as `tasks(filter) { totalCount }` says. With any other number nothing happens and the answer says the true one.',
    }),
  };
}

interface SelectionInput {
  ids?: readonly string[] | null;
  filter?: typeof TaskFilter.$inferInput | null;
  confirmCount?: number | null;
}

/** The selection as the domain takes it. */
export function selectionOf({ ids, filter, confirmCount }: SelectionInput): TaskSelection {
  checkFilter(filter);
  return {
    ids: ids?.map((id) => rowId('Task', id)) ?? null,
    where: filter ? taskWhere(filter) : null,
    confirmCount: confirmCount ?? null,
  };
}

/** What became of one task of a selection; `id` is the client's own where it gave one. */
export interface SteeredTask<Outcome> {
  id: string;
  taskId: string;
  outcome: Outcome;
}

/** The domain's answers with the ids as the client knows them. */
export function answersOf<Outcome>(
  input: SelectionInput,
  results: readonly { taskId: string; outcome: Outcome }[],
): SteeredTask<Outcome>[] {
  return results.map((result, index) => ({
    ...result,
    id: input.ids?.[index] ?? encodeGlobalId('Task', result.taskId),
  }));
}

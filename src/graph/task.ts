import { visibleTasks } from '../domain/visibility.ts';
import { builder } from './builder.ts';
import { defineList, listArgs, orderInput } from './connection.ts';
import { loadEntity } from './entity.ts';
import { keyedById } from './federation.ts';
import { rowId } from './global-id.ts';
import { TaskFilter, taskOrder, taskWhere } from './task-filter.ts';

/** Its fields are in task-field.ts: types that lead to each other name only each other's refs and lists. */
export const Task = builder.prismaNode('Task', {
  id: { field: 'id' },
  select: { id: true },
  description:
    'Work that takes time, kept durably: what it is for, how far it is and how it ended. Watch one with `taskProgress`.',
});

keyedById(Task, 'Task');

export const taskArgs = listArgs(TaskFilter, orderInput('Task', taskOrder));

export const taskList = defineList({
  type: 'Task',
  visible: visibleTasks,
  where: taskWhere,
  order: taskOrder,
  defaultOrder: [{ field: 'CREATED_AT', direction: 'DESC' }],
  find: (prisma, query) => prisma.task.findMany(query),
  count: (prisma, where) => prisma.task.count({ where }),
});

export const TaskConnection = builder.connectionObject(
  { type: Task, name: 'TaskConnection', description: 'A page of a list of tasks.' },
  { name: 'TaskEdge', description: 'A task at its place in a list.' },
);

builder.queryFields((t) => ({
  tasks: t.connection(
    {
      type: Task,
      description: 'All work, by default the newest first.',
      args: taskArgs,
      resolve: (_root, args, context, info) => taskList.page(args, context, info),
    },
    TaskConnection,
  ),
  task: t.field({
    type: Task,
    nullable: true,
    description: 'One task. Null when there is none with this id.',
    args: { id: t.arg.id({ required: true, description: 'As `Task.id` gave it.' }) },
    resolve: (_root, { id }, context, info) => loadEntity(context, info, 'Task', rowId('Task', id)),
  }),
}));

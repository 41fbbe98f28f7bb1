import { builder } from './builder.ts';
import { loadNode } from './entity.ts';
import { refusal } from './refusal.ts';

const maxNodes = 500;

builder.queryFields((t) => ({
  node: t.field({
    type: builder.nodeInterfaceRef(),
    nullable: true,
    description:
      'Any object by its id. Null when there is none that you may see, also for a string that is no id at all.',
    args: { id: t.arg.id({ required: true, description: 'As any `id` field gave it.' }) },
    resolve: (_root, { id }, context, info) => loadNode(context, info, id),
  }),
  nodes: t.field({
    type: [builder.nodeInterfaceRef()],
    nullable: { list: false, items: true },
    description:
      'Many objects by their ids, of any types: one read for each type. The way to look at many tasks at once.',
    args: {
      ids: t.arg.idList({
        required: true,
        description: 'At most 500. The answer has the same length and order, with null where there is no object.',
      }),
    },
    resolve: (_root, { ids }, context, info) => {
      if (ids.length > maxNodes)
        throw refusal('INVALID_INPUT', `ids: give at most ${maxNodes}; these are ${ids.length}.`);
      return Promise.all(ids.map((id) => loadNode(context, info, id)));
    },
  }),
}));

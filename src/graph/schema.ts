import { type GraphQLSchema, isUnionType } from 'graphql';
import './about.ts';
import { builder } from './builder.ts';
import './error.ts';
import { checkRepresentations } from './federation.ts';
import './instance.ts';
import './node.ts';
import './organization.ts';
import './provider.ts';
import './replication.ts';
import './replication-action.ts';
import './replication-field.ts';
import './scalar.ts';
import './session-action.ts';
import { printSubgraph } from './sdl.ts';
import './site.ts';
import './site-action.ts';
import './subscription.ts';
import './task.ts';
import './task-action.ts';
import './task-field.ts';
import './task-kind.ts';
import './task-retry.ts';
import './task-update.ts';
import './task-wait.ts';
import './user.ts';
import './virtual-machine.ts';

/** The whole schema, an Apollo Federation 2 subgraph. */
export function buildSchema(): GraphQLSchema {
  const schema = builder.toSubGraphSchema({ linkUrl: 'https://specs.apollo.dev/federation/v2.6' });
  const service = schema.getQueryType()?.getFields()._service;
  if (!service) throw new Error('A subgraph has Query._service; this one was built without.');
  const answer = { sdl: printSubgraph(schema) };
  service.resolve = () => answer;
  service.description = 'This subgraph for a federation gateway. Needs no session.';
  guardEntities(schema);
  return schema;
}

/** `_entities` is made by Apollo's library: what it is given is checked before it gets it. */
function guardEntities(schema: GraphQLSchema): void {
  const field = schema.getQueryType()?.getFields()._entities;
  const union = schema.getType('_Entity');
  const look = field?.resolve;
  if (!field || !look || !isUnionType(union)) throw new Error('A subgraph has Query._entities; this one has none.');
  field.resolve = (root, args, context, info) => {
    checkRepresentations(args.representations, union);
    return look(root, args, context, info);
  };
}

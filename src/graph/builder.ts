import SchemaBuilder from '@pothos/core';
import DirectivesPlugin from '@pothos/plugin-directives';
import ErrorsPlugin from '@pothos/plugin-errors';
import FederationPlugin from '@pothos/plugin-federation';
import PrismaPlugin from '@pothos/plugin-prisma';
import RelayPlugin from '@pothos/plugin-relay';
import ScopeAuthPlugin from '@pothos/plugin-scope-auth';
import type PrismaTypes from '../../prisma/client/pothos.ts';
import { getDatamodel } from '../../prisma/client/pothos.ts';
import type { GraphContext } from './context.ts';
import { decodeGlobalId, encodeGlobalId } from './global-id.ts';
import { unauthenticated } from './refusal.ts';

/**
 * The schema's builder. Rules that hold everywhere are here: fields are non-null unless they say otherwise, every root field
 * needs a session unless it says `skipTypeScopes`, lists are Relay connections with `nodes` and a lazily counted `totalCount`.
 *
 * Order of checks: GraphQL's own validation of types, then the session, then the domain's checks of the input. Nothing about
 * an input's values is answered to somebody who is not signed in, so the errors plugin's `unsafelyHandleInputErrors` stays off.
 */
export const builder = new SchemaBuilder<{
  Context: GraphContext;
  PrismaTypes: PrismaTypes;
  DefaultFieldNullability: false;
  DefaultEdgesNullability: false;
  DefaultNodeNullability: false;
  AuthScopes: { signedIn: boolean };
  Connection: { totalCount(): number | Promise<number> };
  Scalars: {
    ID: { Input: string; Output: string };
    DateTime: { Input: Date; Output: Date };
    BigInt: { Input: bigint; Output: bigint };
    JSON: { Input: unknown; Output: unknown };
  };
}>({
  // The errors plugin comes after scope-auth, so that a refusal is the request's error and never part of a union.
  plugins: [ScopeAuthPlugin, ErrorsPlugin, RelayPlugin, PrismaPlugin, DirectivesPlugin, FederationPlugin],
  defaultFieldNullability: false,
  scopeAuth: {
    authorizeOnSubscribe: true,
    authScopes: (context) => ({ signedIn: context.viewer !== null }),
    unauthorizedError: () => unauthenticated(),
  },
  errors: { directResult: true },
  prisma: {
    client: (context) => context.domain.prisma,
    dmmf: getDatamodel(),
    exposeDescriptions: false,
    onUnusedQuery: 'error',
  },
  relay: {
    encodeGlobalID: (type, id) => encodeGlobalId(type, String(id)),
    decodeGlobalID: (text) => {
      const decoded = decodeGlobalId(text);
      return { typename: decoded?.type ?? '', id: decoded?.id ?? '' };
    },
    // `node` and `nodes` are ours (node.ts): they scope by viewer, batch by type, and answer null to what is no id.
    nodeQueryOptions: false,
    nodesQueryOptions: false,
    nodeTypeOptions: {
      description: 'An object that can be fetched again by its id alone, through `node` and `nodes`.',
    },
    idFieldOptions: {
      description:
        'Names this object everywhere in the graph, for ever. Opaque: store and compare it, never take it apart.',
    },
    pageInfoTypeOptions: {
      description: 'Where a page lies in its list, and the cursors that lead to the next and the previous one.',
      shareable: true,
    },
    hasNextPageFieldOptions: {
      description:
        'More items follow. When paging backward: a `before` cursor was given, so at least that item follows.',
    },
    hasPreviousPageFieldOptions: {
      description:
        'More items come before. When paging forward: an `after` cursor was given, so at least that item does.',
    },
    startCursorFieldOptions: {
      description: 'Pass it as `before` to get the items ahead of this page; null on an empty page.',
    },
    endCursorFieldOptions: {
      description: 'Pass it as `after` to get the items behind this page; null on an empty page.',
    },
    cursorFieldOptions: {
      description:
        'Marks this place in the order that was asked for. Stays valid when items are added or removed, even when this one is; only valid with the same `orderBy`.',
    },
    edgesFieldOptions: { description: 'The items of this page, each with its cursor.' },
    nodeFieldOptions: { description: 'The item itself.' },
    pageInfoFieldOptions: { description: 'How to go on from this page.' },
    nodesOnConnection: {
      description: 'The items of this page without their cursors: shorter to write than `edges { node }`.',
    },
    firstArgOptions: {
      description:
        'Take so many from the start of the list, or behind `after`. At most 500; 50 if neither `first` nor `last` is given.',
    },
    afterArgOptions: {
      description: 'Only items behind this cursor, which comes from the same list in the same order.',
    },
    lastArgOptions: {
      description:
        'Take so many from the end of the list, or ahead of `before`. At most 500; not together with `first`.',
    },
    beforeArgOptions: {
      description: 'Only items ahead of this cursor, which comes from the same list in the same order.',
    },
  },
});

builder.queryType({
  authScopes: { signedIn: true },
  description: 'Everything that can be read. All fields but `about` need a session (see `Mutation.signIn`).',
});
builder.mutationType({
  authScopes: { signedIn: true },
  description:
    'Everything that can be done. Each action answers a union of its payload and the errors it can end in; long work answers a task at once.',
});
builder.subscriptionType({
  authScopes: { signedIn: true },
  description:
    'What happens, as it happens, over WebSocket or Server-Sent Events. Every event has a cursor to resume from.',
});

builder.globalConnectionField('totalCount', (t) =>
  t.int({
    description:
      'How many items the filter matches in the whole list. Counted only when asked for, which costs time on long lists.',
    resolve: (connection) => connection.totalCount(),
  }),
);

/** The builder's own type parameters, for functions that take its refs. */
export type SchemaTypes = typeof builder extends PothosSchemaTypes.SchemaBuilder<infer Types> ? Types : never;

/** What makes the fields of an input type. */
export type InputFields = PothosSchemaTypes.InputFieldBuilder<SchemaTypes, 'InputObject'>;

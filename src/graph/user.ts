import type { Prisma } from '../../prisma/client/client.ts';
import { type Role, roles, type Viewer } from '../domain/viewer.ts';
import { builder } from './builder.ts';
import { defineList, listArgs, type OrderField, orderInput } from './connection.ts';
import { type GraphContext, viewerOf } from './context.ts';
import { between } from './filter.ts';

const RoleEnum = builder.enumType('Role', {
  description: 'What a user may do. Roles add up; every signed-in user may read.',
  values: {
    ADMINISTRATOR: { description: 'Also registers and removes sites, connects providers and manages users.' },
    OPERATOR: { description: 'Also starts, tests, fails over and stops replications, and cancels tasks.' },
    VIEWER: { description: 'Reads only.' },
    WORKER: { description: 'A program that works on tasks.' },
  } satisfies Record<Role, { description: string }>,
});

export const User = builder.prismaNode('User', {
  id: { field: 'id' },
  select: { id: true },
  description: 'A person or a program that can sign in.',
});

export const Session = builder.prismaNode('Session', {
  id: { field: 'id' },
  select: { id: true },
  description: 'One sign-in of a user. Its token is known to the client alone; only a hash of it is kept.',
});

const privately = 'Null to everybody but the user and administrators.';

/** What others than the user see of an account is its name: a list of who may do what is a list of whom to attack. */
function showsPrivately({ id }: { id: string }, { viewer }: GraphContext): boolean {
  // Without a viewer there is only the payload of signIn, which shows nobody but the user.
  return viewer === null || viewer.userId === id || viewer.roles.includes('ADMINISTRATOR');
}

builder.prismaObjectFields(User, (t) => ({
  username: t.exposeString('username', {
    description: 'Unique, lower case: what is typed at sign-in, and what tasks name.',
  }),
  displayName: t.exposeString('displayName', {
    nullable: true,
    description: 'How the user wants to be called; null where none was given.',
  }),
  roles: t.field({
    type: [RoleEnum],
    nullable: true,
    select: { id: true, roles: true },
    description: `What the user may do. A role that this version does not know gives no right and is left out. ${privately}`,
    resolve: (user, _args, context) =>
      showsPrivately(user, context) ? roles.filter((role) => user.roles.includes(role)) : null,
  }),
  lastSignInAt: t.field({
    type: 'DateTime',
    nullable: true,
    select: { id: true, lastSignInAt: true },
    description: `When the user last signed in; null before the first time. ${privately}`,
    resolve: (user, _args, context) => (showsPrivately(user, context) ? user.lastSignInAt : null),
  }),
  disabledAt: t.field({
    type: 'DateTime',
    nullable: true,
    select: { id: true, disabledAt: true },
    description: `Since when the user cannot sign in; null for users who can. ${privately}`,
    resolve: (user, _args, context) => (showsPrivately(user, context) ? user.disabledAt : null),
  }),
  createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When the user was added.' }),
  sessions: t.connection(
    {
      type: Session,
      description: 'Sign-ins of this user that you may see: your own, newest first.',
      args: sessionArgs,
      ...sessionList.related('sessions'),
    },
    SessionConnection,
  ),
}));

builder.prismaObjectFields(Session, (t) => ({
  user: t.relation('user', { description: 'Who signed in.' }),
  isCurrent: t.boolean({
    description: 'Whether this request was made with it.',
    resolve: ({ id }, _args, { viewer }) => id === viewer?.sessionId,
  }),
  address: t.exposeString('address', {
    nullable: true,
    description: 'The network address that the sign-in came from.',
  }),
  userAgent: t.exposeString('userAgent', {
    nullable: true,
    description: 'What the client said it was at sign-in; at most 300 characters of it.',
  }),
  createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When the user signed in.' }),
  expiresAt: t.expose('expiresAt', { type: 'DateTime', description: 'When it ends, however much it is used.' }),
  lastUsedAt: t.expose('lastUsedAt', { type: 'DateTime', description: 'When a request last used it, to the minute.' }),
  revokedAt: t.expose('revokedAt', {
    type: 'DateTime',
    nullable: true,
    description: 'When it was ended early, such as by `signOut`; null otherwise.',
  }),
}));

const SessionFilter = builder.inputType('SessionFilter', {
  description: 'Conditions on sessions, combined with AND.',
  fields: (t) => ({
    isOpen: t.boolean({
      description: 'true: only those that still hold; false: only those that expired or were revoked.',
    }),
    createdAfter: t.field({ type: 'DateTime', description: 'Signed in later than this.' }),
    createdBefore: t.field({ type: 'DateTime', description: 'Signed in earlier than this.' }),
  }),
});

function where(filter: typeof SessionFilter.$inferInput = {}): Prisma.SessionWhereInput {
  const open = { revokedAt: null, expiresAt: { gt: new Date() } };
  return {
    ...(filter.isOpen == null ? {} : filter.isOpen ? open : { NOT: open }),
    createdAt: between(filter.createdAfter, filter.createdBefore),
  };
}

const order = {
  CREATED_AT: { column: 'createdAt', kind: 'moment', description: 'By when the user signed in.' },
  LAST_USED_AT: { column: 'lastUsedAt', kind: 'moment', description: 'By when a request last used it.' },
  EXPIRES_AT: { column: 'expiresAt', kind: 'moment', description: 'By when it ends.' },
} satisfies Record<string, OrderField>;

const sessionArgs = listArgs(SessionFilter, orderInput('Session', order));

const sessionList = defineList({
  type: 'Session',
  visible: ownSessions,
  where,
  order,
  defaultOrder: [{ field: 'CREATED_AT', direction: 'DESC' }],
  find: (prisma, query) => prisma.session.findMany(query),
  count: (prisma, where) => prisma.session.count({ where }),
});

function ownSessions(viewer: Viewer): Prisma.SessionWhereInput {
  return { userId: viewer.userId };
}

const SessionConnection = builder.connectionObject(
  { type: Session, name: 'SessionConnection', description: 'A page of a list of sessions.' },
  { name: 'SessionEdge', description: 'A session at its place in a list.' },
);

builder.queryField('viewer', (t) =>
  t.prismaField({
    type: User,
    description: 'You: the user whose session this request uses.',
    resolve: (query, _root, _args, context) =>
      context.domain.prisma.user.findUniqueOrThrow({ ...query, where: { id: viewerOf(context).userId } }),
  }),
);

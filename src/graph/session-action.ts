import { ForbiddenError, InvalidInputError } from '../domain/error.ts';
import { signIn, signOut } from '../domain/session.ts';
import { failures, inputDescription } from './action.ts';
import { builder } from './builder.ts';
import { viewerOf } from './context.ts';
import { Session, User } from './user.ts';

interface SignedIn {
  token: string;
  expiresAt: Date;
  sessionId: string;
  userId: string;
}

const SignInPayload = builder.objectRef<SignedIn>('SignInPayload').implement({
  description: 'You are signed in. A browser also got the session as a cookie and needs nothing of this.',
  fields: (t) => ({
    token: t.exposeString('token', {
      description:
        "Send it as `Authorization: Bearer <token>`, or in a WebSocket's connectionParams as `authorization`. Shown only here: keep it secret.",
    }),
    expiresAt: t.expose('expiresAt', {
      type: 'DateTime',
      description: 'When the token stops working; sign in again then.',
    }),
    // The reader of this payload is not the request's viewer yet, so these are read by their own ids.
    session: t.prismaField({
      type: Session,
      description: 'The session that was made.',
      resolve: (query, { sessionId }, _args, { domain }) =>
        domain.prisma.session.findUniqueOrThrow({ ...query, where: { id: sessionId } }),
    }),
    user: t.prismaField({
      type: User,
      description: 'Who you are.',
      resolve: (query, { userId }, _args, { domain }) =>
        domain.prisma.user.findUniqueOrThrow({ ...query, where: { id: userId } }),
    }),
  }),
});

const LocalCredentialsInput = builder.inputType('LocalCredentialsInput', {
  description: 'A user that drgraph itself keeps.',
  fields: (t) => ({
    username: t.string({ required: true, description: 'In any case; the first start makes "admin".' }),
    password: t.string({
      required: true,
      description: 'As it was given or generated; pass it as a variable, so that it stands in no log of documents.',
    }),
  }),
});

const SignInInput = builder.inputType('SignInInput', {
  isOneOf: true,
  description: 'By what you prove who you are: exactly one of these.',
  fields: (t) => ({
    local: t.field({ type: LocalCredentialsInput, description: 'By name and password of a user of drgraph.' }),
  }),
});

builder.mutationField('signIn', (t) =>
  t.field({
    type: SignInPayload,
    description:
      'Starts a session. A wrong password and an unknown user answer alike; too many failed tries are refused for a while.',
    errors: failures('signIn', [InvalidInputError, ForbiddenError]),
    skipTypeScopes: true,
    args: { input: t.arg({ type: SignInInput, required: true, description: inputDescription }) },
    resolve: async (_root, { input: { local } }, { domain, address, userAgent, setSessionCookie }) => {
      const { token, session, user } = await signIn(domain, { ...local, address, userAgent });
      setSessionCookie(token, session.expiresAt);
      return { token, expiresAt: session.expiresAt, sessionId: session.id, userId: user.id };
    },
  }),
);

const SignOutPayload = builder.objectRef<{ sessionId: string }>('SignOutPayload').implement({
  description: 'The session has ended: its token and its cookie open nothing any more, and its subscriptions end.',
  fields: (t) => ({
    session: t.prismaField({
      type: Session,
      description: 'The one that this request used, with `revokedAt`.',
      resolve: (query, { sessionId }, _args, { domain }) =>
        domain.prisma.session.findUniqueOrThrow({ ...query, where: { id: sessionId } }),
    }),
  }),
});

builder.mutationField('signOut', (t) =>
  t.field({
    type: SignOutPayload,
    description: 'Ends the session that this request uses.',
    errors: failures('signOut', []),
    resolve: async (_root, _args, context) => {
      const viewer = viewerOf(context);
      await signOut(context.domain, viewer);
      context.setSessionCookie(null);
      return { sessionId: viewer.sessionId };
    },
  }),
);

import { builder } from './builder.ts';
import { type HealthCheck, type HealthStatus, healthStatuses } from './context.ts';

const About = builder.objectRef<{ version: string; startedAt: Date }>('About').implement({
  description: 'Which service answers here.',
  fields: (t) => ({
    product: t.string({ description: 'Always "drgraph".', resolve: () => 'drgraph' }),
    version: t.exposeString('version', { description: 'The version of the program, as in its CHANGELOG.' }),
    startedAt: t.expose('startedAt', {
      type: 'DateTime',
      description: 'When this process started; behind a load balancer it may differ from answer to answer.',
    }),
  }),
});

const HealthStatusEnum = builder.enumType('HealthStatus', {
  description: 'How the service or a part of it fares.',
  values: {
    OK: { description: 'Works as it should.' },
    DEGRADED: { description: 'Works in part, or will soon stop working: look at the message.' },
    FAILED: { description: 'Does not work.' },
  } satisfies Record<HealthStatus, { description: string }>,
});

const HealthCheckType = builder.objectRef<HealthCheck>('HealthCheck').implement({
  description: 'How one part of the service fares, looked at for this request.',
  fields: (t) => ({
    name: t.exposeString('name', {
      description:
        'Which part: "database", "tasks", "data folder", "sites" or "replications"; later versions add more.',
    }),
    status: t.field({ type: HealthStatusEnum, description: 'How it fares.', resolve: ({ status }) => status }),
    message: t.exposeString('message', {
      nullable: true,
      description: 'What is wrong and what to do; null when nothing is.',
    }),
  }),
});

const Health = builder.objectRef<HealthCheck[]>('Health').implement({
  description:
    'How the service fares, in all and in parts. For machines there are also `/healthz` and `/readyz`, which need no session.',
  fields: (t) => ({
    status: t.field({
      type: HealthStatusEnum,
      description: 'That of the part that fares worst.',
      resolve: (checks) => healthStatuses.findLast((status) => checks.some((check) => check.status === status)) ?? 'OK',
    }),
    checks: t.field({ type: [HealthCheckType], description: 'Each part.', resolve: (checks) => checks }),
  }),
});

builder.queryFields((t) => ({
  about: t.field({
    type: About,
    skipTypeScopes: true,
    description: 'Which service answers here. Needs no session.',
    resolve: (_root, _args, { about }) => about,
  }),
  health: t.field({
    type: Health,
    description:
      'How the service fares: its database, tasks and data folder, and the sites and replications it looks after.',
    resolve: (_root, _args, context) => context.health(),
  }),
}));

import {
  ConflictError,
  ForbiddenError,
  InvalidInputError,
  InvalidStateError,
  NotFoundError,
  ProviderError,
  UnsupportedError,
} from '../domain/error.ts';
import { cleanUpTestFailover, type FailoverInput, failoverReplication, testFailover } from '../domain/failover.ts';
import { startReplication, stopReplication, syncReplication } from '../domain/replication.ts';
import { failures, inputDescription, type TaskPayload, taskField, taskOptionFields, taskPayload } from './action.ts';
import { builder } from './builder.ts';
import { type GraphContext, viewerOf } from './context.ts';
import { loadEntity } from './entity.ts';
import { rowId } from './global-id.ts';
import { Replication } from './replication.ts';
import { DataConnectionTypeEnum } from './vocabulary.ts';

const VirtualMachineReference = builder.inputType('VirtualMachineReference', {
  description: 'Picks a machine by its id.',
  fields: (t) => ({ id: t.id({ required: true, description: 'As `VirtualMachine.id` gave it.' }) }),
});

const SiteReference = builder.inputType('SiteReference', {
  description: 'Picks a site by its id.',
  fields: (t) => ({ id: t.id({ required: true, description: 'As `Site.id` gave it.' }) }),
});

const ReplicationSourceInput = builder.inputType('ReplicationSourceInput', {
  isOneOf: true,
  description: 'What to protect: exactly one of these.',
  fields: (t) => ({
    virtualMachine: t.field({ type: VirtualMachineReference, description: 'A machine that an inventory found.' }),
  }),
});

const ReplicationDestinationInput = builder.inputType('ReplicationDestinationInput', {
  isOneOf: true,
  description: 'Where to keep the recovery points: exactly one of these.',
  fields: (t) => ({
    site: t.field({ type: SiteReference, description: "Another site of the same provider as the machine's." }),
  }),
});

const RetentionRuleInput = builder.inputType('RetentionRuleInput', {
  description: 'Keep so many recovery points, so far apart.',
  fields: (t) => ({
    numberOfInstances: t.int({ required: true, description: 'How many recovery points to keep, 1 to 1000.' }),
    distanceMinutes: t.int({
      required: true,
      description:
        'How many minutes to have between two of them: 0 keeps every one until the number is reached, at most 525600.',
    }),
  }),
});

const ReplicationSettingsInput = builder.inputType('ReplicationSettingsInput', {
  description: 'How a replication is to work. What is left out gets its default.',
  fields: (t) => ({
    description: t.string({ description: 'Free text for people, at most 1000 characters.' }),
    rpoMinutes: t.int({
      description:
        'Recovery point objective, 5 to 1440: how many minutes of work may be lost at most. 60 when not given.',
    }),
    dataConnectionType: t.field({
      type: DataConnectionTypeEnum,
      description: 'How the data travel and lie at the destination. ENCRYPTED_COMPRESSED when not given.',
    }),
    retentionRules: t.field({
      type: [RetentionRuleInput],
      description: 'Which recovery points to keep, at most 10 rules. When not given: the last 24.',
    }),
    quiesced: t.boolean({
      description:
        'Bring file systems to rest before each copy. LOCAL cannot: true answers UnsupportedError. false when not given.',
    }),
  }),
});

const StartReplicationPayload = builder
  .objectRef<TaskPayload & { replicationId: string | null }>('StartReplicationPayload')
  .implement({
    description: 'The protection exists now; its first recovery point does when the task has succeeded.',
    fields: (t) => ({
      task: taskField(t),
      replication: t.field({
        type: Replication,
        nullable: true,
        description: 'The new protection. Null when only validation was asked for.',
        resolve: ({ replicationId }, _args, context, info) =>
          replicationId ? loadEntity(context, info, 'Replication', replicationId) : null,
      }),
    }),
  });

const StartReplicationInput = builder.inputType('StartReplicationInput', {
  description: 'Which machine to protect, where, and how.',
  fields: (t) => ({
    source: t.field({ type: ReplicationSourceInput, required: true, description: 'What to protect.' }),
    destination: t.field({
      type: ReplicationDestinationInput,
      required: true,
      description: 'Where to keep the recovery points.',
    }),
    settings: t.field({ type: ReplicationSettingsInput, description: 'How it is to work; defaults when not given.' }),
    ...taskOptionFields(t),
  }),
});

builder.mutationField('startReplication', (t) =>
  t.field({
    type: StartReplicationPayload,
    description:
      'Protects a machine at another site: copies its disks and keeps recovery points there. Needs the role OPERATOR.',
    errors: failures('startReplication', [
      NotFoundError,
      ForbiddenError,
      InvalidInputError,
      UnsupportedError,
      ConflictError,
    ]),
    args: { input: t.arg({ type: StartReplicationInput, required: true, description: inputDescription }) },
    resolve: (_root, { input: { source, destination, ...input } }, context) =>
      startReplication(context.domain, viewerOf(context), {
        ...input,
        source: { virtualMachine: { id: rowId('VirtualMachine', source.virtualMachine.id) } },
        destination: { site: { id: rowId('Site', destination.site.id) } },
        operationId: context.operationId,
      }),
  }),
);

const actionErrors = [
  NotFoundError,
  ForbiddenError,
  InvalidInputError,
  InvalidStateError,
  UnsupportedError,
  ConflictError,
];

function simpleInput(name: string, description: string) {
  return builder.inputType(name, {
    description,
    fields: (t) => ({
      replicationId: t.id({ required: true, description: 'Which replication: as `Replication.id` gave it.' }),
      ...taskOptionFields(t),
    }),
  });
}

function decoded<Input extends { replicationId: string }>(input: Input, { operationId }: GraphContext) {
  return { ...input, replicationId: rowId('Replication', input.replicationId), operationId };
}

const SyncReplicationInput = simpleInput('SyncReplicationInput', 'Which replication to bring up to date.');

const SyncReplicationPayload = taskPayload('SyncReplicationPayload');

builder.mutationField('syncReplication', (t) =>
  t.field({
    type: SyncReplicationPayload,
    description: 'Copies what changed on the source into a new recovery point. Needs the role OPERATOR.',
    errors: failures('syncReplication', actionErrors),
    args: { input: t.arg({ type: SyncReplicationInput, required: true, description: inputDescription }) },
    resolve: (_root, { input }, context) => syncReplication(context.domain, viewerOf(context), decoded(input, context)),
  }),
);

const StopReplicationInput = simpleInput('StopReplicationInput', 'Which replication to end.');

const StopReplicationPayload = taskPayload('StopReplicationPayload');

builder.mutationField('stopReplication', (t) =>
  t.field({
    type: StopReplicationPayload,
    description:
      'Ends a protection for good and removes its recovery points, and its test machine if there is one. Machines of a failover stay. Needs the role OPERATOR.',
    errors: failures('stopReplication', actionErrors),
    args: { input: t.arg({ type: StopReplicationInput, required: true, description: inputDescription }) },
    resolve: (_root, { input }, context) => stopReplication(context.domain, viewerOf(context), decoded(input, context)),
  }),
);

const CleanUpTestFailoverInput = simpleInput(
  'CleanUpTestFailoverInput',
  'Which replication has a test machine to remove.',
);

const CleanUpTestFailoverPayload = taskPayload('CleanUpTestFailoverPayload');

builder.mutationField('cleanUpTestFailover', (t) =>
  t.field({
    type: CleanUpTestFailoverPayload,
    description:
      'Removes the machine that a test failover made, so that the replication can be tested or failed over again. Needs the role OPERATOR.',
    errors: failures('cleanUpTestFailover', actionErrors),
    args: { input: t.arg({ type: CleanUpTestFailoverInput, required: true, description: inputDescription }) },
    resolve: (_root, { input }, context) =>
      cleanUpTestFailover(context.domain, viewerOf(context), decoded(input, context)),
  }),
);

function failoverInput(name: string, description: string, defaultName: string) {
  return builder.inputType(name, {
    description,
    fields: (t) => ({
      replicationId: t.id({ required: true, description: 'Which replication: as `Replication.id` gave it.' }),
      instanceId: t.id({
        description:
          'Which of its recovery points to make the machine from, as `Instance.id` gave it. The newest when not given.',
      }),
      powerOn: t.boolean({
        description:
          'Whether the machine is to run. LOCAL writes it into `vm.json` and runs nothing. false when not given.',
      }),
      vmName: t.string({
        description: `The new machine's name; LOCAL: also its folder below \`vms/\`, so it must be free. ${defaultName} when not given.`,
      }),
      ...taskOptionFields(t),
    }),
  });
}

function decodedFailover<Input extends FailoverInput>(input: Input, context: GraphContext) {
  return {
    ...decoded(input, context),
    instanceId: input.instanceId == null ? null : rowId('Instance', input.instanceId),
  };
}

const TestFailoverInput = failoverInput(
  'TestFailoverInput',
  'Which recovery point to try, and what to call the machine.',
  'The source\'s name and "-test"',
);

const TestFailoverPayload = taskPayload('TestFailoverPayload');

builder.mutationField('testFailover', (t) =>
  t.field({
    type: TestFailoverPayload,
    description:
      'Makes a machine from a recovery point to try it out; disturbs neither the source nor the protection. Needs the role OPERATOR.',
    errors: failures('testFailover', [...actionErrors, ProviderError]),
    args: { input: t.arg({ type: TestFailoverInput, required: true, description: inputDescription }) },
    resolve: (_root, { input }, context) =>
      testFailover(context.domain, viewerOf(context), decodedFailover(input, context)),
  }),
);

const FailoverReplicationInput = failoverInput(
  'FailoverReplicationInput',
  'Which recovery point takes over, and what to call the machine.',
  "The source's name",
);

const FailoverReplicationPayload = taskPayload('FailoverReplicationPayload');

builder.mutationField('failoverReplication', (t) =>
  t.field({
    type: FailoverReplicationPayload,
    description:
      'Makes the machine that takes over at the destination. Needs nothing of the source; the replication copies no more afterwards. Needs the role OPERATOR.',
    errors: failures('failoverReplication', [...actionErrors, ProviderError]),
    args: { input: t.arg({ type: FailoverReplicationInput, required: true, description: inputDescription }) },
    resolve: (_root, { input }, context) =>
      failoverReplication(context.domain, viewerOf(context), decodedFailover(input, context)),
  }),
);

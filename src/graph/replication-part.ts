import {
  type ReplicationError,
  type ReplicationProblem,
  replicationError,
  retentionRules,
  type SyncProgress,
} from '../domain/stored.ts';
import {
  dataConnectionTypes,
  known,
  recoveryStates,
  replicationDestinationStates,
  replicationSourceStates,
  targetDiskTypes,
  taskKinds,
} from '../domain/vocabulary.ts';
import { builder } from './builder.ts';
import { loadEntity } from './entity.ts';
import { RecoveryStateEnum, ReplicationDestinationStateEnum, ReplicationSourceStateEnum } from './replication-state.ts';
import { Task } from './task.ts';
import { TaskKindEnum } from './task-kind.ts';
import { DataConnectionTypeEnum, TargetDiskTypeEnum } from './vocabulary.ts';

export const ReplicationSource = builder.prismaObject('Replication', {
  variant: 'ReplicationSource',
  select: { id: true },
  description: 'Where a replication copies from.',
  fields: (t) => ({
    site: t.relation('sourceSite', { description: 'The site where the protected machine lives.' }),
    organization: t.relation('organization', {
      nullable: true,
      description: 'Whose machine it is; null where the provider names no tenant.',
    }),
    virtualMachine: t.relation('virtualMachine', {
      description: 'The machine whose disks are copied; still there when the source has lost it (see `removedAt`).',
    }),
  }),
});

export const ReplicationDestination = builder.prismaObject('Replication', {
  variant: 'ReplicationDestination',
  select: { id: true },
  description: 'Where a replication copies to.',
  fields: (t) => ({
    site: t.relation('destinationSite', {
      description: 'The site that keeps the recovery points, and where a failover makes its machine.',
    }),
  }),
});

const RetentionRule = builder
  .objectRef<{ numberOfInstances: number; distanceMinutes: number }>('RetentionRule')
  .implement({
    description: 'Keep so many recovery points, so far apart. The newest is always kept.',
    fields: (t) => ({
      numberOfInstances: t.exposeInt('numberOfInstances', { description: 'How many recovery points this rule keeps.' }),
      distanceMinutes: t.exposeInt('distanceMinutes', { description: 'How many minutes lie between two of them.' }),
    }),
  });

export const ReplicationSettings = builder.prismaObject('Replication', {
  variant: 'ReplicationSettings',
  select: { id: true },
  description: 'How a replication was asked to work (VCDA: settings).',
  fields: (t) => ({
    description: t.exposeString('description', { nullable: true, description: 'Free text of whoever started it.' }),
    rpoMinutes: t.exposeInt('rpoMinutes', {
      description: 'Recovery point objective: the newest recovery point should never be older than so many minutes.',
    }),
    dataConnectionType: t.field({
      type: DataConnectionTypeEnum,
      nullable: true,
      select: { dataConnectionType: true },
      description: 'How its data travel and lie at the destination. Null for a way that this version does not know.',
      resolve: ({ dataConnectionType }) => dataConnectionTypes.find((type) => type === dataConnectionType),
    }),
    quiesced: t.exposeBoolean('quiesced', {
      description:
        'Whether the machine is asked to bring its file systems to rest before each copy. Always false for LOCAL, which copies disk images from outside.',
    }),
    retentionRules: t.field({
      type: [RetentionRule],
      select: { retentionRules: true },
      description: 'Which recovery points are kept; applied together. Empty: only the newest.',
      resolve: (row) => retentionRules.parse(row.retentionRules),
    }),
    targetDiskType: t.field({
      type: TargetDiskTypeEnum,
      nullable: true,
      select: { targetDiskType: true },
      description: 'How recovered disks take their space. Null for a way that this version does not know.',
      resolve: ({ targetDiskType }) => targetDiskTypes.find((type) => type === targetDiskType),
    }),
    initialSyncAt: t.expose('initialSyncAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When the first copy was asked to be made; null: at once.',
    }),
    excludedDiskKeys: t.exposeIntList('excludedDiskKeys', {
      description: 'Device keys of disks that are not replicated.',
    }),
  }),
});

export const ReplicationSourceStatus = builder.prismaObject('Replication', {
  variant: 'ReplicationSourceStatus',
  select: { id: true },
  description: 'What the source is doing, and since when.',
  fields: (t) => ({
    state: t.field({
      type: ReplicationSourceStateEnum,
      select: { sourceState: true },
      description: 'What it is doing.',
      resolve: ({ sourceState }) => known(replicationSourceStates, sourceState),
    }),
    changedAt: t.expose('sourceStateAt', { type: 'DateTime', description: 'When that last changed.' }),
  }),
});

const ReplicationFailure = builder.objectRef<NonNullable<ReplicationError>>('ReplicationFailure').implement({
  description: 'The last action on a replication that failed, until one of the same kind succeeds.',
  fields: (t) => ({
    code: t.exposeString('code', { description: "A stable word for programs, the same as in the task's `error`." }),
    message: t.exposeString('message', { description: 'What happened, to what, and what to do.' }),
    at: t.field({ type: 'DateTime', description: 'When it failed.', resolve: ({ at }) => new Date(at) }),
    taskKind: t.field({
      type: TaskKindEnum,
      description: 'What was being done.',
      resolve: ({ kind }) => known(taskKinds, kind),
    }),
    task: t.field({
      type: Task,
      nullable: true,
      description: 'Where the failure happened, with its whole history.',
      resolve: ({ taskId }, _args, context, info) => loadEntity(context, info, 'Task', taskId),
    }),
  }),
});

export const ReplicationDestinationStatus = builder.prismaObject('Replication', {
  variant: 'ReplicationDestinationStatus',
  select: { id: true },
  description: 'What the destination is doing, and since when.',
  fields: (t) => ({
    state: t.field({
      type: ReplicationDestinationStateEnum,
      select: { destinationState: true },
      description: 'What it is doing.',
      resolve: ({ destinationState }) => known(replicationDestinationStates, destinationState),
    }),
    changedAt: t.expose('destinationStateAt', { type: 'DateTime', description: 'When that last changed.' }),
    recoveryState: t.field({
      type: RecoveryStateEnum,
      select: { recoveryState: true },
      description: 'How far a failover or a test failover is.',
      resolve: ({ recoveryState }) => known(recoveryStates, recoveryState),
    }),
    lastError: t.field({
      type: ReplicationFailure,
      nullable: true,
      select: { lastError: true },
      description: 'What failed last; null when nothing did, or when it was done again with success.',
      resolve: ({ lastError }) => replicationError.parse(lastError),
    }),
  }),
});

export const ReplicationProblemType = builder.objectRef<ReplicationProblem>('ReplicationProblem').implement({
  description: 'One reason why a replication is not GREEN.',
  fields: (t) => ({
    code: t.exposeString('code', { description: 'A stable word for programs.' }),
    message: t.exposeString('message', { description: 'What is wrong, with what, and what to do.' }),
    at: t.field({ type: 'DateTime', description: 'When it was found.', resolve: ({ at }) => new Date(at) }),
    instanceKey: t.exposeString('instanceKey', {
      nullable: true,
      description: 'Key of the recovery point that it is about; null when it is about the replication as a whole.',
    }),
  }),
});

export const ReplicationRpo = builder
  .objectRef<{ targetMinutes: number; actualMinutes: number | null; violationMinutes: number | null }>('ReplicationRpo')
  .implement({
    description:
      'Recovery point objective: how much work would be lost if the source were lost right now, and how much may be.',
    fields: (t) => ({
      targetMinutes: t.exposeInt('targetMinutes', { description: 'What was asked for: `settings.rpoMinutes`.' }),
      actualMinutes: t.exposeFloat('actualMinutes', {
        nullable: true,
        description:
          'Age in minutes of the newest recovery point that can be used, when this was answered; null when there is none.',
      }),
      violationMinutes: t.exposeFloat('violationMinutes', {
        nullable: true,
        description:
          'By how many minutes the target is missed, 0 when it is met; null when there is no recovery point, or nothing to protect any more (stopped, failed over).',
      }),
    }),
  });

export const SyncProgressType = builder.objectRef<NonNullable<SyncProgress>>('SyncProgress').implement({
  description: 'The counters of a running copy (VCDA: sourceState.progress).',
  fields: (t) => ({
    progress: t.exposeFloat('progress', { description: '0 to 100, of this copy.' }),
    checksumTotalBytes: t.field({
      type: 'BigInt',
      description: 'Bytes to be compared with the last copy.',
      resolve: (counters) => wholeBytes(counters.checksumTotalBytes),
    }),
    checksumComparedBytes: t.field({
      type: 'BigInt',
      description: 'Bytes of them compared so far.',
      resolve: (counters) => wholeBytes(counters.checksumComparedBytes),
    }),
    bytesToTransfer: t.field({
      type: 'BigInt',
      description: 'Bytes found to have changed so far, before compression; grows while the comparison goes on.',
      resolve: (counters) => wholeBytes(counters.bytesToTransfer),
    }),
    bytesTransferred: t.field({
      type: 'BigInt',
      description: 'Bytes of them copied so far.',
      resolve: (counters) => wholeBytes(counters.bytesTransferred),
    }),
  }),
});

const wholeBytes = (bytes: number) => BigInt(Math.round(bytes));

import { availableActions } from '../domain/replication-state.ts';
import { replicationProblems, syncProgress } from '../domain/stored.ts';
import { dataConnectionStates, healths, known, providerKinds } from '../domain/vocabulary.ts';
import { builder } from './builder.ts';
import { Instance, InstanceConnection, instanceArgs, instanceList } from './instance.ts';
import { Replication } from './replication.ts';
import { factOf } from './replication-fact.ts';
import {
  ReplicationDestination,
  ReplicationDestinationStatus,
  ReplicationProblemType,
  ReplicationRpo,
  ReplicationSettings,
  ReplicationSource,
  ReplicationSourceStatus,
  SyncProgressType,
} from './replication-part.ts';
import { DataConnectionStateEnum, ReplicationActionEnum, ReplicationHealthEnum } from './replication-state.ts';
import { Task, TaskConnection, taskArgs, taskList } from './task.ts';
import { VirtualHardware } from './virtual-hardware.ts';
import { VirtualMachine, VirtualMachineConnection, virtualMachineArgs, virtualMachineList } from './virtual-machine.ts';

const newestFirst = [{ createdAt: 'desc' as const }, { id: 'desc' as const }];

// What is copied, from where, to where, how.
builder.prismaObjectFields(Replication, (t) => ({
  name: t.exposeString('vmName', {
    description: "The protected machine's name when the protection was started: replications have no other.",
  }),
  vmName: t.exposeString('vmName', { description: "The protected machine's name when the protection was started." }),
  vmDescription: t.exposeString('vmDescription', {
    nullable: true,
    description: "The protected machine's description when the protection was started.",
  }),
  nativeId: t.exposeString('nativeId', {
    nullable: true,
    description: "The provider's own id of the replication; null for LOCAL.",
  }),
  provider: t.relation('provider', { description: 'The system that does the copying.' }),
  organization: t.relation('organization', {
    nullable: true,
    description: 'Whose machine is protected; null where the provider names no tenant.',
  }),
  owner: t.relation('owner', {
    nullable: true,
    description: 'The user who started it; null when it was found at the provider.',
  }),
  virtualMachine: t.relation('virtualMachine', {
    description: 'The protected machine; the same as `source.virtualMachine`.',
  }),
  source: t.variant(ReplicationSource, { description: 'Where it copies from.' }),
  destination: t.variant(ReplicationDestination, { description: 'Where it copies to.' }),
  settings: t.variant(ReplicationSettings, { description: 'How it was asked to work.' }),
  virtualHardware: t.field({
    type: VirtualHardware,
    select: {
      excludedDiskKeys: true,
      virtualMachine: {
        select: { cpus: true, coresPerSocket: true, memoryMb: true, disks: { orderBy: { key: 'asc' } } },
      },
    },
    description: 'What the protected machine is made of; its storage counts only the disks that are replicated.',
    resolve: ({ virtualMachine: { disks, ...machine }, excludedDiskKeys }) => ({
      ...machine,
      disks: disks.filter(({ key }) => !excludedDiskKeys.includes(key)),
    }),
  }),
  isPaused: t.exposeBoolean('isPaused', { description: 'Whether copying is held back by a person.' }),
  isMigration: t.exposeBoolean('isMigration', {
    description: 'True when it was made to move the machine for good; false when it protects it.',
  }),
  isReversed: t.exposeBoolean('isReversed', {
    description: 'True when it runs back to where the machine came from. Turns with every reversal.',
  }),
  createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When the protection was started.' }),
  updatedAt: t.expose('updatedAt', { type: 'DateTime', description: 'When anything about it last changed.' }),
  removedAt: t.expose('removedAt', {
    type: 'DateTime',
    nullable: true,
    description: 'When it was stopped; null while in use. Stopped replications stay readable for their history.',
  }),
}));

// How it stands.
builder.prismaObjectFields(Replication, (t) => ({
  sourceState: t.variant(ReplicationSourceStatus, { description: 'What the source is doing.' }),
  destinationState: t.variant(ReplicationDestinationStatus, {
    description: 'What the destination is doing, and how far a recovery is.',
  }),
  dataConnectionState: t.field({
    type: DataConnectionStateEnum,
    select: { dataConnectionState: true },
    description: 'The health of its data traffic.',
    resolve: ({ dataConnectionState }) => known(dataConnectionStates, dataConnectionState),
  }),
  overallHealth: t.field({
    type: ReplicationHealthEnum,
    select: { overallHealth: true },
    description: 'Everything about it in one colour; `problems` gives the reasons.',
    resolve: ({ overallHealth }) => known(healths, overallHealth),
  }),
  problems: t.field({
    type: [ReplicationProblemType],
    select: { problems: true },
    description: 'Why it is not GREEN; empty when it is.',
    resolve: ({ problems }) => replicationProblems.parse(problems),
  }),
  syncProgress: t.field({
    type: SyncProgressType,
    nullable: true,
    select: { syncProgress: true },
    description: 'The counters of the copy that runs now; null while none does.',
    resolve: (row) => syncProgress.parse(row.syncProgress),
  }),
  lastSyncStartedAt: t.expose('lastSyncStartedAt', {
    type: 'DateTime',
    nullable: true,
    description: 'When the last copy began, whatever became of it; null before the first.',
  }),
  lastSyncedAt: t.expose('lastSyncedAt', {
    type: 'DateTime',
    nullable: true,
    description: 'When the last copy ended with success; null before the first.',
  }),
  rpo: t.field({
    type: ReplicationRpo,
    select: { rpoMinutes: true, removedAt: true, recoveryState: true },
    description: 'How old the newest usable recovery point is, against how old it may be.',
    resolve: async ({ id, rpoMinutes, removedAt, recoveryState }, _args, context) => {
      const { newestUsableAt } = await factOf(context, id);
      const actualMinutes = newestUsableAt && (Date.now() - newestUsableAt.getTime()) / 60_000;
      const isOver = removedAt !== null || recoveryState === 'COMPLETE';
      const violationMinutes = actualMinutes === null || isOver ? null : Math.max(0, actualMinutes - rpoMinutes);
      return { targetMinutes: rpoMinutes, actualMinutes, violationMinutes };
    },
  }),
  availableActions: t.field({
    type: [ReplicationActionEnum],
    select: { recoveryState: true, removedAt: true, provider: { select: { kind: true } } },
    description:
      'What can be done to it right now, as far as its state and its provider allow: enable buttons by it. Empty while a task works on it.',
    resolve: async ({ id, recoveryState, removedAt, provider }, _args, context) => {
      const { newestUsableAt, isBusy } = await factOf(context, id);
      const kind = providerKinds.find((candidate) => candidate === provider.kind);
      const capabilities = kind ? context.domain.connector(kind).capabilities : [];
      return availableActions(
        { recoveryState, removedAt },
        { hasUsableInstance: newestUsableAt !== null, isBusy },
        capabilities,
      );
    },
  }),
}));

// What it has.
builder.prismaObjectFields(Replication, (t) => ({
  latestInstance: t.field({
    type: Instance,
    nullable: true,
    select: (_args, _context, nestedSelection) => ({ instances: nestedSelection({ take: 1, orderBy: newestFirst }) }),
    description: 'The newest recovery point, whether it can be used or not; null before the first.',
    resolve: ({ instances }) => instances[0],
  }),
  instances: t.connection(
    {
      type: Instance,
      description: 'Its recovery points, newest first.',
      args: instanceArgs,
      ...instanceList.related('instances'),
    },
    InstanceConnection,
  ),
  recoveredMachines: t.connection(
    {
      type: VirtualMachine,
      description:
        'Machines that its failovers and test failovers made; those cleaned up when the filter asks for them.',
      args: virtualMachineArgs,
      ...virtualMachineList.related('recoveredMachines'),
    },
    VirtualMachineConnection,
  ),
  tasks: t.connection(
    {
      type: Task,
      description: 'Everything that was done to it, newest first.',
      args: taskArgs,
      ...taskList.related('tasks'),
    },
    TaskConnection,
  ),
}));

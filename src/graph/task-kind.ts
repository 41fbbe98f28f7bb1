import { type NativeProviderKind, nativeProviderKinds, taskKindFacts } from '../domain/task-kind.ts';
import { type TaskKind, taskKinds } from '../domain/vocabulary.ts';
import { builder } from './builder.ts';
import { ResourceTypeEnum } from './resource.ts';
import { ProviderKindEnum } from './vocabulary.ts';

const words = {
  START_REPLICATION: { description: 'Sets up the protection of a machine and makes its first recovery point.' },
  SYNC_REPLICATION: { description: 'Makes a new recovery point by copying what changed.' },
  PAUSE_REPLICATION: { description: 'Lets a protection rest: nothing is copied until it is resumed.' },
  RESUME_REPLICATION: { description: 'Lets a paused protection go on.' },
  RECONFIGURE_REPLICATION: { description: 'Changes the settings, disks or recovery host of a protection.' },
  REVERSE_REPLICATION: { description: 'Protects a recovered machine back to where it came from.' },
  MAINTAIN_REPLICATION: {
    description: 'Keeps a protection in order by itself, such as when its machine appeared or vanished.',
  },
  STOP_REPLICATION: { description: 'Ends the protection and removes its recovery points.' },
  TEST_FAILOVER: { description: 'Makes a machine from a recovery point to try it out, beside the protected one.' },
  CLEAN_UP_TEST_FAILOVER: { description: 'Removes the machine that a test failover made.' },
  FAILOVER_REPLICATION: { description: 'Makes the machine at the destination that takes over.' },
  COMMIT_FAILOVER: { description: 'Makes a failover final; from then on it cannot be taken back.' },
  ROLL_BACK_FAILOVER: { description: 'Takes back a failover that was not committed.' },
  MIGRATE_REPLICATION: { description: 'Moves a machine to the destination as planned, without losing a write.' },
  COMMIT_MIGRATION: { description: 'Makes a planned move final; the source may then be removed.' },
  ROLL_BACK_MIGRATION: { description: 'Takes back a planned move that was not committed.' },
  DELETE_INSTANCE: { description: 'Removes recovery points of a protection.' },
  CREATE_REPLICATION_GROUP: { description: 'Protects several machines together, at the same instants.' },
  UPDATE_REPLICATION_GROUP: { description: 'Changes the machines or the settings of a group.' },
  REMOVE_REPLICATION_GROUP: { description: 'Ends the protection of a group and of all its machines.' },
  CLONE_MACHINE: { description: 'Makes a copy of a machine from a recovery point, which nothing else needs any more.' },
  START_MACHINES: { description: 'Starts recovered machines in the order that was set.' },
  RUN_SCRIPT: { description: "Runs an administrator's script before or after a recovery." },
  SYNC_INVENTORY: { description: 'Reads which machines, recovery points or backups exist at a site or a provider.' },
  SYNC_POLICIES: { description: 'Gives the default policy to tenants without one and drops left-over assignments.' },
  CHECK_HEALTH: { description: 'Looks whether the parts of a provider work and reach each other.' },
  GENERATE_BUNDLE: { description: 'Collects logs and settings into a file for support.' },
  SUBMIT_SUPPORT_TICKET: { description: "Sends a request for help to the provider's vendor." },
  TEST_PROVIDER: { description: 'Tries the connections and credentials of a provider or of what it works with.' },
  PAIR_SITES: { description: 'Makes two sites known to each other, so that machines can be protected between them.' },
  UNPAIR_SITES: { description: 'Makes two sites forget each other.' },
  CLEAR_SITE: { description: 'Removes everything that protection has set up at a site.' },
  MAINTAIN_HOST: { description: 'Empties a host of replication work so that it can be serviced.' },
  INSTALL_APPLIANCE: { description: 'Sets up a machine that moves data for replication (such as a VRA).' },
  CONFIGURE_APPLIANCE: { description: 'Changes addresses, passwords or sources of updates of an appliance.' },
  UPGRADE_APPLIANCE: { description: 'Brings appliances to a newer version.' },
  REMOVE_APPLIANCE: { description: 'Takes appliances away.' },
  EXPORT_BACKUP: { description: 'Reads a machine for a backup; it is kept only once STORE_BACKUP has ended.' },
  STORE_BACKUP: { description: 'Writes an exported backup to its destination.' },
  RESTORE_BACKUP: { description: 'Fetches a backup from its destination; IMPORT_BACKUP or MOUNT_BACKUP may follow.' },
  IMPORT_BACKUP: { description: 'Makes a machine from a restored backup.' },
  MOUNT_BACKUP: { description: 'Makes the files of a backup or a recovery point readable one by one.' },
  UNMOUNT_BACKUP: { description: 'Ends the reading of single files.' },
  DELETE_BACKUP: { description: 'Removes a backup that somebody chose.' },
  REMOVE_OLD_BACKUPS: { description: 'Removes backups that retention keeps no longer.' },
  DELETE_PROTECTED_ENTITY: { description: 'Makes the provider forget a machine, with its history.' },
  LIVE_MIGRATE: { description: 'Moves a machine that was started from its backup onto its real storage.' },
  CREATE_SNAPSHOT: { description: 'Makes a snapshot of a machine where it runs.' },
  REVERT_SNAPSHOT: { description: 'Puts a machine back to a snapshot; what came after is lost.' },
  REMOVE_OLD_SNAPSHOTS: { description: 'Removes snapshots that retention keeps no longer.' },
  INITIALIZE_BACKUP_DESTINATION: { description: 'Prepares a place for its first backup.' },
  CLEAN_UP_STAGING: { description: 'Removes what broken tasks left in the space for work in progress.' },
  UPLOAD_FILES: { description: 'Copies files out of a mounted backup to where they are wanted.' },
  EJECT_TAPE: { description: 'Takes tapes out of their library.' },
  IMPORT_TAPE: { description: 'Makes tapes known that were put into a library.' },
  UNKNOWN: { description: "A kind that this version does not know; `nativeType` has the provider's word." },
} satisfies Record<TaskKind, { description: string }>;

export const TaskKindEnum = builder.enumType('TaskKind', {
  description: 'What a task does, the same word for every provider. Named like the mutation that makes it.',
  values: words,
});

const NativeTaskType = builder.objectRef<{ provider: NativeProviderKind; name: string }>('NativeTaskType').implement({
  description: "A provider's own word for what a task does.",
  fields: (t) => ({
    provider: t.field({
      type: ProviderKindEnum,
      description: 'Whose word it is.',
      resolve: ({ provider }) => provider,
    }),
    name: t.exposeString('name', {
      description:
        'The word, as `Task.nativeType` has it. For VCDA `resourceType.type`, since a type alone is ambiguous.',
    }),
  }),
});

const TaskKindInfo = builder.objectRef<{ kind: TaskKind }>('TaskKindInfo').implement({
  description: 'What a kind of task is: for menus, filters and people who know a provider by its own words.',
  fields: (t) => ({
    kind: t.field({ type: TaskKindEnum, description: 'The word of the graph.', resolve: ({ kind }) => kind }),
    description: t.string({ description: 'What it does, for people.', resolve: ({ kind }) => words[kind].description }),
    actsOn: t.field({
      type: [ResourceTypeEnum],
      description: 'What `Task.resource` can be, the usual one first. Empty for UNKNOWN.',
      resolve: ({ kind }) => [...taskKindFacts[kind].actsOn],
    }),
    nativeTypes: t.field({
      type: [NativeTaskType],
      description: 'All words of the providers that mean this. Empty for what only drgraph does.',
      resolve: ({ kind }) => {
        const { native } = taskKindFacts[kind];
        return nativeProviderKinds.flatMap((provider) => (native[provider] ?? []).map((name) => ({ provider, name })));
      },
    }),
  }),
});

builder.queryField('taskKinds', (t) =>
  t.field({
    type: [TaskKindInfo],
    description: 'Every kind of task, whether or not a connected provider does it, with what it is called there.',
    resolve: () => taskKinds.map((kind) => ({ kind })),
  }),
);

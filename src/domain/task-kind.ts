import type { ProviderKind, ResourceType, TaskKind } from './vocabulary.ts';

/** The providers that have words of their own for what their tasks do. */
export const nativeProviderKinds = ['VCDA', 'ZERTO', 'VPROTECT'] as const satisfies readonly ProviderKind[];
export type NativeProviderKind = (typeof nativeProviderKinds)[number];

/** What a kind of task works on, and what the vendors call it. */
export interface TaskKindFacts {
  actsOn: readonly ResourceType[];
  native: { readonly [Kind in NativeProviderKind]?: readonly string[] };
}

/**
 * Every kind with the vendors' native types that mean it. A native type belongs to one kind; one that is in no row, because a
 * release is newer than this table, is UNKNOWN. Sources:
 * - ZERTO: Zerto Virtual Replication, Tasks API, the 68 values of `Type` (and 0, `FirstUnusedValue`).
 * - VPROTECT: Storware vProtect, Tasks Controller, the 22 values of `type`, and three older words of its Integration Guide.
 * - VCDA: VMware Cloud Director Availability 4.1, `workflowInfo` of its examples, as `resourceType.type`, because a type alone is
 *   ambiguous: `sync` is of replications and of policies.
 */
export const taskKindFacts: Readonly<Record<TaskKind, TaskKindFacts>> = {
  START_REPLICATION: {
    actsOn: ['Replication', 'VirtualMachine'],
    native: { VCDA: ['vmReplication.start'], ZERTO: ['ProtectVM', 'AddVMToProtectionGroup'] },
  },
  SYNC_REPLICATION: {
    actsOn: ['Replication', 'ReplicationGroup'],
    native: { VCDA: ['vmReplication.sync'], ZERTO: ['InsertTaggedCP', 'WaitForCP', 'InitFullSync'] },
  },
  PAUSE_REPLICATION: {
    actsOn: ['Replication', 'ReplicationGroup'],
    native: { VCDA: ['vmReplication.pause'], ZERTO: ['PauseProtectionGroup'] },
  },
  RESUME_REPLICATION: {
    actsOn: ['Replication', 'ReplicationGroup'],
    native: { VCDA: ['vmReplication.resume'], ZERTO: ['ResumeProtectionGroup'] },
  },
  RECONFIGURE_REPLICATION: {
    actsOn: ['Replication', 'VirtualMachine'],
    native: {
      VCDA: ['vmReplication.reconfigure'],
      ZERTO: ['ForceReconfigurationOfNewVM', 'ChangeRecoveryHost', 'ChangeRecoveryHostForProtectionGroup'],
    },
  },
  REVERSE_REPLICATION: { actsOn: ['Replication'], native: { VCDA: ['vmReplication.reverse'] } },
  MAINTAIN_REPLICATION: {
    actsOn: ['Replication', 'ReplicationGroup', 'VirtualMachine'],
    native: {
      ZERTO: [
        'HandleMirrorPromotion',
        'ActivateAllMirrors',
        'HandleFirstSyncDone',
        'HandleProtectedVmRemovedFromPlatform',
        'HandleProtectedVmAddedToPlatform',
      ],
    },
  },
  STOP_REPLICATION: {
    actsOn: ['Replication', 'VirtualMachine'],
    // The second as the 4.1 document has it in its list of tasks, with both words exchanged.
    native: {
      VCDA: ['vmReplication.stop', 'stop.replication'],
      ZERTO: ['UnprotectVM', 'RemoveVMFromProtectionGroup'],
    },
  },
  TEST_FAILOVER: {
    actsOn: ['Replication', 'ReplicationGroup', 'Instance'],
    native: { VCDA: ['vmReplication.failoverTest'], ZERTO: ['FailOverTest'] },
  },
  CLEAN_UP_TEST_FAILOVER: {
    actsOn: ['Replication', 'ReplicationGroup'],
    native: { VCDA: ['vmReplication.failoverTestCleanup'], ZERTO: ['StopFailOverTest'] },
  },
  FAILOVER_REPLICATION: {
    actsOn: ['Replication', 'ReplicationGroup', 'Instance'],
    native: { VCDA: ['vmReplication.failover'], ZERTO: ['FailOver', 'FailoverBeforeCommit'] },
  },
  COMMIT_FAILOVER: { actsOn: ['Replication', 'ReplicationGroup'], native: { ZERTO: ['FailoverCommit'] } },
  ROLL_BACK_FAILOVER: { actsOn: ['Replication', 'ReplicationGroup'], native: { ZERTO: ['FailoverRollback'] } },
  MIGRATE_REPLICATION: {
    actsOn: ['Replication', 'ReplicationGroup'],
    native: {
      VCDA: ['vmReplication.migrate'],
      ZERTO: ['Move', 'MoveBeforeCommit', 'MoveProtectionGroupToManualOperationNeeded'],
    },
  },
  COMMIT_MIGRATION: { actsOn: ['Replication', 'ReplicationGroup'], native: { ZERTO: ['MoveCommit'] } },
  ROLL_BACK_MIGRATION: { actsOn: ['Replication', 'ReplicationGroup'], native: { ZERTO: ['MoveRollback'] } },
  DELETE_INSTANCE: { actsOn: ['Instance', 'Replication'], native: { ZERTO: ['ClearCheckpoints'] } },
  CREATE_REPLICATION_GROUP: { actsOn: ['ReplicationGroup'], native: { ZERTO: ['CreateProtectionGroup'] } },
  UPDATE_REPLICATION_GROUP: {
    actsOn: ['ReplicationGroup'],
    native: { ZERTO: ['UpdateProtectionGroup', 'ForceUpdateProtectionGroup'] },
  },
  REMOVE_REPLICATION_GROUP: {
    actsOn: ['ReplicationGroup'],
    native: { ZERTO: ['RemoveProtectionGroup', 'ForceRemoveProtectionGroup', 'ForceKillProtectionGroup'] },
  },
  CLONE_MACHINE: { actsOn: ['VirtualMachine', 'ReplicationGroup'], native: { ZERTO: ['Clone'] } },
  START_MACHINES: { actsOn: ['VirtualMachine'], native: { ZERTO: ['StartVMsWithOrder'] } },
  RUN_SCRIPT: { actsOn: ['ReplicationGroup'], native: { ZERTO: ['PrePostScript', 'PreScript', 'PostScript'] } },
  SYNC_INVENTORY: {
    actsOn: ['Site', 'Provider'],
    native: {
      ZERTO: ['GetCheckpointList', 'GetVMSettings'],
      VPROTECT: [
        'INVENTORY_SYNC',
        'INDEX',
        'SCOPED_INVENTORY_SYNC',
        'TAPE_MANAGER_INVENTORY_SYNC',
        'BACKUP_DESTINATION_SYNC',
      ],
    },
  },
  SYNC_POLICIES: { actsOn: ['Policy', 'Organization'], native: { VCDA: ['policies.sync'] } },
  CHECK_HEALTH: { actsOn: ['Provider'], native: { VCDA: ['cloudService.healthInfo'] } },
  GENERATE_BUNDLE: {
    actsOn: ['Bundle', 'Provider'],
    native: { VCDA: ['supportBundle.generate'], ZERTO: ['LogCollection'] },
  },
  SUBMIT_SUPPORT_TICKET: { actsOn: ['Provider'], native: { ZERTO: ['SubmitSupportTicket'] } },
  TEST_PROVIDER: { actsOn: ['Provider', 'Site'], native: { VPROTECT: ['CONNECTIVITY_TEST'] } },
  PAIR_SITES: { actsOn: ['Site'], native: { ZERTO: ['Pair'] } },
  UNPAIR_SITES: { actsOn: ['Site'], native: { ZERTO: ['Unpair'] } },
  CLEAR_SITE: { actsOn: ['Site'], native: { ZERTO: ['ClearSite'] } },
  MAINTAIN_HOST: { actsOn: ['Host'], native: { ZERTO: ['MaintainHost'] } },
  INSTALL_APPLIANCE: { actsOn: ['Appliance', 'Host'], native: { ZERTO: ['InstallVra', 'InstallCloudConnector'] } },
  CONFIGURE_APPLIANCE: {
    actsOn: ['Appliance'],
    native: {
      VCDA: ['appliance.update'],
      ZERTO: [
        'AddPeerVraInfo',
        'RemovePeerVraInfo',
        'ChangeVraIpSettings',
        'ChangeVraPassword',
        'ChangeVraPasswordIpSettings',
        'RedeployCloudConnector',
      ],
    },
  },
  UPGRADE_APPLIANCE: { actsOn: ['Appliance'], native: { ZERTO: ['UpgradeVRA', 'BulkUpgradeVras'] } },
  REMOVE_APPLIANCE: {
    actsOn: ['Appliance'],
    native: { ZERTO: ['UninstallVra', 'UninstallCloudConnector', 'BulkUninstallVras'] },
  },
  EXPORT_BACKUP: {
    actsOn: ['VirtualMachine', 'ReplicationGroup', 'Backup'],
    native: { ZERTO: ['VpgBackup'], VPROTECT: ['EXPORT'] },
  },
  STORE_BACKUP: { actsOn: ['Backup', 'BackupDestination'], native: { VPROTECT: ['STORE'] } },
  RESTORE_BACKUP: {
    actsOn: ['Backup', 'ReplicationGroup'],
    native: { ZERTO: ['RestoreVpg'], VPROTECT: ['RESTORE'] },
  },
  IMPORT_BACKUP: { actsOn: ['Backup', 'VirtualMachine'], native: { VPROTECT: ['IMPORT'] } },
  MOUNT_BACKUP: { actsOn: ['Backup', 'Instance'], native: { ZERTO: ['FlrJournalMount'], VPROTECT: ['MOUNT'] } },
  UNMOUNT_BACKUP: { actsOn: ['Backup', 'Instance'], native: { ZERTO: ['FlrJournalUnmount'], VPROTECT: ['UNMOUNT'] } },
  DELETE_BACKUP: { actsOn: ['Backup'], native: { ZERTO: ['VpgDeleteBackup'] } },
  REMOVE_OLD_BACKUPS: {
    actsOn: ['Backup', 'BackupDestination'],
    native: { VPROTECT: ['BACKUP_CLEANUP', 'OLD_BACKUPS_REMOVAL'] },
  },
  DELETE_PROTECTED_ENTITY: { actsOn: ['VirtualMachine'], native: { VPROTECT: ['DELETE'] } },
  LIVE_MIGRATE: { actsOn: ['VirtualMachine'], native: { VPROTECT: ['LIVE_MIGRATION'] } },
  CREATE_SNAPSHOT: { actsOn: ['VirtualMachine'], native: { VPROTECT: ['SNAPSHOT'] } },
  REVERT_SNAPSHOT: { actsOn: ['VirtualMachine'], native: { VPROTECT: ['SNAPSHOT_REVERSION'] } },
  REMOVE_OLD_SNAPSHOTS: {
    actsOn: ['VirtualMachine'],
    native: { VPROTECT: ['SNAPSHOT_CLEANUP', 'OLD_SNAPSHOTS_REMOVAL'] },
  },
  INITIALIZE_BACKUP_DESTINATION: { actsOn: ['BackupDestination'], native: { VPROTECT: ['BACKUP_DESTINATION_INIT'] } },
  CLEAN_UP_STAGING: { actsOn: ['Appliance'], native: { VPROTECT: ['STAGING_CLEANUP'] } },
  UPLOAD_FILES: { actsOn: ['Backup'], native: { VPROTECT: ['UPLOAD'] } },
  EJECT_TAPE: { actsOn: ['Tape'], native: { VPROTECT: ['EJECT_TAPE'] } },
  IMPORT_TAPE: { actsOn: ['Tape'], native: { VPROTECT: ['IMPORT_TAPE'] } },
  // Types whose meaning their vendor does not document, or that mean nothing.
  UNKNOWN: {
    actsOn: [],
    native: {
      VCDA: ['unknown.unknown'],
      ZERTO: ['FirstUnusedValue', 'NotSupportedInThisVersion', 'SplitCommit'],
    },
  },
};

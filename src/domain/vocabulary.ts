// The graph's enumerations, in one place because the database keeps them as text and several rooms read them.
// Descriptions for clients are in the graph's file of the same concept.

export const providerKinds = ['LOCAL', 'VCDA', 'ZERTO', 'VPROTECT'] as const;
export type ProviderKind = (typeof providerKinds)[number];

export const providerStatuses = ['CONNECTED', 'DEGRADED', 'UNREACHABLE', 'DISCONNECTED', 'UNKNOWN'] as const;
export type ProviderStatus = (typeof providerStatuses)[number];

export const siteTypes = ['CLOUD', 'ON_PREMISES', 'UNKNOWN'] as const;
export type SiteType = (typeof siteTypes)[number];

export const powerStates = ['POWERED_ON', 'POWERED_OFF', 'SUSPENDED', 'UNKNOWN'] as const;
export type PowerState = (typeof powerStates)[number];

/** How a replication's data travel and lie at the destination, as VCDA names them. */
export const dataConnectionTypes = ['PLAIN', 'ENCRYPTED', 'ENCRYPTED_COMPRESSED'] as const;
export type DataConnectionType = (typeof dataConnectionTypes)[number];

/** VCDA's nine states of a replication's data connection. */
export const dataConnectionStates = [
  'SYNCING',
  'INITIAL_SYNCING',
  'OK',
  'PAUSED',
  'POWERED_OFF',
  'PRUNING',
  'FINISHED',
  'UNKNOWN',
  'ERROR',
] as const;
export type DataConnectionState = (typeof dataConnectionStates)[number];

export const recoveryStates = ['NOT_STARTED', 'IN_PROGRESS', 'TEST', 'COMPLETE', 'UNKNOWN'] as const;
export type RecoveryState = (typeof recoveryStates)[number];

export const replicationSourceStates = [
  'IDLE',
  'INITIAL_SYNCING',
  'SYNCING',
  'UNAVAILABLE',
  'REMOVED',
  'UNKNOWN',
] as const;
export type ReplicationSourceState = (typeof replicationSourceStates)[number];

export const replicationDestinationStates = [
  'NEW',
  'INITIAL_SYNCING',
  'SYNCING',
  'READY',
  'RECOVERING',
  'RECOVERED',
  'ERROR',
  'REMOVED',
  'UNKNOWN',
] as const;
export type ReplicationDestinationState = (typeof replicationDestinationStates)[number];

export const healths = ['GREEN', 'YELLOW', 'RED', 'UNKNOWN'] as const;
export type Health = (typeof healths)[number];

export const targetDiskTypes = ['THIN', 'PREALLOCATED', 'PREALLOCATED_ZEROS'] as const;
export type TargetDiskType = (typeof targetDiskTypes)[number];

export const quiescedTypes = ['UNQUIESCED', 'FILE_SYSTEM_QUIESCED', 'APPLICATION_QUIESCED', 'UNKNOWN'] as const;
export type QuiescedType = (typeof quiescedTypes)[number];

/** What can be done to a replication; `Replication.availableActions` says which of them can be done now. */
export const replicationActions = ['SYNC', 'TEST_FAILOVER', 'CLEAN_UP_TEST_FAILOVER', 'FAILOVER', 'STOP'] as const;
export type ReplicationAction = (typeof replicationActions)[number];

/** Types of objects that a task can be about, by the names of the graph's types; the later ones exist at vendors only. */
export const resourceTypes = [
  'Provider',
  'Site',
  'Organization',
  'VirtualMachine',
  'Replication',
  'Instance',
  'ReplicationGroup',
  'Policy',
  'Bundle',
  'Backup',
  'BackupDestination',
  'Appliance',
  'Host',
  'Tape',
] as const;
export type ResourceType = (typeof resourceTypes)[number];

/** Unified kinds of tasks, named like the actions that make them. What vendors call them is in `task-kind.ts`. */
export const taskKinds = [
  'START_REPLICATION',
  'SYNC_REPLICATION',
  'PAUSE_REPLICATION',
  'RESUME_REPLICATION',
  'RECONFIGURE_REPLICATION',
  'REVERSE_REPLICATION',
  'MAINTAIN_REPLICATION',
  'STOP_REPLICATION',
  'TEST_FAILOVER',
  'CLEAN_UP_TEST_FAILOVER',
  'FAILOVER_REPLICATION',
  'COMMIT_FAILOVER',
  'ROLL_BACK_FAILOVER',
  'MIGRATE_REPLICATION',
  'COMMIT_MIGRATION',
  'ROLL_BACK_MIGRATION',
  'DELETE_INSTANCE',
  'CREATE_REPLICATION_GROUP',
  'UPDATE_REPLICATION_GROUP',
  'REMOVE_REPLICATION_GROUP',
  'CLONE_MACHINE',
  'START_MACHINES',
  'RUN_SCRIPT',
  'SYNC_INVENTORY',
  'SYNC_POLICIES',
  'CHECK_HEALTH',
  'GENERATE_BUNDLE',
  'SUBMIT_SUPPORT_TICKET',
  'TEST_PROVIDER',
  'PAIR_SITES',
  'UNPAIR_SITES',
  'CLEAR_SITE',
  'MAINTAIN_HOST',
  'INSTALL_APPLIANCE',
  'CONFIGURE_APPLIANCE',
  'UPGRADE_APPLIANCE',
  'REMOVE_APPLIANCE',
  'EXPORT_BACKUP',
  'STORE_BACKUP',
  'RESTORE_BACKUP',
  'IMPORT_BACKUP',
  'MOUNT_BACKUP',
  'UNMOUNT_BACKUP',
  'DELETE_BACKUP',
  'REMOVE_OLD_BACKUPS',
  'DELETE_PROTECTED_ENTITY',
  'LIVE_MIGRATE',
  'CREATE_SNAPSHOT',
  'REVERT_SNAPSHOT',
  'REMOVE_OLD_SNAPSHOTS',
  'INITIALIZE_BACKUP_DESTINATION',
  'CLEAN_UP_STAGING',
  'UPLOAD_FILES',
  'EJECT_TAPE',
  'IMPORT_TAPE',
  'UNKNOWN',
] as const;
export type TaskKind = (typeof taskKinds)[number];

/** Gives the value if the list has it, else UNKNOWN: a word from a newer program or a vendor never breaks a list. */
export function known<Values extends readonly string[]>(values: Values, value: string): Values[number] | 'UNKNOWN' {
  return values.find((candidate) => candidate === value) ?? 'UNKNOWN';
}

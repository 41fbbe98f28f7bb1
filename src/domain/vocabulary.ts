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

/** Unified kinds of tasks. */
export const taskKinds = [
  'START_REPLICATION',
  'SYNC_REPLICATION',
  'TEST_FAILOVER',
  'CLEAN_UP_TEST_FAILOVER',
  'FAILOVER_REPLICATION',
  'STOP_REPLICATION',
  'SYNC_INVENTORY',
  'UNKNOWN',
] as const;
export type TaskKind = (typeof taskKinds)[number];

/** Gives the value if the list has it, else UNKNOWN: a word from a newer program or a vendor never breaks a list. */
export function known<Values extends readonly string[]>(values: Values, value: string): Values[number] | 'UNKNOWN' {
  return values.find((candidate) => candidate === value) ?? 'UNKNOWN';
}

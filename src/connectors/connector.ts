// The contract between drgraph and a system that protects machines. Nothing above it knows a vendor, nothing below it
// knows the domain or the database: everything a connector needs is in its arguments.

import type { DataConnectionType, PowerState, QuiescedType, ReplicationAction } from '../domain/vocabulary.ts';

/** What kind of answer came instead of success; the words are those of the graph's ProviderError. */
export type ConnectorErrorKind = 'UNREACHABLE' | 'DENIED' | 'NOT_FOUND' | 'CONFLICT' | 'REJECTED' | 'INVALID_REPLY';

/** The one error of every connector. `code` is a stable word for programs; `message` says what happened, to what, what to do. */
export class ConnectorError extends Error {
  readonly kind: ConnectorErrorKind;
  readonly code: string;
  constructor(kind: ConnectorErrorKind, code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'ConnectorError';
    this.kind = kind;
    this.code = code;
  }
}

/** A running sync's counters, as VCDA names them; they only grow. */
export interface SyncCounters {
  checksumTotalBytes: number;
  checksumComparedBytes: number;
  bytesToTransfer: number;
  bytesTransferred: number;
}

/** How far a piece of work is. */
export type WorkProgress =
  | { phase: 'SYNC'; counters: SyncCounters }
  | { phase: 'RESTORE'; bytesDone: number; bytesTotal: number };

/** What every action is given by the one who runs it. */
export interface Work {
  /** Repeating an action with the same key continues or returns what the first try made, and never makes a second. */
  readonly idempotencyKey: string;
  /** Aborted when the work is no longer wanted or no longer ours; the action then stops soon and throws. */
  readonly signal: AbortSignal;
  /** Cheap; may be called often. */
  report(progress: WorkProgress): void;
  /** Throws when the work is no longer ours. Called right before every effect that others can see. */
  check(): Promise<void>;
}

/** A site as its connector finds it: a storage root's path (LOCAL), or the provider's own id. */
export interface SiteAddress {
  id: string;
  name: string;
  nativeId: string | null;
  path: string | null;
}

/** A replication as its connector finds it. */
export interface ReplicationAddress {
  id: string;
  nativeId: string | null;
  machine: { nativeId: string; name: string };
  source: SiteAddress;
  destination: SiteAddress;
  dataConnectionType: DataConnectionType;
  quiesced: boolean;
  excludedDiskKeys: readonly number[];
}

/** A machine as it lies at a site. */
export interface MachineReport {
  nativeId: string;
  name: string;
  description: string | null;
  organization: string | null;
  powerState: PowerState;
  /** The provider's own word, where it has one. */
  nativePowerState: string | null;
  cpus: number | null;
  coresPerSocket: number | null;
  memoryMb: number | null;
  nics: readonly object[];
  disks: readonly { key: number; file: string; sizeBytes: number }[];
  /** Which action of ours made it, where the machine says so itself; `idempotencyKey` is that action's. */
  madeBy?: { replicationId: string; instanceKey: string; idempotencyKey: string } | null;
}

/** A recovery point that exists at the destination. */
export interface InstanceReport {
  key: string;
  /** The time that the copy is of. */
  createdAt: Date;
  sizeBytes: number;
  transferBytes: number;
  transferSeconds: number;
  quiescedType: QuiescedType;
  disks: readonly { key: number; file: string; sizeBytes: number; sha256: string | null }[];
}

/** What was found at a site; one damaged machine is a problem, not a failure. */
export interface Inventory {
  machines: readonly MachineReport[];
  problems: readonly { path: string; message: string }[];
}

/** Which recovery point becomes which machine. */
export interface Recovery {
  instanceKey: string;
  machineName: string;
  powerOn: boolean;
}

/** What a destination holds of one replication, and what is wrong with it. */
export interface InstanceList {
  instances: readonly InstanceReport[];
  /** `instanceKey` is null when the problem is the whole store's. */
  problems: readonly { instanceKey: string | null; message: string }[];
}

/** How what is stored is looked at. */
export interface Inspection {
  signal: AbortSignal;
  /** Keys of the instances that should be there. What one that is missing may need is kept, so that it can be put back. */
  expected: readonly string[];
  /** Runs work that changes something while no action on this replication can begin; false when one ran since the start. */
  exclusively(work: () => Promise<void>): Promise<boolean>;
}

/** For providers whose instances are ours to keep and delete. */
export interface InstanceKeeping {
  /**
   * Checks the structure of what is stored, mends what can be mended and clears what ended work left behind. May take
   * minutes, and actions may begin meanwhile: then the answer is out of date.
   */
  inspect(replication: ReplicationAddress, inspection: Inspection): Promise<InstanceList>;
  /**
   * Deletes instances and frees their space; `expected` names those that stay. Keys that are already gone are no error. Never
   * runs beside an action on the same replication.
   */
  remove(
    replication: ReplicationAddress,
    keys: readonly string[],
    work: Pick<Work, 'signal'> & { expected: readonly string[] },
  ): Promise<void>;
  /** Where the file of an instance lies that is needed to use it, for a person to put back. */
  fileOf(replication: ReplicationAddress, key: string): string;
}

/** For providers whose sites are folders that are registered here. */
export interface SiteFolders {
  /** Checks that the folder can be a site; answers its path with every link resolved. */
  inspect(path: string): Promise<{ path: string }>;
  /** True when a machine of that name could not be made at the site because something is there. */
  isNameTaken(site: SiteAddress, machineName: string): Promise<boolean>;
  /** Names of unfinished work at the site, of running tasks and of dead ones. */
  listDebris(site: SiteAddress): Promise<string[]>;
  removeDebris(site: SiteAddress, names: readonly string[]): Promise<void>;
}

/** One kind of system that protects machines. */
export interface Connector {
  readonly kind: string;
  /** What this kind of provider can do; an action that is not named here is refused before it is called. */
  readonly capabilities: readonly ReplicationAction[];
  readonly instances?: InstanceKeeping;
  readonly folders?: SiteFolders;
  /** Sets the protection up and makes the first recovery point. Repeated after a failure it goes on. */
  start(replication: ReplicationAddress, work: Work): Promise<InstanceReport>;
  /** Makes a recovery point of the source as it is now. */
  sync(replication: ReplicationAddress, work: Work): Promise<InstanceReport>;
  /** Makes a machine from a recovery point, to be thrown away by `cleanUp`. Needs nothing of the source. */
  testFailover(replication: ReplicationAddress, recovery: Recovery, work: Work): Promise<MachineReport>;
  /** Removes a machine that a test made. One that is gone already is no error. */
  cleanUp(replication: ReplicationAddress, machine: { nativeId: string; name: string }, work: Work): Promise<void>;
  /** Makes the machine that takes over. Needs nothing of the source. */
  failover(replication: ReplicationAddress, recovery: Recovery, work: Work): Promise<MachineReport>;
  /** Ends the protection and removes every recovery point. Recovered machines stay. */
  stop(replication: ReplicationAddress, work: Work): Promise<void>;
  readInventory(site: SiteAddress, work: Pick<Work, 'signal'>): Promise<Inventory>;
}

import { ReplicatorError, type ReplicatorErrorCode } from '../../replicator/error.ts';
import { ConnectorError, type ConnectorErrorKind } from '../connector.ts';

/** Each of the replicator's words as the contract says it: the one translation. Codes that people see keep their name. */
const translations = {
  SITE_NOT_FOUND: { kind: 'UNREACHABLE', code: 'SITE_UNREACHABLE' },
  MACHINE_NOT_FOUND: { kind: 'NOT_FOUND', code: 'SOURCE_MISSING' },
  MACHINE_INVALID: { kind: 'REJECTED', code: 'MACHINE_INVALID' },
  PATH_OUTSIDE_ROOT: { kind: 'REJECTED', code: 'PATH_OUTSIDE_ROOT' },
  SOURCE_MISSING: { kind: 'NOT_FOUND', code: 'SOURCE_MISSING' },
  SOURCE_CHANGED: { kind: 'CONFLICT', code: 'SOURCE_CHANGED' },
  STORE_NOT_FOUND: { kind: 'NOT_FOUND', code: 'STORE_DAMAGED' },
  STORE_DAMAGED: { kind: 'INVALID_REPLY', code: 'STORE_DAMAGED' },
  STORE_BUSY: { kind: 'CONFLICT', code: 'STORE_BUSY' },
  INSTANCE_NOT_FOUND: { kind: 'NOT_FOUND', code: 'STORE_DAMAGED' },
  KEY_MISMATCH: { kind: 'DENIED', code: 'KEY_MISMATCH' },
  NO_SPACE: { kind: 'REJECTED', code: 'NO_SPACE' },
  NAME_TAKEN: { kind: 'CONFLICT', code: 'NAME_TAKEN' },
  CANCELLED: { kind: 'REJECTED', code: 'CANCELLED' },
  INVALID_ARGUMENT: { kind: 'REJECTED', code: 'INVALID_ARGUMENT' },
  IO: { kind: 'UNREACHABLE', code: 'IO' },
} as const satisfies Record<ReplicatorErrorCode, { kind: ConnectorErrorKind; code: string }>;

/** Runs a piece of work and says its ReplicatorError in the contract's words; other errors pass as they are. */
export async function translated<Result>(work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof ReplicatorError)) throw error;
    const { kind, code } = translations[error.code];
    const advice =
      error.code === 'STORE_NOT_FOUND' ? ' Bring it back, or stop this replication and start it again.' : '';
    throw new ConnectorError(kind, code, `${error.message}${advice}`, { cause: error });
  }
}

/** What went wrong in the replicator, for callers to act on; the message is for people. */
export type ReplicatorErrorCode =
  /** A site's folder does not exist, is not a folder, or may not be read and written. */
  | 'SITE_NOT_FOUND'
  /** No machine of that id or name lies in the site. */
  | 'MACHINE_NOT_FOUND'
  /** A machine's file says something that cannot be used. */
  | 'MACHINE_INVALID'
  /** A path, link or special file would lead out of the site's root. */
  | 'PATH_OUTSIDE_ROOT'
  /** A disk of the source is not there or cannot be read. */
  | 'SOURCE_MISSING'
  /** A disk was written to in every round in which it was read. */
  | 'SOURCE_CHANGED'
  /** The destination holds no store for the replication. */
  | 'STORE_NOT_FOUND'
  /** A file of the store is missing, cut or altered. */
  | 'STORE_DAMAGED'
  /** Another process pruned the store while an instance was written to it. */
  | 'STORE_BUSY'
  /** The store holds no such instance. */
  | 'INSTANCE_NOT_FOUND'
  /** The store was made under another service key. */
  | 'KEY_MISMATCH'
  /** The disk, the quota or the limit of file sizes is used up. */
  | 'NO_SPACE'
  /** The name of the machine to be made is in use. */
  | 'NAME_TAKEN'
  /** The caller's signal was aborted. */
  | 'CANCELLED'
  /** An argument cannot be used: a programmer's or a checkpoint's mistake. */
  | 'INVALID_ARGUMENT'
  /** Any other failure of the file system. */
  | 'IO';

/** The one error of the replicator's border. `cause` is what the system said, where it said something. */
export class ReplicatorError extends Error {
  override readonly name = 'ReplicatorError';
  readonly code: ReplicatorErrorCode;

  constructor(code: ReplicatorErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** The system's code of an error (`ENOENT`), or null when it is not one of the system's. */
export function systemCode(error: unknown): string | null {
  if (!(error instanceof Error) || !('code' in error)) return null;
  return typeof error.code === 'string' ? error.code : null;
}

/** EFBIG is what a limit of file sizes (RLIMIT_FSIZE) says; to the person it is the same lack of room. */
const outOfSpace = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);

/**
 * Translates an error of the file system: `doing` reads as "cannot <doing> <file>". What is already
 * a ReplicatorError passes unchanged, so that the innermost place names the file.
 */
export function systemError(error: unknown, doing: string, file: string): ReplicatorError {
  if (error instanceof ReplicatorError) return error;
  const code = systemCode(error);
  const reason = error instanceof Error ? error.message : String(error);
  if (code !== null && outOfSpace.has(code)) {
    return new ReplicatorError(
      'NO_SPACE',
      `Cannot ${doing} ${file}: no space is left (${code}). Free space on its file system and run the task again.`,
      { cause: error },
    );
  }
  return new ReplicatorError('IO', `Cannot ${doing} ${file}: ${reason}.`, { cause: error });
}

/** Runs one action on one file and translates what the file system says. */
export async function translated<T>(doing: string, file: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    throw systemError(error, doing, file);
  }
}

/** Throws CANCELLED when the signal is aborted. */
export function throwIfCancelled(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new ReplicatorError('CANCELLED', 'The work was cancelled.', { cause: signal.reason });
}

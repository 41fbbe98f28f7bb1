/**
 * The channels of NOTIFY. Payloads carry ids and positions only: PostgreSQL refuses more than 8,000 bytes, and its
 * notification queue is one for the whole server.
 */
export const channels = {
  /** Events were committed that have no position yet. */
  recorded: 'drgraph_event',
  /** Positions up to the payload were given out. */
  sequenced: 'drgraph_position',
  /** Current values moved: {stream, at, ids}. */
  progress: 'drgraph_progress',
} as const;

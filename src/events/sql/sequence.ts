/** How many events get their position in one go. */
export const sequenceBatch = 1_000;

/**
 * Gives committed events their positions, in the order of their ids within a batch; returns how many and the last
 * position. Two statements sent as one: the second takes its snapshot only when the lock is held, so that it sees what the
 * sequencer before it committed, and the server never waits for this client in between (one stopped in the middle would hold
 * the lock for ever). A row that commits later with a smaller id is found by the next run: cursors follow positions.
 *
 * It must stay durable (no asynchronous commit): a position that a client has seen may not be given out again.
 */
export const sequenceSql = `
SELECT pg_advisory_xact_lock(7236001, 1);
WITH batch AS (
  SELECT "id", row_number() OVER (ORDER BY "id") AS n
  FROM (SELECT "id" FROM "Event" WHERE "position" IS NULL ORDER BY "id" LIMIT ${sequenceBatch}) AS unsequenced
), log AS (
  UPDATE "EventLog" SET "lastPosition" = "lastPosition" + (SELECT count(*) FROM batch)
  WHERE "id" = 1 AND EXISTS (SELECT FROM batch)
  RETURNING "lastPosition" - (SELECT count(*) FROM batch) AS base
), sequenced AS (
  UPDATE "Event" AS event SET "position" = log.base + batch.n
  FROM batch, log
  WHERE event."id" = batch."id"
  RETURNING event."position"
)
SELECT count(*)::int AS count, max("position")::text AS "lastPosition" FROM sequenced`;

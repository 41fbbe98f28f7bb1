/**
 * Writes one event to the outbox, in the caller's transaction: stream $1, type $2, subject $3, payload $4. It gets its
 * position, and reaches readers, after the commit.
 */
export const recordEventSql = `
INSERT INTO "Event" ("stream", "type", "subjectId", "payload") VALUES ($1::text, $2::text, $3::uuid, $4::jsonb)`;

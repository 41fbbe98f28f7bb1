/** Tells every process that the current values of the subjects $2 (a JSON list) of stream $1 moved. */
export const announceProgressSql = {
  name: 'events-announce-progress',
  text: `SELECT pg_notify('drgraph_progress', jsonb_build_object('stream', $1::text, 'at', now(), 'ids', $2::jsonb)::text)`,
};

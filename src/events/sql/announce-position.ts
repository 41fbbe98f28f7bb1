/** Tells every process that positions up to $1 were given out. */
export const announcePositionSql = {
  name: 'events-announce-position',
  text: `SELECT pg_notify('drgraph_position', $1::text)`,
};

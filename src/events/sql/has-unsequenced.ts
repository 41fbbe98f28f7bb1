/** Whether there are committed events without a position; much cheaper than trying to give them one. */
export const hasUnsequencedSql = {
  name: 'events-has-unsequenced',
  text: `SELECT EXISTS (SELECT FROM "Event" WHERE "position" IS NULL) AS "hasUnsequenced"`,
};
